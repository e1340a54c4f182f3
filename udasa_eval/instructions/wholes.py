"""Instructions on the whole of a response: how it begins and ends, that it is two."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from udasa_eval.instructions.verifier import Verifier

_Phrase = Annotated[str, Field(pattern=r"\w")]


class TwoResponses(Verifier):
    """combination:two_responses: two different responses, parted by ******."""

    def holds(self, response: str) -> bool:
        """Split; what stands before the first and after the last sign may be empty."""
        parts = [part.strip() for part in response.split("******")]
        there = [part for part in parts if part]
        return all(parts[1:-1]) and len(there) == 2 and there[0] != there[1]


class RepeatPrompt(Verifier):
    """combination:repeat_prompt: the response begins with the request, word for word, in any case."""

    prompt_to_repeat: _Phrase

    def holds(self, response: str) -> bool:
        """Compare the beginnings."""
        return response.strip().lower().startswith(self.prompt_to_repeat.strip().lower())


class EndChecker(Verifier):
    """startend:end_checker: the response ends with a phrase, in any case, and nothing but quotation marks
    after it."""

    end_phrase: _Phrase

    def holds(self, response: str) -> bool:
        """Compare the ends, both without the marks around them."""
        end = self.end_phrase.strip().strip('"').lower()
        return response.strip().strip('"').lower().endswith(end)


class Quotation(Verifier):
    """startend:quotation: the whole response stands in double quotation marks."""

    def holds(self, response: str) -> bool:
        """Look at both ends."""
        bare = response.strip()
        return len(bare) > 1 and bare[0] == '"' and bare[-1] == '"'
