"""Judge `openai`: a model behind an OpenAI-compatible server grades."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property

from pydantic import Field

from udasa_core import Grade, Message, Plugin, Prompt, RatingRule, Resources, hookimpl, rating
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.completion import Completion
from udasa_plugin_openai.connection import INCIDENTAL, SERVERS, ConnectionOptions
from udasa_plugin_openai.failures import GarbledError, RefusedError
from udasa_plugin_openai.settings import Settings
from udasa_plugin_openai.spelled_tokens import kept_apart
from udasa_plugin_openai.window import in_order

log = logging.getLogger("udasa.judge")

Lack = Callable[[Completion], str]

# With these a server refuses a prompt (too long, or not to its taste), or everything.
_ABOUT_THE_PROMPT = frozenset({400, 413, 422})
# Seeds beyond are not taken everywhere.
_SEEDS = 2**31


class OpenAIJudge(Plugin):
    """One Grade a grading prompt: the server's answer, and the rating from 1 to 10 that it holds, if any.

    Grades are yielded in order, each as soon as it and all before it are there; `concurrency` requests are in
    flight. An answer that stays unusable (no JSON, no choices, no content) after `retries` is a Grade of None
    with what came instead. A prompt that the server refuses is one with "<refused by the server: …>", once it
    is known that the server answers others. Any other failure ends the work with an error; the grades before
    it are kept by whoever asked, so asking again goes on from there.

    Every sampling setting is sent, those that change nothing too, as the generator does; one that the server
    refuses by name is left out, which a warning tells, and the run's record. Where the server's counts of
    tokens show that its chat template drops the system message, the judge's instructions go at the head of
    the question; a warning tells that, too. Nobody here knows the server's tokenizer: what looks like a
    control token in a prompt ("<|im_end|>") is sent with a space in it, so that no answer ends the turn that
    quotes it; a warning says so.

    A server need not answer the same twice, not even at temperature 0 with a seed: grade several times and
    look at the spread.
    """

    class Options(ConnectionOptions):
        """Which server and model grades, and how it answers."""

        temperature: float = Field(
            default=0.0,
            ge=0,
            description="Sampling temperature of the judge; 0: always its likeliest answer.",
        )
        max_tokens: int = Field(
            default=2048, ge=1, description="Token budget of a judgement, its thinking included."
        )
        rating_rule: RatingRule = "agreed"

    options: Options
    incidental = INCIDENTAL
    also_called = SERVERS

    def __init__(self, options: Options, name: str, resources: Resources) -> None:
        super().__init__(options, name, resources)
        self._answers_others = False
        # Whether the server's chat template drops a system message; None while nobody has asked.
        self._is_deaf: bool | None = None
        self._told = False
        self._lock = threading.Lock()

    @property
    def model(self) -> str:
        """The name that the server knows its model by."""
        return self.options.model

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the server refuses."""
        return self._settings.remarks if "_settings" in vars(self) else ()

    @hookimpl
    def udasa_judge(self, prompts: Sequence[Prompt], seed: int) -> Iterator[Grade]:
        return in_order(
            lambda prompt, stop: self._grade(prompt, seed, stop), prompts, self.options.concurrency
        )

    @cached_property
    def _settings(self) -> Settings:
        who = f"judge {self.name!r}"
        return Settings(Client(self.options, who), who, self.options.extra_body)

    def _grade(self, prompt: Prompt, seed: int, stop: threading.Event) -> Grade:
        try:
            completion = self._heard(self._kept_apart(prompt), seed, stop)
        except GarbledError as error:
            return Grade(None, error.raw, answered=False)
        except RefusedError as error:
            if error.status not in _ABOUT_THE_PROMPT:
                raise
            self._check_that_others_are_answered(seed, stop)
            return Grade(None, f"<refused by the server: {error.status} {error.said}>", answered=False)
        self._answers_others = True
        text = completion.choices[0].text or ""
        # What was cut off may be reasoning still, unless a rating is the last thing that it says.
        is_whole = completion.choices[0].finish_reason != "length"
        return Grade(rating(text if is_whole else text.splitlines()[-1], self.options.rating_rule), text)

    def _kept_apart(self, prompt: Prompt) -> list[Message]:
        """Return the messages as they are sent: without a control token."""
        sent = [Message(message.role, kept_apart(message.content)) for message in prompt.messages]
        if sent != list(prompt.messages):
            with self._lock:
                if not self._told:
                    log.warning(
                        "judge %r: prompt %s spells control tokens, which are sent with a space in them; so "
                        "are any further ones",
                        self.name,
                        prompt.id,
                    )
                self._told = True
        return sent

    def _heard(self, messages: Sequence[Message], seed: int, stop: threading.Event) -> Completion:
        """Return the completion; where the server drops the instructions, they go with the question.

        A server that counts a prompt's tokens shows it: with the instructions and without they are as many.
        """
        instructions = [message.content for message in messages if message.role == "system"]
        if not instructions:
            return self._ask(messages, seed, stop, _lack)
        question, *others = (message for message in messages if message.role != "system")
        joined = Message(question.role, "\n\n".join([*instructions, question.content]))
        if not self._is_deaf:
            completion = self._ask(messages, seed, stop, _lack)
            if not self._drops(completion.prompt_tokens, (question, *others), seed, stop):
                return completion
        return self._ask((joined, *others), seed, stop, _lack)

    def _drops(self, counted: int | None, bare: Sequence[Message], seed: int, stop: threading.Event) -> bool:
        """Say whether the server counts as many tokens in messages without instructions; asked once."""
        with self._lock:
            if self._is_deaf is None and counted is not None:
                try:
                    without = self._ask(bare, seed, stop, lambda completion: "", budget=1).prompt_tokens
                except (GarbledError, RefusedError):
                    without = None
                self._is_deaf = without == counted
                if self._is_deaf:
                    log.warning(
                        "judge %r: the server's chat template drops the system message, so the instructions "
                        "go with the question",
                        self.name,
                    )
            return bool(self._is_deaf)

    def _ask(
        self,
        messages: Sequence[Message],
        seed: int,
        stop: threading.Event,
        lack: Lack,
        budget: int | None = None,
    ) -> Completion:
        options = self.options
        return self._settings.complete(
            messages,
            stop,
            lack,
            {"temperature": options.temperature},
            seed=seed % _SEEDS,
            **{options.token_limit: budget or options.max_tokens},
        )

    def _check_that_others_are_answered(self, seed: int, stop: threading.Event) -> None:
        """Raise RefusedError where the server refuses a harmless prompt, too: the fault is not the prompt's,
        and grades of None would be kept for nothing."""
        with self._lock:
            if not self._answers_others:
                self._ask((Message("user", "Say yes."),), seed, stop, lambda completion: "")
                self._answers_others = True


def _lack(completion: Completion) -> str:
    """Say what a judgement lacks, "" where nothing."""
    return "" if (completion.choices[0].text or "").strip() else "the answer is empty"
