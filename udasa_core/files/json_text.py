"""JSON from files that anybody may have written."""

from __future__ import annotations

import json
from typing import Any


def parse_json(text: str | bytes) -> Any:
    """Parse JSON, from bytes in UTF-8. Raises ValueError where it is none, or nests too deep to be parsed."""
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("it nests too deep to be read") from None
