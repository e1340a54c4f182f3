"""What would stop a run and can be known before its first sample: asked by `check`, and as a run begins.

No weight is loaded, nothing is fetched. A server, or the hub, is asked once, within seconds.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Literal

from udasa_core.config.parse import RunConfig
from udasa_core.errors import FOREIGN, Fault, SourceError, UdasaError
from udasa_core.launching.faults import launch_faults
from udasa_core.launching.launch import Launch, launch_of
from udasa_core.models import hardware, loading
from udasa_core.models.resolve import check_model
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.outlook import Outlook
from udasa_core.plugins.stack import Chosen, dropped_faults, importable, stage_names, used_of
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.records import Prompt
from udasa_core.resources.entailment import CrossEncoderEntailment
from udasa_core.running.memory import context_faults, memory_faults, memory_notes
from udasa_core.running.rehearsal import rehearsal_faults
from udasa_core.running.room import disk_faults, existing
from udasa_core.running.used_models import UsedModel, used_models
from udasa_core.running.workload import Prompts, count_prompts, prompts_file
from udasa_core.sources import hub
from udasa_core.sources.model_folder import architectures
from udasa_core.sources.resolve import check_whole
from udasa_core.sources.source import names_source, parse_source
from udasa_core.store.manifest import Manifest

# The kinds of which a model that has just been fetched tells more.
OF_MODELS = ("dimension", "trainer", "judge", "suite")

# What the hub keeps.
_Kept = Literal["dataset", "model"]


def preflight(
    config: RunConfig,
    catalog: Catalog,
    chosen: Sequence[Chosen],
    *,
    kinds: Collection[str] | None = None,
    resumes: bool = False,
    uses: Collection[str] | None = None,
    counts: bool = True,
) -> tuple[list[Fault], list[str]]:
    """Return what would stop a run, and in sentences what could not be found out.

    chosen: the plugins that the configuration selects. kinds: of these plugins alone, and nothing of the
    machine. resumes: the run was begun before, so that a server may not be needed any more: none is asked.
    uses: the kinds of plugins that are used at all; None: every kind. counts: whether prompts are read,
    to count what they take on disk.
    """
    notes: list[str] = []
    chosen = used_of(chosen, uses)
    used = list(used_models(config, chosen))
    faults = [*_model_faults(config, used, notes), *_plugin_faults(config, chosen, kinds, resumes)]
    asks = asks_prompts(uses)
    short = list(context_faults(config, chosen)) if asks else []
    if kinds is None:
        faults += launch_faults(config, chosen)
        faults += [*_device_faults(used), *_four_bit_faults(used, chosen), *_folder_faults(config)]
        faults += [
            *_source_faults(config, chosen),
            *dropped_faults(chosen),
            *rehearsal_faults(config, catalog, chosen),
        ]
        if not resumes:
            faults += _data_faults(config, chosen, asks, notes)
            prompts = _counted(config) if counts and asks else None
            short += memory_faults(config, chosen, prompts, asks=asks)
            if counts and not short:
                notes += memory_notes(config, chosen, prompts, asks=asks)
            faults += disk_faults(config, chosen, stage_names(config, catalog), prompts)
    # What is too large for memory is told of that alone.
    places = {fault.path for fault in short}
    faults = [*(fault for fault in faults if fault.path not in places), *short]
    return list(dict.fromkeys(faults)), notes


def asks_prompts(uses: Collection[str] | None) -> bool:
    """Say whether what uses these kinds of plugins asks the prompts of [prompts]: suites bring their own."""
    return uses is None or "dimension" in uses


def is_finished(config: RunConfig) -> bool:
    """Say whether the run of this very configuration ended well: it has nothing to sample, nor to write."""
    return _begun(config).get("status") == "finished"


def is_begun(config: RunConfig) -> bool:
    """Say whether the run of this very configuration was begun before."""
    return bool(_begun(config))


def _begun(config: RunConfig) -> dict[str, object]:
    if not (config.run_dir / "manifest.json").exists():
        return {}
    try:
        plain = Manifest.read(config.run_dir).plain
    except UdasaError:  # told, or mended, where the run is opened
        return {}
    return plain if plain.get("config") == config.raw else {}


def _device_faults(used: list[UsedModel]) -> Iterator[Fault]:
    for model in used:
        if not model.instead and (told := hardware.device_fault(model.device)):
            place = model.place.removesuffix("source") + "device"
            yield Fault(place, told, 'write device = "auto", or leave it out')


def _four_bit_faults(used: list[UsedModel], chosen: Sequence[Chosen]) -> Iterator[Fault]:
    if loading.has_bitsandbytes():
        return
    asked = [
        f"{one.place.removesuffix('source')}quantization"
        for one in used
        if one.quantization == "4bit" and not one.instead
    ]
    asked += [
        f"{one.table.path}.quantize"
        for one in chosen
        if one.table.kind == "trainer" and getattr(one.options, "quantize", "none") == "4bit"
    ]
    for place in asked:
        yield Fault(place, loading.NO_BITSANDBYTES, loading.WITHOUT_BITSANDBYTES)


def _folder_faults(config: RunConfig) -> Iterator[Fault]:
    """Yield that a folder cannot be made. One that is there and cannot be written may hold all that is asked
    for."""
    store = "store.path" if config.store.path else "run.folder"
    for place, folder in {store: config.store_dir, "run.folder": config.run_dir}.items():
        if folder.is_dir():
            continue
        above = existing(folder)
        if not above.is_dir():
            yield Fault(place, f"{above} is no folder", "name another place")
        elif not os.access(above, os.W_OK):
            yield Fault(
                place, f"nothing can be written to {above}", "name another place, or make it writable"
            )


def _model_faults(config: RunConfig, used: list[UsedModel], notes: list[str]) -> Iterator[Fault]:
    outlook = _outlook(config, resumes=False)
    for model in used:
        if model.instead:
            continue
        # The configuration's own models were looked at when it was read.
        found = [] if model.role in ("policy", *config.models) else check_model(model.source, config.root)
        for message, hint in found:
            yield Fault(model.place, message, hint)
        if found:
            continue
        folder = outlook.folder(model.source)
        if folder is None:
            yield from _hub_faults(model, config.root, notes)
        elif model.kind in ("classifier", "entailment"):
            yield from _head_faults(model, outlook)


def _hub_faults(model: UsedModel, root: Path, notes: list[str]) -> Iterator[Fault]:
    source = parse_source(model.source, root)
    if source.scheme != "hf":
        return
    try:
        hub.ask_hub(source)
    except hub.SilentHubError as error:
        notes.append(str(error).partition("\n")[0])
    except SourceError as error:
        yield Fault(model.place, str(error))


def _data_faults(
    config: RunConfig, chosen: Sequence[Chosen], asks: bool, notes: list[str]
) -> Iterator[Fault]:
    """Yield that the hub does not give a data set. What a suite's options name there may be a model as well:
    then the hub gives that. asks: whether the prompts of the configuration are asked."""
    named = {"prompts.source": config.prompts.source, "controls.source": config.controls.source}
    named = named if asks else {}
    asked: list[tuple[str, str, tuple[_Kept, ...]]]
    asked = [(place, source, ("dataset",)) for place, source in named.items()]
    for one in chosen:
        if one.table.kind == "suite":
            models = getattr(one.options, "named_models", {})
            asked += [
                (f"{one.table.path}.{name}", value, ("dataset", "model"))
                for name, value in one.options
                if isinstance(value, str) and value not in models
            ]
    for place, text, kinds in asked:
        if not text.startswith("hf:"):
            continue
        try:
            source = parse_source(text, config.root)
        except SourceError:  # told where it is read, if it is a source at all
            continue
        if hub.is_data_here(source):
            continue
        refusals: list[SourceError] = []
        for kind in kinds:
            try:
                hub.ask_hub(source, kind)
            except hub.SilentHubError as error:
                notes.append(str(error).partition("\n")[0])
            except SourceError as error:
                refusals.append(error)
                continue
            break
        else:
            yield Fault(place, str(refusals[0]))


def _source_faults(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    """Yield what is wrong with the sources that plugins' options name, beside models."""
    for one in chosen:
        models = getattr(one.options, "named_models", {})
        for name, value in one.options:
            if isinstance(value, str) and names_source(value) and value not in models:
                for message, hint in check_whole(value, config.root):
                    yield Fault(f"{one.table.path}.{name}", message, hint)


