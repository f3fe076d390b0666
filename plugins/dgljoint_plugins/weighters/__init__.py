"""Loss weighters, one folder each."""
