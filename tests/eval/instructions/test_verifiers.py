"""Each of the 25 instructions: responses that fulfil it, and responses that do not."""

from __future__ import annotations

from typing import Any

import pytest

from udasa_eval.instructions.check import check
from udasa_eval.instructions.language import language_of
from udasa_eval.instructions.prompts import VERIFIERS, instructed

LEAST, LESS = "at least", "less than"
TWO_PARTS = {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "However"}

# id, kwargs, what fulfils it, what does not.
CASES: list[tuple[str, dict[str, Any], list[str], list[str]]] = [
    (
        "keywords:existence",
        {"keywords": ["rose", "a.b"]},
        ["Roses and a.b", "PROSE, A.B"],
        ["rose and aXb", "a.b", "Rose is a word."],
    ),
    (
        "keywords:frequency",
        {"keyword": "apple", "frequency": 2, "relation": LEAST},
        ["Apple, apples.", "pineapple APPLE apple"],
        ["One apple.", "app le apple"],
    ),
    (
        "keywords:frequency",
        {"keyword": "apple", "frequency": 2, "relation": LESS},
        ["One apple.", "A pear."],
        ["Apple, apple.", "Pineapples, apples."],
    ),
    (
        "keywords:forbidden_words",
        {"forbidden_words": ["cat", "U.S."]},
        ["A category of its own.", "concatenate", "A dog in the USA."],
        ["The CAT sleeps.", "A cat", "A dog-cat thing."],
    ),
    (
        "keywords:letter_frequency",
        {"letter": "Q", "let_frequency": 2, "let_relation": LEAST},
        ["Quite a queue.", "q q q"],
        ["Quiet.", "None at all."],
    ),
    ("keywords:letter_frequency", {"letter": "#", "let_frequency": 1, "let_relation": LESS}, ["a"], ["#"]),
    (
        "language:response_language",
        {"language": "fr"},
        ["Le chat dort sur le canapé depuis ce matin.", "Bonjour, je m'appelle Marie et j'habite à Lyon."],
        ["The cat has been asleep on the sofa since this morning.", "12345", "!?"],
    ),
    (
        "language:response_language",
        {"language": "zh"},
        ["你好，我是一个学生，我喜欢在图书馆看书。"],
        ["私は学生です。図書館で本を読むのが好きです。"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": LEAST},
        ["It rains. It pours.", "Dr. Smith came. He left!", "One\nTwo"],
        ["Dr. Smith came.", "It cost 3.50 euros"],
    ),
    (
        "length_constraints:number_sentences",
        {"num_sentences": 2, "relation": LESS},
        ["It rains."],
        ["It rains. It pours."],
    ),
    (
        "length_constraints:number_paragraphs",
        {"num_paragraphs": 2},
        ["One.\n***\nTwo.", "***\nOne.\n***\nTwo.\n***", "One *** Two"],
        ["One.\n\nTwo.", "One.\n***\n\n***\nTwo.", "One. *** Two. *** Three."],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": LEAST},
        ["a b c", "don't go"],
        ["a b", "…"],
    ),
    (
        "length_constraints:number_words",
        {"num_words": 3, "relation": LESS},
        ["Paris.", "a-b"],
        ["one two three"],
    ),
    (
        "length_constraints:nth_paragraph_first_word",
        TWO_PARTS,
        ["One.\n\nHowever, two.", 'One.\n\n"however" it is.', "One.\n\nHOWEVER"],
        ["However.\n\nTwo.", "One.\nHowever", "One.\n\nHowever.\n\nThree.", "One.\n\n\n\nHowever."],
    ),
    (
        "detectable_content:number_placeholders",
        {"num_placeholders": 2},
        ["Dear [name], on [date].", "[a][b][c]"],
        ["Dear [name].", "[one\ntwo] [three]", "(name) (date)"],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.S."},
        ["Hi.\nP.S. Bye.", "Hi. p. s. bye"],
        ["Hi. PS: bye", "Hi."],
    ),
    (
        "detectable_content:postscript",
        {"postscript_marker": "P.P.S"},
        ["Hi.\nP.P.S Bye", "p.p.s. bye"],
        ["P.S. Bye"],
    ),
    ("detectable_content:postscript", {"postscript_marker": "N.B."}, ["n.b. this"], ["nxb. this"]),
    (
        "detectable_format:number_bullet_lists",
        {"num_bullets": 2},
        ["* a\n* b", "Here:\n- a\n  - b", "*a\n-b", "* a\n* b\n**bold**"],
        ["* a", "- a\n- b\n- c", "1. a\n2. b", "• a\n• b", "**a**\n**b**"],
    ),
    (
        "detectable_format:constrained_response",
        {},
        ["My answer is yes.", "Well. My answer is maybe. Or so."],
        ["Yes.", "My answer is yes", "my answer is no."],
    ),
    (
        "detectable_format:number_highlighted_sections",
        {"num_highlights": 2},
        ["*a* and *b*", "**a** and *b*", "*a b* *c*"],
        ["*a*", "* a\n* b", "**", "****  ** **"],
    ),
    (
        "detectable_format:multiple_sections",
        {"section_spliter": "Section", "num_sections": 2},
        ["Section 1\na\nSection 2\nb", "Section1 Section2 Section 3"],
        ["Section 1", "SECTION 1 SECTION 2", "Section A, Section B"],
    ),
    (
        "detectable_format:json_format",
        {},
        ['{"a": 1}', '```json\n["x"]\n```', "```\n3\n```", '"text"'],
        ["{'a': 1}", 'Here: {"a": 1}', '{"a": 1', "[" * 100_000],
    ),
    (
        "detectable_format:title",
        {},
        ["<<My title>>\nText", "Text <<t>>"],
        ["<My title>", "<<>>", "<< >>", "<<a\nb>>"],
    ),
    (
        "combination:two_responses",
        {},
        ["One.\n******\nTwo.", "******\nOne.\n******\nTwo.\n******"],
        ["One.", "One.\n***\nTwo.", "Same.\n******\nSame.", "A****** ******B", "A******B******C"],
    ),
    (
        "combination:repeat_prompt",
        {"prompt_to_repeat": "What is ice? "},
        ["What is ice? Frozen water.", "  what is ICE?\n\nWater."],
        ["Ice is frozen water.", "You ask: What is ice? Water.", "What is ice"],
    ),
    (
        "startend:end_checker",
        {"end_phrase": "That is all."},
        ["Bye. That is all.", '"Bye. THAT IS ALL."', "That is all.\n"],
        ["That is all. Bye.", "Bye. That is all", "That is."],
    ),
    ("startend:end_checker", {"end_phrase": '"the end"'}, ['It was "The End"', "the end"], ["the end."]),
    ("startend:quotation", {}, ['"Hello."', ' "a" or "b" '], ['"Hello.', "'Hello.'", '"', "“Hello.”"]),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 2, "capital_relation": LEAST},
        ["STOP NOW", "I saw a UFO", "DON'T be LATE"],
        ["STOP now", "DON'T", "Well-KNOWN A"],
    ),
    (
        "change_case:capital_word_frequency",
        {"capital_frequency": 1, "capital_relation": LESS},
        ["He stops."],
        ["I stop.", "He STOPS."],
    ),
    (
        "change_case:english_capital",
        {},
        ["DOGS ARE LOYAL.", "THE CAT SLEEPS ON THE SOFA BECAUSE IT IS WARM AND QUIET THERE.", "RED"],
        [
            "Dogs are loyal.",
            "123",
            "LE CHAT DORT SUR LE CANAPÉ PARCE QU'IL Y FAIT CHAUD ET TRÈS CALME.",
        ],
    ),
    (
        "change_case:english_lowercase",
        {},
        ["water is wet", "the cat sleeps on the sofa because it is warm and quiet there.", "in 1999"],
        [
            "Water is wet",
            "123",
            "le chat dort sur le canapé parce qu'il y fait chaud et très calme.",
        ],
    ),
    ("punctuation:no_comma", {}, ["One two.", "1;2"], ["One, two.", "1,000"]),
]


