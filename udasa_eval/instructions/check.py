"""Which of a prompt's instructions a response fulfils, strictly and loosely."""

from __future__ import annotations

from dataclasses import dataclass

from udasa_eval.instructions.prompts import InstructedPrompt


@dataclass(frozen=True, slots=True)
class Verdict:
    """For each instruction of the prompt, in order: whether the response fulfils it.

    strict: as it stands. loose: as it stands, or without its first line, its last one, both, or asterisks, so
    that "Sure, here it is:" and bold type spoil nothing. What holds strictly holds loosely, too.
    """

    instructions: tuple[str, ...]
    strict: tuple[bool, ...]
    loose: tuple[bool, ...]

    def failed(self, *, loose: bool = False) -> tuple[str, ...]:
        """Return the ids of the instructions that are not fulfilled."""
        held = self.loose if loose else self.strict
        return tuple(name for name, holds in zip(self.instructions, held, strict=True) if not holds)


def check(response: str, asked: InstructedPrompt) -> Verdict:
    """Check a response; a blank one fulfils nothing. See `instructed` for a row of IFEval's layout.

    Source: IFEval (Zhou et al. 2023, arXiv 2311.07911), section 2.2 of which defines the loose forms. Raises
    UdasaError where a language has to be told and langdetect is not installed.
    """
    forms = loose_forms(response)
    return Verdict(
        tuple(name for name, _ in asked.instructions),
        tuple(bool(response.strip()) and one.holds(response) for _, one in asked.instructions),
        tuple(any(form.strip() and one.holds(form) for form in forms) for _, one in asked.instructions),
    )


def loose_forms(response: str) -> tuple[str, ...]:
    """Return a response and the forms of it that count loosely, at most seven, each once."""
    lines = response.split("\n")
    cut = (lines[1:], lines[:-1], lines[1:-1])
    forms = (response, *("\n".join(part).strip() for part in cut))
    return tuple(dict.fromkeys((*forms, *(form.replace("*", "") for form in forms))))
