"""What passes through the pipeline: frozen records that check themselves when they are made.

Units and directions hold everywhere: log-probabilities and entropies in nats; every uncertainty in [0, 1],
0 = certain and reliable, 1 = most uncertain.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast, overload

if TYPE_CHECKING:
    from numpy import bytes_, float64, intp
    from numpy.typing import NDArray

Role = Literal["system", "user", "assistant"]
FinishReason = Literal["stop", "length"]
# What of a response a likelihood, or a loss, is taken over.
Part = Literal["answer", "reasoning", "all"]
ROLES: tuple[Role, ...] = ("system", "user", "assistant")

# Floating-point slack when a log-probability is checked against its bound of zero.
_SLACK = 1e-4


def content_key(*parts: object, length: int = 16) -> str:
    """Return the first `length` hex digits of the SHA-256 of `parts` as canonical JSON."""
    text = json.dumps(parts, sort_keys=True, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:length]


def is_finite(value: object) -> bool:
    """Say whether a value is a number that a float can hold: 10**400 is not."""
    try:
        return isinstance(value, int | float) and math.isfinite(value)
    except OverflowError:
        return False


def are_finite(values: Sequence[object]) -> bool:
    """Say of all values whether they are: of the floats of a response in the time that their sum takes."""
    # A sum of floats is finite only where each of them is. One that overflows says nothing.
    if set(map(type, values)) == {float} and math.isfinite(sum(cast("Sequence[float]", values))):
        return True
    return all(map(is_finite, values))


@dataclass(frozen=True, slots=True)
class Adapter:
    """A LoRA adapter by a SHA-256; `folder` says where it lies on this machine.

    A trainer reports that of its weights; in the policy that a run goes on with it is that of the weights and
    of the configuration, which says how strongly they count.
    """

    sha256: str
    folder: str = field(compare=False)


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model's identity, everywhere: in fingerprints, in cache keys, as a stage's input.

    `revision` is the SHA-256 of what the folder holds (weights, configuration, tokenizer), so `source` and
    the folders are provenance only: the same bytes found elsewhere are the same model. trust_remote_code: it
    says which code reads those bytes, the folder's or transformers' own.
    """

    source: str = field(compare=False)
    revision: str
    dtype: str
    template: str
    quantization: str = "none"
    adapters: tuple[Adapter, ...] = ()
    folder: str = field(default="", compare=False)
    device: str = field(default="cpu", compare=False)
    trust_remote_code: bool = False

    @property
    def key(self) -> str:
        """The identity as 16 hex digits; says nothing of where the files lie."""
        adapters = [adapter.sha256 for adapter in self.adapters]
        read_by = "its own code" if self.trust_remote_code else ""
        return content_key(self.revision, self.dtype, self.template, self.quantization, adapters, read_by)

    @property
    def called(self) -> str:
        """The name under which the model's source knows it: "owner/name" of the hub's, a file's or a folder's
        own name, no path."""
        scheme, _, rest = self.source.partition(":")
        if scheme == "hf":
            return rest.partition("@")[0]
        path = Path(rest.partition("#")[0])
        if path.suffix == ".gguf":
            return path.stem
        return Path(self.folder).name if scheme == "file" else self.source

    def with_adapter(self, adapter: Adapter) -> ModelRef:
        """Return the model whose one, continued adapter is `adapter`."""
        return replace(self, adapters=(adapter,))

    def with_weights(self, revision: str, folder: str) -> ModelRef:
        """Return the model whose own weights were trained: they lie in a folder of their own, whose files'
        SHA-256 is `revision`, and no adapter is beside them."""
        return replace(self, revision=revision, folder=folder, adapters=())

    def to_json(self) -> dict[str, Any]:
        """Return plain data that `from_json` reads back."""
        return asdict(self)

    @classmethod
    def from_json(cls, plain: Mapping[str, Any]) -> ModelRef:
        """Rebuild a ModelRef from `to_json`'s plain data."""
        adapters = tuple(Adapter(**adapter) for adapter in plain["adapters"])
        return cls(**{**plain, "adapters": adapters})


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a conversation."""

    role: Role
    content: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise ValueError(f"role {self.role!r} is none of {', '.join(ROLES)}")


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the policy is asked: messages that end with the user's turn, under an id unique in the run.

    passages: texts that the user gives as evidence. A dimension may check responses against them; the policy
    does not see them, unless its messages quote them.
    """

    id: str
    messages: tuple[Message, ...]
    passages: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.messages:
            raise ValueError("a prompt has at least one message")
        if self.messages[-1].role != "user":
            raise ValueError(f"a prompt ends with a user message, not {self.messages[-1].role!r}")


