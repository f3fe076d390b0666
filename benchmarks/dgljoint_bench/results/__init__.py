"""The results file: what every cell of a suite came to, in one SQLite file.

It is read and written without torch. ``schema.sql`` beside this module documents its tables.
"""
