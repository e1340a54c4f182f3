"""Planted records: the ordinary, and everything that a plugin's author may not have thought of."""

from __future__ import annotations

from collections.abc import Sequence

from udasa_core.records import Abstain, FinishReason, Group, Message, Pair, Prompt, Response, Score, Scores

# The largest seed that a run hands out: most libraries take no larger one.
SEED = 2**32 - 1
# Token ids are bytes beyond a few special tokens, so that they fit the vocabulary of any byte-level model.
_FIRST_BYTE = 3
_STOP = 2
_LONG = "The river that rises in the hills runs past the mill and the old bridge to the sea. " * 40

_TEXTS: dict[str, tuple[str, ...]] = {
    "ordinary": ("Paris.", "It is Paris.", "I think it is Lyon.", "Paris, of course."),
    "duplicates": ("Yes, always.", "Yes, always.", "Yes, always.", "No, never."),
    "all-alike": ("The same words.",) * 4,
    "empty": ("", "Something.", "  \n", "Something else."),
    "one-token": ("a", "b", "c", "?"),
    "emoji": ("👩‍👩‍👧 great! 🎉", "e\u0301 and é", "🙂", "\u200b"),
    "right-to-left": ("שלום עולם", "مرحبا بالعالم", "שלום", "Hello, שלום!"),
    "long": (_LONG, "Short.", _LONG + "The end.", "A kind answer."),
    "harm": ("Do harm to them.", "I can't help with harm.", "Be kind.", "No."),
    "single": ("The only response.",),
    "cut-off": ("The first reason is that", "The first reason is", "Because.", "Because of"),
}


def sample_response(text: str, *, doubt: float = 1.0, finish: FinishReason = "stop") -> Response:
    """Return a response of one token a byte, with log-probabilities between −2·doubt and −doubt.

    doubt: nats, ≥ 0; 0 is certain. A finished response ends with a stop token, one that was cut off does not.
    """
    ids = [_FIRST_BYTE + byte for byte in text.encode()]
    if finish == "stop" or not ids:
        ids.append(_STOP)
    logprobs = tuple(-doubt * (1.0 + (token % 7) / 7.0) for token in ids)
    return Response(
        text=text,
        token_ids=tuple(ids),
        logprobs=logprobs,
        sampling_logprobs=tuple(value / 2 for value in logprobs),
        entropies=tuple(-value for value in logprobs),
        finish_reason=finish,
    )


def sample_prompts() -> tuple[Prompt, ...]:
    """Return prompts of every form: one turn, a system message, several turns, other scripts."""
    one_turn = {
        "ordinary": "What is the capital of France?",
        "emoji": "What does 👩‍👩‍👧 stand for? 🎉",
        "right-to-left": "מה פירוש המילה שלום?",
        "blank-lines": "\n\nAnswer:\n\n",
    }
    prompts = [Prompt(name, (Message("user", text),)) for name, text in one_turn.items()]
    prompts.append(Prompt("system", (Message("system", "Be brief."), Message("user", "Why is it dark?"))))
    turns = (Message("user", "Hello."), Message("assistant", "Hello!"), Message("user", "Who are you?"))
    prompts.append(Prompt("conversation", turns))
    return tuple(prompts)


def sample_groups(policy: str = "planted") -> tuple[Group, ...]:
    """Return groups of four responses each (one has a single one); `policy` is the key they carry."""
    return tuple(_group(name, texts, policy) for name, texts in _TEXTS.items())


def _group(name: str, texts: Sequence[str], policy: str) -> Group:
    question = f"A question about {name}?"
    responses = tuple(
        sample_response(
            text,
            # The first is certain: every token had probability 1.
            doubt=0.4 * number,
            finish="length" if name == "cut-off" and number % 2 == 0 else "stop",
        )
        for number, text in enumerate(texts)
    )
    prompt = Prompt(name, (Message("user", question),))
    return Group(prompt, tuple(_FIRST_BYTE + byte for byte in question.encode()), responses, policy)


def sample_scores(groups: Sequence[Group]) -> tuple[Scores, ...]:
    """Return scores for each group: U rises with the response's number, and then the awkward ones.

    Every fourth group has one Abstain, every fifth nothing but, every seventh a tie over all its responses.
    """
    return tuple(_scores(group, number) for number, group in enumerate(groups, start=1))


def _scores(group: Group, number: int) -> Scores:
    count = len(group.responses)
    U: list[Score] = [(index + 1) / (count + 1) for index in range(count)]
    if number % 7 == 0:
        U = [0.5] * count
    if number % 4 == 0:
        U[-1] = Abstain("planted")
    if number % 5 == 0:
        U = [Abstain("planted")] * count
    column = {"planted": tuple(U)}
    return Scores(group.prompt.id, tuple(U), column, column)


def sample_pairs(count: int = 6) -> tuple[Pair, ...]:
    """Return short pairs with falling gaps, fit for training a byte-level model."""
    return tuple(_pair(number, 0.9 * (count - number) / count) for number in range(count))


def _pair(number: int, gap: float) -> Pair:
    question = f"What is {number} and {number}?"
    return Pair(
        prompt=Prompt(f"sum-{number}", (Message("user", question),)),
        prompt_token_ids=tuple(_FIRST_BYTE + byte for byte in question.encode()),
        chosen=sample_response(f"It is {2 * number}."),
        rejected=sample_response(f"Maybe {2 * number + 1}?", doubt=2.0),
        gap=gap,
        chosen_U=0.05,
        rejected_U=0.05 + gap,
        origin="planted",
    )
