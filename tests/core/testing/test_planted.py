"""The planted records, and the fakes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from udasa_core import (
    Abstain,
)
from udasa_core.testing import (
    FAKE_BASE,
    FakeResources,
    sample_groups,
    sample_prompts,
    sample_scores,
)


def test_the_planted_groups_hold_what_an_author_forgets() -> None:
    groups = sample_groups()
    texts = [response.text for group in groups for response in group.responses]
    assert "" in texts
    assert any(len(one.token_ids) == 1 for group in groups for one in group.responses)
    assert any(len(group.responses) == 1 for group in groups)
    assert any(len({one.text for one in group.responses}) == 1 < len(group.responses) for group in groups)
    assert any(one.finish_reason == "length" for group in groups for one in group.responses)
    assert any(max(one.logprobs) == 0.0 for group in groups for one in group.responses)
    assert any("\u200d" in text for text in texts)
    assert any("\u05d0" <= letter <= "\u05ea" for text in texts for letter in text)
    assert max(map(len, texts)) > 3000
    assert len({group.prompt.id for group in groups}) == len(groups)


def test_the_planted_prompts_have_system_and_several_turns() -> None:
    roles = [tuple(message.role for message in prompt.messages) for prompt in sample_prompts()]
    assert ("system", "user") in roles
    assert ("user", "assistant", "user") in roles


def test_the_planted_scores_hold_abstentions_and_ties() -> None:
    scores = sample_scores(sample_groups())
    abstained = [[isinstance(U, Abstain) for U in one.U] for one in scores]
    assert any(all(one) for one in abstained)
    assert any(any(one) and not all(one) for one in abstained)
    assert any(len(set(one.U)) == 1 < len(one.U) for one in scores)


def test_fake_resources_note_progress_and_read_plans() -> None:
    resources = FakeResources(planted := FAKE_BASE, {"kind": 0.75})
    with resources.progress("work", 3) as advance:
        advance(2)
    assert resources.told == [("work", 2)]
    assert resources.base == planted
    group = sample_groups()[0]
    asked = [(*group.prompt.messages,), tuple(sample_prompts()[0].messages)]
    assert resources.reader().yes_probabilities(asked, ["?", "??"]).tolist() == [[0.5, 0.5]] * 2
    assert resources.path("file:/a/b") == Path("/a/b")
    rows = resources.embedder().embed(["one two", "two one", ""])
    assert np.allclose(rows[0], rows[1])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1)
