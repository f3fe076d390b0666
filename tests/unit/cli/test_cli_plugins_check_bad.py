"""``plugins check`` of bad plugins: what is found, and what is said to mend it."""

from __future__ import annotations

import pytest

from checked_plugins import check, edited, install
from dgljoint.testing.installed import STAGES

BAD = {
    "raises at import": (
        "1 / 0", "import", "can be imported", "ZeroDivisionError", "python -c 'import my_module'",
    ),
    "lacks a library": (
        "import library_that_is_not_there", "import", "can be imported",
        "No module named 'library_that_is_not_there'", "which is not installed; make `python",
    ),
    "ends the process at import": (
        "import os; os._exit(7)", "import", "can be imported", "ends the process, with code 7", "",
    ),
    "has a hook without a mark": (
        edited("@dgljoint.hookimpl", ""), "hooks", "marks its hooks", "dgljoint_loss_weighters",
        "put @dgljoint.hookimpl above it",
    ),
    "has a misspelt hook": (
        edited("def dgljoint_loss_weighters", "def dgljoint_weighters"), "hooks",
        "offers its component", "unknown hook 'dgljoint_weighters'",
        "did you mean 'dgljoint_loss_weighters'",
    ),
    "has a hook with an argument": (
        edited("weighters():", "weighters(colour):"), "hooks", "offers its component", "colour",
        "takes no argument",
    ),
    "has a hook that raises": (
        edited("        return [\n", "        1 / 0\n        return [\n"), "hooks",
        "offers its component", "ZeroDivisionError", "raises nothing",
    ),
    "offers another name": (
        edited('name="mine"', 'name="other"'), "hooks", "offers its component",
        "my_module offers other", "an entry point has the name of its component",
    ),
    "has no summary": (
        edited('"a weight for all"', '" "'), "spec", "has a summary of one line", "found ' '",
        "describe in summary",
    ),
    "has a summary of two lines": (
        edited('"a weight for all"', r'"a\nb"'), "spec", "has a summary of one line",
        r"found 'a\nb'", "describe in summary",
    ),
    "refers to nowhere": (
        edited("https://a", "a"), "spec", "names its source", "the url is 'a.example'",
        "dgljoint.Reference(authors, year, title, url)",
    ),
    "refers to a year in words": (
        edited("2020", "'last'"), "spec", "names its source", "the year is 'last'", "in full",
    ),
    "refers to no one": (
        edited('"Somebody"', '""'), "spec", "names its source",
        "authors, year, title or url are empty", "in full",
    ),
    "refers by a text": (
        edited('dgljoint.Reference("Somebody", 2020, "A title", "https://a.example")', '"a"'),
        "spec", "names its source", "authors, year, title or url are empty in 'a'",
        "dgljoint.Reference",
    ),
    "does not describe an option": (
        edited(', description="of every weight"', ""), "spec", "describes its options", "size",
        "description=...",
    ),
    "has a default that is not allowed": (
        edited("Field(1.0", "Field(-1.0"), "spec", "has options with valid defaults",
        "option.size: Input should be greater than 0", "give each option a default",
    ),
    "has an option without default": (
        edited("Field(1.0, ", "Field("), "spec", "has options with valid defaults",
        "option.size: Field required", "give each option a default",
    ),
    "ignores unknown options": (
        edited("class MyOptions(dgljoint.Options):",
                "class MyOptions(dgljoint.Options, extra='ignore', frozen=False):"),
        "spec", "has options that are fixed and known",
        "options can be changed and unknown options are ignored", "model_config",
    ),
    "has an option without schema": (
        edited("size: float = Field(1.0, gt=0", "size: type(print) = Field(print"), "spec",
        "has options with a schema", "", "types that JSON has",
    ),
    "builds something else": (
        edited("return Mine()", "return torch.nn.Linear(1, 1)"), "conformance",
        "builds what its spec declares", "returned a Linear, expected a dgljoint.nn.LossWeighter",
        "build must return",
    ),
    "weighs too few": (
        edited("(len(losses.names),)", "(1,)"), "conformance", "returns a weight for each loss",
        "", "in the order of losses.names",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_what_fails_is_named_with_what_to_change(site, capsys, case):
    source, stage, name, found, mend = BAD[case]
    if case == "has an option without schema":
        source = source.replace("frozen", "").replace(
            "class MyOptions(dgljoint.Options):",
            "class MyOptions(dgljoint.Options, arbitrary_types_allowed=True):",
        )
    install(site, source)
    findings, err = check(capsys, code=4)
    finding = findings[name]
    assert (finding["stage"], finding["outcome"]) == (stage, "failed")
    assert found in finding["found"]
    assert mend in finding["mend"]
    assert finding["mend"]
    assert "dgljoint-mine" not in finding["found"]
    assert "error: plugin 'mine' (dgljoint-mine 2.5) fails" in err
    assert "Traceback" not in err
    later = STAGES[STAGES.index(stage) + 1 :]
    skipped = [f["stage"] for f in findings.values() if f["outcome"] == "skipped"]
    # the last one's key is that of all stages that were left out
    assert not skipped or skipped == [later[-1]]
