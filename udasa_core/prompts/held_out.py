"""Which prompts are held out, and what goes by them."""

from __future__ import annotations

from udasa_core.config.parse import RunConfig
from udasa_core.config.transitions import OF_PROMPTS
from udasa_core.errors import PromptsError
from udasa_core.records import content_key


def is_held_out(prompt_id: str, config: RunConfig) -> bool:
    """Say whether a prompt is held out: each by itself, by a draw of its id and the run's seed."""
    run = config.run
    return int(content_key(run.seed, "held out", prompt_id, length=13), 16) / 16**13 < run.held_out


def refuse_all_held_out(training: int, prompts: int) -> None:
    """Raise PromptsError where there are prompts, and none to train on."""
    if not training:
        all_of_them = f"all {prompts} prompts are" if prompts > 1 else "the only prompt is"
        raise PromptsError(f"{all_of_them} held out; give more, or --set run.held_out=0")


def refuse_unwatched(config: RunConfig, held_out: int, prompts: int) -> None:
    """Raise PromptsError where no prompt is held out, and something that may end the run goes by these."""
    asking = [f"gate.{gate.figure}" for gate in config.gates if gate.figure in OF_PROMPTS]
    asking += ["guard"] if config.guard.action != "warn" or config.guard.any_of_k else []
    asking += ["rounds.until"] if config.rounds.until in OF_PROMPTS else []
    if asking and not held_out:
        raise PromptsError(
            f"none of the {prompts} prompts is held out (run.held_out = {config.run.held_out:g}, each drawn "
            f"by itself), so {', '.join(asking)} would look at nothing, and never trip: raise run.held_out, "
            "or give more prompts"
        )


def unwatched_note(config: RunConfig, held_out: int) -> str:
    """Say that no prompt is held out although some should be, "" where that is not so."""
    if held_out or not config.run.held_out:
        return ""
    return (
        f"no prompt is held out by this draw (run.held_out = {config.run.held_out:g}): the guard looks at "
        "nothing, and nothing is compared. Give more prompts, or raise run.held_out"
    )
