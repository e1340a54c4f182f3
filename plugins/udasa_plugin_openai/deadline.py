"""One wall-clock deadline for each attempt: a socket's timeout starts anew with every byte that drips in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from urllib3 import PoolManager

_current = threading.local()


class Deadline:
    """Cuts a connection once its time is over, whatever is going on there.

    connect: seconds for making the connection, its handshakes included; answer: seconds from there to the
    answer's last byte. passed: whether it has cut.
    """

    def __init__(self, connect: float, answer: float) -> None:
        self.passed = False
        self._seconds = {"connect": connect, "answer": answer}
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def begin(self, phase: str, connection: Any) -> None:
        """Begin to count for `phase`, "connect" or "answer"; what was counted before is over."""
        self.end()
        # The socket, too: a connection that is to be closed after the answer forgets it before.
        timer = threading.Timer(self._seconds[phase], self._cut, (connection, connection.sock))
        timer.daemon = True
        self._timer = timer
        timer.start()

    def end(self) -> None:
        """Count no more."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = None

    def _cut(self, connection: Any, begun_with: Any) -> None:
        with self._lock:
            if self._timer is not threading.current_thread():
                return  # ended at the last moment
            self.passed = True
            found = connection.sock or begun_with
            own = getattr(found, "socket", found)
        if isinstance(own, socket.socket):
            # The base class's: TLS would part with its state under the thread that reads.
            with suppress(OSError):
                socket.socket.shutdown(own, socket.SHUT_RDWR)


@contextmanager
def deadline(connect: float, answer: float) -> Iterator[Deadline]:
    """Watch the connection that this thread uses meanwhile."""
    _current.deadline = watching = Deadline(connect, answer)
    try:
        yield watching
    finally:
        watching.end()
        _current.deadline = None


def watch(pools: PoolManager) -> PoolManager:
    """Have a pool's connections begin their deadlines; returns it."""
    from urllib3.connection import HTTPConnection, HTTPSConnection
    from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

    class Plain(_Watched, HTTPConnection):
        pass

    class Secure(_Watched, HTTPSConnection):
        pass

    class PlainPool(HTTPConnectionPool):
        ConnectionCls = Plain

    class SecurePool(HTTPSConnectionPool):
        ConnectionCls = Secure

    pools.pool_classes_by_scheme = {"http": PlainPool, "https": SecurePool}
    return pools


class _Watched:
    """What both kinds of connection do besides."""

    def connect(self) -> None:
        """Connect, within its time."""
        watching: Deadline | None = getattr(_current, "deadline", None)
        if watching is not None:
            watching.begin("connect", self)
        super().connect()  # type: ignore[misc]
        if watching is not None:
            watching.begin("answer", self)

    def request(self, *args: Any, **kwargs: Any) -> None:
        """Send a request, and give its answer its time; a connection that is used again begins here."""
        watching: Deadline | None = getattr(_current, "deadline", None)
        if watching is not None:
            watching.begin("answer", self)
        super().request(*args, **kwargs)  # type: ignore[misc]
