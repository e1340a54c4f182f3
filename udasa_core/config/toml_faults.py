"""Why a text is no TOML, in plain words: the line, what is wrong there, and how it is written right."""

from __future__ import annotations

import re
from collections.abc import Iterator

from udasa_core.config.schema import CORE_ARRAYS
from udasa_core.errors import Fault
from udasa_core.text.printable import printable_line

# Characters of a line that a message repeats.
_SHOWN = 120
_AT = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")
_TWICE = re.compile(r"Cannot declare \((.+?),?\) twice")
_KEY = r"""[\w.-]+|"[^"]*"|'[^']*'"""
_ASSIGNED = re.compile(rf"\s*(?P<key>{_KEY})\s*=\s*(?P<value>.*?)\s*(?:#.*)?")
_COLON = re.compile(rf"\s*(?P<key>{_KEY})\s*:\s*(?P<value>.*?)\s*")
_CURLY = str.maketrans("“”„«»‘’‚", '"""""\'\'\'')
_NO_WORDS = {"none", "null", "nil", "~"}
_YES, _NO = {"true", "yes", "on"}, {"false", "no", "off"}
_ARRAYS = ("dimension", "suite", "observer", *CORE_ARRAYS)
_A_FILE = "`udasa init` writes a file to start from"


def toml_fault(text: str, error: ValueError) -> Fault:
    """Return the fault of a text that tomllib refused with `error`."""
    said = str(error)
    place = _AT.search(said)
    lines = text.replace("\r\n", "\n").split("\n")
    number = int(place[1]) if place and place[1] else _opened(lines)
    line = lines[number - 1]
    if json := _json(text):
        return json
    why, hint = next(_reasons(_AT.sub("", said), lines, number))
    shown = printable_line(line.strip())
    shown = shown if len(shown) <= _SHOWN else f"{shown[:_SHOWN]} …"
    return Fault(f"line {number}" if shown else "", f"{why}\n      {shown}".rstrip(), hint)


def _opened(lines: list[str]) -> int:
    """Return the number of the first line that opens a quote and does not close it; else of the last."""
    texts = [line.partition("#")[0] for line in lines]
    odd = (number for number, text in enumerate(texts, 1) if text.count('"') % 2 or text.count("'") % 2)
    return next(odd, len(lines))


def _json(text: str) -> Fault | None:
    """Return the fault of a text that is JSON, or looks so, None where it does not."""
    if not re.match(r'\s*(?:\{|\[\s*(?:[{"]|$))', text):
        return None
    return Fault(
        "",
        "this is JSON, and a configuration is TOML",
        'write {"model": {"source": "…"}} as a line [model], and below it source = "…"; ' + _A_FILE,
    )


