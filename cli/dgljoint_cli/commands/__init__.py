"""The verbs, one module each, imported when used."""
