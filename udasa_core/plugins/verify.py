"""`udasa plugins --verify`: does what is installed import, and keep the contract of a factory?

Each plugin is imported in a process of its own: what crashes, hangs or raises there is told of that plugin,
and harms nothing else.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from udasa_core.files.whole import write_whole
from udasa_core.plugins.catalog import Offer
from udasa_core.progress import Progress, silent

TIMEOUT = 60.0

_CHILD = "import sys; from udasa_core.plugins.verify import child; child(*sys.argv[1:])"
_SHOWN_LINES = 3


@dataclass(frozen=True, slots=True)
class Verdict:
    """One offer, and what breaks when it is imported ("" where nothing does)."""

    offer: Offer
    problem: str


def verify(
    offers: Sequence[Offer],
    *,
    root: Path | None = None,
    timeout: float = TIMEOUT,
    progress: Progress = silent,
) -> list[Verdict]:
    """Import each offer's factory in a process of its own; return a verdict each, in order.

    root: a folder whose modules are importable, for local work (`module:Factory`). timeout: seconds a plugin.
    """
    children: set[subprocess.Popen[bytes]] = set()
    verdicts: list[Verdict] = []
    with (
        ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as threads,
        progress("importing plugins", len(offers)) as advance,
    ):
        try:
            for verdict in threads.map(lambda offer: _verdict(offer, root, timeout, children), offers):
                verdicts.append(verdict)
                advance(1)
            return verdicts
        except BaseException:
            threads.shutdown(wait=False, cancel_futures=True)
            for process in list(children):
                _kill(process)
            raise


def _verdict(
    offer: Offer, root: Path | None, timeout: float, children: set[subprocess.Popen[bytes]]
) -> Verdict:
    if offer.fault:
        return Verdict(offer, offer.fault)
    with tempfile.TemporaryDirectory(prefix="udasa-verify-") as folder:
        answer, said = Path(folder) / "answer", Path(folder) / "said"
        arguments = [str(answer), json.dumps(asdict(offer)), str(root or "")]
        with said.open("wb") as output:
            # A session of its own, so that what a plugin starts can be ended with it.
            process = subprocess.Popen(
                [sys.executable, "-P", "-c", _CHILD, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        children.add(process)
        try:
            process.wait(timeout)
        except subprocess.TimeoutExpired:
            return Verdict(offer, f"its import did not end within {timeout:g} s")
        finally:
            _kill(process)
            children.discard(process)
        if not answer.exists():
            return Verdict(offer, f"its import {_ending(process.returncode)}{_last_lines(said)}")
        return Verdict(offer, answer.read_text(encoding="utf-8"))


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End the process and whatever it started; all may have ended already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _ending(status: int) -> str:
    if status < 0:
        return f"crashed the process ({signal.Signals(-status).name})"
    return f"ended the process (exit status {status})"


def _last_lines(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()[-_SHOWN_LINES:]
    return f": {' / '.join(line.strip() for line in lines)}" if lines else ""


def child(answer: str, offer: str, root: str) -> None:
    """Check one offer in this process, and write what breaks ("" where nothing does) to the file `answer`."""
    if root:
        sys.path.insert(0, root)
    problem = "; ".join(problems(Offer(**json.loads(offer))))
    write_whole(Path(answer), problem)
    # What a plugin started at import (threads, exit handlers) does not hold this process up.
    os._exit(0)


def problems(offer: Offer) -> Iterator[str]:
    """Import an offer's factory here, and yield what breaks."""
    from udasa_core.errors import CatalogError
    from udasa_core.plugins.contract import HEAVY, plugin_faults
    from udasa_core.plugins.stack import load_factory

    before = set(sys.modules)
    try:
        factory = load_factory(offer)
    except CatalogError as error:
        yield str(error).removeprefix(f"{offer}").removeprefix(":").strip()
        return
    heavy = [name for name in HEAVY if name in sys.modules and name not in before]
    if heavy:
        yield f"its import also imports {', '.join(heavy)}: move that into the method that needs it"
    if isinstance(factory, type):
        yield from plugin_faults(offer.kind, factory)
