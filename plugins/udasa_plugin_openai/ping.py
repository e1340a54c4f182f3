"""Whether a server is there at all: its list of models is asked for once, which costs nothing."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator

from udasa_core import UdasaError, parse_json
from udasa_plugin_openai.client import Client
from udasa_plugin_openai.connection import ConnectionOptions, is_open_to_others
from udasa_plugin_openai.failures import advice

log = logging.getLogger("udasa.openai")

# Seconds that a server may take for it.
_PATIENCE = 5.0
_REFUSALS = frozenset({401, 403})
_LISTED = 5


def ping(options: ConnectionOptions) -> Iterator[str]:
    """Yield what keeps a server from being asked: a key that is not set, no server, a key that it does not
    take. That it does not list the model is a warning: some know models by further names."""
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
        more = ", …" if len(known) > _LISTED else ""
        log.warning(
            "%s does not list the model %r; it lists %s%s",
            *(options.base_url, options.model, ", ".join(known[:_LISTED]), more),
        )


def _models(text: str) -> list[str]:
    """Return the ids in a list of models; none where it is no such list."""
    try:
        plain = parse_json(text)
        return [str(one["id"]) for one in plain["data"]]
    except (json.JSONDecodeError, ValueError, LookupError, TypeError):
        return []
