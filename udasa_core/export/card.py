"""The model card of an exported model: what it is made from, how, and what was measured."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from udasa_core.export.licence import HUB_LICENCES, licence_link, licence_of
from udasa_core.export.licences import base_terms, licences, root_of
from udasa_core.export.method import method, warnings_of
from udasa_core.export.places import Places
from udasa_core.export.terms import named_voices
from udasa_core.report.advice import without_advice
from udasa_core.report.figures import figures, untold_by
from udasa_core.report.show import outcome_tables, training_tables
from udasa_core.report.table import Table, TableColumn
from udasa_core.sources.digests import weights_digest
from udasa_core.store.runs import Run
from udasa_core.store.store import versions
from udasa_core.text.printable import printable

if TYPE_CHECKING:
    from huggingface_hub import ModelCardData

# A model's name as the hub takes it.
_NAME = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
# What the run says of itself: True, False, or nothing where a plugin did not tell.
_LABELS: Mapping[bool | None, str] = {
    True: "This run used no human label.",
    False: "This run used human labels.",
    None: "Whether this run used human labels is not known: {untold}.",
}
# In which form a model is exported: its weights with the adapter merged in, or a GGUF of those; the base with
# the adapter beside it; the adapter alone.
Form = Literal["merged", "gguf", "beside", "alone"]
_LOAD_MERGED = """\
```python
from transformers import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("this folder")
tokenizer = AutoTokenizer.from_pretrained("this folder")
```"""
_LOAD_BESIDE = """\
The base model lies in this folder, what training added in `adapter`:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("this folder")
model = PeftModel.from_pretrained(base, "this folder/adapter")
tokenizer = AutoTokenizer.from_pretrained("this folder")
```"""

_LOAD_ALONE = """\
The adapter lies in this folder, and its base does not:

```python
from peft import PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

base = AutoModelForCausalLM.from_pretrained("{base}")
model = PeftModel.from_pretrained(base, "this folder")
tokenizer = AutoTokenizer.from_pretrained("{base}")
```"""
_LOAD_GGUF = "The `.gguf` file holds the whole model: `llama-cli -m FILE -cnv`, or any program on llama.cpp."
_LOADING: Mapping[Form, str] = {
    "merged": _LOAD_MERGED,
    "gguf": _LOAD_GGUF,
    "beside": _LOAD_BESIDE,
    "alone": _LOAD_ALONE,
}


def _rounds(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what each round was sampled from and left, and what gates and the guard decided."""
    here = "the base model"
    table = run.manifest.plain["config"].get("generator", {})
    other = f"responses by the generator `{table.get('use', '')}`" if next(named_voices(table), None) else ""
    for number in run.rounds():
        standing = [
            one for one in run.stages() if one.round == number and one.trained and not one.rolled_back
        ]
        left = f"`{standing[-1].label}`" if standing else here
        yield (
            f"round {number + 1}",
            f"{f'sampled from {here}' if number or not other else other}; it left {left}",
        )
        here = left
    if ended := run.manifest.plain.get("rounds", {}).get("ended", ""):
        yield "no further round", ended
    decisions = list(run.decisions())
    tripped = [one for one in decisions if one["verdict"] == "tripped"]
    told = "; ".join(f"{one['figure']} after `{one['stage']}` ({one['action']})" for one in tripped)
    if decisions:
        yield (
            "gates and guard",
            f"{len(decisions)} decisions, {f'tripped: {told}' if told else 'none of which tripped'}",
        )


def places_of(run: Run) -> Places:
    """Return the places of a run that nothing which leaves this machine names."""
    adapters = (adapter.folder for adapter in run.aligned(unfinished=True).adapters)
    return Places(run.folder.absolute(), run.store.root, root_of(run), run.base.folder, *adapters)


def card(run: Run, *, form: Form, dtype: str) -> str:
    """Return the README.md of an export as Markdown with the hub's front matter. It names no place on this
    machine. dtype: of the weights."""
    plain, measured, places = run.manifest.plain, figures(run), places_of(run)
    base, licence = run.base.called, licence_of(run.base, root_of(run))
    labels = _LABELS[plain.get("label_free")].format(untold=untold_by(measured))
    shown, warned = base_terms(run).shown, list(warnings_of(measured))
    sections = [
        f"---\n{_metadata(base, licence, run, form).to_yaml()}\n---",
        *method(run, base, measured, places),
        *([f"**{shown}.**"] if shown else []),
        f"{labels} What the base model was itself trained on is another matter.",
        *(["## Warnings", "\n".join(f"- {one}" for one in warned)] if warned else []),
        "## Provenance",
        _bullets(_provenance(run, base, places, dtype)),
        "## Licences",
        _bullets(licences(run, places)),
        "## Loading",
        _loading(run, base, form),
        _dimensions(plain).markdown(),
        *(table.markdown() for table in training_tables(measured)),
        *_hyper_parameters(run, places),
        *(table.markdown() for table in outcome_tables(measured)),
    ]
    if not measured["held_out"]:
        sections.append("Nothing was held out, so nothing was measured before and after.")
    return printable(places.text(without_advice("\n\n".join(sections)))) + "\n"


def _loading(run: Run, base: str, form: Form) -> str:
    """Return how the export is loaded, and of an adapter how its base is come by."""
    if run.base.source.startswith("hf:"):
        return _LOADING[form].format(base=base)
    loading = _LOADING[form].format(base="the base's folder")
    if form != "alone":
        return loading
    return (
        f"{loading}\n\nThe base, {base}, is on no hub as such a folder. Where the run is, `udasa export "
        f"{run.name} --model DIR --adapter beside` writes it to DIR, with this adapter in DIR/adapter."
    )


