"""A run whose bill is limited: it stops with what was spent, and goes on when it is asked for again."""

from __future__ import annotations

from pathlib import Path

import pytest

import udasa_core
from tests.misbehaving_server import MisbehavingServer, says
from tests.plugins.openai.test_interruption import configuration
from udasa_core import UdasaError


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_judges_limit_stops_a_run_that_goes_on(
    server: MisbehavingServer, tmp_path: Path, tiny_model_dir: Path, concurrency: int
) -> None:
    """40 judgements, a limit of 15: the third command has the rest."""
    server.always(says("Rating: [[6]]"))
    plain = configuration(tmp_path, tiny_model_dir, server)
    plain["judge"] |= {"max_requests": 15, "concurrency": concurrency}
    told = r"stopped at max_requests = 15, after 15 requests and [0-9,]+ tokens.*type the same command"
    for commands in (1, 2):
        with pytest.raises(UdasaError, match=told):
            udasa_core.run(plain)
        assert len(server.calls) == 15 * commands
    # A higher limit is the same judge: what was answered counts.
    plain["judge"]["max_requests"] = 100
    assert udasa_core.run(plain).status == "finished"
    assert len(server.calls) == 40
