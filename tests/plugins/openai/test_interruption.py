"""A run that is killed or interrupted while its judge is at work, in a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from tests import canned
from tests.misbehaving_server import Call, MisbehavingServer, hangs, says
from udasa_core import run

ROOT = Path(__file__).parents[3]
CONCURRENCY = 4
# A shell's background job ignores SIGINT, and so do its children, until they say otherwise.
CHILD = """
import json, signal, sys, udasa_core
signal.signal(signal.SIGINT, signal.default_int_handler)
udasa_core.run(json.load(open(sys.argv[1])))
"""


def configuration(folder: Path, model: Path, server: MisbehavingServer) -> dict[str, Any]:
    return canned.configuration(
        folder,
        model,
        count=8,
        suite=[{"use": "tests.plugins.openai.many:Forty"}],
        judge={
            "use": "udasa_plugin_openai.judge:OpenAIJudge",
            "base_url": server.url,
            "model": "j",
            "concurrency": CONCURRENCY,
        },
    )


def start(folder: Path, plain: dict[str, Any]) -> subprocess.Popen[bytes]:
    file = folder / "configuration.json"
    file.write_text(json.dumps(plain))
    return subprocess.Popen(
        [sys.executable, "-c", CHILD, str(file)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path or os.getcwd() for path in sys.path)},
        stderr=subprocess.DEVNULL,
    )


def wait_for(calls: int, server: MisbehavingServer, child: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while len(server.calls) < calls:
        assert child.poll() is None, "the run ended before it was to be ended"
        assert time.monotonic() < deadline, f"{len(server.calls)} calls in a minute"
        time.sleep(0.01)


@pytest.mark.slow
def test_after_a_kill_at_most_what_was_in_flight_is_asked_again(
    server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path
) -> None:
    answers, waits = says("Rating: [[6]]"), hangs(server)

    def behave(call: Call, handler: BaseHTTPRequestHandler) -> None:
        (answers if int(call.text.split()[-1]) < 15 else waits)(call, handler)

    server.always(behave)
    plain = configuration(tmp_path, tiny_model_dir, server)
    child = start(tmp_path, plain)
    # The last of these is begun once fifteen grades are kept.
    wait_for(15 + CONCURRENCY, server, child)
    child.kill()
    child.wait(10)
    assert len(server.calls) == 15 + CONCURRENCY
    server.always(answers)
    finished = run(plain)
    asked = Counter(call.text for call in server.calls)
    assert set(asked) == {f"answer {number}" for number in range(40)}
    assert all(asked[f"answer {number}"] == 1 for number in range(15))
    assert len(server.calls) == 40 + CONCURRENCY
    assert json.loads((finished.folder / "manifest.json").read_text())["status"] == "finished"


def test_an_interrupted_run_ends_though_the_server_hangs(
    server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path
) -> None:
    server.always(hangs(server))
    child = start(tmp_path, configuration(tmp_path, tiny_model_dir, server))
    wait_for(CONCURRENCY, server, child)
    child.send_signal(signal.SIGINT)
    # Long before the hanging answers' read_timeout of 120 s, however busy the machine is.
    child.wait(60)
    assert len(server.calls) == CONCURRENCY
