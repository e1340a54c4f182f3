"""How much of a server one command may use."""

from __future__ import annotations

import threading

from udasa_plugin_openai.failures import ServerError


class BillError(ServerError):
    """As much was asked as one command may ask."""


class Bill:
    """What was sent and used so far by this process, and the most of it; shared by all threads.

    most_requests, most_tokens: 0 for no limit.
    """

    def __init__(self, place: str, most_requests: int, most_tokens: int) -> None:
        self._place = place
        self._most = {"max_requests": most_requests, "max_total_tokens": most_tokens}
        self._used = {"max_requests": 0, "max_total_tokens": 0}
        self._lock = threading.Lock()

    def request(self) -> None:
        """Count one request that is about to be sent. Raises BillError where it may not be."""
        with self._lock:
            for option, most in self._most.items():
                if most and self._used[option] >= most:
                    raise BillError(self._told(option, most))
            self._used["max_requests"] += 1

    def tokens(self, count: int) -> None:
        """Count what an answer used, its prompt included."""
        with self._lock:
            self._used["max_total_tokens"] += count

    def _told(self, option: str, most: int) -> str:
        asked, used = self._used["max_requests"], self._used["max_total_tokens"]
        return (
            f"{self._place}: stopped at {option} = {most}, after {asked:,} requests and {used:,} tokens. "
            "What was answered and kept is not asked for again: type the same command to go on with as much "
            f"again, or raise {option}"
        )
