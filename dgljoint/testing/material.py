"""What the checks are run on: a store of odd cascades, batches of them, components made anew."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Generic, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dgljoint.batch.assemble import assemble
from dgljoint.batch.features import FeatureSpace
from dgljoint.config.options import parse_options
from dgljoint.data.observation import Observation
from dgljoint.data.store import CascadeColumns, CascadeStore
from dgljoint.nn import CascadeBatch, Encoder, Interaction, LossWeighter, SomeRows, SparseRows
from dgljoint.nn.hosted import Hosted
from dgljoint.plugins.registry import PluginEntry
from dgljoint.plugins.specs import BuildContext, EncoderSpec, InteractionSpec, WeighterSpec
from dgljoint.tasks.heads import TASKS
from dgljoint.tasks.targets import TargetPairs, evaluation_pairs, training_pairs
from dgljoint.testing.findings import Check, Violation, expect
from dgljoint.testing.toys import LABELS, random_cascade, toy_features, write_store

WIDTH = 16
CLASSES = len(LABELS)

# Two of one post, one of two, and a large one; none is in the order of its size.
_SIZES = (1, 9, 2, 5, 14, 30, 1, 12, 7)

Values = dict[str, Tensor]
ModuleT_co = TypeVar("ModuleT_co", Encoder, Interaction, LossWeighter, covariant=True)
AnySpec = EncoderSpec | InteractionSpec | WeighterSpec | Callable[[BuildContext], Any]


@contextmanager
def under_seed(seed: int) -> Iterator[None]:
    """Seed torch's generator inside the block and restore it after."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        torch.manual_seed(seed)
        yield


@dataclass(frozen=True)
class Subject(Generic[ModuleT_co]):
    """The component under test: the kind and name for messages, its base class, what builds it."""

    kind: str
    name: str
    base: type[ModuleT_co]
    build: Callable[[BuildContext], Any]

    @classmethod
    def of(
        cls, component: AnySpec, options: Mapping[str, object] | None, kind: str,
        base: type[ModuleT_co],
    ) -> "Subject[ModuleT_co]":
        """Take a spec with options, or a function that builds from a context alone."""
        if isinstance(component, EncoderSpec | InteractionSpec | WeighterSpec):
            if component.kind != kind:
                raise TypeError(f"'{component.name}' is of the kind {component.kind}, not {kind}")
            spec = component
            parsed = parse_options(spec.options, options or {}, spec.name)
            return cls(kind, spec.name, base, lambda context: spec.build(parsed, context))
        if options:
            raise TypeError("options are a spec's; a function is given none")
        name = getattr(component, "__name__", type(component).__name__)
        return cls(kind, name, base, component)

    @property
    def title(self) -> str:
        """Kind and name, for messages."""
        return f"{self.kind} '{self.name}'"

    def check(
        self, name: str, mend: str, run: Callable[[], object], *, essential: bool = False
    ) -> Check:
        """Make a check of it."""
        return Check(self.title, name, mend, run, essential)

    def makes(self, loss_names: tuple[str, ...] = ()) -> Check:
        """Give the first check of all."""
        mend = f"build must return a dgljoint.nn.{self.base.__name__}"
        run = partial(self.make, loss_names=loss_names, moved=False)
        return self.check("builds what its spec declares", mend, run, essential=True)

    def make(
        self, seed: int = 0, *, loss_names: tuple[str, ...] = (), moved: bool = True
    ) -> ModuleT_co:
        """Build it, its parameters moved a little: what starts at zero hides what it multiplies."""
        with under_seed(seed):
            module = self.build(_context(loss_names))
            found, wanted = type(module).__name__, f"dgljoint.nn.{self.base.__name__}"
            if not isinstance(module, self.base):
                raise Violation(f"build returned a {found}, expected a {wanted}")
            if moved:
                move(module)
        return module

    def host(self, module: ModuleT_co) -> Hosted[Any]:
        """Let the engine's own guard call it."""
        return Hosted(PluginEntry(self.name, "under test", "0", ""), module)

    def leaves_process(
        self, use: Callable[[ModuleT_co], object], loss_names: tuple[str, ...] = ()
    ) -> Check:
        """Check that it changes nothing that all components share, and leaves no thread."""

        def run() -> None:
            dtype, gradients, seed = torch.get_default_dtype(), torch.is_grad_enabled(), 5
            threads = set(threading.enumerate())
            with under_seed(seed):
                try:
                    use(self.build(_context(loss_names)).train())
                    found = torch.get_default_dtype()
                    expect(found == dtype, f"torch's default type is {found} after it")
                    expect(torch.is_grad_enabled() == gradients, "gradients are off after it")
                    expect(torch.initial_seed() == seed, "it seeds torch's generator")
                finally:
                    torch.set_default_dtype(dtype)
                    torch.set_grad_enabled(gradients)
            left = set(threading.enumerate()) - threads
            names = ", ".join(thread.name for thread in left if not thread.daemon)
            expect(not names, f"threads run after it: {names}")

        return self.check(
            "leaves the process as it is",
            "give a tensor its dtype where it is made, use `with torch.no_grad():`, draw from a "
            "torch.Generator of your own, and end the threads you start", run,
        )


