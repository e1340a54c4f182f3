"""Answers read from the questions alone, by other means than those that made them.

Each oracle takes a question and returns its answer as the tasks write it: a number in digits, a date as
"May 3", a time as "4:05", a word.
"""

from __future__ import annotations

import calendar
import itertools
import operator
import re
from collections.abc import Callable
from datetime import date, datetime, timedelta
from fractions import Fraction

NUMBERS = re.findall(
    r"\w+",
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen",
)
NTH = re.findall(r"\w+", "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth")
# In units of the smallest one of its kind.
SIZES = {
    "second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800,
    "millimetre": 1, "centimetre": 10, "metre": 1000, "kilometre": 1000000,
    "gram": 1, "kilogram": 1000, "millilitre": 1, "litre": 1000,
}  # fmt: skip
IRREGULAR = {
    "man": "men", "woman": "women", "knife": "knives", "leaf": "leaves", "wolf": "wolves", "life": "lives",
    "wife": "wives", "half": "halves", "shelf": "shelves", "loaf": "loaves", "thief": "thieves",
    "louse": "lice", "policeman": "policemen", "potato": "potatoes", "tomato": "tomatoes", "hero": "heroes",
    "calf": "calves", "scarf": "scarves", "analysis": "analyses", "cactus": "cacti", "fungus": "fungi",
    "criterion": "criteria", "good": "better", "bad": "worse",
}  # fmt: skip
KINDS = {
    "animal": "cat dog cow horse lion tiger bear wolf sheep rabbit goat pig monkey zebra",
    "fruit": "apple banana cherry grape lemon mango melon peach pear plum",
    "colour": "red blue green yellow black white brown pink purple grey",
    "tool": "hammer saw drill pliers wrench screwdriver shovel rake",
    "vehicle": "car bus train truck bicycle tram plane ship",
    "body part": "arm leg nose ear knee elbow shoulder neck",
    "musical instrument": "clarinet violin guitar flute drum trumpet harp cello",
    "piece of furniture": "table chair sofa bed desk bookcase stool wardrobe",
}
KIND_OF = {word: kind for kind, words in KINDS.items() for word in words.split()}


def numbers(text: str) -> list[int]:
    return [int(one) for one in re.findall(r"\d+", text)]


def items(text: str) -> list[str]:
    """Return what stands listed behind the last colon."""
    return [one for one in re.findall(r"\w+", text.rpartition(":")[2]) if one != "or"]


def alphabet(question: str) -> str:
    if found := re.search(r"right (after|before) ([A-Z]) ", question):
        return chr(ord(found[2]) + (1 if found[1] == "after" else -1))
    return sorted(items(question))[0]


def arithmetic(question: str) -> str:
    if found := re.fullmatch(r"What is (\w+) (plus|minus) (\w+)\?", question):
        first, second = NUMBERS.index(found[1]), NUMBERS.index(found[3])
        return str(len(range(second, first)) if found[2] == "minus" else sum((first, second)))
    found_numbers = numbers(question)
    if "boxes" in question:
        boxes, each, more = found_numbers
        total = sum(each for _ in range(boxes))
        return str(total - more if "gives away" in question else total + more)
    first, second = found_numbers
    return str(first - second if "gives away" in question else first + second)


def clock(question: str) -> str:
    found = re.search(r"(\d+)(?: o'clock|:(\d\d))", question)
    assert found
    start = datetime(2001, 5, 5, int(found[1]), int(found[2] or 0))
    step = int(re.findall(r"(\d+) (?:hour|minute)s?\b", question)[-1])
    span = timedelta(hours=step) if "hour" in question.rpartition(" in ")[2] else timedelta(minutes=step)
    end = start - span if "ago" in question else start + span
    return f"{end.strftime('%I').lstrip('0')}:{end:%M}"


