"""The figure of an ablation: what the pairs of each arm are, and how planted errors spread."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from udasa_eval.experiments.ablation_runs import Arm
from udasa_eval.experiments.pairs import KINDS
from udasa_eval.experiments.signal_figure import COLOURS, MARKERS

_NAMES = ("right over wrong", "both right", "both wrong", "inverted")
_OF_KINDS = ("#009E73", "#56B4E9", "0.75", "#D55E00")


def figure(path: Path, arms: Sequence[Arm]) -> None:
    """Draw each arm's pairs by the labels of their sides, as shares; beside them, where errors were planted,
    the shares of inverted pairs and of those that changed their stage, by dose. SVG, PNG or PDF by the path's
    suffix. ValueError without arms."""
    if not arms:
        raise ValueError("a figure needs at least one arm")
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    parts = [arm for arm in arms if not arm.dose]
    planted = [group for group in ("noise", "flips") if any(arm.group == group for arm in arms)]
    height = max(3.0, 1.4 + 0.3 * len(parts))
    drawing = Figure(figsize=(5.6 + 2.8 * len(planted), height), layout="constrained")
    FigureCanvasAgg(drawing)
    ratios = [2.0, *(1.0 for _ in planted)]
    axes = drawing.subplots(1, len(ratios), squeeze=False, width_ratios=ratios)[0]
    bars = axes[0]
    left = [0.0] * len(parts)
    for kind, name, colour in zip(KINDS, _NAMES, _OF_KINDS, strict=True):
        shares = [getattr(arm.pairs, kind) / max(1, arm.pairs.total) for arm in parts]
        bars.barh(range(len(parts)), shares, left=left, color=colour, label=name, height=0.7)
        left = [before + share for before, share in zip(left, shares, strict=True)]
    bars.set_yticks(range(len(parts)), [arm.name for arm in parts], fontsize=8)
    bars.invert_yaxis()
    bars.set_xlim(0, 1)
    bars.set_xlabel("share of the pairs", fontsize=9)
    bars.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=8, frameon=False)
    for axis, group in zip(axes[1:], planted, strict=True):
        shown = [arms[0], *(arm for arm in arms if arm.group == group)]
        doses = [arm.dose for arm in shown]
        inverted = [arm.pairs.inverted / max(1, arm.pairs.total) for arm in shown]
        lines = (("inverted pairs", inverted), ("pairs in another stage", [arm.moved.value for arm in shown]))
        for (name, values), colour, marker in zip(lines, COLOURS, MARKERS, strict=False):
            axis.plot(doses, values, color=colour, marker=marker, markersize=4.5, label=name)
        axis.set_ylim(0, 1)
        axis.set_title(group, fontsize=10)
        axis.set_xlabel("dose", fontsize=9)
        axis.legend(fontsize=8, frameon=False)
    for axis in axes:
        for side in ("top", "right"):
            axis.spines[side].set_visible(False)
    drawing.savefig(path, dpi=150)