def _context(loss_names: tuple[str, ...]) -> BuildContext:
    tasks = tuple(name for name in loss_names if name in TASKS)
    return BuildContext(WIDTH, CLASSES, loss_names, tasks)


@torch.no_grad()
def move(module: nn.Module) -> None:
    """Add a little noise to every parameter."""
    for parameter in module.parameters():
        parameter.add_(torch.randn_like(parameter), alpha=0.1)


@dataclass(frozen=True)
class Material:
    """A store of odd cascades and the batches the checks want."""

    store: CascadeStore
    features: FeatureSpace

    def columns(self, indices: Sequence[int] | NDArray[np.int64] | None = None) -> CascadeColumns:
        """Read some cascades, all by default."""
        every = np.arange(len(self.store))
        return self.store.read(every if indices is None else np.asarray(indices))

    def batch(self, columns: CascadeColumns, targets: TargetPairs) -> CascadeBatch:
        """Assemble a batch as the engine does."""
        return assemble(self.store, columns, targets, self.features)

    def training(
        self, indices: Sequence[int] | None = None, seed: int = 0, share: float = 0.5
    ) -> CascadeBatch:
        """Make a batch as training has them."""
        columns = self.columns(indices)
        observation = Observation.of_share(1 - share)
        rng = np.random.default_rng(seed)
        targets = training_pairs(columns, observation, rng, targets=16, candidates=8)
        return self.batch(columns, targets)

    def evaluation(self, indices: Sequence[int] | NDArray[np.int64] | None = None) -> CascadeBatch:
        """Make a batch as evaluation has them."""
        columns = self.columns(indices)
        return self.batch(columns, evaluation_pairs(columns, 0.6))

    def odd_batches(self) -> dict[str, CascadeBatch]:
        """Make the batches that break what was tried on large ones only, by what is odd."""
        plain = self.columns()
        untimed = replace(plain, delay_seconds=np.zeros_like(plain.delay_seconds))
        nothing = TargetPairs(
            np.zeros(len(plain.parent), bool), np.empty((2, 0), np.int64), np.empty(0, bool)
        )
        single = [place for place, size in enumerate(_SIZES) if size == 1]
        labelled = self.training()
        return {
            "several cascades": labelled,
            "in evaluation": self.evaluation(),
            "one cascade": self.training([_SIZES.index(max(_SIZES))]),
            "one post": self.training(single[:1]),
            "single-post cascades": self.training(single),
            "no pair to score": self.batch(plain, nothing),
            "no labels": replace(labelled, label=torch.full_like(labelled.label, -1)),
            "no times": self.batch(untimed, nothing),
            "no edges": self.training(share=1.0),
        }


@contextmanager
def toy_material() -> Iterator[Material]:
    """Write the store, and remove it after."""
    rng = np.random.default_rng(3)
    # The last two share an event; one cascade is unlabelled.
    cascades = [
        random_cascade(
            f"c{number}", rng, size, event=f"e{min(number, len(_SIZES) - 2)}",
            label=None if number == 2 else LABELS[number % 2],
        )
        for number, size in enumerate(_SIZES)
    ]
    with TemporaryDirectory(prefix="dgljoint-") as folder:
        store = CascadeStore(write_store(Path(folder) / "toy.h5", cascades, some=True))
        yield Material(store, toy_features(store))


def tensors_of(batch: CascadeBatch) -> Values:
    """Name every tensor of a batch."""
    # Its fields: what has been computed from them is kept next to them.
    own = {field.name: getattr(batch, field.name) for field in fields(batch)}
    found = {name: value for name, value in own.items() if isinstance(value, Tensor)}
    for name, value in batch.features.items():
        parts = vars(value) if isinstance(value, SomeRows | SparseRows) else {"": value}
        found |= {f"features.{name}{key}": x for key, x in parts.items() if isinstance(x, Tensor)}
    found |= {f"cascade_features.{name}": x for name, x in batch.cascade_features.items()}
    parent, child = batch.edges
    return {**found, "graph's parents": parent, "graph's children": child}


def difference(left: Tensor, right: Tensor, tolerance: float = 1e-4) -> str:
    """Describe by how much two tensors differ; ``""`` for not at all."""
    if left.shape != right.shape:
        return f"the shape is {tuple(right.shape)} instead of {tuple(left.shape)}"
    left, right = left.detach().cpu().double(), right.detach().cpu().double()
    if torch.allclose(left, right, rtol=tolerance, atol=tolerance / 10, equal_nan=True):
        return ""
    return f"it differs by up to {(left - right).abs().max().item():.3g}"


def expect_same(
    before: Mapping[str, Tensor], after: Mapping[str, Tensor], when: str, tolerance: float = 1e-4
) -> None:
    """Raise unless the same names have the same values; ``when`` is for the message."""
    expect(list(before) == list(after), f"{list(after)} instead of {list(before)} {when}")
    for name, value in before.items():
        wrong = difference(value, after[name], tolerance)
        expect(not wrong, f"{name} is not the same {when}: {wrong}")


def expect_finite(values: Mapping[str, Tensor], where: str) -> None:
    """Raise for a value that is infinite or NaN."""
    for name, value in values.items():
        expect(bool(torch.isfinite(value).all()), f"{name} is not finite {where}")
