"""What a dimension that compares responses is told: which part of them is compared."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from udasa_core.plugins.base import Options
from udasa_core.records import Group
from udasa_core.text.final_answer import final_answer


class ComparedOptions(Options):
    """The options of a dimension that compares a prompt's responses: whole, or by their final answers."""

    on: Literal["text", "answer"] = Field(
        default="text",
        description="What is compared: the whole `text` of the responses, or their final `answer` without "
        "the words of the question (the whole text where a response has none).",
    )

    def compared(self, group: Group) -> list[str]:
        """Return what is compared of each response of a group, in order: of its K, and then of its voters."""
        texts = [response.text for response in group.heard]
        if self.on == "text":
            return texts
        question = group.prompt.messages[-1].content
        return [final_answer(text, question) or text for text in texts]
