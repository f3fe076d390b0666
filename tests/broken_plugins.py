"""A plugin ``bad`` of any kind, with methods that a test writes."""

from __future__ import annotations

from textwrap import dedent, indent

from conftest import Site

COUPLE = "def couple(self, reps, batch): "
FORWARD = "def forward(self, batch, x): "
BACKWARD = "def backward(self, losses, step): "
WEIGH = "def weigh(self, losses, step): "
NAMED = "plugin 'bad' (dgljoint-bad 2.5)"

SOURCE = """
import dgljoint
import torch
from torch import nn
from dgljoint.nn import Encoder, Interaction, LossWeighter, Representations

class Torn(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, gradient):
        GRADIENT

class Bad(KIND):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(8, 8)
        self.steps = 0

BODY

def build(options, context):
    BUILD

@dgljoint.hookimpl
def dgljoint_HOOK():
    return [dgljoint.SPEC(name="bad", summary="", build=build)]
"""

KINDS = {
    "Encoder": (
        "encoders", "EncoderSpec", ("--encoder", "bad"), "def forward(self, batch, x): return x",
    ),
    "Interaction": ("interactions", "InteractionSpec", ("--plugin", "bad"), "pass"),
    "LossWeighter": (
        "loss_weighters", "WeighterSpec", ("--plugin", "bad"),
        "def weigh(self, losses, step): return torch.ones(len(losses.names))",
    ),
}


def install(
    site: Site, kind: str, body: str = "", build: str = "", gradient: str = "return gradient",
    version: str = "2.5",
) -> tuple[str, ...]:
    """Install a plugin with these methods; return what it is named by."""
    hook, spec, use, needed = KINDS[kind]
    source = SOURCE.replace("KIND", kind).replace("HOOK", hook).replace("SPEC", spec)
    source = source.replace("BODY", indent(dedent(body or needed), "    "))
    source = source.replace("BUILD", build or "return Bad()").replace("GRADIENT", gradient)
    site.install("dgljoint-bad", {"bad": "bad_module"}, version=version, bad_module=source)
    return use


def losses(expression: str, rest: str = "") -> str:
    """Write an interaction with a loss ``own``."""
    return dedent(f"""
        loss_coefficients = {{"own": 1.0}}
        def losses(self, reps, outputs, batch):
            {rest or "pass"}
            return {expression}
    """)
