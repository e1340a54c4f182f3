"""What a plugin may be built on: `Plugin`, the base of its class, and `Options`, the base of its TOML table.

Both are a convenience. The core reads the attributes of `Plugin` by their names: a class without this base
has those that it declares, and for the others the defaults that stand here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict

from udasa_core.resources.protocols import Resources

if TYPE_CHECKING:
    from udasa_core.plugins.outlook import Outlook
    from udasa_core.records import SamplingOptions

ModelKind = Literal["causal language model", "classifier"]


class Plugin:
    """A plugin that keeps what it is built from in `options`, `name` and `resources`.

    A subclass declares its options, its hooks, and what differs from the defaults below:

        class Length(Plugin):
            class Options(Plugin.Options):
                enough: int = Field(default=100, gt=0, description="Characters of a long response.")

            options: Options
            label_free = True

            @hookimpl
            def udasa_score(self, groups, seed): ...

    Resources are asked for inside hooks: while plugins are built, none is there yet.
    """

    class Options(BaseModel):
        """The plugin's TOML table, less the reserved keys: a pydantic model that cannot be changed, and
        refuses unknown keys, NaN and infinities.

        This one has no key, and is the base of those that have some. Every field has a description:
        documentation is made of it. Kind `trainer`: where there are fields `rank` (of an adapter) and `batch`
        (pairs at a time), `udasa check` estimates memory from them. Kinds `generator` and `judge`: where
        there are `max_requests` and `max_total_tokens` (0 for no limit), it says where a run asks for more.
        """

        model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

        @property
        def cautions(self) -> Sequence[str]:
            """What `udasa check` tells of them although nothing is wrong, a sentence each."""
            return ()

        @property
        def named_models(self) -> Mapping[str, ModelKind]:
            """The models that it loads besides the run's own: source → what it is loaded as. `udasa check`
            lists them with their sizes, and what is not there is told before the first sample."""
            return {}

        def preflight(self, outlook: Outlook) -> Iterable[str]:
            """Yield what would stop a run and can be known before its first sample, a sentence each with what
            to type: a server that does not answer, say. Asked by `udasa check`, and as a run begins; it is
            done in seconds, costs nothing, and loads no weights."""
            return ()

        def held(
            self, prompts: int, longest: int, sampling: SamplingOptions, token: int, *, is_gpu: bool
        ) -> tuple[int, int]:
            """Kind `generator`: return how many bytes it holds at once on the policy's device while it
            answers so many prompts: surely, of whatever length they are, and at most, where the longest has
            `longest` tokens. token: what one token's keys and values take. (0, 0): nothing, for it samples
            elsewhere, or nobody knows."""
            return (0, 0)

        @property
        def is_in_context(self) -> bool:
            """Kind `generator`: whether a prompt is refused that does not fit, with the longest response,
            into the policy's context."""
            return False

        def limited(self, items: int) -> Mapping[str, Any]:
            """Kind `suite`: return the options that hold it to about so many questions, for `udasa eval
            --limit`: by default `limit`, where there is such a field; none where nothing limits it."""
            return {"limit": items} if "limit" in type(self).model_fields else {}

        @property
        def common_to_stages(self) -> Sequence[str]:
            """Kind `trainer`: the options that all stages have to give alike, since what they shape goes on
            from stage to stage, whichever trainers these have."""
            return ()

        @property
        def pair_figures(self) -> Sequence[str]:
            """Kind `trainer`: the pairs' figures without which it cannot train, of `gap`, `chosen_U`,
            `rejected_U` and `vote_margin`."""
            return ()

        @property
        def weighted_by(self) -> str:
            """Kinds `pairing` and `trainer`: the pairs' figure, as in `pair_figures`, by which it weighs
            them. Both by one figure is refused: it would count twice. "" where it weighs by none."""
            return ""

        @property
        def gives_entropies(self) -> bool:
            """Kind `generator`: whether its responses come with entropies. Where not, gates and dimensions
            that go by them are refused before the run."""
            return True

        @property
        def needs_entropies(self) -> bool:
            """Kind `dimension`: whether it scores by the entropies of responses, which not every generator
            gives."""
            return False

        @property
        def asks(self) -> Sequence[int]:
            """Kind `pairing`: what it asks models for each prompt, at most: of each question the tokens that
            may be sampled in answer, 0 where a reader's yes or no is read off."""
            return ()

        @property
        def first_round_alone(self) -> str:
            """Kind `stages`: why they can stage the pairs of a run's first round alone, in words; several
            rounds are refused then. "" where they can stage any round's."""
            return ""

        @property
        def drops_ungapped(self) -> str:
            """Kind `stages`: what to write so that pairs without a gap are staged, where all of them would be
            dropped. "" where some are not, or nobody knows."""
            return ""

    needs: ClassVar[Sequence[str]] = ()
    """The shared resources that it asks for, such as `("embedder",)`. They count in the fingerprint of
    what it makes; one that is not declared is refused."""

    also_called: ClassVar[Mapping[str, str]] = {}
    """Names that somebody may look for it by, such as that of a program that it talks to, with what is to be
    written then: told where no plugin has such a name."""

    label_free: bool | None = None
    """Whether no human label enters a run by this plugin: True, False, or None where nobody knows. Runs are
    stamped with it, by the kinds that decide what is trained on. Where an option decides, `__init__` sets
    it."""

    incidental: ClassVar[Sequence[str]] = ()
    """The options that say how and not what (a timeout, the name of a key's variable): they do not count in
    the fingerprint of what it makes."""

    takes_any_prompt: ClassVar[bool] = True
    """Kind `generator`: whether it answers whatever it is asked. False where it has its responses already:
    `udasa chat` asks another one then."""

    is_served: ClassVar[bool] = False
    """Kind `generator`: whether a server answers, so that how long it takes is not measured beforehand, and
    nothing is asked that nobody asked for."""

    fills: ClassVar[Sequence[str] | None] = None
    """Kind `pairing`: the figures that its pairs have, of `gap`, `chosen_U`, `rejected_U` and `vote_margin`;
    a trainer that reads another one is refused before the run. None where it does not say."""

    launchable: ClassVar[bool] = False
    """Kind `trainer`: whether several processes may train a stage together, each by a call of `udasa_train`
    with the same arguments, as [train] asks for. torch.distributed's variables (RANK, WORLD_SIZE, …) are set
    then; rank 0 alone writes to out_dir, and its report counts; a pair is trained on by one rank."""

    configuration: ClassVar[Path | None] = None
    """Kind `experiment`: the TOML that it runs on where none is named. None: the quickstart."""

    uses: ClassVar[Sequence[str] | None] = None
    """Kind `experiment`: the kinds of plugins that its runs use ("generator", "dimension", …). What would
    stop a run by others is not looked for: their tables are never used. None: every kind."""

    at_once: int = 1
    """Kind `engine`: how many shards it makes at once. An engine with options sets it in `__init__`, or as a
    property."""

    options: Options
    name: str
    resources: Resources

    def __init__(self, options: Any, name: str, resources: Resources) -> None:
        """options: an instance of `Options`. name: the instance's name in the TOML. resources: what `needs`
        declares, and what is open to all."""
        self.options = options
        self.name = name
        self.resources = resources

    @property
    def fingerprint(self) -> str:
        """What shapes its answers beside its options and its sources, such as the digest of a file that it
        reads: a text, asked for when hooks are called. Most often a cached property."""
        return ""

    @property
    def stage_names(self) -> Sequence[str] | None:
        """Kind `stages`: the names of the stages that it makes, in order, so that a misspelt
        `[trainer.<stage>]` is refused before the run. None where they depend on the pairs."""
        return None

    @property
    def judgements_each(self) -> int:
        """Kind `suite`: how often a judge is asked about one of its questions, and one model, at most."""
        return 0

    @property
    def grading_key(self) -> str:
        """Kind `suite`: a digest of the words by which it asks a judge, answers left out. By it `udasa show`
        finds the biases that `udasa experiment judge` measured of the judge when it was asked so. "" where it
        does not say."""
        return ""

    @property
    def remarks(self) -> Sequence[str]:
        """Kinds `generator` and `judge`: what it met that shapes its answers and that no option says, a
        sentence each, such as a setting that a server refuses. Asked for after each hook; kept with what the
        hook gave, and shown by `udasa show`."""
        return ()

    @property
    def model(self) -> str:
        """Kind `judge`: what it calls its model (a name, or a source); suites say where a judge and a policy
        are of one family. "" where it does not say."""
        return ""

    def release(self) -> None:
        """Free the memory that it took, and end the processes that hold some: called before a stage is
        trained. A hook that is called later begins anew."""

    def close(self) -> None:
        """End all that it holds running: called as a run ends, however it ends. By default `release`."""
        self.release()

    @property
    def report_name(self) -> str:
        """Kind `experiment`: what the file of its tables is called, where its name does not say enough: the
        part of a data set, say, so that one report does not replace another."""
        return ""


Options = Plugin.Options
# What a plugin says that declares nothing.
_SILENT = Plugin(Options(), "", cast("Resources", None))


def attribute(plugin: Any, name: str) -> Any:
    """Return an attribute of a plugin or its factory; the default that `Plugin` has where it has none."""
    return getattr(plugin, name, getattr(_SILENT, name))
