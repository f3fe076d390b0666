"""How long jobs are shown while they run."""
