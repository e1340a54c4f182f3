"""What would stop a run and can be known before its first sample: asked by `check`, and as a run begins.

No weight is loaded, nothing is fetched. A server, or the hub, is asked once, within seconds.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from udasa_core.config.parse import RunConfig
from udasa_core.errors import FOREIGN, Fault, SourceError, UdasaError
from udasa_core.models import hardware, loading
from udasa_core.models.model_size import model_size
from udasa_core.models.resolve import check_model
from udasa_core.plugins.catalog import Catalog
from udasa_core.plugins.outlook import Outlook
from udasa_core.plugins.stack import Chosen, importable, stage_names
from udasa_core.prompts.read import PromptSource, ReadPrompt, read_prompts
from udasa_core.records import Prompt
from udasa_core.resources.entailment import CrossEncoderEntailment
from udasa_core.running.used_models import UsedModel, used_models
from udasa_core.running.workload import Prompts, count_prompts, responses, stored_bytes, trained_bytes
from udasa_core.sources import hub
from udasa_core.sources.model_folder import architectures
from udasa_core.sources.source import parse_source
from udasa_core.store.manifest import Manifest
from udasa_core.text.size import size

# The kinds of which a model that has just been fetched tells more.
OF_MODELS = ("dimension", "trainer", "judge", "suite")


def preflight(
    config: RunConfig,
    catalog: Catalog,
    chosen: Sequence[Chosen],
    *,
    kinds: Collection[str] | None = None,
    resumes: bool = False,
) -> tuple[list[Fault], list[str]]:
    """Return what would stop a run, and in sentences what could not be found out.

    chosen: the plugins that the configuration selects. kinds: of these plugins alone, and nothing of the
    machine. resumes: the run was begun before, so that a server may not be needed any more: none is asked.
    """
    notes: list[str] = []
    used = list(used_models(config, chosen))
    faults = [*_model_faults(config, used, notes), *_plugin_faults(config, chosen, kinds, resumes)]
    if kinds is None:
        faults += [*_device_faults(used), *_four_bit_faults(config, chosen), *_folder_faults(config)]
        faults += _disk_faults(config, chosen, stage_names(config, catalog)) if not resumes else ()
    return list(dict.fromkeys(faults)), notes


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


def _four_bit_faults(config: RunConfig, chosen: Sequence[Chosen]) -> Iterator[Fault]:
    if loading.has_bitsandbytes():
        return
    asked = [
        f"{role}.quantization"
        for role, table in config.models.items()
        if getattr(table, "quantization", "none") == "4bit"
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
        above = _existing(folder)
        if not above.is_dir():
            yield Fault(place, f"{above} is no folder", "name another place")
        elif not os.access(above, os.W_OK):
            yield Fault(
                place, f"nothing can be written to {above}", "name another place, or make it writable"
            )


def _existing(folder: Path) -> Path:
    """Return the folder, or the nearest one above it that is there."""
    folder = folder.absolute()
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder


def _disk_faults(
    config: RunConfig, chosen: Sequence[Chosen], stages: Sequence[str] | None
) -> Iterator[Fault]:
    """Yield that the disk is too small. A store holds about a quarter of what uncompressed responses of full
    length would take: less than that is refused."""
    least = _least_bytes(config, chosen, stages)
    free = shutil.disk_usage(_existing(config.store_dir)).free
    if free < least:
        yield Fault(
            "store.path" if config.store.path else "run.folder",
            f"{size(free)} are free there, and the run writes {size(least)} at least",
            "name a place with more room, or make room: `udasa clean` removes what no run points at",
        )


def _least_bytes(config: RunConfig, chosen: Sequence[Chosen], stages: Sequence[str] | None) -> float:
    prompts = _counted(config)
    stored = stored_bytes(config, prompts, responses(config, prompts, stages)) / 4 if prompts else 0
    try:
        model = model_size(config.model.source, config.root)
    except SourceError:  # told where it is loaded
        model = None
    if model is None:
        return stored
    trainers = {one.table.path: one.options for one in chosen}
    left = trained_bytes(model, trainers[config.trainer.path]) if config.trainer.path in trainers else 0
    # While a stage trains, a checkpoint and its optimizer lie beside what it leaves.
    return stored + left * (len(stages or ("",)) + 2)


def _counted(config: RunConfig) -> Prompts | None:
    try:
        return count_prompts(config)
    except UdasaError:  # told where they are read
        return None


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


def _outlook(config: RunConfig, *, resumes: bool) -> Outlook:
    def prompts() -> Iterator[Prompt]:
        if _counted(config) is None:
            return
        for row in read_prompts(PromptSource.of_table(config.prompts), config.root):
            if isinstance(row, ReadPrompt):
                yield row.prompt

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
    )
