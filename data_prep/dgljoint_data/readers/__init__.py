"""Readers of raw formats, one folder each."""
