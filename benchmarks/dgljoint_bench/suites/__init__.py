"""Suites: what is compared, on which data and how, as TOML files say it."""