def comparisons(question: str) -> str:
    best = max if re.search(r"bigger|larger|largest|more", question) else min
    if "of these numbers" in question:
        return str(best(int(one) for one in items(question)))
    offered = question.partition(", ")[2].rstrip("?").split(" or ")
    if offered[0].endswith("s"):
        return best(offered, key=lambda one: int(one.split()[0]) * SIZES[one.split()[1][:-1]])
    return best(offered, key=Fraction)


def counting(question: str) -> str:
    listed = items(question)
    found = re.match(r"How many (.+) are in this list", question)
    assert found
    if found[1] == "words":
        return str(question.count(",") + 1)
    kind = "piece of furniture" if "furniture" in found[1] else found[1][:-1]
    return str(sum(KIND_OF[one] == kind for one in listed))


def dates(question: str) -> str:
    months = list(calendar.month_name)
    if found := re.match(r"Which month comes right (before|after) (\w+)\?", question):
        by = -15 if found[1] == "before" else 45
        return f"{date(2001, months.index(found[2]), 1) + timedelta(days=by):%B}"
    if found := re.match(r"Which month is the (\w+) month", question):
        return months[NTH.index(found[1]) + 1]
    if found := re.match(r"If it is (\w+) now", question):
        return f"{date(2001, months.index(found[1]), 15) + timedelta(days=61):%B}"
    if found := re.match(r"How many days after (\w+ \d+) is (\w+ \d+)\?", question):
        first, second = (datetime.strptime(f"{one} 2001", "%B %d %Y") for one in found.groups())
        return str((second - first).days)
    found = re.match(r"Which date is (\d+) days? after (\w+ \d+)\?", question)
    assert found
    there = datetime.strptime(f"{found[2]} 2001", "%B %d %Y") + timedelta(days=int(found[1]))
    return f"{there:%B} {there.day}"


def forms(question: str) -> str:
    word = question.split('"')[1]
    if word in IRREGULAR:
        return IRREGULAR[word]
    if re.search(r"[^aeiou]y$", word):
        return re.sub("y$", "ies" if "plural" in question else "ier", word)
    if "plural" in question:
        return word + ("es" if re.search(r"(s|x|ch|sh)$", word) else "s")
    return word + (word[-1] if re.search(r"[^aeiou][aeiou][bgnt]$", word) else "") + "er"


def money(question: str) -> str:
    found = numbers(question)
    if "together" in question:
        return str(sum(found))
    if "get back" in question:
        price, note = found
        return str(len(range(price, note)))
    worth = {"quarter": 25, "dime": 10, "nickel": 5}
    coins = re.findall(r"(\d) (quarter|dime|nickel)s", question.partition("How many")[2])
    return str(sum(sum([worth[name]] * int(count)) for count, name in coins))


def odd_one_out(question: str) -> str:
    listed = items(question)
    if found := re.match(r"Which of these is (not )?an? ([\w ]+):", question):
        (word,) = [one for one in listed if (KIND_OF[one] == found[2]) != bool(found[1])]
        return word
    kinds = [KIND_OF[one] for one in listed]
    (word,) = [one for one in listed if kinds.count(KIND_OF[one]) == 1]
    return word


def ordering(question: str) -> str:
    more = {"taller": 1, "older": 1, "faster": 1, "richer": 1}
    pairs = []
    for first, word, second in re.findall(r"(\w+) is (\w+) than (\w+)\.", question):
        pairs.append((first, second) if word in more else (second, first))
    below = {second for _, second in pairs}
    above = {first for first, _ in pairs}
    top = re.search(
        r"Who is (?:the )?(taller|older|faster|richer|tallest|oldest|fastest|richest)\b", question
    )
    # One alone is never below, and one never above, where the pairs make a single chain.
    (person,) = above - below if top else below - above
    return person


def positions(question: str) -> str:
    listed = items(question)
    if found := re.search(r'right (after|before) "(\w+)"', question):
        at = listed.index(found[2])
        return listed[at + (1 if found[1] == "after" else -1)]
    found = re.search(r"the (\w+) one", question)
    assert found
    return listed[-1] if found[1] == "last" else listed[NTH.index(found[1])]


