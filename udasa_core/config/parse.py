"""TOML → RunConfig: every fault at once, each with its TOML path, the offending value and what to type.

Only the core's own keys are read here; a plugin's options stay plain data until `stack` has found the
factory that declares them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar, cast

from pydantic import BaseModel, ValidationError

from udasa_core.config.key_faults import pydantic_faults, unknown_key
from udasa_core.config.schema import (
    CORE_ARRAYS,
    CORE_TABLES,
    KIND_TABLES,
    MODEL_TABLES,
    OF_ONE_KIND,
    VOTERS_A_BLOCK,
    ClustersTable,
    ControlsTable,
    EncoderTable,
    ModelTable,
    PluginKeys,
    PromptsTable,
    ReaderTable,
    RunTable,
    SamplingTable,
    StageTable,
    StoreTable,
    TrainingTable,
    TrainTable,
)
from udasa_core.config.transitions import (
    OF_PAIRS,
    OF_PROMPTS,
    GateTable,
    GuardTable,
    RoundsTable,
    TransitionsTable,
    figure_faults,
)
from udasa_core.errors import ConfigError, Fault
from udasa_core.records import SamplingOptions
from udasa_core.text.printable import excerpt


@dataclass(frozen=True, slots=True)
class PluginTable:
    """One plugin as the TOML selects it; `path` is where it stands, `options` what the core does not read."""

    kind: str
    path: str
    use: str
    name: str
    weight: float
    options: Mapping[str, Any]
    fall_back: str = ""
    texts: int = 0


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A whole, checked configuration. `raw` is the TOML's plain data after overrides; `root` its folder."""

    run: RunTable
    store: StoreTable
    models: Mapping[str, ModelTable | EncoderTable]
    prompts: PromptsTable
    controls: ControlsTable
    clusters: ClustersTable
    transitions: TransitionsTable
    gates: tuple[GateTable, ...]
    guard: GuardTable
    rounds: RoundsTable
    train: TrainTable
    sampling: SamplingOptions
    voters: int
    training: TrainingTable
    generator: PluginTable
    dimensions: tuple[PluginTable, ...]
    calibration: PluginTable
    aggregation: PluginTable
    pairing: PluginTable
    stages: PluginTable
    trainer: PluginTable
    stage_trainers: Mapping[str, PluginTable]
    stage_training: Mapping[str, StageTable]
    suites: tuple[PluginTable, ...]
    judge: PluginTable | None
    engine: PluginTable
    observers: tuple[PluginTable, ...]
    raw: Mapping[str, Any]
    root: Path
    origin: str

    def training_of(self, stage: str) -> StageTable:
        """Return the core's keys of one stage's trainer: its own, and for the rest those of [trainer]."""
        return self.stage_training.get(stage, self.training)

    def plugins(self) -> tuple[PluginTable, ...]:
        """Return every plugin table, in the pipeline's order."""
        judge = (self.judge,) if self.judge else ()
        return (
            self.generator,
            *self.dimensions,
            self.calibration,
            self.aggregation,
            self.pairing,
            self.stages,
            self.trainer,
            *self.stage_trainers.values(),
            *self.suites,
            *judge,
            self.engine,
            *self.observers,
        )

    @property
    def blocks(self) -> tuple[SamplingOptions, ...]:
        """How the responses that are paired are drawn, and then each block of voters."""
        voters = (
            replace(self.sampling, responses=VOTERS_A_BLOCK, block=number + 1)
            for number in range(self.voters // VOTERS_A_BLOCK)
        )
        return (self.sampling, *voters)

    @property
    def watches_prompts(self) -> bool:
        """Whether the held-out prompts are sampled under every stage's policy."""
        gated = any(gate.figure in OF_PROMPTS for gate in self.gates)
        return self.transitions.measure or gated or self.guard.action != "warn"

    @property
    def watches_pairs(self) -> bool:
        """Whether every stage's policy reads the earlier stages' pairs."""
        return self.transitions.measure or any(gate.figure in OF_PAIRS for gate in self.gates)

    @property
    def model(self) -> ModelTable:
        """The base policy's table."""
        return cast("ModelTable", self.models["model"])

    @property
    def reader(self) -> ReaderTable | None:
        """The reader's table; None where the base policy reads."""
        return cast("ReaderTable | None", self.models.get("reader"))

    @property
    def rendering(self) -> dict[str, Any]:
        """How the generator renders prompts, as far as its table says: arguments of `CausalLM.render`."""
        options = self.generator.options
        return {name: options[name] for name in ("template", "template_options") if name in options}

    @property
    def run_dir(self) -> Path:
        """The folder of this run's manifest."""
        return Path(self.run.folder) / self.run.name

    @property
    def store_dir(self) -> Path:
        """The folder of the content-addressed store."""
        return Path(self.store.path) if self.store.path else Path(self.run.folder) / "store"


@dataclass(frozen=True, slots=True)
class ScoringConfig:
    """What scoring without a run needs of a configuration: [[dimension]], and the models' tables."""

    models: Mapping[str, ModelTable | EncoderTable]
    dimensions: tuple[PluginTable, ...]
    raw: Mapping[str, Any]
    root: Path
    origin: str

    def plugins(self) -> tuple[PluginTable, ...]:
        """Return every plugin table."""
        return self.dimensions

    @property
    def reader(self) -> ReaderTable | None:
        """The reader's table; None where the base policy reads, or nothing does."""
        return cast("ReaderTable | None", self.models.get("reader"))


# Tables of one plugin, and arrays of plugin tables.
_SINGLE = ("generator", "calibration", "aggregation", "pairing", "stages", "trainer", "judge", "engine")
ARRAYS = ("dimension", "suite", "observer")
# What the members of an array of the core's own tables go by, in place of a name.
GOES_BY: Mapping[str, str] = {"gate": "figure"}
# What stands in for a plugin table that is left out; the core's own engine and observer, and no built-in.
_DEFAULT_ENGINE: Mapping[str, Any] = {"use": "local"}
_DEFAULT_OBSERVERS: Sequence[Mapping[str, Any]] = ({"use": "console"},)
# The table that a key belongs to, where somebody leaves it out: `--set responses=4`.
_OWNERS: Mapping[str, str] = {
    key: table
    for table, model in (("run", RunTable), ("prompts", PromptsTable), ("generator", SamplingTable))
    for key in model.model_fields
}

_T = TypeVar("_T", bound=BaseModel)


def core_keys(kind: str) -> list[str]:
    """Return the keys of a plugin's table that the core reads."""
    return [*plugin_keys(kind), *(KIND_TABLES[kind].model_fields if kind in KIND_TABLES else ())]


def plugin_keys(kind: str) -> list[str]:
    """Return those keys of `PluginKeys` that a kind's tables have."""
    return [key for key in PluginKeys.model_fields if OF_ONE_KIND.get(key, kind) == kind]


class _Reader:
    """Reads tables out of the raw data, and gathers every fault on the way."""

    def __init__(self, raw: Mapping[str, Any]) -> None:
        self.raw = raw
        self.faults: list[Fault] = []

    def table(self, key: str, model: type[_T]) -> _T | None:
        """Read one of the core's tables."""
        plain = self.raw.get(key, {})
        if not isinstance(plain, Mapping):
            self.faults.append(Fault(key, f"is a table, not {excerpt(plain)}", _as_table(key)))
            return None
        if key not in self.raw and any(field.is_required() for field in model.model_fields.values()):
            self.faults.append(Fault(key, "is missing", f"add a table [{key}]"))
            return None
        return self.checked(model, plain, key)

    def checked(self, model: type[_T], plain: Mapping[str, Any], path: str) -> _T | None:
        try:
            return model.model_validate(dict(plain))
        except ValidationError as error:
            self.faults.extend(pydantic_faults(error, path, model))
            return None

    def plugin(self, kind: str, plain: Any, path: str, reserved: Sequence[str] = ()) -> PluginTable | None:
        """Read one plugin table; `reserved` are further keys that the core reads from it."""
        if not isinstance(plain, Mapping):
            self.faults.append(Fault(path, f"is a table, not {excerpt(plain)}", _as_table(path)))
            return None
        own = plugin_keys(kind)
        keys = self.checked(PluginKeys, {key: plain[key] for key in own if key in plain}, path)
        if keys is None:
            return None
        options = {key: value for key, value in plain.items() if key not in own and key not in reserved}
        return PluginTable(
            kind, path, keys.use, keys.name or keys.use, keys.weight, options, keys.fall_back, keys.texts
        )

    def gates(self) -> tuple[GateTable, ...]:
        """Read [[gate]]: an array of the core's own."""
        tables = self.raw.get("gate", ())
        if not isinstance(tables, Sequence) or isinstance(tables, str):
            self.faults.append(Fault("gate", "is an array of tables", "write [[gate]]"))
            return ()
        found = []
        for number, plain in enumerate(tables):
            path = _gate_path(plain, number)
            if not isinstance(plain, Mapping):
                self.faults.append(Fault(path, f"is a table, not {excerpt(plain)}"))
                continue
            found.append(self.checked(GateTable, plain, path))
        return tuple(gate for gate in found if gate is not None)

    def single(self, key: str, reserved: Sequence[str] = ()) -> PluginTable | None:
        if key not in self.raw:
            self.faults.append(
                Fault(key, "is missing", f'add [{key}] with use = "…"; `udasa plugins` lists them')
            )
            return None
        return self.plugin(key, self.raw[key], key, reserved)

    def array(self, key: str, default: Sequence[Mapping[str, Any]] = ()) -> tuple[PluginTable, ...]:
        tables = self.raw.get(key, default)
        if not isinstance(tables, Sequence) or isinstance(tables, str):
            use = tables if isinstance(tables, str) and '"' not in tables else "…"
            told = f'write [[{key}]], and below it use = "{use}"; on a command line, '
            told += f"--set '{key}=[{{ use = \"{use}\" }}]'"
            self.faults.append(Fault(key, "takes one table or more, each with two brackets", told))
            return ()
        found = []
        for number, plain in enumerate(tables):
            named = plain.get("name", plain.get("use")) if isinstance(plain, Mapping) else None
            table = self.plugin(key, plain, f"{key}.{named if isinstance(named, str) else number}")
            if table is not None:
                found.append(table)
        names = [table.name for table in found]
        for name in sorted({name for name in names if names.count(name) > 1}):
            self.faults.append(
                Fault(f"{key}.{name}", "two tables have this name", 'give one of them name = "…"')
            )
        return tuple(found)


def _as_table(path: str) -> str:
    return f"write [{path}], and its keys below, each on a line; on a command line, --set {path}.KEY=VALUE"


def known_tables() -> list[str]:
    """Return the names of all tables that a configuration may have."""
    return [*CORE_TABLES, *_SINGLE, *ARRAYS, *CORE_ARRAYS]


def parse_config(
    raw: Mapping[str, Any],
    *,
    root: Path,
    origin: str,
    check: Callable[[RunConfig], Sequence[Fault]] | None = None,
) -> RunConfig:
    """Check plain TOML data and return it as a RunConfig; raise ConfigError with every fault.

    check: further checks (plugins, sources) whose faults are told together with those found here; they are
    made even where a table of the core is faulty, as far as the rest allows.
    """
    if not raw:
        told = "`udasa init FILE` writes one to start from"
        raise ConfigError([Fault("", "there is no table in it", told)], origin)
    reader = _Reader(raw)
    known = known_tables()
    reader.faults += [
        Fault(key, "is a key of a table", f"its whole name is {_OWNERS[key]}.{key}")
        if key in _OWNERS
        else unknown_key(key, key, known)
        for key in raw
        if key not in known
    ]

    sampling_keys = tuple(SamplingTable.model_fields)
    generator = reader.single("generator", sampling_keys)
    sampling = _subtable(reader, "generator", SamplingTable)
    training = _subtable(reader, "trainer", TrainingTable)
    trainer, stage_trainers, stage_training = _trainers(reader, training)
    dimensions = reader.array("dimension")
    if not raw.get("dimension"):
        reader.faults.append(Fault("dimension", "is missing", 'add [[dimension]] with use = "…"'))
    elif dimensions and sum(table.weight for table in dimensions) == 0:
        told = ", ".join(f"{table.path}.weight = {table.weight}" for table in dimensions)
        reader.faults.append(Fault("dimension", f"the weights sum to zero ({told})", "raise one above 0"))
    reader.faults += _fall_back_faults(dimensions)
    judge = reader.plugin("judge", raw["judge"], "judge") if "judge" in raw else None
    engine = reader.plugin("engine", raw.get("engine", _DEFAULT_ENGINE), "engine")
    parts: dict[str, Any] = {
        "run": reader.table("run", RunTable),
        "store": reader.table("store", StoreTable),
        "prompts": reader.table("prompts", PromptsTable),
        "controls": reader.table("controls", ControlsTable),
        "clusters": reader.table("clusters", ClustersTable),
        "transitions": reader.table("transitions", TransitionsTable),
        "guard": reader.table("guard", GuardTable),
        "rounds": reader.table("rounds", RoundsTable),
        "train": reader.table("train", TrainTable),
        "sampling": sampling and SamplingOptions(**sampling.model_dump(exclude={"voters"})),
        "voters": sampling and sampling.voters,
        "training": training,
        "generator": generator,
        "calibration": reader.single("calibration"),
        "aggregation": reader.single("aggregation"),
        "pairing": reader.single("pairing"),
        "stages": reader.single("stages"),
        "trainer": trainer,
        "engine": engine,
    }
    config = RunConfig(
        **parts,
        models=_models(reader),
        dimensions=dimensions,
        stage_trainers=stage_trainers,
        stage_training=stage_training,
        suites=reader.array("suite"),
        judge=judge,
        observers=reader.array("observer", _DEFAULT_OBSERVERS),
        gates=reader.gates(),
        raw=raw,
        root=root,
        origin=origin,
    )
    if parts["run"] and parts["store"] and config.run_dir.resolve() == config.store_dir.resolve():
        reader.faults.append(
            Fault("run.name", f"{config.run.name!r} is where the store lies", "choose another name")
        )
    reader.faults += _watch_faults(parts, config)
    if check is not None:
        reader.faults += check(config)
    if reader.faults:
        raise ConfigError(reader.faults, origin)
    return config


def _gate_path(plain: Any, number: int) -> str:
    """Return how faults and overrides name a gate: by its figure."""
    figure = plain.get("figure") if isinstance(plain, Mapping) else None
    return f"gate.{figure if isinstance(figure, str) and figure else number}"


def _watch_faults(parts: Mapping[str, Any], config: RunConfig) -> Iterator[Fault]:
    """Yield what is wrong with what gates, the guard and rounds go by.

    parts: the core's tables; one that its own check refused is None, and its fault has been told.
    """
    suites = [suite.name for suite in config.suites]
    held_out = parts["run"] is None or parts["run"].held_out > 0
    for gate in config.gates:
        path = f"gate.{gate.figure}"
        yield from figure_faults(path, "figure", gate.figure, gate.better, suites, held_out=held_out)
    guard = parts["guard"]
    if guard and guard.any_of_k:
        yield from figure_faults("guard", "any_of_k", guard.any_of_k, "higher", suites, held_out=held_out)
    if guard and not held_out and (guard.action != "warn" or guard.any_of_k):
        key = "action" if guard.action != "warn" else "any_of_k"
        yield Fault(f"guard.{key}", "asks for held-out prompts, and there are none", "raise run.held_out")
    rounds, training = parts["rounds"], parts["training"]
    if rounds and rounds.until in OF_PAIRS:
        yield Fault("rounds.until", f"{rounds.until} is of a round's own pairs", "name another figure")
    elif rounds and rounds.until:
        yield from figure_faults("rounds", "until", rounds.until, rounds.better, suites, held_out=held_out)
    references = {one.reference for one in (training, *config.stage_training.values()) if one}
    if rounds and training and rounds.reference == "base" and "base" not in references:
        told = f"means nothing beside [trainer] reference = {training.reference!r}"
        yield Fault("rounds.reference", told, 'write [trainer] reference = "base", or leave this out')


def parse_scoring(
    raw: Mapping[str, Any],
    *,
    root: Path,
    origin: str,
    check: Callable[[ScoringConfig], Sequence[Fault]],
) -> ScoringConfig:
    """Check the tables of dimensions and models, as `parse_config` does, where there is no run; [model] may
    be left out. Raises ConfigError with every fault, those of `check` among them."""
    reader = _Reader(raw)
    if not raw.get("dimension"):
        reader.faults.append(Fault("dimension", "is missing", "name a dimension"))
    config = ScoringConfig(_models(reader, needed=()), reader.array("dimension"), raw, root, origin)
    reader.faults += check(config)
    if reader.faults:
        raise ConfigError(reader.faults, origin)
    return config


def _fall_back_faults(dimensions: Sequence[PluginTable]) -> list[Fault]:
    names = [table.name for table in dimensions]
    return [
        Fault(
            f"{table.path}.fall_back",
            f"names no other dimension (it is {excerpt(table.fall_back)})",
            "add that one as a [[dimension]], with weight = 0.0 if it is to count there alone",
        )
        for table in dimensions
        if table.fall_back and (table.fall_back == table.name or table.fall_back not in names)
    ]


def _models(reader: _Reader, needed: Sequence[str] = ("model",)) -> dict[str, ModelTable | EncoderTable]:
    """Read the models' tables; one that was refused is left out, and its fault has been told."""
    found: dict[str, ModelTable | EncoderTable | None] = {}
    for role, model in MODEL_TABLES.items():
        is_needed = role in needed or not model.model_fields["source"].is_required()
        if is_needed or role in reader.raw:
            found[role] = reader.table(role, model)
    return {role: table for role, table in found.items() if table is not None}


def _subtable(reader: _Reader, key: str, model: type[_T]) -> _T | None:
    """Read the core's own keys out of a plugin table."""
    plain = reader.raw.get(key, {})
    if not isinstance(plain, Mapping):
        return None
    return reader.checked(model, {name: plain[name] for name in model.model_fields if name in plain}, key)


def _trainers(
    reader: _Reader, training: TrainingTable | None
) -> tuple[PluginTable | None, dict[str, PluginTable], dict[str, StageTable]]:
    """Read [trainer], and each [trainer.<stage>] as the default trainer's options with its own on top; of the
    core's keys it has those of [trainer], whichever its trainer is."""
    plain = reader.raw.get("trainer")
    overrides = {}
    if isinstance(plain, Mapping):
        overrides = {key: value for key, value in plain.items() if isinstance(value, Mapping)}
    trainer = reader.single("trainer", (*TrainingTable.model_fields, *overrides))
    stages: dict[str, PluginTable] = {}
    core: dict[str, StageTable] = {}
    for stage, override in overrides.items():
        if trainer is None:
            break
        path = f"trainer.{stage}"
        other = override.get("use", trainer.use) != trainer.use
        # Another trainer's options mean something else: only the same trainer inherits.
        inherited = {} if other else trainer.options
        merged = {"use": trainer.use, **inherited, **override}
        table = reader.plugin("trainer", merged, path, tuple(StageTable.model_fields))
        if table is not None:
            stages[stage] = table
        given = {key: value for key, value in override.items() if key in StageTable.model_fields}
        inherited = {} if training is None else training.model_dump(include=set(StageTable.model_fields))
        own = reader.checked(StageTable, {**inherited, **given}, path)
        if own is not None:
            core[stage] = own
    return trainer, stages, core
