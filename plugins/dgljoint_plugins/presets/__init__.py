"""The presets that ship: ``NAME.toml`` for each entry point of the group ``dgljoint.presets``."""
