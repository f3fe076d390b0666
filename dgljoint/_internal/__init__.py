"""Helpers without a subject of their own: files, child processes, text, the environment."""
