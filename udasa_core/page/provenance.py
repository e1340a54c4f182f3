"""The page's section "Provenance": what the run was made of, and what makes it again.

Nothing in it names the machine, its user or a folder of theirs.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from udasa_core.config.toml_write import toml_text, toml_value
from udasa_core.page.parts import Code, Part, Prose, Section
from udasa_core.page.places import manifest_of
from udasa_core.report.table import Cell, Table, TableColumn
from udasa_core.store.costs import read_costs
from udasa_core.store.runs import Run

_SHORT = 16


def section(run: Run, figures: Mapping[str, Any]) -> Section:
    """Return the section. figures: what `figures(run)` gave."""
    plain = manifest_of(run)
    parts: list[Part] = [
        Prose(
            "These commands make this run again, on the same versions; run.toml is the configuration below."
        ),
        *_files(plain["config"]),
        Code("Commands", _commands(run)),
        Code("run.toml", toml_text(plain["config"])),
        _models(plain),
        _plugins(plain),
        _versions(plain),
        *_costs(run),
        _outputs(run),
    ]
    return Section("provenance", "Provenance", parts)


def _commands(run: Run) -> str:
    # Where the TOML says another folder, a name alone is looked for in vain.
    folder = run.manifest.plain["config"]["run"].get("folder")
    where = f" --folder {shlex.quote(run.folder.parent.name)}" if folder and folder != "runs" else ""
    told = ("check run.toml", "run run.toml", f"show {run.name}{where}", f"report {run.name}{where}")
    return "".join(f"udasa {one}\n" for one in told)


def _files(config: Mapping[str, Any]) -> Iterator[Prose]:
    """Say which files of the user's own the configuration reads."""
    found = list(dict.fromkeys(_sources(config)))
    if found:
        yield Prose(
            f"It reads {', '.join(found)}: needed, too, and not in this page. A path is read from the "
            "folder of run.toml. The fingerprint of “read prompts”, below, tells another file."
        )


def _sources(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list):
        for one in value:
            yield from _sources(one)
    elif isinstance(value, str) and value.startswith("file:"):
        yield value.removeprefix("file:")


def _models(plain: Mapping[str, Any]) -> Table:
    rows = [
        (role, ref["source"], ref["revision"], ref["dtype"], ref["quantization"], ref.get("device", "cpu"))
        for role, ref in plain["models"].items()
    ]
    columns = ("role", "source", "revision (SHA-256 of its files)", "dtype", "quantization", "device")
    return Table("Models", columns, rows)


def _plugins(plain: Mapping[str, Any]) -> Table:
    rows = [
        (
            one["kind"],
            one["name"],
            f"{one['plugin']} ({one['distribution']} {one['version']})",
            one.get("source", "")[:_SHORT],
            ", ".join(
                f"{name} = {toml_value(value)}" for name, value in one["options"].items() if value is not None
            ),
        )
        for one in plain.get("plugins", ())
    ]
    return Table("Plugins", ("kind", "name", "plugin", "digest of its code", "options"), rows)


def _versions(plain: Mapping[str, Any]) -> Table:
    rows: list[tuple[Cell, ...]] = [*plain.get("versions", {}).items()]
    rows += [("seed", str(plain["config"].get("run", {}).get("seed", "default")))]
    if date := plain.get("chat_template_date"):
        rows.append(("date that chat templates were told", date))
    return Table("Versions and seed", ("", ""), rows)


def _costs(run: Run) -> Iterator[Table]:
    costs = read_costs(run.folder)
    if costs.seconds:
        rows = [*costs.seconds.items(), ("all", costs.total)]
        notes = ["Of all processes that were at the run; a step that another one asked for is in both."]
        yield Table("Seconds by step", ("step", TableColumn("seconds", digits=1)), rows, notes)


def _outputs(run: Run) -> Table:
    rows = [
        (entry["label"], len(entry["keys"]), entry["keys"][0] if entry["keys"] else "")
        for entry in run.manifest.outputs()
    ]
    notes = [
        "A fingerprint is a digest of everything that an output is made of; of several shards the first's."
    ]
    return Table("Outputs", ("output", "shards", "fingerprint"), rows, notes)
