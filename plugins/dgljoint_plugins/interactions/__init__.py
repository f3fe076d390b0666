"""Interactions, one folder each."""
