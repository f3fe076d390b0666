"""Metrics, their intervals and calibration, trivial baselines, and comparisons of runs."""
