"""What several components compute with."""
