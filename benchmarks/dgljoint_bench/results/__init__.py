"""The results file: the records of all runs of suites, in one SQLite file.

It is read and written without torch. ``schema.sql`` next to this module documents its tables.
"""
