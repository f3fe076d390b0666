"""Suites: what is compared, on which data and how, as defined by TOML files."""
