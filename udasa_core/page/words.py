"""The words that each section of a page uses, a line each. Those of docs/index.md say what they do there."""

from __future__ import annotations

from collections.abc import Mapping

_MEANINGS: Mapping[str, str] = {
    "U": "the aggregate over dimensions, after calibration, in [0, 1]",
    "gap": "U(rejected) − U(chosen), or none where the pair was not made by U",
    "dimension": "one source of uncertainty: semantic, factual, value, or a third party's",
    "abstain": 'a dimension\'s explicit "no score for this response, because …"',
    "voters": (
        "further responses of the same policy: the K responses are compared with them, and they are"
        " never paired"
    ),
    "stage": "an ordered, named set of pairs: conservative, moderate, exploratory",
    "round": (
        "sampling, pairing and training by stages, once over; the next one begins with the policy "
        "that it left"
    ),
    "surely": "of a change: the whole of its 95% interval lies on that side",
    "gate, guard": (
        "a figure that no stage may surely make worse; signs that a policy collapses onto fewer "
        "answers than the base"
    ),
    "single cluster": "of a prompt: all of its responses give one answer",
    "control prompt": "a prompt that nobody can be unsure of",
    "meter": "a figure of the responses to the held-out prompts, by which policies are compared",
    "source": "where a model or data comes from: `hf:`, `pypi:`, `file:`, `builtin:`",
    # What follows is told nowhere else in one line.
    "conservative, moderate, exploratory": (
        "the built-in stages: pairs with the largest gap, with a middle one, with the smallest; @2 "
        "is the second round's"
    ),
    "ipo, dpo, sft": (
        "losses of training: two by preference of the chosen over the rejected, one that imitates "
        "the chosen alone"
    ),
    "set aside": "of a row of the prompts: it cannot be used, and why is noted beside the run",
    "held out": "of a prompt: never trained on, so that before and after can be compared",
    "certified": (
        "of a gate: all of the interval is within the bound; not certified: the data could not tell"
    ),
    "tripped": "of a gate or the guard: all of the interval is above the bound",
    "majority flips": (
        "of the guard: prompts whose most frequent answer is no longer the base's, beyond what "
        "chance does between two halves of the base's own responses"
    ),
    "entropy": (
        "how spread the next token is, in nats; a fall says that the policy has fewer ways to "
        "answer left, as where it collapses, and is worse for that"
    ),
    "any_of_k": (
        "of a suite: whether any of the K responses is right; it falls where a policy collapses "
        "onto fewer answers"
    ),
    "majority": "of a suite: whether the answer that most responses give is right",
    "disagreement of dimensions": (
        "of a pair: the largest less the smallest gap that one dimension alone gives it"
    ),
    "min_gap": (
        "an option of pairing: the smallest gap that makes a pair; at 0, its default, only responses of one "
        "U make none"
    ),
    "flag": (
        "of a pair: a side was cut off, or is twice as long as the other, or a dimension by itself would "
        "have chosen the rejected one"
    ),
    "calibration": (
        "from a dimension's own scale to a common one, by the first round's responses; it is frozen"
        " from then on, so that later figures can be compared"
    ),
    "fingerprint": "a digest of everything that an output is made of: the same one is the same output",
}
_OF: Mapping[str, tuple[str, ...]] = {
    "verdict": (
        *("stage", "conservative, moderate, exploratory", "round", "ipo, dpo, sft", "surely"),
        *("held out", "set aside", "gate, guard", "tripped", "certified", "entropy", "any_of_k", "voters"),
    ),
    "pairs": (
        "U",
        "gap",
        "dimension",
        "abstain",
        "min_gap",
        "flag",
        "disagreement of dimensions",
        "calibration",
        "stage",
        "round",
    ),
    "stages": (
        *(
            "stage",
            "conservative, moderate, exploratory",
            "round",
            "ipo, dpo, sft",
            "gap",
            "min_gap",
            "surely",
        ),
        *("gate, guard", "tripped", "certified", "majority flips", "single cluster", "entropy", "any_of_k"),
    ),
    "answers": ("held out", "U", "meter", "calibration", "entropy", "single cluster"),
    "uncertainty": ("U", "dimension", "abstain", "calibration", "voters", "single cluster", "control prompt"),
    "suites": ("any_of_k", "majority", "single cluster", "surely", "round"),
    "provenance": ("source", "fingerprint"),
}


def words_of(section: str) -> list[tuple[str, str]]:
    """Return a section's words with their meanings; none of a section that is not a run's."""
    return [(word, _MEANINGS[word]) for word in _OF.get(section, ())]
