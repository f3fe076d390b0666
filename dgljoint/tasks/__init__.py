"""The two tasks: targets and hidden edges, heads, losses, and the metric that selects an epoch."""
