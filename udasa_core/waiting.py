"""Whom this process waits for: whoever gives no sign for minutes is named on stderr, and never ended.

One thread looks on, however many calls there are; a call costs two list operations.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

log = logging.getLogger("udasa")

# Seconds without a sign before somebody is named; then twice as many, and so on.
PATIENCE = 300.0


class _Call:
    """One call that is under way; entered and left by the thread that makes it."""

    __slots__ = ("_watch", "next", "since", "what", "who")

    def __init__(self, watch: Watch, who: object, what: str) -> None:
        self._watch = watch
        self.who = who
        self.what = what

    def __enter__(self) -> None:
        self.since = time.monotonic()
        self.next = self._watch.patience
        self._watch.begun(self)

    def __exit__(self, *error: object) -> None:
        self._watch.ended(self)


class Watch:
    """What is being waited for, by thread, and what was last heard.

    patience: seconds without a sign before somebody is named; further times at twice the silence each.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self.patience = patience
        # The innermost call of each thread is who keeps it waiting.
        self._calls: dict[int, list[_Call]] = {}
        self._sign = 0.0
        self._step = ""
        self._thread: threading.Thread | None = None
        self._closed = threading.Event()

    def over(self, who: object, what: str) -> _Call:
        """Watch over what a `with` encloses: `what` that `who` does, as a message names both."""
        return _Call(self, who, what)

    @contextmanager
    def during(self, step: str) -> Iterator[None]:
        """Have messages name the step that is under way; inside another one, that one stays."""
        before = self._step
        self._step = before or step
        try:
            yield
        finally:
            self._step = before

    def sign(self) -> None:
        """Take note that something was done: whoever works and tells of it is not named."""
        self._sign = time.monotonic()

    def begun(self, call: _Call) -> None:
        """Take note of a call's beginning."""
        self._calls.setdefault(threading.get_ident(), []).append(call)
        if self._thread is None:
            self._thread = threading.Thread(target=self._look_on, name="udasa-waiting", daemon=True)
            self._thread.start()

    def ended(self, call: _Call) -> None:
        """Take note of a call's end, which is a sign for the call around it."""
        thread = threading.get_ident()
        calls = self._calls.get(thread, [])
        if call in calls:  # in a forked process it is the parent's
            calls.remove(call)
        if not calls:
            self._calls.pop(thread, None)
        self.sign()

    def close(self) -> None:
        """Look on no more."""
        self._closed.set()

    def forget(self) -> None:
        """Begin anew: a forked process has none of its parent's threads."""
        self._calls, self._thread, self._closed = {}, None, threading.Event()

    def _look_on(self) -> None:
        while not self._closed.wait(self.patience / 10):
            now = time.monotonic()
            for calls in list(self._calls.values()):
                # It may have ended meanwhile.
                for call in calls[-1:]:
                    silence = now - max(call.since, self._sign)
                    if silence >= call.next:
                        call.next = 2 * silence
                        self._tell(call, silence)

    def _tell(self, call: _Call, silence: float) -> None:
        step = f" in step {self._step!r}" if self._step else ""
        log.warning(
            "%s has given no sign for %.0f minutes (%s%s). It is waited for, and not ended: it may be at "
            "work. Ctrl-C ends all; the same command goes on from there",
            *(call.who, silence / 60, call.what, step),
        )


watch = Watch()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=lambda: watch.forget())
