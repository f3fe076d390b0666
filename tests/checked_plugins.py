"""A plugin, whole or with something changed, and what ``plugins check`` finds of it."""

from __future__ import annotations

import json

from dgljoint_cli.main import run

WEIGHTER = """
    import dgljoint
    from pydantic import Field

    class MyOptions(dgljoint.Options):
        size: float = Field(1.0, gt=0, description="of every weight")

    def build(options, context):
        import torch
        from dgljoint.nn import LossWeighter

        class Mine(LossWeighter):
            def weigh(self, losses, step):
                return torch.full((len(losses.names),), options.size)

        return Mine()

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [
            dgljoint.WeighterSpec(
                name="mine", summary="a weight for all", build=build, options=MyOptions,
                reference=dgljoint.Reference("Somebody", 2020, "A title", "https://a.example"),
            )
        ]
"""


def install(site, source, *, value="my_module", requires=("dgljoint>=0.1",)):
    site.install("dgljoint-mine", {"mine": value}, version="2.5", my_module=source)
    (metadata,) = site.path.glob("dgljoint_mine*/METADATA")
    with metadata.open("a") as file:
        file.writelines(f"Requires-Dist: {line}\n" for line in requires)


def check(capsys, *arguments, code=0):
    """Check ``mine`` without timing; return what was found by check, and what was said."""
    given = ["plugins", "check", "mine", "--no-timing", "--format", "json", *arguments]
    assert run(given) == code
    out, err = capsys.readouterr()
    (found,) = json.loads(out)
    assert (found["name"], found["distribution"], found["version"]) == (
        "mine", "dgljoint-mine", "2.5"
    )
    assert found["passed"] is (code == 0)
    return {finding["check"]: finding for finding in found["findings"]}, err


def edited(old, new):
    assert old in WEIGHTER
    return WEIGHTER.replace(old, new)
