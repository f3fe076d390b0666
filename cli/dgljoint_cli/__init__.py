"""The command ``dgljoint``: one module a verb, loaded when it is used.

Data goes to stdout, talk to stderr. The verbs import torch, DGL and Rich inside their bodies, so
that help and ``plugins list`` answer at once.
"""