@dataclass(frozen=True, slots=True)
class Response:
    """One sampled completion and the statistics of its T tokens, the end-of-turn token included.

    text: what it answers, which is what is compared, read and graded. "" for none.
    token_ids: T ids as sampled (never a re-tokenised text).
    logprobs: T log-probabilities under the model's raw distribution (temperature 1, no top-k or top-p).
    sampling_logprobs: T log-probabilities under the distribution that was sampled from.
    entropies: T entropies of the full raw distribution; None where the generator knows none (a server gives
    the log-probabilities of a few tokens, not of all).
    finish_reason: "stop" at an end-of-turn token, "length" where the token budget cut it off.
    thought: what the model thought before it answered, its marks included; "" for none.
    thought_tokens: how many of the T tokens, the first ones, are the thought and its marks. All T where it
    was cut off while it thought: it `has_answer` then not.
    forced: the places of tokens that the generator wrote and the model did not draw, in order. Their
    sampling log-probability is 0.
    """

    text: str
    token_ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    sampling_logprobs: tuple[float, ...]
    entropies: tuple[float, ...] | None
    finish_reason: FinishReason
    thought: str = ""
    thought_tokens: int = 0
    forced: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = len(self.token_ids)
        if count == 0:
            raise ValueError("a response has at least one token (its end-of-turn token)")
        for name in ("logprobs", "sampling_logprobs", "entropies"):
            values: tuple[float, ...] | None = getattr(self, name)
            if name == "entropies" and values is None:
                continue
            if values is None or len(values) != count:
                raise ValueError(f"{name} has {len(values or ())} values for {count} tokens")
            if not are_finite(values):
                raise ValueError(f"{name} holds a value that is not finite")
        if max(self.logprobs) > _SLACK or max(self.sampling_logprobs) > _SLACK:
            raise ValueError("a log-probability is above 0")
        if self.entropies is not None and min(self.entropies) < -_SLACK:
            raise ValueError("an entropy is below 0")
        if self.finish_reason not in ("stop", "length"):
            raise ValueError(f"finish_reason {self.finish_reason!r} is neither 'stop' nor 'length'")
        if not 0 <= self.thought_tokens <= count:
            raise ValueError(f"thought_tokens is {self.thought_tokens} of {count} tokens")
        if self.forced != tuple(sorted(set(self.forced) & set(range(count)))):
            raise ValueError(f"forced names {self.forced}, and there are {count} places, each named once")

    @property
    def has_answer(self) -> bool:
        """Whether anything comes after the thought: a response that was cut off in it has no answer."""
        return self.thought_tokens < len(self.token_ids)

    def places(self, part: Part) -> list[int]:
        """Return the places, in order, of the tokens that the model drew of a part; none is legal."""
        start, stop = {
            "answer": (self.thought_tokens, len(self.token_ids)),
            "reasoning": (0, self.thought_tokens),
            "all": (0, len(self.token_ids)),
        }[part]
        return [place for place in range(start, stop) if place not in self.forced]

    def logprobs_of(self, part: Part) -> list[float]:
        """Return the log-probabilities of the tokens that the model drew of a part; none is legal."""
        logprobs = self.logprobs
        return [logprobs[place] for place in self.places(part)]


@dataclass(frozen=True, slots=True)
class Group:
    """One prompt, its rendered token ids, and the K responses that the model `policy` (a key) gave.

    voters: further responses of the same policy, which dimensions compare the K with; they are scored by none
    and paired with none.
    """

    prompt: Prompt
    prompt_token_ids: tuple[int, ...]
    responses: tuple[Response, ...]
    policy: str
    voters: tuple[Response, ...] = ()

    def __post_init__(self) -> None:
        if not self.responses:
            raise ValueError(f"prompt {self.prompt.id} has no response")

    @property
    def heard(self) -> tuple[Response, ...]:
        """What a response is compared with, itself included: the K responses, and then the voters."""
        return (*self.responses, *self.voters)


@dataclass(frozen=True, slots=True)
class Abstain:
    """A dimension's explicit "no score for this response, because …"."""

    reason: str

    def __post_init__(self) -> None:
        if not self.reason.strip():
            raise ValueError("an Abstain says why")


Score = float | Abstain


@dataclass(frozen=True, slots=True)
class Column:
    """One dimension's score for every response: `scores[g][k]` is group g's response k, in order."""

    dimension: str
    scores: tuple[tuple[Score, ...], ...]


