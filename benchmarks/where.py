"""Where an arm of `udasa experiment stages` gains: by level and family, and for the way that it went.

    python benchmarks/where.py runs/campaign sealed staged shuffled

It reads the rows and questions that the experiment wrote beside its tables. Nobody chose these groups before
the sealed part was read, and there are many: they say where to look next, and prove nothing.
"""

import csv
import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np

from udasa_core import Metric, Table
from udasa_eval.statistics.two_way import two_way

SEED = 1
LEVELS = {"easy": 1, "medium": 2, "hard": 3, "others": 4}
SMALL = 10  # families of fewer questions stand together


def read(folder, part):
    lines = (folder / f"stages-{part}-questions.jsonl").read_text(encoding="utf-8").splitlines()
    accuracy, divergence = defaultdict(dict), defaultdict(list)
    with (folder / f"stages-{part}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["figure"] == "accuracy":
                accuracy[row["arm"], int(row["seed"])][row["item"]] = float(row["value"])
            elif row["figure"] == "retention kl_policy_base":
                divergence[row["arm"]].append(float(row["value"]))
    return [json.loads(line) for line in lines], accuracy, divergence


def grid(accuracy, arm, items):
    seeds = sorted(seed for name, seed in accuracy if name == arm)
    return np.array([[accuracy[arm, seed][item] for item in items] for seed in seeds])


def by(key, questions):
    groups = defaultdict(list)
    for one in questions:
        groups[one[key]].append(one["id"])
    small = [name for name, items in groups.items() if len(items) < SMALL]
    if len(small) > 1:
        groups["others"] = [item for name in small for item in groups.pop(name)]
    return dict(sorted(groups.items(), key=lambda group: (LEVELS.get(group[0], 0), group[0])))


def apart(accuracy, groups, title, arms):
    cells = []
    for name, items in groups.items():
        base = grid(accuracy, "base", items)
        lifts = [two_way(name, grid(accuracy, arm, items) - base, SEED).metric for arm in arms]
        cells.append((name, len(items), float(base.mean()), *lifts))
    return Table(title, ("", "questions", "base", *(f"{arm} − base" for arm in arms)), cells)


def distance(questions, accuracy, divergence, arms):
    """Return what each arm gained for the way that it went from the base."""
    items = [one["id"] for one in questions]
    base = grid(accuracy, "base", items)
    cells = []
    for arm in arms:
        gain: Metric = two_way(arm, grid(accuracy, arm, items) - base, SEED).metric
        far = float(np.mean(divergence[arm]))
        cells.append((arm, far, gain, gain.value / np.sqrt(far)))
    header = ("policy", "KL from base", "− base", "for √KL")
    notes = [
        "KL: nats a token, means over seeds. Gains grow with its square root at best (arXiv 2210.10760)."
    ]
    return Table("What was gained for the way", header, cells, notes)


def main(folder, part, *arms):
    questions, accuracy, divergence = read(folder, part)
    for key in ("level", "domain"):
        print(apart(accuracy, by(key, questions), f"Accuracy by {key}, on {part}", arms), end="\n\n")
    print(distance(questions, accuracy, divergence, arms))


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
