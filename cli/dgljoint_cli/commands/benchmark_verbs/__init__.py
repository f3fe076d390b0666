"""The verbs of ``dgljoint benchmark``, each imported when it is used."""
