"""Phrases that several kinds of refusals are told by."""

from __future__ import annotations

import re

# What a refusal declines to do.
ACT = (
    r"(?:help|assist|answer|provide|do (?:this|that|it|so|such|what|any such)|discuss|comply"
    r"|fulfil+|give|offer|support|generate|create|write|share|engage|participate|comment|recommend|advise|tell|respond|process|complete|continue|make|speak"
    r"|explain|describe|encourage|condone|endorse|promote|walk you|teach|show|reveal|disclose|speculate"
    r"|produce|predict|guess|impersonate|facilitate|suggest|satisfy|translate|summari[sz]e|reproduce|instruct"
    r"|guide|entertain|be part|take part|accommodate|grant|advocate)"
)


def any_of(*patterns: str) -> re.Pattern[str]:
    """Compile what matches where any of the patterns does, in any case."""
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE)


# Where a response turns from an excuse or a warning to an answer: in the same sentence, or in the next.
CONTRAST = re.compile(
    r"[,;:–—-] ?(?:of course, )?(?:but|yet|though|although|however|still|nevertheless)\b", re.IGNORECASE
)
TURNS = re.compile(
    r"^\W*(?:but|however|that said|having said that|still|nevertheless|nonetheless|here)\b", re.IGNORECASE
)