@dataclass(frozen=True, slots=True)
class Scores:
    """One group's K uncertainties: aggregate `U`, and by dimension the calibrated and the raw columns."""

    prompt_id: str
    U: tuple[Score, ...]
    calibrated: Mapping[str, tuple[Score, ...]]
    raw: Mapping[str, tuple[Score, ...]]

    def __post_init__(self) -> None:
        for name, column in (*self.calibrated.items(), *self.raw.items()):
            if len(column) != len(self.U):
                raise ValueError(f"column {name} has {len(column)} scores for {len(self.U)} responses")


@dataclass(frozen=True, slots=True)
class Pair:
    """A preference: `chosen` over `rejected` for one prompt.

    gap: U(rejected) − U(chosen), in [−1, 1]; None where the pair was not made by U.
    chosen_U, rejected_U: the two aggregates, None likewise or where a side was not scored.
    origin: which strategy (or revision, or judge) made it.
    weight: the pair's share in its stage's loss, ≥ 0; 1 is an ordinary pair's.
    vote_margin: the share of a prompt's responses that answer as the chosen one does, less the share that
    answer as the rejected one does, in [−1, 1]; None where nobody counted.
    """

    prompt: Prompt
    prompt_token_ids: tuple[int, ...]
    chosen: Response
    rejected: Response
    gap: float | None
    chosen_U: float | None
    rejected_U: float | None
    origin: str
    weight: float = 1.0
    vote_margin: float | None = None

    def __post_init__(self) -> None:
        if self.chosen.text == self.rejected.text or self.chosen.token_ids == self.rejected.token_ids:
            raise ValueError(f"prompt {self.prompt.id}: chosen equals rejected")
        if not (self.chosen.has_answer and self.rejected.has_answer):
            raise ValueError(f"prompt {self.prompt.id}: a side was cut off while it thought")
        for name in ("gap", "chosen_U", "rejected_U", "vote_margin"):
            value: float | None = getattr(self, name)
            if value is not None and not -1.0 <= value <= 1.0:
                raise ValueError(f"{name} {value} is outside [-1, 1]")
        if not 0.0 <= self.weight < math.inf:
            raise ValueError(f"weight {self.weight} is no finite number from 0 on")

    @property
    def id(self) -> str:
        """The pair's identity: prompt, chosen tokens, rejected tokens."""
        return content_key(self.prompt.id, self.chosen.token_ids, self.rejected.token_ids)


@dataclass(frozen=True, slots=True)
class Unpaired:
    """A prompt that gave no pair, with the reason that is counted."""

    prompt_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class Pairing:
    """What a pairing strategy made of some groups: each prompt appears in `pairs` or in `unpaired`."""

    pairs: tuple[Pair, ...]
    unpaired: tuple[Unpaired, ...] = ()


# A column that is left out becomes one of NaN.
_LEFT_OUT: Any = None


class Ids(Sequence[str]):
    """Ids in as many bytes as they have letters: there may be millions. numpy takes them as they are, by
    `np.asarray(ids, dtype="S")`."""

    __slots__ = ("_letters",)

    def __init__(self, letters: NDArray[bytes_]) -> None:
        """letters: (n,), ASCII."""
        self._letters = letters

    def __len__(self) -> int:
        return len(self._letters)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> Ids: ...
    def __getitem__(self, place: int | slice) -> str | Ids:
        if isinstance(place, slice):
            return Ids(self._letters[place])
        return str(self._letters[place].decode("ascii"))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[bytes_]:
        return self._letters.copy() if copy else self._letters

    def taken(self, rows: NDArray[intp]) -> Ids:
        """Return the ids of some rows, in their order."""
        return Ids(self._letters[rows])


@dataclass(frozen=True, slots=True)
class PairTable:
    """All pairs as columns of one length n, for stage policies: texts stay on disk.

    gaps, chosen_U: float64 (n,), NaN where the pair has none. The rest likewise, and all NaN where it is left
    out: rejected_U; vote_margins, in [−1, 1]; chosen_tokens, rejected_tokens, the lengths of both responses;
    chosen_logprobs, rejected_logprobs, in nats, each response's summed log-probability under the policy that
    gave it (the first stage's reference, where the base did).
    """

    ids: Sequence[str]
    gaps: NDArray[float64]
    chosen_U: NDArray[float64]
    rejected_U: NDArray[float64] = _LEFT_OUT
    vote_margins: NDArray[float64] = _LEFT_OUT
    chosen_tokens: NDArray[float64] = _LEFT_OUT
    rejected_tokens: NDArray[float64] = _LEFT_OUT
    chosen_logprobs: NDArray[float64] = _LEFT_OUT
    rejected_logprobs: NDArray[float64] = _LEFT_OUT

    def __post_init__(self) -> None:
        import numpy as np

        for column in fields(self)[1:]:
            if getattr(self, column.name) is None:
                object.__setattr__(self, column.name, np.broadcast_to(np.nan, len(self.ids)))
            if len(getattr(self, column.name)) != len(self.ids):
                raise ValueError("the columns of a PairTable have one length")

    def __len__(self) -> int:
        return len(self.ids)

    def taken(self, rows: NDArray[intp]) -> Sequence[str]:
        """Return the ids of some rows, in their order, in as little room as there is for them: for the stages
        of a plan."""
        if isinstance(self.ids, Ids):
            return self.ids.taken(rows)
        return tuple(self.ids[row] for row in rows.tolist())


