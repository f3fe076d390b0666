"""Checks that encoders and interactions share: what any part of the model must keep to."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from dgljoint.errors import one_line
from dgljoint.nn import CascadeBatch
from dgljoint.testing.conformance import Check, Violation, expect
from dgljoint.testing.material import (
    LEAVE,
    WIDTH,
    Material,
    Subject,
    expect_finite,
    expect_process_unchanged,
    expect_same,
    tensors_of,
    under_seed,
)
from dgljoint.training.checkpoint import load_tree, save_tree

Values = dict[str, Tensor]

_LOW = (torch.bfloat16, torch.float16)


@dataclass(frozen=True, slots=True)
class Drive:
    """How a kind of component is run.

    Attributes:
        inputs: names of the (N, D) tensors it takes beside the batch.
        answer: what it makes of a batch and of these, by name.
    """

    inputs: tuple[str, ...]
    answer: Callable[[Any, CascadeBatch, Mapping[str, Tensor]], Values]

    def draw(self, batch: CascadeBatch, dtype: torch.dtype = torch.float32) -> Values:
        """Draw the inputs, the same for the same batch."""
        generator = torch.Generator().manual_seed(len(batch.kind))
        # Times one: as in a model they are no leaves, which torch alone would guard.
        return {
            name: torch.randn(len(batch.kind), WIDTH, generator=generator)
            .to(batch.device, dtype)
            .requires_grad_()
            * 1
            for name in self.inputs
        }


def run(
    drive: Drive, module: nn.Module, batch: CascadeBatch, *, seed: int = 1,
    dtype: torch.dtype = torch.float32,
) -> Values:
    """Run a component under a seed."""
    inputs = drive.draw(batch, dtype)
    with under_seed(seed):
        return drive.answer(module, batch, inputs)


def shared_checks(subject: Subject[Any], material: Material, drive: Drive) -> Iterator[Check]:
    """Give the checks; the first is essential."""

    def check(name: str, mend: str, of: Callable[[], None], *, essential: bool = False) -> Check:
        return Check(subject.title, name, mend, of, essential)

    batch = material.training()

    yield check(
        "answers in the right form",
        "return what dgljoint.nn.protocols says, of the shapes it says",
        lambda: _answers(subject, drive, batch),
        essential=True,
    )
    yield check(
        "answers for odd batches",
        "batches may hold one cascade, single posts, no edges, no pairs, no labels, no times",
        lambda: _answers_odd(subject, material, drive),
    )
    yield check(
        "leaves its inputs alone",
        "operate on a copy: others read the same tensors after you",
        lambda: _leaves_inputs(subject, drive, batch),
    )
    yield check(
        "repeats under a seed",
        "draw with torch alone, not from numpy, random, the time or what ran before",
        lambda: _repeats(subject, drive, batch),
    )
    yield check(
        "draws nothing in evaluation",
        "switch randomness off where self.training is false",
        lambda: _is_steady(subject, drive, batch),
    )
    yield check(
        "goes on from its saved state",
        "register what changes as parameter or buffer, or return it from get_extra_state",
        lambda: _keeps_state(subject, drive, batch),
    )
    yield check(
        "moves as a whole",
        "register tensors as buffers, and make new ones with device=x.device",
        lambda: _moves(subject, drive, batch),
    )
    yield check(
        "leaves the process as it is", LEAVE, lambda: expect_process_unchanged(
            lambda: drive.answer(subject.build(subject.context()).train(), batch,
                                 drive.draw(batch))
        ),
    )
    yield check(
        "is finite in low precision",
        "take softmax, logarithms and norms in float32, and mask with -inf of the right dtype",
        lambda: _low_precision(subject, drive, batch),
    )


def _answers(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    expect_finite(run(drive, subject.make(moved=False).train(), batch), "at the start")


def _answers_odd(subject: Subject[Any], material: Material, drive: Drive) -> None:
    for odd, batch in material.odd_batches().items():
        for training in (True, False):
            module = subject.make().train(training)
            values = run(drive, module, batch)
            expect_finite(values, f"for a batch of this kind: {odd}")
            carried = [value.sum() for value in values.values() if value.requires_grad]
            if carried:
                torch.stack(carried).sum().backward()  # type: ignore[no-untyped-call]  # torch's
            gradients = {n: p.grad for n, p in module.named_parameters() if p.grad is not None}
            expect_finite(
                {f"the gradient of {name}": gradient for name, gradient in gradients.items()},
                f"for a batch of this kind: {odd}",
            )


def _leaves_inputs(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    inputs = drive.draw(batch)
    given = {**inputs, **tensors_of(batch)}
    before = {name: value.detach().clone() for name, value in given.items()}
    drive.answer(subject.make().train(), batch, inputs)
    expect_same(before, {**inputs, **tensors_of(batch)}, "after the component saw it", 0)


def _repeats(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    one, other = subject.make().train(), subject.make().train()
    expect_same(
        dict(one.named_parameters()), dict(other.named_parameters()), "when built again", 0
    )
    for _ in range(2):
        first, second = run(drive, one, batch), run(drive, other, batch)
        expect_same(first, second, "when run again under the same seed")


def _is_steady(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    module = subject.make().eval()
    one, other = (_answers_only(run(drive, module, batch, seed=seed)) for seed in (1, 2))
    expect_same(one, other, "under another seed, in evaluation")


def _keeps_state(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    used = subject.make().train()
    for seed in range(3):
        run(drive, used, batch, seed=seed)
    fresh = subject.make(seed=1)
    fresh.load_state_dict(through_file(used.state_dict()))
    for training in (False, True):
        one, other = (run(drive, module.train(training), batch) for module in (used, fresh))
        expect_same(one, other, "of a fresh component that was given the state")


def through_file(state: Mapping[str, Any]) -> dict[str, Any]:
    """Write a state as a checkpoint holds it, and read it back."""
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        path = Path(folder) / "state.safetensors"
        save_tree(path, {"state": dict(state)})
        found: dict[str, Any] = load_tree(path)["state"]
        return found


def _moves(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    module = subject.make().eval()
    expect_registered(module)
    _stays_on_its_device(subject, drive, batch)
    before = _answers_only(run(drive, module, batch))
    module.to(torch.float64).to(torch.float32)
    expect_same(before, _answers_only(run(drive, module, batch)), "after .double().float()")
    if torch.cuda.is_available():
        moved = _answers_only(run(drive, module.to("cuda"), batch.to("cuda")))
        expect_same(before, moved, "on the GPU", tolerance=1e-2)


class _Meeting(TorchFunctionMode):
    """Raises where a tensor on the inputs' device meets one on ``meta``.

    A tensor of no dimension may stand on the CPU and meet any other.
    """

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        given = [_on_the_cpu(x) for x in args]
        named = {name: _on_the_cpu(x) for name, x in (kwargs or {}).items()}
        parts = [part for x in (*given, *named.values()) for part in _inside(x)]
        devices = {part.device.type for part in parts if isinstance(part, Tensor)}
        name = getattr(func, "__name__", str(func))
        expect(len(devices) < 2, f"{name} meets a tensor that was made on the default device")
        return func(*given, **named)


def _on_the_cpu(x: Any) -> Any:
    number = isinstance(x, Tensor) and x.ndim == 0 and x.is_meta
    return torch.zeros((), dtype=x.dtype, device="cpu") if number else x


def _stays_on_its_device(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    """Find tensors made on the default device, on a machine that has but one.

    The default is switched to ``meta``, where tensors have no data.
    """
    module, inputs = subject.make().train(), drive.draw(batch)
    try:
        with torch.device("meta"), _Meeting():
            drive.answer(module, batch, inputs)
    except Exception as error:
        if isinstance(error.__cause__, Violation):  # the engine's guards wrap it
            raise error.__cause__ from None
        # What is made there and then moved, or read as a number, is right; it cannot be followed.
        if "meta" not in one_line(error.__cause__ or error):
            raise


def expect_registered(module: nn.Module) -> None:
    """Raise for a tensor that ``module.to`` would leave behind."""
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            # Parameters, buffers and modules stand in dictionaries of their own.
            if attribute in ("_parameters", "_buffers", "_modules"):
                continue
            loose = any(
                isinstance(x, Tensor) and not isinstance(x, nn.Parameter) for x in _inside(value)
            )
            where = ".".join(filter(None, (name, attribute)))
            expect(not loose, f"{where} is a tensor that .to() does not move: it is no buffer")


def _inside(value: object) -> list[object]:
    """Return what a plain container holds, or the value itself."""
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list | tuple) else [value]


def _low_precision(subject: Subject[Any], drive: Drive, batch: CascadeBatch) -> None:
    for dtype in _LOW:
        module = subject.make().eval().to(dtype)
        try:
            values = run(drive, module, batch, dtype=dtype)
        except Exception:  # noqa: BLE001, S112  # no kernel for it: an answer, and not a wrong one
            continue
        expect_finite(values, f"in {dtype}")


def _answers_only(values: Values) -> Values:
    """Leave out losses, which may be of drawn samples even in evaluation."""
    return {name: value for name, value in values.items() if value.ndim}


def expect_gradients(
    module: nn.Module, gradients: Mapping[str, Tensor | None], excused: frozenset[str]
) -> None:
    """Raise for a trainable parameter that no gradient reaches.

    Args:
        module: whose parameters.
        gradients: by name.
        excused: names that need none.
    """
    unknown = excused - {name for name, _ in module.named_parameters()}
    expect(not unknown, f"parameters declared as unreached do not exist: {sorted(unknown)}")
    unreached = [
        name
        for name, parameter in module.named_parameters()
        if parameter.requires_grad and name not in excused and not _any(gradients.get(name))
    ]
    expect(not unreached, f"no gradient reaches {', '.join(unreached)}")


def _any(gradient: Tensor | None) -> bool:
    return gradient is not None and bool(gradient.abs().sum() > 0)

