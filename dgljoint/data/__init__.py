"""Cascades: the record, how they are read, divided into folds, and stored."""
