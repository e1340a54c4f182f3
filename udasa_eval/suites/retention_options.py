"""The options of the suite `retention`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from udasa_core import Options, PromptSource, SourceError
from udasa_eval.inputs.texts import Text, read_texts

if TYPE_CHECKING:
    from udasa_core import Outlook


class RetentionOptions(Options):
    """Which texts and prompts, and how responses are drawn."""

    texts: str = Field(default="", description='Texts to read, one in each row; "" leaves perplexity out.')
    texts_column: str = Field(default="text", min_length=1, description="The field that holds a text.")
    texts_config: str | None = Field(default=None, description="The texts' configuration on the hub.")
    texts_split: str = Field(default="test", description="The texts' split on the hub.")
    texts_limit: int | None = Field(
        default=None, ge=1, description="How many texts are read, from the first; all without it."
    )
    window: int = Field(
        default=1024, ge=2, description="Tokens of a text that are read at once; at most the context."
    )
    prompts: str = Field(
        default="", description='Prompts, as in [prompts] source; "" leaves KL and responses out.'
    )
    prompts_config: str | None = Field(default=None, description="The prompts' configuration on the hub.")
    prompts_split: str = Field(default="test", description="The prompts' split on the hub.")
    prompts_limit: int | None = Field(
        default=None, ge=1, description="How many rows of prompts are read, from the first; all without it."
    )
    divergence: bool = Field(default=True, description="Whether KL is measured; it needs one tokenizer.")
    responses: int = Field(default=1, ge=1, description="Responses for each prompt.")
    max_new_tokens: int = Field(default=64, ge=1, description="The longest response, in tokens.")
    temperature: float = Field(
        default=1.0, gt=0.0, description="The temperature of sampling; KL is of the models' own at 1."
    )

    def limited(self, items: int) -> dict[str, int]:
        """Return how many texts and prompts are read."""
        return {"texts_limit": items, "prompts_limit": items}

    def preflight(self, outlook: Outlook) -> Iterator[str]:
        """Look whether the texts can be read, and have a text in that column."""
        path = outlook.path(self.texts) if self.texts else None
        if path is not None:
            try:
                self.read_texts(path)
            except SourceError as error:
                yield str(error)

    def read_texts(self, path: Path) -> tuple[Text, ...]:
        """Return the texts at a local path. Raises SourceError where there is none."""
        return read_texts(
            path,
            (self.texts_column,),
            source=self.texts,
            config=self.texts_config,
            split=self.texts_split,
            limit=self.texts_limit,
        )

    @model_validator(mode="after")
    def _measures_something(self) -> RetentionOptions:
        if not self.texts and not self.prompts:
            raise ValueError("name texts (for perplexity), prompts (for KL and distinct-n), or both")
        return self

    def prompt_source(self, path: Path) -> PromptSource:
        """Return the prompts at a local path."""
        return PromptSource(f"file:{path}", self.prompts_config, self.prompts_split, limit=self.prompts_limit)
