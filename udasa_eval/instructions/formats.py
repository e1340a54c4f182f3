"""Instructions on what a response is made of: lists, sections, titles, JSON and the like."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import Field, NonNegativeInt

from udasa_core import parse_json
from udasa_eval.instructions.verifier import Verifier

_CHOICES = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
_FENCE = re.compile(r"^```(?:json|Json|JSON)?|```$")


class NumberOfPlaceholders(Verifier):
    """detectable_content:number_placeholders: at least so many [placeholders], each in one line."""

    num_placeholders: NonNegativeInt

    def holds(self, response: str) -> bool:
        """Count them."""
        return len(re.findall(r"\[.*?\]", response)) >= self.num_placeholders


class Postscript(Verifier):
    """detectable_content:postscript: the marker of one ("P.S.", "P.P.S") stands anywhere, in any case."""

    postscript_marker: Annotated[str, Field(min_length=1)]

    def holds(self, response: str) -> bool:
        """Look for it; the two usual ones may have a space inside."""
        usual = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}
        marker = usual.get(self.postscript_marker, re.escape(self.postscript_marker))
        return re.search(marker, response, re.IGNORECASE) is not None


class NumberOfBullets(Verifier):
    """detectable_format:number_bullet_lists: exactly so many lines that begin with * or -."""

    num_bullets: NonNegativeInt

    def holds(self, response: str) -> bool:
        """Count them; ** begins no bullet."""
        stars = re.findall(r"^\s*\*[^\*].*$", response, re.MULTILINE)
        dashes = re.findall(r"^\s*-.*$", response, re.MULTILINE)
        return len(stars) + len(dashes) == self.num_bullets


class ConstrainedResponse(Verifier):
    """detectable_format:constrained_response: has "My answer is yes.", "… no." or "… maybe."."""

    def holds(self, response: str) -> bool:
        """Look for them, in this case."""
        return any(choice in response for choice in _CHOICES)


class NumberOfHighlights(Verifier):
    """detectable_format:number_highlighted_sections: at least so many *sections* or **sections**."""

    num_highlights: NonNegativeInt

    def holds(self, response: str) -> bool:
        """Count those with something in them."""
        one = re.findall(r"\*([^\n\*]*)\*", response)
        two = re.findall(r"\*\*([^\n\*]*)\*\*", response)
        return sum(bool(part.strip()) for part in one + two) >= self.num_highlights


class MultipleSections(Verifier):
    """detectable_format:multiple_sections: at least so many sections, each begun by a word and a number."""

    section_spliter: Annotated[str, Field(min_length=1)]
    num_sections: NonNegativeInt

    def holds(self, response: str) -> bool:
        """Count the beginnings, in this case."""
        return len(re.findall(rf"{re.escape(self.section_spliter)}\s?\d+", response)) >= self.num_sections


class JsonFormat(Verifier):
    """detectable_format:json_format: the whole response is JSON, fenced or not."""

    def holds(self, response: str) -> bool:
        """Parse it."""
        try:
            parse_json(_FENCE.sub("", response.strip()).strip())
        except (ValueError, RecursionError):
            return False
        return True


class Title(Verifier):
    """detectable_format:title: has a <<title>> in one line, with something in it."""

    def holds(self, response: str) -> bool:
        """Look for one."""
        return any(title.lstrip("<").rstrip(">").strip() for title in re.findall(r"<<[^\n]+>>", response))
