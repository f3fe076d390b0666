"""``pcgrad``, ``cagrad``, ``mgda``, ``upgrad``, ``imtl_g``, ``nash_mtl`` and ``aligned_mtl``.

Six are computed by TorchJD; the extra ``grad`` installs it and the solvers it calls.
"""

from functools import partial
from typing import Literal

from pydantic import Field

import dgljoint


class CAGradOptions(dgljoint.Options):
    """Options of ``cagrad``."""

    # Of the paper's toy example and its authors' code; its experiments take 0.2 to 0.4.
    c: float = Field(
        0.5, ge=0, description="how far to go from the mean gradient, as a share of its norm"
    )


class MGDAOptions(dgljoint.Options):
    """Options of ``mgda``."""

    # Of the authors' code; the paper names neither.
    tolerance: float = Field(1e-5, gt=0, description="the search ends at a step this short")
    iterations: int = Field(250, ge=1, description="steps of the Frank-Wolfe search at most")


class UPGradOptions(dgljoint.Options):
    """Options of ``upgrad``: what each task counts before conflicts are resolved."""

    cascade: float = Field(1.0, gt=0, description="preference for the cascade task")
    rumor: float = Field(1.0, gt=0, description="preference for the rumor task")


class AlignedMTLOptions(UPGradOptions):
    """Options of ``aligned_mtl``: preferences, and the size the gradients are brought to."""

    scale: Literal["min", "median", "rmse"] = Field(
        "min", description="which singular value all become: least, median, root mean square"
    )


def build(
    method: str, options: dgljoint.Options, context: dgljoint.BuildContext
) -> "dgljoint.nn.LossWeighter":
    """Build the weighter of a method, or raise a UsageError where TorchJD or a solver lacks."""
    try:
        from dgljoint_plugins.weighters.gradient_balancing.module import make

        return make(method, options, context.tasks)
    except ImportError as error:
        # TorchJD asks for the solver of a method when the method is made.
        raise dgljoint.UsageError(
            f"'{method}' needs packages that are not installed: {error}",
            hint=dgljoint.install_hint("grad"),
        ) from error


@dgljoint.hookimpl
def dgljoint_loss_weighters() -> list[dgljoint.WeighterSpec]:
    """Offer the seven."""
    return [
        dgljoint.WeighterSpec(
            name=name, summary=summary, options=options, build=partial(build, name),
            reference=dgljoint.Reference(*reference),
        )
        for name, (summary, options, reference) in _METHODS.items()
    ]


_METHODS: dict[str, tuple[str, type[dgljoint.Options], tuple[str, int, str, str]]] = {
    "pcgrad": ("each gradient loses what it has against another", dgljoint.Options, (
        "Yu, T., Kumar, S., Gupta, A., Levine, S., Hausman, K. and Finn, C.", 2020,
        "Gradient Surgery for Multi-Task Learning",
        "https://arxiv.org/abs/2001.06782",
    )),
    "cagrad": (
        "near the mean gradient, the one that helps the worst-off loss most", CAGradOptions, (
        "Liu, B., Liu, X., Jin, X., Stone, P. and Liu, Q.", 2021,
        "Conflict-Averse Gradient Descent for Multi-task Learning",
        "https://arxiv.org/abs/2110.14048",
    )),
    "mgda": ("the shortest convex combination of the gradients", MGDAOptions, (
        "Sener, O. and Koltun, V.", 2018,
        "Multi-Task Learning as Multi-Objective Optimization",
        "https://arxiv.org/abs/1810.04650",
    )),
    "upgrad": ("each gradient is projected to where no loss rises", UPGradOptions, (
        "Quinton, P. and Rey, V.", 2024,
        "Jacobian Descent for Multi-Objective Optimization",
        "https://arxiv.org/abs/2406.16232",
    )),
    "imtl_g": ("a combination that goes equally far along every gradient", dgljoint.Options, (
        "Liu, L., Li, Y., Kuang, Z., Xue, J.-H., Chen, Y., Yang, W., Liao, Q. and Zhang, W.", 2021,
        "Towards Impartial Multi-task Learning",
        "https://openreview.net/forum?id=IMPnRXEWpvr",
    )),
    "nash_mtl": ("the bargain by which every loss gains the same share", dgljoint.Options, (
        "Navon, A., Shamsian, A., Achituve, I., Maron, H., Kawaguchi, K., Chechik, G. and "
        "Fetaya, E.", 2022,
        "Multi-Task Learning as a Bargaining Game",
        "https://arxiv.org/abs/2202.01017",
    )),
    "aligned_mtl": (
        "gradients turned until they are orthogonal and of one size", AlignedMTLOptions, (
        "Senushkin, D., Patakin, N., Kuznetsov, A. and Konushin, A.", 2023,
        "Independent Component Alignment for Multi-Task Learning",
        "https://arxiv.org/abs/2305.19000",
    )),
}
