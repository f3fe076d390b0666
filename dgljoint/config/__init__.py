"""The settings of a run: where they come from, what they may be, and the components' options."""
