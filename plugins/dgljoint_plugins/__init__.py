"""The components that ship: a folder each, declared without torch, in public names only."""