def _reasons(said: str, lines: list[str], number: int) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in a line and how it is right, the likeliest first. said: tomllib's message."""
    line = lines[number - 1]
    assigned, colon = _ASSIGNED.fullmatch(line), _COLON.fullmatch(line)
    if said.startswith(("Cannot overwrite a value", "Cannot mutate", "Duplicate inline table key")):
        yield _doubled(lines, number)
    elif twice := _TWICE.search(said):
        yield _table_twice(re.findall(r"'([^']*)'", twice[1]))
    elif "\\" in line and ("hex value" in said or "'\\'" in said or "scalar value" in said):
        right = re.sub(r"\\+", "/", line.strip())
        yield "in double quotes a backslash begins a special character", f"write / in its place: {right}"
    elif line.translate(_CURLY) != line and '"' in line.translate(_CURLY):
        yield "curly quotes: TOML takes straight ones, \" and '", line.strip().translate(_CURLY)
    elif said.startswith(("Illegal character '\\n'", "Unterminated string", "Expected \"'")):
        yield "a text is opened by a quote and not closed", "write the same quote at its end"
    elif "Unclosed array" in said:
        yield (
            "a list that was begun above is not closed",
            "write ] at its end, and a comma between its members",
        )
    elif "nclosed inline table" in said or "{" in line:
        yield (
            "a table in { } is not closed, or goes over several lines",
            "write it in one line with } at its end, or as a [table] with a line for each key",
        )
    elif line.lstrip().startswith("["):
        name = line.strip().strip("[] \t")
        several = name in _ARRAYS or line.lstrip().startswith("[[")
        yield "this is no line of a table", f"[[{name}]]" if several else f"[{name}]"
    elif line.lstrip().startswith("="):
        yield 'there is no key before "="', f"write key {line.strip()}, or leave the line out"
    elif assigned:
        yield _value(assigned["key"], assigned["value"])
    elif colon:
        key, value = colon["key"], colon["value"]
        if value:
            yield f'":" after {key}, where TOML has "="', f"{key} = {_written(value)}"
        yield f'":" after {key}, where TOML has a table', f"[{key}]"
    elif "=" in line:
        key, _, value = line.partition("=")
        right = re.sub(r"[^\w.-]+", "_", key.strip())
        yield "a key has letters, digits, - and _, and no blanks", f"{right} = {value.strip()}"
    elif line.strip():
        yield 'this line has no "="', "write key = value, or # before a remark"
    told = f"{said[:1].lower()}{said[1:]}"
    yield f"this is no TOML ({told})", f"a line is [table], key = value, or # and a remark; {_A_FILE}"


def _doubled(lines: list[str], number: int) -> tuple[str, str]:
    """Say that a key is there twice, and where it stands first."""
    if lines[number - 1].lstrip().startswith("["):
        return "this table's name, or a part of it, is a key with a value above", "leave one of the two out"
    found = _ASSIGNED.fullmatch(lines[number - 1])
    key = found["key"] if found else "a key"
    for above in range(number - 2, -1, -1):
        if lines[above].lstrip().startswith("["):
            break
        other = _ASSIGNED.fullmatch(lines[above])
        if other and other["key"] == key:
            return f"{key} is there already, in line {above + 1}", "leave one of the two out"
    return f"{key} is there twice", "leave one of the two out"


def _table_twice(names: list[str]) -> tuple[str, str]:
    table = ".".join(names)
    if names and names[0] in _ARRAYS:
        return f"[{table}] is there twice", f"write [[{table}]], with two brackets, above each"
    return f"[{table}] is there twice", f"write the keys of both below one [{table}]"


def _value(key: str, value: str) -> tuple[str, str]:
    """Say what is wrong with a value that TOML does not know, and write it right."""
    if not value:
        return (
            f"{key} has no value",
            f"write one behind =, or leave the line out: the default of {key} counts",
        )
    if value.casefold() in _NO_WORDS:
        return f"TOML has no word for nothing ({value})", f"leave {key} out: its default counts"
    if value.casefold() in _YES | _NO:
        return f"yes and no are written true and false, not {value}", f"{key} = {_written(value)}"
    if re.fullmatch(r"[+-]?\d+,\d+", value):
        return "a number is written with a point", f"{key} = {value.replace(',', '.')}"
    if re.fullmatch(r"[+-]?0+\d+", value):
        return "a number does not begin with 0", f"{key} = {int(value)}"
    if re.fullmatch(r"[+-]?(?:\.\d+|\d+\.)(?:[eE][+-]?\d+)?", value):
        return "a number has a digit on both sides of its point", f"{key} = {float(value)}"
    if value[0] in "\"'[{" or re.match(r"[+-]?\d[\d.eE+-]*\s", value):
        return f"more stands behind the value of {key}", "write one value, and # before a remark"
    return "text stands in quotes", f"{key} = {_written(value)}"


def _written(value: str) -> str:
    """Return a value as TOML writes it: numbers, lists and texts in quotes as they are."""
    if value.casefold() in _YES | _NO:
        return "true" if value.casefold() in _YES else "false"
    if value[0] in "\"'[{" or re.fullmatch(r"[+-]?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?", value):
        return value
    quote = "'" if '"' in value or "\\" in value else '"'
    return f"{quote}{value}{quote}"
