"""How a secret may be written in what a server sends: a pattern that finds it in any spelling."""

from __future__ import annotations

import re
from base64 import b64encode

# What ciphers, wrapped lines and wide characters put between.
_BETWEEN = r"(?:\x00|\\{1,8}u0000)?"
_WRAPPED = r"(?:\s|\\{1,8}[nr]){0,4}"


def spelled(secret: str) -> re.Pattern[str]:
    """Return the pattern of a secret (printable ASCII) as it stands, and escaped as in JSON, JavaScript, HTML
    or a URL, character by character and several times over; in base64, standard and for URLs, at any
    offset; and in hex. Capitals and small letters are not told apart.
    """
    ways = [_BETWEEN.join(map(_character, secret)), _WRAPPED.join(secret.encode().hex())]
    ways += [_WRAPPED.join(map(_base64_character, core)) for core in _cores(secret.encode())]
    return re.compile("|".join(ways), re.IGNORECASE)


def _character(character: str) -> str:
    code = ord(character)
    plain, hexed = re.escape(character), f"{code:02x}"
    # Bounded, for a body of nothing but backslashes is read in linear time then.
    escape = r"\\{1,8}"
    return (
        rf"(?:\\{{0,8}}{plain}|{escape}(?:u00{hexed}|u\{{0{{0,8}}{hexed}\}}|x{hexed}|{code:03o})"
        rf"|%(?:25){{0,4}}{hexed}|&(?:amp;){{0,4}}\#(?:x0{{0,8}}{hexed}|0{{0,8}}{code});{_named(character)})"
    )


def _named(character: str) -> str:
    names = {
        "&": "amp",
        "<": "lt",
        ">": "gt",
        '"': "quot",
        "'": "apos",
        "/": "sol",
        "+": "plus",
        "=": "equals",
    }
    names |= {"_": "lowbar", "-": "hyphen", ".": "period", ":": "colon"}
    return f"|&{names[character]};" if character in names else ""


def _cores(secret: bytes) -> set[str]:
    """Return the base64 digits that the secret alone decides, at each of three offsets."""
    cores = set()
    for offset in range(3):
        digits = b64encode(bytes(offset) + secret).decode().rstrip("=")
        cores.add(digits[-(-offset * 8 // 6) : (offset + len(secret)) * 8 // 6])
    return cores


def _base64_character(digit: str) -> str:
    if digit not in "+/":
        return digit
    return f"(?:{_character(digit)}|{_character('-' if digit == '+' else '_')})"