def follows(name: str, kwargs: dict[str, Any], response: str) -> bool:
    row = {"key": 1, "prompt": "p", "instruction_id_list": [name], "kwargs": [kwargs]}
    return check(response, instructed(row)).strict == (True,)


def each(place: int) -> list[Any]:
    return [
        pytest.param(case[0], case[1], response, id=f"{case[0]}-{response[:20]!r}")
        for case in CASES
        for response in case[place]
    ]


@pytest.mark.parametrize(("name", "kwargs", "response"), each(2))
def test_fulfilled(name: str, kwargs: dict[str, Any], response: str) -> None:
    assert follows(name, kwargs, response)


@pytest.mark.parametrize(("name", "kwargs", "response"), each(3))
def test_not_fulfilled(name: str, kwargs: dict[str, Any], response: str) -> None:
    assert not follows(name, kwargs, response)


def test_all_of_them_are_tried() -> None:
    assert {case[0] for case in CASES} == set(VERIFIERS)
    assert len(VERIFIERS) == 25


@pytest.mark.parametrize("blank", ["", " \n\t"])
def test_nothing_fulfils_nothing(blank: str) -> None:
    for name, kwargs, *_ in CASES:
        assert not follows(name, kwargs, blank)


def test_the_same_text_gets_the_same_language() -> None:
    """The detector draws at random inside, and of a mixed text its answer would change."""
    mixed = "the le cat chat sat dort on sur the le mat tapis"
    assert len({language_of(mixed) for _ in range(20)}) == 1
