"""What a manifest holds, key by key: something else in a manifest.json is told before anybody uses it."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

# As many hex digits as any format's fingerprints had.
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{16,64}$")]
# A word that is a folder of the store.
_Step = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}$")]
# In format 1 the first word of an output's label was its step.
_Label = Annotated[str, Field(pattern=r"^[a-z][a-z-]{0,63}( [^\n]*)?$")]
_PathText = Annotated[str, Field(min_length=1, max_length=4096, pattern=r"^[^\x00]+$")]
_Versions = dict[str, str]


class _Shape(BaseModel):
    model_config = ConfigDict(strict=True, extra="allow")


class _Keys(_Shape):
    keys: list[Fingerprint]


class _Entry(_Keys):
    """One output, as `Output.to_json` and `Manifest.point` write it."""

    step: _Step
    split: str
    round: int
    instance: str
    policy: str
    label: str
    basis: list[Fingerprint] = []
    versions: _Versions = {}

    @model_validator(mode="after")
    def _as_many(self) -> _Entry:
        if self.basis and len(self.basis) != len(self.keys):
            raise ValueError(f"{len(self.basis)} bases for {len(self.keys)} keys")
        return self


class _Adapter(_Shape):
    model_config = ConfigDict(extra="forbid")

    sha256: str
    folder: str


class _Model(_Shape):
    """A `ModelRef`, whose fields these are."""

    model_config = ConfigDict(extra="forbid")

    source: str
    revision: str
    dtype: str
    template: str
    quantization: str = "none"
    adapters: list[_Adapter]
    folder: str = ""
    device: str = "cpu"
    trust_remote_code: bool = False


class _Models(_Shape):
    base: _Model
    __pydantic_extra__: dict[str, _Model]


class _Use(_Shape):
    use: str
    name: str = ""


class _Config(_Shape):
    run: dict[str, Any] = {}
    generator: dict[str, Any] = {}
    dimension: list[_Use]
    suite: list[_Use] = []


class _Plugin(_Shape):
    kind: str
    name: str
    plugin: str
    distribution: str
    version: str = ""
    source: str = ""
    options: dict[str, Any] = {}
    fingerprint: str = ""


class _Adopted(_Shape):
    label: str
    shards: int
    versions: _Versions


class _Figure(_Shape):
    model: str
    name: str
    value: float
    low: float
    high: float
    n: int
    error: float | None = None


class _Rounds(_Shape):
    made: int = 0
    ended: str = ""


class _Manifest(_Shape):
    format: int
    name: str
    status: str
    store: _PathText
    root: str = ""
    origin: str = ""
    error: str = ""
    config: _Config
    models: _Models
    label_free: bool | None = None
    is_recorded: bool = False
    labels_untold: list[str] = []
    plugins: list[_Plugin]
    versions: _Versions = {}
    code: _Versions = {}
    outputs: list[_Entry] = []
    earlier: list[_Entry] = []
    adopted: list[_Adopted] = []
    prompts: dict[str, int] = {}
    skipped: dict[str, str] = {}
    suites: dict[str, list[_Figure]] = {}
    rounds: _Rounds = _Rounds()
    evaluated: _Model | None = None


class _Earlier(_Keys):
    step: _Step


class _First(_Manifest):
    """Format 1, in which an output was found by its label."""

    outputs: dict[_Label, _Keys] = {}  # type: ignore[assignment]
    earlier: list[_Earlier] = []  # type: ignore[assignment]


def shape_fault(plain: dict[str, Any]) -> str:
    """Say which key of a manifest's plain data holds something else than udasa writes there ("" if none)."""
    try:
        (_First if plain["format"] == 1 else _Manifest).model_validate(plain)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = ".".join(map(str, first["loc"]))
        return f"{where}: {first['msg'][:1].lower()}{first['msg'][1:]}"
    return ""
