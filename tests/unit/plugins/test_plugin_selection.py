"""Which components a run gets from what its configuration names."""

from __future__ import annotations

import pytest

from dgljoint.config.run_config import RunConfig
from dgljoint.config.sources import resolve_config
from dgljoint.errors import UsageError
from dgljoint.plugins.selection import select

MODULE = """
    import dgljoint
    from pydantic import Field

    class MyOptions(dgljoint.Options):
        rate: float = Field(0.5, gt=0, description="of something")

    def build(options, context):
        return None

    def make(kind, name):
        return kind(name=name, summary="", build=build, options=MyOptions)

    @dgljoint.hookimpl
    def dgljoint_encoders():
        return [make(dgljoint.EncoderSpec, "enc")]

    @dgljoint.hookimpl
    def dgljoint_interactions():
        return [make(dgljoint.InteractionSpec, name) for name in ("alpha", "beta", "both")]

    @dgljoint.hookimpl
    def dgljoint_loss_weighters():
        return [make(dgljoint.WeighterSpec, name) for name in ("heavy", "light", "both")]
"""


@pytest.fixture
def registry(site):
    names = ("enc", "alpha", "beta", "both", "heavy", "light")
    site.install("dgljoint-many", dict.fromkeys(names, "many"), many=MODULE)
    return site.registry()


def config(*plugins: str, assignments: tuple[str, ...] = (), **fields: str) -> RunConfig:
    given = {"encoder": "enc", "default_weighter": "light", "plugins": plugins, **fields}
    return resolve_config(command_line=given, assignments=assignments)


def test_interactions_keep_the_order_they_were_named_in(registry):
    chosen = select(registry, config("beta", "alpha"))
    assert [component.spec.name for component in chosen.interactions] == ["beta", "alpha"]
    assert chosen.weighter.spec.name == "light"
    assert [component.spec.name for component in chosen.components] == [
        "enc", "beta", "alpha", "light",
    ]
    assert chosen.encoder.entry.distribution == "dgljoint-many"


def test_named_weighter_replaces_the_default_one(registry):
    chosen = select(registry, config("heavy", "alpha"))
    assert chosen.weighter.spec.name == "heavy"


def test_plugin_may_be_interaction_and_weighter_at_once(registry):
    chosen = select(registry, config("both"))
    assert [component.spec.name for component in chosen.interactions] == ["both"]
    assert chosen.weighter.spec.name == "both"


def test_two_weighters_are_refused_by_name(registry):
    with pytest.raises(UsageError, match="'heavy' and 'light' are loss weighters") as caught:
        select(registry, config("heavy", "alpha", "light"))
    assert caught.value.exit_code == 2


def test_plugin_named_twice_is_refused(registry):
    with pytest.raises(UsageError, match="'alpha' is named twice"):
        select(registry, config("alpha", "beta", "alpha"))


def test_encoder_given_as_plugin_says_the_right_flag(registry):
    with pytest.raises(UsageError, match="'enc' is an encoder, not an interaction or a loss"
                                         " weighter") as caught:
        select(registry, config("enc"))
    assert "--encoder enc" in caught.value.hint


def test_plugin_given_as_encoder_says_the_right_flag(registry):
    with pytest.raises(UsageError, match="'alpha' is an interaction, not an encoder") as caught:
        select(registry, config(encoder="alpha"))
    assert "--plugin alpha" in caught.value.hint


def test_typo_gets_the_closest_match(registry):
    with pytest.raises(UsageError) as caught:
        select(registry, config("alpa"))
    assert "'alpha'" in caught.value.hint


def test_options_are_parsed_for_their_component(registry):
    chosen = select(registry, config("alpha", "beta", assignments=("alpha.rate=0.25",)))
    assert [component.options.rate for component in chosen.interactions] == [0.25, 0.5]


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("alpha.rat=1", "alpha has no option 'rat': did you mean 'rate'"),
        ("alpha.rate=-1", "alpha.rate: .*greater than 0.*found '-1'"),
        ("alpha.rate=fast", "alpha.rate: .*found 'fast'"),
    ],
)
def test_wrong_option_is_refused(registry, assignment, message):
    with pytest.raises(UsageError, match=message):
        select(registry, config("alpha", assignments=(assignment,)))


def test_options_of_a_component_not_in_use_are_refused(registry):
    with pytest.raises(UsageError, match="'alhpa', which this run does not use") as caught:
        select(registry, config("alpha", assignments=("alhpa.rate=1",)))
    assert "'alpha'" in caught.value.hint