def sequences(question: str) -> str:
    """Return the next number by differences where they are the same or grow alike, else by the ratio."""
    if found := re.search(r"right (before|after) (\d+)", question):
        return str(range(int(found[2]) + 2)[-1 if found[1] == "after" else -3])
    shown = [int(one) for one in items(question)]
    rows = [shown]
    while any(rows[-1]) and len(rows[-1]) > 1:
        rows.append([after - before for before, after in itertools.pairwise(rows[-1])])
    if len(rows) <= 4 and not any(rows[-1]):
        return str(sum(row[-1] for row in rows))
    ratio = Fraction(shown[1], shown[0])
    assert all(after == before * ratio for before, after in itertools.pairwise(shown))
    return str(shown[-1] * ratio)


def spelling(question: str) -> str:
    quoted = re.findall(r'"(\w+)"', question)
    word = list(quoted[-1])
    if "backwards" in question:
        back = ""
        for letter in word:
            back = letter + back
        return back
    if "How often" in question:
        return str(len(re.findall(quoted[0], quoted[1])))
    if "How many letters" in question:
        return str(sum(1 for _ in word))
    return word.pop(0) if "first" in question else word.pop()


def statements(question: str) -> str:
    if found := re.match(r"Is (\d+) greater than (\d+)", question):
        return "Yes" if len(range(int(found[2]), int(found[1]))) else "No"
    if found := re.match(r'Does the word "(\w+)" stand before the word "(\w+)"', question):
        later = next(
            (one > other for one, other in zip(*found.groups(), strict=False) if one != other), False
        )
        return "No" if later else "Yes"
    found = re.match(r"(?:Is|Are) (?:an? )?(\w+) an? ([\w ]+)\?", question)
    assert found
    return "Yes" if KIND_OF[found[1]] == found[2] else "No"


def tables(question: str) -> str:
    has = {name: int(count) for name, count in re.findall(r"(\w+) has (\d+)", question)}
    asked = question.partition(". ")[2]
    if "Who has" in asked:
        return sorted(has, key=has.__getitem__)[-1 if "most" in asked else 0]
    return str(sum(has[name] for name in has if re.search(rf"\b{name}\b", asked)))


def units(question: str) -> str:
    small = re.match(r"How many (\w+)s are", question)
    assert small
    told = [(int(count), name) for count, name in re.findall(r"(\d+) (\w+?)s?\b", question) if name in SIZES]
    if found := re.search(r"in (\d+) and a half (\w+)s", question):
        told = [(int(found[1]), found[2])]
        amount = Fraction(2 * told[0][0] + 1, 2) * SIZES[told[0][1]]
    else:
        join: Callable[[int, int], int] = operator.sub if "take" in question else operator.add
        amounts = [count * SIZES[name] for count, name in told]
        amount = Fraction(join(max(amounts), min(amounts)) if len(amounts) == 2 else amounts[0])
    return str(amount / SIZES[small[1]])


def weekdays(question: str) -> str:
    """Return the day, found on the calendar of a month that begins with the right day."""
    names = list(calendar.day_name)
    day = next(one for one in re.findall(r"\w+", question) if one in names)
    start = date(2024, 1, 1)  # a Monday
    found = numbers(question)
    if "of a month" in question:
        first, second = found
        begin = next(date(2024, month, first) for month in range(1, 13)
                     if f"{date(2024, month, first):%A}" == day)  # fmt: skip
        return f"{begin.replace(day=second):%A}"
    spoken = re.search(r"(two|three) days", question)
    step = found[0] if found else NUMBERS.index(spoken[1]) if spoken else 1
    if re.search(r"ago|before", question):
        step = -step
    return f"{start + timedelta(days=names.index(day) + step):%A}"
