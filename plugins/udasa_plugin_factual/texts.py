"""Which part of a response is compared with the others: its whole text, or its final answer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from udasa_core import Group, final_answer

Compared = Literal["text", "answer"]


class ComparedOptions(BaseModel):
    """What every dimension that compares responses may be told."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    on: Compared = Field(
        default="text",
        description="What is compared: the whole `text` of the responses, or their final `answer` without "
        "the words of the question (the whole text where a response has none).",
    )


def compared(group: Group, on: Compared) -> list[str]:
    """Return what is compared of each response of a group, in order."""
    texts = [response.text for response in group.responses]
    if on == "text":
        return texts
    question = group.prompt.messages[-1].content
    return [final_answer(text, question) or text for text in texts]
