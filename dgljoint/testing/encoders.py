"""The checks of an encoder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping

import torch
from torch import Tensor

from dgljoint.nn import CascadeBatch, Encoder
from dgljoint.nn.hosted import encode
from dgljoint.plugins.specs import BuildContext, EncoderSpec
from dgljoint.testing.conformance import Check, expect, verify
from dgljoint.testing.material import (
    MAKE,
    Subject,
    subject_of,
    toy_material,
)
from dgljoint.testing.models import model_around, model_checks
from dgljoint.testing.modules import Drive, Values, expect_gradients, shared_checks

EncoderLike = EncoderSpec | Callable[[BuildContext], Encoder]


def check_encoder(
    component: EncoderLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> None:
    """Check everything the engine relies on in an encoder.

    Args:
        component: a spec, or a function that builds the encoder from a context.
        options: of the spec; those left out have their defaults.
        unreached: names of trainable parameters that no gradient need reach.

    Raises:
        ConformanceError: with all that failed.
        UsageError: the options are not the spec's.
    """
    verify(encoder_checks(component, options, unreached=unreached))


def encoder_checks(
    component: EncoderLike, options: Mapping[str, object] | None = None, *,
    unreached: Collection[str] = (),
) -> Iterator[Check]:
    """Give the checks of :func:`check_encoder` one by one."""
    subject = subject_of(component, options, "encoder", Encoder)
    drive = Drive(("x",), lambda module, batch, inputs: _answer(subject, module, batch, inputs))
    with toy_material() as material:
        yield Check(
            subject.title, MAKE, "build must return a dgljoint.nn.Encoder",
            subject.make, essential=True,
        )
        yield from shared_checks(subject, material, drive)
        batch = material.training()
        yield Check(
            subject.title, "is trained as a whole",
            "use every parameter, set requires_grad=False, or declare it as unreached",
            lambda: _is_trained(subject, drive, batch, frozenset(unreached)),
        )
        model = model_around(material, encoder=subject.host(subject.make()))
        yield from model_checks(model, material, component=subject.title)


def _answer(
    subject: Subject[Encoder], module: Encoder, batch: CascadeBatch, inputs: Mapping[str, Tensor]
) -> Values:
    return {"the output": encode(subject.host(module), batch, inputs["x"])}


def _is_trained(
    subject: Subject[Encoder], drive: Drive, batch: CascadeBatch, excused: frozenset[str]
) -> None:
    module = subject.make().train()
    inputs = drive.draw(batch)
    output = drive.answer(module, batch, inputs)["the output"]
    expect(output.requires_grad, "the output is detached from the graph")
    names = [name for name, parameter in module.named_parameters() if parameter.requires_grad]
    wanted = [inputs["x"], *(dict(module.named_parameters())[name] for name in names)]
    weight = torch.randn(output.shape, generator=torch.Generator().manual_seed(0))
    found = torch.autograd.grad((output * weight).sum(), wanted, allow_unused=True)
    reached = found[0] is not None and bool(found[0].abs().sum() > 0)
    expect(reached, "no gradient reaches the features: what lies before is not trained")
    expect_gradients(module, dict(zip(names, found[1:], strict=True)), excused)

