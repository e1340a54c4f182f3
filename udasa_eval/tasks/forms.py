"""Forms of words: the plural and the comparative, as the rules of spelling make them, and irregular ones."""

from __future__ import annotations

from random import Random

from udasa_eval.tasks.task import Level, Task, gist, words

_PLAIN = words(
    "arm bag ball bear bell boot bottle bridge button car cat cloud cup dog ear egg eye farm finger flag "
    "frog game hat horse key lion moon nose pen road shoe star tiger town wall "
    "apple bird boat book brother camera chair coat cow door duck flower friend garden girl hand house "
    "island king lamp letter mountain pencil planet river rock school sister song spoon street table teacher "
    "tree window"
)
_HISSING = words("beach box brush bus church class dish dress fox glass lunch match peach watch wish")
_IN_Y = words("baby berry body city copy country family fly lady party pony puppy story army")
_OTHERS = {
    "man": "men",
    "woman": "women",
    "knife": "knives",
    "leaf": "leaves",
    "wolf": "wolves",
    "life": "lives",
    "wife": "wives",
    "half": "halves",
    "shelf": "shelves",
    "loaf": "loaves",
    "thief": "thieves",
    "louse": "lice",
    "policeman": "policemen",
    "potato": "potatoes",
    "tomato": "tomatoes",
    "hero": "heroes",
    "calf": "calves",
    "scarf": "scarves",
    "analysis": "analyses",
    "cactus": "cacti",
    "fungus": "fungi",
    "criterion": "criteria",
}
_ALSO = {"cactus": ("cactuses",), "fungus": ("funguses",), "scarf": ("scarfs",)}
_COMPARED = {
    "tall": "taller",
    "small": "smaller",
    "fast": "faster",
    "cold": "colder",
    "long": "longer",
    "old": "older",
    "big": "bigger",
    "hot": "hotter",
    "thin": "thinner",
    "happy": "happier",
    "easy": "easier",
    "heavy": "heavier",
    "good": "better",
    "bad": "worse",
}


def forms(random: Random, level: Level) -> Task:
    """Return a plural in -s; in -es or -ies, or a comparative; an irregular plural."""
    if level == "easy":
        word = random.choice(_PLAIN)
        return _plural(word, (f"{word}s",), (f"{word}es", word))
    if level == "hard":
        word = random.choice(tuple(_OTHERS))
        wrong = tuple(
            one for one in (f"{word}s", f"{word}es", word) if one not in (_OTHERS[word], *_ALSO.get(word, ()))
        )
        return _plural(word, (_OTHERS[word], *_ALSO.get(word, ())), wrong)
    words = random.choice((_HISSING, _IN_Y, tuple(_COMPARED)))
    word = random.choice(words)
    if words is _HISSING:
        return _plural(word, (f"{word}es",), (f"{word}s", word))
    if words is _IN_Y:
        return _plural(word, (f"{word[:-1]}ies",), (f"{word}s", word))
    question = f'What is the comparative form of the adjective "{word}"?'
    return Task(question, (_COMPARED[word],), (f"more {word}", f"{word}est"), gist("compared", word))


def _plural(word: str, answers: tuple[str, ...], rivals: tuple[str, ...]) -> Task:
    return Task(f'What is the plural of the word "{word}"?', answers, rivals, gist("plural", word))
