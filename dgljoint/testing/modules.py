"""Checks that encoders and interactions share: what any part of the model must conform to."""

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
from dgljoint.testing import material as kit
from dgljoint.testing.findings import Check, Violation, expect
from dgljoint.training.checkpoint import load_tree, save_tree

Answer = Callable[[Any, CascadeBatch, Mapping[str, Tensor]], kit.Values]


@dataclass(frozen=True, slots=True)
class ModuleChecks:
    """The checks of a component that makes an ``answer`` of a batch and (N, D) ``inputs``."""

    subject: kit.Subject[Any]
    inputs: tuple[str, ...]
    answer: Answer

    def draw(self, batch: CascadeBatch, dtype: torch.dtype = torch.float32) -> kit.Values:
        """Draw the inputs, the same for the same batch."""
        generator = torch.Generator().manual_seed(len(batch.kind))
        # Times one: as in a model they are no leaves, which torch alone would guard.
        return {
            name: torch.randn(len(batch.kind), kit.WIDTH, generator=generator)
            .to(batch.device, dtype)
            .requires_grad_()
            * 1
            for name in self.inputs
        }

    def run(
        self, module: nn.Module, batch: CascadeBatch, *, seed: int = 1,
        dtype: torch.dtype = torch.float32, inputs: kit.Values | None = None,
    ) -> kit.Values:
        """Run a component under a seed, on drawn inputs or on copies of those given."""
        inputs = {n: x * 1 for n, x in inputs.items()} if inputs else self.draw(batch, dtype)
        with kit.under_seed(seed):
            return self.answer(module, batch, inputs)

    def all(self, material: kit.Material) -> Iterator[Check]:
        """Give the checks; the first is essential."""
        check, batch = self.subject.check, material.training()
        yield check(
            "answers in the right form", "return what dgljoint.nn.protocols requires, of the "
            "shapes it requires", lambda: self._answers(batch), essential=True,
        )
        for name, mend, run in (
            ("answers for odd batches", "batches may hold one cascade, single posts, no edges, no "
             "pairs, no labels, no times", lambda: self._answers_odd(material)),
            ("leaves its inputs alone", "operate on a copy: others read the same tensors after "
             "you", lambda: self._leaves_inputs(batch)),
            ("repeats under a seed", "draw with torch alone, not from numpy, random, the time or "
             "what ran before", lambda: self._repeats(batch)),
            ("draws nothing in evaluation", "switch randomness off where self.training is false",
             lambda: self._is_steady(batch)),
            ("continues from its saved state", "register what changes as parameter or buffer, or "
             "return it from get_extra_state", lambda: self._keeps_state(batch)),
            ("moves as a whole", "register tensors as buffers, and make new ones with "
             "device=x.device", lambda: self._moves(batch)),
            ("is finite in low precision", "take softmax, logarithms and norms in float32, and "
             "mask with -inf of the right dtype", lambda: self._low_precision(batch)),
        ):
            yield check(name, mend, run)
        yield self.subject.leaves_process(
            lambda module: self.answer(module, batch, self.draw(batch))
        )

    def _answers(self, batch: CascadeBatch) -> None:
        module = self.subject.make(moved=False).train()
        kit.expect_finite(self.run(module, batch), "at the start")

    def _answers_odd(self, material: kit.Material) -> None:
        for odd, batch in material.odd_batches().items():
            for training in (True, False):
                module = self.subject.make().train(training)
                values = self.run(module, batch)
                carried = [value.sum() for value in values.values() if value.requires_grad]
                if carried:
                    torch.stack(carried).sum().backward()  # type: ignore[no-untyped-call]  # torch's
                gradients = {
                    f"the gradient of {name}": parameter.grad
                    for name, parameter in module.named_parameters() if parameter.grad is not None
                }
                kit.expect_finite({**values, **gradients}, f"for a batch of this kind: {odd}")

    def _leaves_inputs(self, batch: CascadeBatch) -> None:
        inputs = self.draw(batch)
        given = {**inputs, **kit.tensors_of(batch)}
        before = {name: value.detach().clone() for name, value in given.items()}
        self.answer(self.subject.make().train(), batch, inputs)
        after = {**inputs, **kit.tensors_of(batch)}
        kit.expect_same(before, after, "after the component saw it", 0)

    def _repeats(self, batch: CascadeBatch) -> None:
        one, other = self.subject.make().train(), self.subject.make().train()
        parameters = dict(one.named_parameters()), dict(other.named_parameters())
        kit.expect_same(*parameters, "when built again", 0)
        for _ in range(2):
            first, second = self.run(one, batch), self.run(other, batch)
            kit.expect_same(first, second, "when run again under the same seed")

    def _is_steady(self, batch: CascadeBatch) -> None:
        module = self.subject.make().eval()
        one, other = (rows_of(self.run(module, batch, seed=seed)) for seed in (1, 2))
        kit.expect_same(one, other, "under another seed, in evaluation")

    def _keeps_state(self, batch: CascadeBatch) -> None:
        used = self.subject.make().train()
        for seed in range(3):
            self.run(used, batch, seed=seed)
        fresh = self.subject.make(seed=1)
        fresh.load_state_dict(through_file(used.state_dict()))
        for training in (False, True):
            one, other = (self.run(module.train(training), batch) for module in (used, fresh))
            kit.expect_same(one, other, "of a fresh component that was given the state")

    def _moves(self, batch: CascadeBatch) -> None:
        module = self.subject.make().eval()
        expect_registered(module)
        self._stays_on_its_device(batch)
        before = rows_of(self.run(module, batch))
        module.to(torch.float64).to(torch.float32)
        kit.expect_same(before, rows_of(self.run(module, batch)), "after .double().float()")
        if torch.cuda.is_available():
            moved = rows_of(self.run(module.to("cuda"), batch.to("cuda")))
            kit.expect_same(before, moved, "on the GPU", tolerance=1e-2)

    def _stays_on_its_device(self, batch: CascadeBatch) -> None:
        """Find tensors made on the default device: it is switched to ``meta``, without data."""
        module, inputs = self.subject.make().train(), self.draw(batch)
        try:
            with torch.device("meta"), _Meeting():
                self.answer(module, batch, inputs)
        except Exception as error:
            if isinstance(error.__cause__, Violation):  # the engine's guard wraps it
                raise error.__cause__ from None
            # What is made there and then moved, or read as a number, is right and not followed.
            if "meta" not in one_line(error.__cause__ or error):
                raise

    def _low_precision(self, batch: CascadeBatch) -> None:
        for dtype in (torch.bfloat16, torch.float16):
            module = self.subject.make().eval().to(dtype)
            try:
                values = self.run(module, batch, dtype=dtype)
            except Exception:  # noqa: BLE001, S112  # no kernel for it: an answer, and no wrong one
                continue
            kit.expect_finite(values, f"in {dtype}")


