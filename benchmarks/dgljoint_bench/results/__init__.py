"""The results file, read and written without torch; ``schema.sql`` documents its tables."""
