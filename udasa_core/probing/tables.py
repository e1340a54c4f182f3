"""A probe as tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

from udasa_core.probing.probe import Probe
from udasa_core.report.show import agreement_table
from udasa_core.report.table import Table, TableColumn
from udasa_core.report.written import ABSENT, counted, duration, share
from udasa_core.text.size import size


def tables(probe: Probe) -> Iterator[Table]:
    """Yield what was found, and the verdict last."""
    yield _pairs(probe)
    rate = probe.agreements.rate
    yield agreement_table({**asdict(probe.agreements), "rate": rate, "above": False})
    if probe.headroom is not None:
        yield _headroom(probe)
    yield _cost(probe)
    yield _verdict(probe)


def _pairs(probe: Probe) -> Table:
    draws = probe.draws
    asked = [
        ("prompts that give a pair", probe.paired, probe.prompts),
        ("… by less than half of the weight", sum(probe.faint.values()), probe.paired),
    ]
    if draws is not None:
        asked += [
            ("pairs in both of two draws, with answers to compare", draws.both, draws.both + draws.one),
            ("… that choose another answer the second time", draws.chosen_flips, draws.both),
            ("… that reject another answer", draws.rejected_flips, draws.both),
            ("… that are turned round", draws.inverted, draws.both),
        ]
    rows = [(what, count, of, count / of if of else None) for what, count, of in asked]
    notes = [f"{counted(count, 'prompt')} gave no pair: {why}" for why, count in probe.refused.items()]
    notes += [
        f"{count} pairs rest on {names} alone: the others abstain" for names, count in probe.faint.items()
    ]
    notes.append(f"{share(probe.truncated)} of the responses were cut off by the token budget.")
    if draws is None:
        notes.append("How stable pairs are is not judged: recorded responses cannot be drawn twice.")
    title = f"Pairs of {probe.prompts} of {probe.of} training prompts{', drawn twice' if draws else ''}"
    return Table(title, ("", "count", "of", TableColumn("share", unit="%")), rows, notes)


def _headroom(probe: Probe) -> Table:
    assert probe.headroom is not None
    rows = [(metric.name, metric, metric.n) for metric in probe.headroom.metrics]
    rows.append((probe.headroom.gain.name, probe.headroom.gain, probe.headroom.gain.n))
    notes = [
        "Share of right answers by your labels, with 95% intervals; an answer that is like no labelled one "
        "counts as wrong. Training teaches what is least uncertain; any of K is the most that can be picked."
    ]
    return Table("Headroom", ("answered by", "right", "prompts"), rows, notes)


def _cost(probe: Probe) -> Table:
    cost = probe.cost
    drawn = "as they took here, loading models included"
    if probe.draws is not None:
        drawn = "as the second draw took, on this machine"
    done = "sampled" if probe.draws is not None else "read"
    rows = [
        (f"prompts {done}", f"{cost.asked:,}", "training, control, and held-out ones before and after"),
        (f"tokens {done}", f"{cost.tokens:,.0f}", "as long as these responses are, voters among them"),
        (f"time: {'sampling' if probe.draws is not None else 'reading'}", duration(cost.sampling), drawn),
        ("time: scoring", duration(cost.scoring), "likewise"),
        ("pairs", f"{cost.pairs:,.0f}", f"{probe.paired} of {probe.prompts} prompts gave one"),
        ("tokens trained on", f"{cost.trained_tokens:,.0f}", "one pass over them; its time is not measured"),
        ("memory: peak", _size(cost.memory), "the most that the process had: sampling and scoring"),
    ]
    if cost.device_memory > 0:
        rows.append(("memory: accelerator", size(cost.device_memory), "likewise"))
    rows += [(name, told, "as udasa check estimates") for name, told in probe.memory.items()]
    return Table("The whole run, from what these prompts took", ("what", "about", "from"), rows)


def _verdict(probe: Probe) -> Table:
    rows = [(finding.kind, finding.text) for finding in probe.findings]
    return Table(f"Verdict: {probe.verdict}", ("", ""), rows)


def _size(count: float) -> str:
    return ABSENT if count != count else size(count)
