"""What the results file shows: tables, their statistics, comparisons and plots. Without torch."""
