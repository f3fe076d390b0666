"""What ships with dgljoint as plugins: encoders, interactions and loss weighters.

Each component is a folder: its ``__init__`` declares it and imports no torch; the component itself
is in ``module``. They use dgljoint's public names only, like anybody's plugin.
"""
