"""The plugin core: hook specifications, typed specs, discovery without import, selection."""