@dataclass(frozen=True, slots=True)
class StagePlan:
    """A stage policy's decision: each stage's pairs by id, stages in training order; and each pair that is in
    none, with the reason (`(pair id, reason)`)."""

    stages: Mapping[str, Sequence[str]]
    dropped: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Stage:
    """A named set of `size` pairs, the name of its trainer, and that trainer's overrides.

    before, after: how many pairs the stages before it and behind it have, in the plan. replayed: how many of
    its `size` pairs, the last ones of the pairs' file, are of earlier stages and trained on again.
    """

    name: str
    size: int
    trainer: str
    overrides: Mapping[str, Any]
    before: int = 0
    after: int = 0
    replayed: int = 0


@dataclass(frozen=True, slots=True)
class Report:
    """What a trainer measured on one stage, and the model that it made.

    metrics: final figures by name; `show` knows first_loss, last_loss, chosen_logprob_before and _after,
    rejected_logprob_before and _after (mean log-probability of a whole response), margin_after,
    accuracy_after and steps, and lists others as they are. history: the same kind of figures by step.
    A skipped stage has `skipped` (the reason), no metrics, and hands its policy on unchanged.
    """

    stage: str
    trainer: str
    pairs: int
    policy: ModelRef
    metrics: Mapping[str, float] = field(default_factory=dict)
    history: tuple[Mapping[str, float], ...] = ()
    skipped: str = ""


@dataclass(frozen=True, slots=True)
class Metric:
    """A measured figure with the bounds of its 95% interval and the number of items behind it.

    error: its standard error, None where it has none.
    """

    name: str
    value: float
    low: float
    high: float
    n: int
    error: float | None = None


@dataclass(frozen=True, slots=True)
class SuiteReport:
    """A suite's figures for one model, and one row of plain data an item."""

    suite: str
    policy: ModelRef
    metrics: tuple[Metric, ...]
    rows: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Grade:
    """A judge's verdict: the parsed grade (None where it could not be parsed) and the raw text.

    answered: False where the judge gave no text (refused, garbled, too long), and `raw` says why; then nobody
    looks for a verdict in it.
    """

    grade: float | None
    raw: str
    answered: bool = True


@dataclass(frozen=True, slots=True)
class SamplingOptions:
    """How responses are drawn: K a prompt, at a temperature (> 0), with a token budget.

    block: 0 for the responses that are paired, n ≥ 1 for the n-th block of voters. A generator that samples
    need not look at it, for each block has a seed of its own; one that reads says by it what comes next.
    thinking_tokens: the budget of what is thought before the answer, apart from `max_new_tokens`; None: there
    is none of its own, and `max_new_tokens` bounds both.
    """

    responses: int = 8
    temperature: float = 0.7
    max_new_tokens: int = 128
    top_p: float = 1.0
    top_k: int = 0
    block: int = 0
    thinking_tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Return plain data, without what is not asked for: an option that came later changes no key."""
        return {name: value for name, value in asdict(self).items() if value is not None}


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened, told to observers: `what` on `name`, `done` of `total` (None: not counted).

    what: "started", "advanced" or "finished". kind: "run", "step", "stage", "suite", "work" (a long task
    inside one of them, such as a download), and two that are told once, as "finished": "gate", what a gate,
    or the guard, decided of a policy, and "held-out", what a round changed on the held-out prompts.

    detail: figures and words that belong to it. Of a finished stage its trainer's metrics; of a finished
    suite the "model" and its "metrics", each a `Metric` as plain data; of the held-out prompts the "round"
    (from 1) and its "changes": name, before, after, low, high (the 95% interval of the difference) and n. No
    text of a prompt or a response is in it, unless the observer's table says `texts = N`: then, where a stage
    starts, "texts" is a list of up to N of its pairs: "prompt" (messages), "chosen" and "rejected".
    """

    what: Literal["started", "advanced", "finished"]
    kind: Literal["run", "step", "stage", "suite", "work", "gate", "held-out"]
    name: str
    done: int = 0
    total: int | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
