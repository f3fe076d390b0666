"""``pcgrad``, ``cagrad``, ``mgda``, ``upgrad``, ``imtl_g``, ``nash_mtl`` and ``aligned_mtl``.

Seven ways of combining the losses' gradients where the tasks meet, six of them computed by
TorchJD. The extra ``grad`` installs it and the solvers it calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from dgljoint import (
    BuildContext,
    Options,
    Reference,
    UsageError,
    WeighterSpec,
    hookimpl,
    install_hint,
)

if TYPE_CHECKING:
    from dgljoint.nn import LossWeighter


class CAGradOptions(Options):
    """Options of ``cagrad``."""

    # Of the paper's toy example and its authors' code; its experiments take 0.2 to 0.4.
    c: float = Field(
        0.5, ge=0, description="how far to go from the mean gradient, as a share of its norm"
    )


class MGDAOptions(Options):
    """Options of ``mgda``."""

    # Of the authors' code; the paper names neither.
    tolerance: float = Field(1e-5, gt=0, description="the search ends at a step this short")
    iterations: int = Field(250, ge=1, description="steps of the Frank-Wolfe search at most")


class UPGradOptions(Options):
    """Options of ``upgrad``: what each loss counts before conflicts are resolved."""

    cascade: float = Field(1.0, gt=0, description="preference for the cascade task")
    rumor: float = Field(1.0, gt=0, description="preference for the rumor task")
    auxiliary: float = Field(1.0, gt=0, description="preference for every auxiliary loss")


class AlignedMTLOptions(UPGradOptions):
    """Options of ``aligned_mtl``: preferences, and the size the gradients are brought to."""

    scale: Literal["min", "median", "rmse"] = Field(
        "min", description="which singular value all become: least, median, root mean square"
    )


def build(method: str, options: Options, context: BuildContext) -> LossWeighter:
    """Build the weighter of a method.

    Raises:
        UsageError: TorchJD or a solver it needs is not installed.
    """
    try:
        from dgljoint_plugins.weighters.gradient_balancing.module import make

        return make(method, options, context.loss_names)
    except ImportError as error:
        # TorchJD asks for the solver of a method when the method is made.
        raise UsageError(
            f"'{method}' needs packages that are not installed: {error}",
            hint=install_hint("grad"),
        ) from error


@hookimpl
def dgljoint_loss_weighters() -> Sequence[WeighterSpec]:
    """Offer the seven."""
    return [
        WeighterSpec(
            name="pcgrad",
            summary="each gradient loses what it has against another",
            build=partial(build, "pcgrad"),
            reference=Reference(
                authors="Yu, T., Kumar, S., Gupta, A., Levine, S., Hausman, K. and Finn, C.",
                year=2020,
                title="Gradient Surgery for Multi-Task Learning",
                url="https://arxiv.org/abs/2001.06782",
            ),
        ),
        WeighterSpec(
            name="cagrad",
            summary="near the mean gradient, the one that helps the worst-off loss most",
            options=CAGradOptions,
            build=partial(build, "cagrad"),
            reference=Reference(
                authors="Liu, B., Liu, X., Jin, X., Stone, P. and Liu, Q.",
                year=2021,
                title="Conflict-Averse Gradient Descent for Multi-task Learning",
                url="https://arxiv.org/abs/2110.14048",
            ),
        ),
        WeighterSpec(
            name="mgda",
            summary="the shortest convex combination of the gradients",
            options=MGDAOptions,
            build=partial(build, "mgda"),
            reference=Reference(
                authors="Sener, O. and Koltun, V.",
                year=2018,
                title="Multi-Task Learning as Multi-Objective Optimization",
                url="https://arxiv.org/abs/1810.04650",
            ),
        ),
        WeighterSpec(
            name="upgrad",
            summary="each gradient is projected to where no loss rises",
            options=UPGradOptions,
            build=partial(build, "upgrad"),
            reference=Reference(
                authors="Quinton, P. and Rey, V.",
                year=2024,
                title="Jacobian Descent for Multi-Objective Optimization",
                url="https://arxiv.org/abs/2406.16232",
            ),
        ),
        WeighterSpec(
            name="imtl_g",
            summary="a combination that goes equally far along every gradient",
            build=partial(build, "imtl_g"),
            reference=Reference(
                authors="Liu, L., Li, Y., Kuang, Z., Xue, J.-H., Chen, Y., Yang, W., Liao, Q. and "
                "Zhang, W.",
                year=2021,
                title="Towards Impartial Multi-task Learning",
                url="https://openreview.net/forum?id=IMPnRXEWpvr",
            ),
        ),
        WeighterSpec(
            name="nash_mtl",
            summary="the bargain by which every loss gains the same share",
            build=partial(build, "nash_mtl"),
            reference=Reference(
                authors="Navon, A., Shamsian, A., Achituve, I., Maron, H., Kawaguchi, K., "
                "Chechik, G. and Fetaya, E.",
                year=2022,
                title="Multi-Task Learning as a Bargaining Game",
                url="https://arxiv.org/abs/2202.01017",
            ),
        ),
        WeighterSpec(
            name="aligned_mtl",
            summary="gradients turned until they are orthogonal and of one size",
            options=AlignedMTLOptions,
            build=partial(build, "aligned_mtl"),
            reference=Reference(
                authors="Senushkin, D., Patakin, N., Kuznetsov, A. and Konushin, A.",
                year=2023,
                title="Independent Component Alignment for Multi-Task Learning",
                url="https://arxiv.org/abs/2305.19000",
            ),
        ),
    ]
