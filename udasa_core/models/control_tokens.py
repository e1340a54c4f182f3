"""Control tokens: those that a tokenizer calls special, and those by which a chat template makes turns."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from udasa_core.text.thought import is_reasoning_tag

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class ControlTokens:
    """What a tokenizer would make tokens of in a text that spells them, and how such a text is read as text.

    written: a conversation as its chat template writes it; added tokens in it make turns, special or not
    (<｜User｜>, say), and so do `ends`. Tags of reasoning are left to responses, which hold them, and so are
    other added tokens that are not special.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, written: str, ends: Collection[int]) -> None:
        self._tokenizer = tokenizer
        self._added = {
            token: str(added.content)
            for token, added in tokenizer.added_tokens_decoder.items()
            if not added.content.isspace()
        }
        special = {
            token for token, added in tokenizer.added_tokens_decoder.items() if added.special
        } & self._added.keys()
        # What makes a turn: a text that still has one, when it was read as text, is refused.
        self._turning = {
            token
            for token in (*self._ids(written), *ends)
            if token in self._added and not is_reasoning_tag(self._added[token])
        }
        self._markers = [self._added[token] for token in sorted(self._turning - special)]
        # A vocabulary may have a special token ("!" for padding) as ordinary text, too.
        plain = [
            self._added[token]
            for token in sorted(special)
            if token not in self._as_text(token) and not is_reasoning_tag(self._added[token])
        ]
        self.spellings = sorted({*plain, *self._markers})

    def ids(self, text: str) -> list[int]:
        """Return the token ids of a text, without special tokens, its control tokens read as plain text.

        Raises ValueError where the tokenizer makes a token that makes turns of plain text.
        """
        ids = self._ids(text)
        if self._pattern.search(text) is None and self._turning.isdisjoint(ids):
            return ids
        if any(marker in text for marker in self._markers):
            ids = self._unmarked(text)
        else:
            ids = self._ids(text, split_special_tokens=True)
        if made := self._turning.intersection(ids):
            spelled = ", ".join(sorted(self._added[token] for token in made))
            raise ValueError(f"the tokenizer has no way to read {spelled} as plain text")
        return ids

    def spelling(self, texts: Iterable[str]) -> int:
        """Return how many of some texts spell a control token."""
        return sum(self._pattern.search(text) is not None for text in texts)

    def unclosed(self, text: str, ends: Collection[int]) -> str:
        """Return a text without the end tokens (`ends`) that it closes with, and the padding after them."""
        spelled = "|".join(re.escape(self._added[token]) for token in ends if token in self._added)
        padding = re.escape(self._added.get(self._tokenizer.pad_token_id, "")) or spelled
        return re.sub(rf"(?:{spelled})(?:\s|{spelled}|{padding})*\Z", "", text) if spelled else text

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(map(re.escape, self.spellings)) or "(?!)")

    def _ids(self, text: str, **how: bool) -> list[int]:
        ids: list[int] = self._tokenizer(text, add_special_tokens=False, **how)["input_ids"]
        return ids

    def _as_text(self, token: int) -> list[int]:
        return self._ids(self._added[token], split_special_tokens=True)

    def _unmarked(self, text: str) -> list[int]:
        """Return the ids where tokens are spelled that are not special: transformers takes those for control
        tokens that the template's own text names."""
        named = json.dumps(self._markers)
        ids: Sequence[int] = self._tokenizer.apply_chat_template(
            [{"role": "assistant", "content": text}],
            chat_template=f"{{% set named = {named} %}}{{{{ messages[0].content }}}}",
            sanitize_control_tokens=True,
            return_dict=False,
        )
        return list(ids)