def _metadata(base: str, licence: str, run: Run, form: Form) -> ModelCardData:
    """Return what the hub reads of a model."""
    from huggingface_hub import ModelCardData

    spelled = licence.lower().replace(" ", "-")
    is_known = spelled in HUB_LICENCES
    libraries: Mapping[Form, str] = {"alone": "peft", "gguf": "llama.cpp"}
    return ModelCardData(
        license=spelled if is_known else "other",
        license_name=None if is_known else licence,
        license_link=licence_link(run.base, root_of(run)) or None,
        # The hub takes names alone; a wheel's is another.
        base_model=base if _NAME.fullmatch(base) else base.rpartition("/")[2],
        library_name=libraries.get(form, "transformers"),
        pipeline_tag="text-generation",
        tags=["udasa", *dict.fromkeys(stage.trainer for stage in run.stages() if stage.trained)],
    )


def _provenance(run: Run, base: str, places: Places, dtype: str) -> Iterator[tuple[str, str]]:
    plain, prompts = run.manifest.plain, run.manifest.plain.get("prompts", {})
    aligned = run.aligned(unfinished=True)
    yield "made by", f"udasa {versions('udasa')['udasa']}, run `{run.name}` ({run.status})"
    yield "base model", f"{base}, from `{places.source(run.base.source)}`"
    yield "base revision (SHA-256 of its files)", f"`{run.base.revision}`"
    if aligned.adapters:
        yield "adapter (SHA-256 of its weights)", f"`{weights_digest(Path(aligned.adapters[0].folder))}`"
    else:
        yield "trained weights (SHA-256 of the model's files)", f"`{aligned.revision}`"
    yield "weights", dtype
    yield from _rounds(run)
    source = places.source(plain["config"]["prompts"]["source"])
    counts = f"; {prompts['training']} to train on, {prompts['held_out']} held out" if prompts else ""
    yield "prompts", f"`{source}`{counts}"


def _dimensions(plain: Mapping[str, Any]) -> Table:
    plugins = {plugin["name"]: plugin for plugin in plain["plugins"] if plugin["kind"] == "dimension"}
    rows = []
    for table in plain["config"]["dimension"]:
        name = table.get("name", table["use"])
        plugin = plugins[name]
        offered = f"{plugin['plugin']} ({plugin['distribution']} {plugin['version']})"
        rows.append((name, offered.replace(" )", ")"), float(table.get("weight", 1.0))))
    columns = ("dimension", "plugin", TableColumn("weight", digits="short"))
    return Table("Dimensions of uncertainty", columns, rows)


def _hyper_parameters(run: Run, places: Places) -> Iterator[str]:
    """Yield the trainers' options, whole: the default's, then where a stage has its own."""
    plain = run.manifest.plain
    trainers = [plugin for plugin in plain["plugins"] if plugin["kind"] == "trainer"]
    stages = [name for name, value in plain["config"]["trainer"].items() if isinstance(value, Mapping)]
    default = {"reference": "previous_stage", **plain["config"]["trainer"]}
    for stage, trainer in zip(("", *stages), trainers, strict=True):
        own = default.get(stage, {})
        reference = own.get("reference", default["reference"])
        if replay := own.get("replay", default.get("replay", 0)):
            reference = f"{reference}, replay = {replay}"
        title = f"Hyper-parameters of {stage or 'every stage'} (`{trainer['plugin']}`)"
        shown = ", ".join(f"{name} = {value}" for name, value in places.plain(trainer["options"]).items())
        yield f"{title}: reference = {reference}, {shown}." if shown else f"{title}: reference = {reference}."


def _bullets(pairs: Iterator[tuple[str, str]]) -> str:
    return "\n".join(f"- {name}: {value}" for name, value in pairs)
