"""``dgljoint plugins``, ``env`` and ``schema``: what is installed, and the settings it takes."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from dgljoint import errors, testing
from dgljoint.config.presets import discover_presets, find_preset, user_folder
from dgljoint.plugins import registry as core
from dgljoint.plugins.about import About, about
from dgljoint_cli import arguments, console, views


@click.group(
    cls=console.SuggestingGroup,
    epilog=console.examples(
        "dgljoint plugins list",
        "dgljoint plugins show gcn",
        "dgljoint plugins new my-scheme --kind interaction",
        "dgljoint plugins check my_scheme",
    ),
)
def plugins() -> None:
    """List, show, check and start plugins."""


@console.verb(
    "dgljoint plugins list", "dgljoint plugins list --load --format json", of=plugins, name="list"
)
@click.option("--load", is_flag=True, help="Import each plugin: adds its status.")
def list_plugins(load: bool, as_json: bool) -> None:
    """List the installed plugins.

    Without --load no plugin's code runs: kinds and summaries are from the file
    dgljoint_plugins.toml of their packages.
    """
    rows = _plugin_rows(core.installed_registry(), load=load)
    console.show(rows, lambda: views.rendering.plugin_tables(rows), as_json=as_json)


def _plugin_rows(registry: core.Registry, *, load: bool) -> list[dict[str, Any]]:
    """List the entries as plain values; ``load`` imports each plugin that is not disabled."""
    rows = []
    for entry in sorted((*registry.entries, *registry.disabled)):
        row: dict[str, Any] = asdict(entry)
        others = [o.distribution for o in registry.offering(entry.name) if o is not entry]
        disabled, known = entry in registry.disabled, about(entry) or About()
        row |= {"kinds": list(known.kinds), "summary": known.summary}
        row |= {"clashes_with": others, "disabled": disabled}
        if load and disabled:
            row |= {"status": "disabled", "cause": None, "seconds": 0.0}
        elif load:
            status = registry.status(entry.name)
            if status.cause is None:
                row |= {"kinds": list(status.kinds), "summary": status.summary}
            row |= {"status": "broken" if status.cause else "ok"}
            row |= {"cause": status.cause, "seconds": status.seconds}
        rows.append(row)
    return rows


@console.verb(
    "dgljoint plugins show contrastive", "dgljoint plugins show gcn --format json", of=plugins
)
@click.argument("name", shell_complete=arguments.complete_any_plugin)
def show(name: str, as_json: bool) -> None:
    """Show one plugin: what it does, its options, its reference."""
    from dgljoint.config.options import describe_options

    loaded = core.installed_registry().load(name)
    components = [
        {
            "kind": spec.kind,
            "use": f"{spec.flag} {spec.name}",
            "summary": spec.summary,
            "reference": asdict(spec.reference) if spec.reference else None,
            "options": [asdict(row) for row in describe_options(spec.options)],
        }
        for spec in loaded.specs
    ]
    plain = {**asdict(loaded.entry), "components": components}
    console.show(plain, lambda: views.rendering.plugin_details(plain), as_json=as_json)


@console.verb("dgljoint plugins presets", "dgljoint plugins presets --format json", of=plugins)
@click.pass_obj
def presets(talk: console.Talk, /, as_json: bool) -> None:
    """List the presets that train takes: installed ones and your own.

    Your own are files NAME.toml with a summary and any settings of a run, in the form of a run's
    config.toml; stderr names the folder they are looked for in.
    """
    known = discover_presets()
    rows = []
    for origin in known:
        row: dict[str, Any] = {"name": origin.name, "source": origin.source}
        try:
            row |= {"summary": find_preset(origin.name, known).summary, "cause": None}
        except errors.DgljointError as error:
            row |= {"summary": "", "cause": error.message}
        rows.append(row)
    talk.info(f"your own presets are looked for in {user_folder()}")
    console.show(rows, lambda: [views.rendering.preset_table(rows)], as_json=as_json)


@console.verb(
    "dgljoint plugins check",
    "dgljoint plugins check gcn --no-timing",
    "dgljoint plugins check contrastive -s negatives=4 --format json",
    "dgljoint plugins check jsonl --raw cascades.jsonl --debug",
    of=plugins,
)
@click.argument(
    "names", nargs=-1, metavar="[NAME]...", shell_complete=arguments.complete_any_plugin
)
@click.option(
    "--raw", type=click.Path(path_type=Path), metavar="PATH",
    help="Raw data that a reader should read.",
)
@click.option(
    "-s", "--set", "assignments", multiple=True, metavar="KEY=VALUE",
    help="Option of the component to check it with; repeatable.",
)
@click.option(
    "--unreached", multiple=True, metavar="PARAMETER",
    help="Trainable parameter that no gradient need reach; repeatable.",
)
@click.option("--no-timing", is_flag=True, help="Leave out the timing of a step.")
@click.pass_obj
def check(
    talk: console.Talk, /, names: tuple[str, ...], raw: Path | None, assignments: tuple[str, ...],
    unreached: tuple[str, ...], no_timing: bool, as_json: bool,
) -> None:
    """Check plugins: metadata, import, hooks, specs, conformance, and the time of a step.

    Without NAME it checks all plugins that are not part of dgljoint. A failure explains what to
    change, and exits with 4; a note or the time is no failure. --debug shows the tracebacks.
    """
    from dgljoint.config.options import parse_assignments

    registry = core.installed_registry()
    if len(names) != 1 and (raw or assignments or unreached):
        raise errors.UsageError(
            "--raw, --set and --unreached are for one plugin", hint="name the one they are for"
        )
    if raw is not None and not raw.exists():
        raise errors.DataError(f"there is no {raw}", hint="--raw names the file or folder to read")
    for name in names:
        if not registry.offering(name):
            registry.load(name)  # its error names those that are close
    options = parse_assignments(assignments)
    if not names:
        others = [one.name for one in registry.entries if one.distribution != core.OWN_DISTRIBUTION]
        names = tuple(dict.fromkeys(others))
        if not names:
            talk.info("no plugins but dgljoint's own are installed; plugins check NAME checks one")
    found = {}
    for name in names:
        plugin = testing.InstalledPlugin(registry, name, raw, options, unreached, not no_timing)
        found[plugin.entry] = _findings(talk, plugin)
    plain = [_described(entry, findings) for entry, findings in found.items()]
    console.show(plain, lambda: map(views.rendering.check_table, plain), as_json=as_json)
    _raise_failures(found)


def _findings(talk: console.Talk, plugin: testing.InstalledPlugin) -> list[testing.Finding]:
    findings: list[testing.Finding] = []
    with redirect_stdout(sys.stderr):
        for finding in testing.check_plugin(plugin):
            if not findings or findings[-1].stage != finding.stage:
                talk.info(f"{plugin.name}: {finding.stage}")
            talk.detail(f"  {finding.check}: {finding.outcome}")
            findings.append(finding)
    return findings


def _described(entry: core.PluginEntry, findings: Sequence[testing.Finding]) -> dict[str, Any]:
    """Describe what was found of a plugin as plain values; exceptions are left out."""
    columns = ("stage", "check", "outcome", "found", "mend", "figures")
    rows = [{name: getattr(finding, name) for name in columns} for finding in findings]
    passed = all(finding.outcome != "failed" for finding in findings)
    return {**asdict(entry), "passed": passed, "findings": rows}


def _raise_failures(found: Mapping[core.PluginEntry, Sequence[testing.Finding]]) -> None:
    counts, raised = [], []
    for entry, findings in found.items():
        failures = [finding for finding in findings if finding.outcome == "failed"]
        raised += [finding.error for finding in failures if finding.error is not None]
        if failures:
            counts.append(f"{entry} fails {len(failures)} of {len(findings)} checks")
    if not counts:
        return
    hint = "what to change is next to each" + "; --debug shows the tracebacks" * bool(raised)
    cause = BaseExceptionGroup("raised by plugins", raised) if raised else None
    raise errors.PluginError(", ".join(counts), hint=hint) from cause


@console.verb(
    "dgljoint plugins new my-scheme --kind interaction",
    "dgljoint plugins new my-format --kind reader packages/my-format",
    "dgljoint plugins new my-weights --kind weighter --format json",
    of=plugins,
)
@click.argument("name")
@click.argument("folder", required=False, metavar="[DIR]", type=click.Path(path_type=Path))
@click.option(
    "--kind", required=True, type=click.Choice(["encoder", "interaction", "weighter", "reader"]),
    help="What the plugin offers.",
)
@click.pass_obj
def new(talk: console.Talk, /, name: str, folder: Path | None, kind: str, as_json: bool) -> None:
    """Write the package of a new plugin.

    It can be installed as it is and holds one small component that works, its options, a test
    with the conformance kit, and a workflow that runs it. NAME is of small letters and digits,
    words joined by '-'. DIR is ./dgljoint-NAME unless given, and must be empty or not there.
    """
    from dgljoint.plugins.scaffold import check_name, write_package

    names = check_name(name, core.discover())
    made = write_package(names, kind, folder or Path(names.distribution))
    if as_json:
        console.print_json({
            "name": names.component, "kind": kind, "distribution": names.distribution,
            "module": names.module, "folder": made.folder, "files": list(made.files),
            "next": made.next_commands,
        })
        return
    for file in made.files:
        click.echo(made.folder / file)
    talk.info("\n  ".join(("what to do next:", *made.next_commands)))


@console.verb("dgljoint env", "dgljoint env --format json")
def env(as_json: bool) -> None:
    """Show versions, devices, and whether DGL and the plugins work."""
    from dgljoint._internal.environment import environment

    found = environment(core.installed_registry())
    console.show(
        found.to_dict(), lambda: views.rendering.environment_tables(found), as_json=as_json
    )


@console.verb("dgljoint schema", "dgljoint schema > dgljoint.schema.json", formats=False)
@click.pass_obj
def schema(talk: console.Talk, /) -> None:
    """Print the JSON Schema of a run's configuration.

    It describes presets and the files for train --config, with the options of the installed
    plugins. Plugins that cannot be loaded are left out and named on stderr.
    """
    from dgljoint.config.sources import config_schema

    found, left_out = config_schema(core.installed_registry())
    for cause in left_out.values():
        talk.info(f"left out: {cause}")
    console.print_json(found)
