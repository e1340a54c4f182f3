"""Accuracy and contrasts of `udasa experiment stages`, made again from its Parquet rows without udasa.

    python benchmarks/recompute.py runs/campaign sealed staged shuffled

It imports nothing of udasa: responses are read from the store by the runs' manifests, graded by a rule of
its own, and differences resampled by a bootstrap of its own. The rule is simpler than udasa's: the first
sentence must hold an accepted answer as whole words, and no rival that the question does not name. Where
the question offers a choice, the first that is named of what it offers must be the answer. Where the
answer's number is one of the question's, no other number is told, and whom the question asks about is
named. To a question for yes or no the first word decides where it is one of them, and else whether the
sentence denies. So levels may differ, and contrasts should not.
"""

import csv
import json
import re
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

SMALL = {
    word: str(number) for number, word in enumerate(["zero", "one", "two", "three", "four", "five", "six"])
}
SMALL |= dict(zip(["seven", "eight", "nine", "ten", "eleven", "twelve"], map(str, range(7, 13)), strict=True))


def words(text):
    plain = unicodedata.normalize("NFKD", text.lower())
    plain = "".join(sign for sign in plain if not unicodedata.combining(sign))
    plain = re.sub(r"(?<=\d),(?=\d{3})", "", plain)
    found = re.findall(r"[^\W_]+(?:\.\d+)?", plain)
    return [SMALL.get(word, word) for word in found]


def holds(said, answer):
    return any(said[at : at + len(answer)] == answer for at in range(len(said) - len(answer) + 1))


def is_right(question, text):
    first = re.split(r"(?<=[.!?])\s|\n", text.strip(), maxsplit=1)[0]
    said, asked = words(first), words(question["question"])
    answers = [words(one) for one in question["answers"]]
    rivals = [words(one) for one in question["rivals"]]
    if {tuple(one) for one in answers} <= {("yes",), ("no",)}:
        if said[:1] in (["yes"], ["no"]):
            return said[:1] in answers
        return bool(said) and ["no" if {"not", "no", "never", "t"} & set(said) else "yes"] in answers
    if "or" in asked:
        named = [(at, one) for one in (*answers, *rivals) for at in range(len(said)) if starts(said, at, one)]
        return bool(named) and min(named)[1] in answers
    if any(len(one) == 1 and one[0].isdigit() and holds(asked, one) for one in answers):
        asking = re.split(r"(?<=[.!?])\s", question["question"])[-1]
        names = [word.lower() for word in re.findall(r"(?<=\s)[A-Z][a-z]+", asking)]
        numbers = [[word] for word in said if word.isdigit()]
        alone = len(said) == 1 or all(name in said for name in names)
        return len(numbers) == 1 and numbers[0] in answers and alone
    rivals = [one for one in rivals if one and one not in answers and not holds(asked, one)]
    return any(holds(said, one) for one in answers) and not any(holds(said, one) for one in rivals)


def starts(said, at, answer):
    return bool(answer) and said[at : at + len(answer)] == answer


def graded(folder, run, questions):
    manifest = json.loads((folder / run / "manifest.json").read_text())
    (keys,) = [one["keys"] for one in manifest["outputs"] if one["step"] == "sample"]
    found = {}
    for key in keys:
        for row in pq.read_table(folder / "store" / "sample" / f"{key}.parquet").to_pylist():
            texts = [response["text"] for response in row["responses"]]
            found[row["prompt_id"]] = np.mean([is_right(questions[row["prompt_id"]], text) for text in texts])
    return found


def interval(differences, rng, resamples=4000):
    seeds, items = differences.shape
    drawn = [
        differences[rng.integers(0, seeds, seeds)][:, rng.integers(0, items, items)].mean()
        for _ in range(resamples)
    ]
    return np.percentile(drawn, (2.5, 97.5))


def main(folder, part, arm, against):
    rows = (folder / f"stages-{part}-questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = {row["id"]: row for row in map(json.loads, rows)}
    told, ours = {}, {}
    with (folder / f"stages-{part}.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["figure"] == "accuracy":
                key = row["arm"], int(row["seed"])
                told.setdefault(key, {})[row["item"]] = float(row["value"])
                ours.setdefault(key, f"{part}-{row['arm']}-t{float(row['temperature']):g}-s{row['seed']}")
    again = {key: graded(folder, run, questions) for key, run in ours.items()}
    print(f"{'policy':<14} {'told':>6} {'again':>6}  items that differ by more than .5")
    for name in dict.fromkeys(name for name, _ in told):
        keys = [key for key in told if key[0] == name]
        apart = [abs(told[key][item] - again[key][item]) > 0.5 for key in keys for item in told[key]]
        means = [np.mean([np.mean(list(one[key].values())) for key in keys]) for one in (told, again)]
        print(f"{name:<14} {means[0]:6.3f} {means[1]:6.3f}  {np.mean(apart):.3f}")
    rng = np.random.default_rng(1)
    items = sorted(questions)
    seeds = sorted({seed for name, seed in told if name == arm})
    for label, of in (("told", told), ("again", again)):
        differences = np.array([[of[arm, s][i] - of[against, s][i] for i in items] for s in seeds])
        low, high = interval(differences, rng)
        print(f"{arm} − {against}, {label}: {differences.mean():+.4f} [{low:+.4f}, {high:+.4f}]")


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:5])