def rows_of(values: kit.Values) -> kit.Values:
    """Leave out losses, which may be of drawn samples even in evaluation."""
    return {name: value for name, value in values.items() if value.ndim}


def through_file(state: Mapping[str, Any]) -> dict[str, Any]:
    """Write a state as a checkpoint holds it, and read it back."""
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        path = Path(folder) / "state.safetensors"
        save_tree(path, {"state": dict(state)})
        found: dict[str, Any] = load_tree(path)["state"]
        return found


class _Meeting(TorchFunctionMode):
    """Raises where a tensor on the inputs' device meets one on ``meta`` that is no mere number."""

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


def expect_registered(module: nn.Module) -> None:
    """Raise for a tensor that ``module.to`` would leave behind."""
    for name, part in module.named_modules():
        for attribute, value in vars(part).items():
            # Parameters, buffers and modules are in dictionaries of their own.
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


def expect_gradients(module: nn.Module, excused: frozenset[str]) -> None:
    """Raise for a trainable parameter without gradient whose name is not ``excused``."""
    parameters = dict(module.named_parameters())
    unknown = sorted(excused - parameters.keys())
    expect(not unknown, f"parameters declared as unreached do not exist: {unknown}")
    unreached = [
        name for name, parameter in parameters.items()
        if parameter.requires_grad and name not in excused
        and (parameter.grad is None or not parameter.grad.any())
    ]
    expect(not unreached, f"no gradient reaches {', '.join(unreached)}")