def _head_faults(model: UsedModel, outlook: Outlook) -> Iterator[Fault]:
    """Yield that a model has no head that says how likely labels are, or none of entailment."""
    folder = outlook.folder(model.source)
    classifier = outlook.classifier(model.source)
    if folder is None or classifier is None:
        return
    named = architectures(folder)
    if named and not any(name.endswith("ForSequenceClassification") for name in named):
        yield Fault(
            model.place,
            f"{', '.join(named)} is no sequence-classification model (it is {model.source!r})",
            "name a model that classifies texts: its config.json says …ForSequenceClassification",
        )
    elif model.kind == "entailment":
        try:
            CrossEncoderEntailment(classifier, model.source).check()
        except SourceError as error:
            yield Fault(model.place, str(error))


def _plugin_faults(
    config: RunConfig, chosen: Sequence[Chosen], kinds: Collection[str] | None, resumes: bool
) -> Iterator[Fault]:
    """Yield what the selected plugins' options foresee."""
    outlook = _outlook(config, resumes=resumes)
    with importable(config.root):
        for one in chosen:
            table, look = one.table, getattr(one.options, "preflight", None)
            if look is None or (kinds is not None and table.kind not in kinds):
                continue
            try:
                for told in look(outlook):
                    yield Fault(table.path, str(told))
            except UdasaError as error:
                yield Fault(table.path, str(error))
            except FOREIGN as error:  # a third party's options may do anything
                yield Fault(table.path, f"looking ahead failed: {type(error).__name__}: {error}")


def _counted(config: RunConfig) -> Prompts | None:
    try:
        return count_prompts(config)
    except UdasaError:  # told where they are read
        return None


def _outlook(config: RunConfig, *, resumes: bool) -> Outlook:
    def prompts() -> Iterator[Prompt]:
        if prompts_file(config) is None:
            return
        try:
            for row in read_prompts(PromptSource.of_table(config.prompts), config.root):
                if isinstance(row, ReadPrompt):
                    yield row.prompt
        except UdasaError:  # told where they are read
            return

    launch = _launch(config)
    return Outlook(
        root=config.root,
        policy=config.model.source,
        runs_code=config.model.trust_remote_code,
        sampling=config.sampling,
        voters=config.voters,
        shard_size=config.run.shard_size,
        max_set_aside=config.prompts.max_set_aside,
        resumes=resumes,
        prompts=prompts,
        ranks=launch.world if launch else 1,
        sharding=launch.sharding if launch else "",
    )


def _launch(config: RunConfig) -> Launch | None:
    try:
        return launch_of(config)
    except UdasaError:  # told where the launcher is looked at
        return None
