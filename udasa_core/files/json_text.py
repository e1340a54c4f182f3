"""JSON from files that anybody may have written."""

from __future__ import annotations

import json
from typing import Any

# What Python says of a text that is no JSON, by how that begins → in words of the text.
_PLAIN = {
    "Expecting value": 'a value is missing, or a text stands there without "double quotes"',
    "Expecting property name": 'a name stands in "double quotes", and no comma before a closing bracket',
    "Expecting ',' delimiter": "a comma or a closing bracket is missing",
    "Expecting ':' delimiter": "a colon is missing behind a name",
    "Illegal trailing comma": "no comma stands before a closing bracket",
    "Extra data": "more stands behind its end",
    "Unterminated string": 'a text is opened by " and not closed',
    "Invalid control character": 'a text is opened by " and not closed, or a line end or a tab is in it',
    "Invalid \\": "a backslash stands alone in a text, where \\\\ is written",
    "Unexpected UTF-8 BOM": "it begins with a byte-order mark",
}


def parse_json(text: str | bytes) -> Any:
    """Parse JSON, from bytes in UTF-8. Raises ValueError where it is none, or nests too deep to be parsed;
    in plain words json.JSONDecodeError, of the former."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise json.JSONDecodeError(why_not_json(error), error.doc, error.pos) from None
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    except RecursionError:
        raise ValueError("it nests too deep to be read") from None


def why_not_json(error: json.JSONDecodeError) -> str:
    """Return why a text is no JSON in plain words."""
    return next((plain for begun, plain in _PLAIN.items() if error.msg.startswith(begun)), error.msg)
