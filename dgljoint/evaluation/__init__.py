"""Evaluation: figures of both tasks beside the trivial guesses."""
