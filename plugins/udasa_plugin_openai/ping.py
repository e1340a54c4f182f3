"""Whether a server is there at all, and has the model: its list of models is asked for once, which is free.

A model that is not in the list is asked for one token, since some servers know models by further names.
"""

from __future__ import annotations

import difflib
import json
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import Any

from udasa_core import Message, UdasaError, parse_json
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.connection import ConnectionOptions, is_open_to_others
from udasa_plugin_openai.failures import GarbledError, RefusedError, advice

log = logging.getLogger("udasa.openai")

# Seconds that a server may take for it.
_PATIENCE = 5.0
_REFUSALS = frozenset({401, 403})
# With these a server says that it has no such model; with the latter, that something else is wrong, too.
_UNKNOWN, _PERHAPS = 404, frozenset({400, 422})
_LISTED = 5


def ping(options: ConnectionOptions) -> Iterator[str]:
    """Yield what keeps a server from being asked: a key that is not set, no server, a key that it does not
    take, a model that it neither lists nor answers for. Where that cannot be asked, it is a warning."""
    client = Client(options, "server", warns=False)
    try:
        status, text = client.models(min(_PATIENCE, options.connect_timeout))
    except UdasaError as error:
        yield str(error)
        return
    if status in _REFUSALS and not is_open_to_others(options.base_url):
        told = advice(status, bool(options.api_key_env), options.model, options.base_url)
        yield f"{options.base_url} answered with status {status}: {told}"
    elif status == 200 and (known := _models(text)) and options.model not in known:
        instead = _instead(options.model, known)
        told = f"{options.base_url} does not list the model {options.model!r}; {instead}"
        has = _has_model(options)
        if has is False:
            yield f"{told} (asked for one token, it has no such model)"
        elif has is None:
            log.warning("%s", told)


def _has_model(options: ConnectionOptions) -> bool | None:
    """Ask a model that is not listed for one token; None where that tells nothing, or a key would go
    unencrypted to another machine."""
    if options.api_key_env and is_open_to_others(options.base_url):
        return None
    one: dict[str, Any] = {options.token_limit: 1}
    hasty = options.model_copy(update={"retries": 0, "read_timeout": _PATIENCE, "max_requests": 0})
    try:
        asked = (Message("user", "Say yes."),)
        client = Client(hasty, "server", warns=False)
        client.complete(asked, threading.Event(), **one)
    except RefusedError as error:
        speaks_of_it = error.status in _PERHAPS and "model" in error.said.lower()
        return False if error.status == _UNKNOWN or speaks_of_it else None
    except GarbledError:  # an answer, if not a good one
        return True
    except UdasaError:
        return None
    return True


def _instead(model: str, known: Sequence[str]) -> str:
    """Return which model may be meant, or which there are."""
    # Servers name one model by its owner, its file or its tag, too.
    by_name = {one.rpartition("/")[2].lower(): one for one in reversed(known)}
    near = difflib.get_close_matches(model.rpartition("/")[2].lower(), by_name, n=3)
    if near:
        return f"did you mean {' or '.join(repr(by_name[name]) for name in near)}?"
    return f"it lists {', '.join(known[:_LISTED])}{', …' if len(known) > _LISTED else ''}"


def _models(text: str) -> list[str]:
    """Return the ids in a list of models; none where it is no such list."""
    try:
        plain = parse_json(text)
        return [str(one["id"]) for one in plain["data"]]
    except (json.JSONDecodeError, ValueError, LookupError, TypeError):
        return []
