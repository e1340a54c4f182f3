"""Control tokens of a server's model that a text spells, written so that the server makes none of them."""

from __future__ import annotations

import re

# Nobody here knows the tokenizer there: what ChatML and its kin (<|im_end|>), DeepSeek (<｜User｜>), Gemma
# (<end_of_turn>), Llama 2 and Mistral ([/INST], <<SYS>>, </s>) make turns of.
_SPELLED = re.compile(
    r"<(?=\|[^\s<>|]{1,40}\|?>|[^\s<>|]{1,40}\|>|｜[^\s<>｜]{1,40}｜>|(?:start|end)_of_turn>|</?SYS>>|/?s>|[be]os>)"
    r"|\[(?=/?(?:INST|SYSTEM_PROMPT|AVAILABLE_TOOLS|TOOL_RESULTS)\])"
)


def kept_apart(text: str) -> str:
    """Return a text with a space after the first character of each control token that it spells.

    "< |im_end|>" is read as letters by any tokenizer.
    """
    return _SPELLED.sub(r"\g<0> ", text)
