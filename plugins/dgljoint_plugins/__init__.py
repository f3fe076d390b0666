"""What ships with dgljoint as plugins: encoders, interactions and loss weighters.

Each module here declares one component (its options, its reference, its spec) and imports no
torch; the component itself is the module of the same name in :mod:`dgljoint_plugins.nn`. They are
found through entry points and use dgljoint's public names only, like anybody's plugin.
"""
