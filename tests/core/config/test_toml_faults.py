"""A file that is no TOML is told in plain words, with its line as it stands and as it is right."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from udasa_core.cli.main import main
from udasa_core.config.toml_text import read_toml
from udasa_core.errors import ConfigError

# The text, then what is said: the line's number, why, and what to write.
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "bare text": ("[model]\nsource = m\n", "line 2", "text stands in quotes", 'source = "m"'),
    "bare path": ("[a]\nx = file:/b c # d\n", "line 2", "text stands in quotes", 'x = "file:/b c"'),
    "bare from a digit": ("[a]\nx = 4bit\n", "line 2", "text stands in quotes", 'x = "4bit"'),
    "key twice": ('[a]\nx = "b"\ny = 1\nx = 2\n', "line 4", "x is there already, in line 2", "leave one"),
    "table twice": ("[a]\nx = 1\n[a]\ny = 1\n", "line 3", "[a] is there twice", "below one [a]"),
    "array written as table": (
        '[dimension]\nuse = "a"\n[dimension]\nuse = "b"\n',
        "line 3",
        "[dimension] is there twice",
        "write [[dimension]]",
    ),
    "backslashes": ('x = "C:\\data\\y"\n', "line 1", "a backslash", 'in its place: x = "C:/data/y"'),
    "backslash U": ('x = "C:\\Users\\y"\n', "line 1", "a backslash", 'in its place: x = "C:/Users/y"'),
    "JSON": ('{\n "a": {"b": 1}\n}\n', "", "this is JSON", "udasa init"),
    "JSONL": ('{"prompt": "a"}\n{"prompt": "b"}\n', "", "this is JSON", "udasa init"),
    "JSON list": ('[\n  {"a": 1}\n]\n', "", "this is JSON", "udasa init"),
    "YAML": ("model:\n  source: m\n", "line 1", '":" after model', "[model]"),
    "colon": ("[a]\nx: 4\n", "line 2", '":" after x', "x = 4"),
    "colon and bare": ("[a]\nx: m\n", "line 2", '":" after x', 'x = "m"'),
    "lone =": ("[a]\n=\n", "line 2", 'no key before "="', "leave the line out"),
    "= alone before": ("[a]\n= 4\n", "line 2", 'no key before "="', "write key = 4"),
    "no value": ("[a]\nx =\n", "line 2", "x has no value", "leave the line out"),
    "no value, remark": ("[a]\nx = # y\n", "line 2", "x has no value", "leave the line out"),
    "True": ("[a]\nx = True\n", "line 2", "true and false", "x = true"),
    "no": ("[a]\nx = no\n", "line 2", "true and false", "x = false"),
    "None": ("[a]\nx = None\n", "line 2", "no word for nothing", "leave x out"),
    "comma": ("[a]\nx = 0,5\n", "line 2", "with a point", "x = 0.5"),
    "leading zero": ("[a]\nx = 010\n", "line 2", "does not begin with 0", "x = 10"),
    "point first": ("[a]\nx = .5\n", "line 2", "on both sides", "x = 0.5"),
    "curly quotes": ("[a]\nx = “b”\n", "line 2", "curly quotes", 'x = "b"'),
    "open text": ('[a]\nx = "b\ny = 1\n', "line 2", "not closed", "write the same quote"),
    "open long text": ('[a]\nx = """b\ny = 1\n', "line 2", "not closed", "write the same quote"),
    "open quote": ("[a]\nx = 'b\ny = 1\n", "line 2", "not closed", "write the same quote"),
    "value and table": ("a = 1\n[a.b]\n", "line 2", "is a key with a value above", "leave one"),
    "open list": ('[a]\nx = ["b", "c"\ny = 1\n', "line 3", "list that was begun above", "write ]"),
    "open table": ("[a\nx = 1\n", "line 1", "no line of a table", "[a]"),
    "open array": ("[[suite]\nx = 1\n", "line 1", "no line of a table", "[[suite]]"),
    "two values": ('[a]\nx = "b" "c"\n', "line 2", "more stands behind", "write one value"),
    "unit": ("[a]\nx = 24 GB\n", "line 2", "more stands behind", "write one value"),
    "table over lines": ("[a]\nx = {b = 1,\n c = 2}\n", "line 2", "over several lines", "in one line"),
    "no =": ('[a]\nx "b"\n', "line 2", 'no "="', "write key = value"),
    "blank in key": ("[a]\nlearning rate = 1\n", "line 2", "no blanks", "learning_rate = 1"),
}


@pytest.mark.parametrize(("text", "line", "why", "right"), TEXTS.values(), ids=TEXTS)
def test_a_line_that_is_no_toml(text: str, line: str, why: str, right: str, tmp_path: Path) -> None:
    path = tmp_path / "odd.toml"
    path.write_bytes(text.encode())
    with pytest.raises(ConfigError) as told:
        read_toml(path)
    (fault,) = told.value.faults
    assert fault.path == line
    assert why in fault.message
    assert right in fault.hint
    if line:
        assert text.splitlines()[int(line.removeprefix("line ")) - 1].strip() in fault.message
    assert "column" not in str(told.value)


@pytest.mark.parametrize(
    ("content", "why", "right"),
    [
        ("[a]\nx = 1\n".encode("utf-16"), "UTF-16", "iconv -f UTF-16 -t UTF-8 odd.toml"),
        ("[a]\nx = 1\n".encode("utf-16-le"), "UTF-16", "iconv -f UTF-16"),
        (
            b'[a]\n# caf\xe9\nx = "\xe4"\n',
            "from line 2 on; as Latin-1 the line reads: # café",
            "iconv -f LATIN1",
        ),
        (b"PAR1\0\1\2", "is no text", "name a text file"),
        (b"", "there is no table in it", "udasa init FILE"),
        (b"# nothing\n", "there is no table in it", "udasa init FILE"),
    ],
)
def test_a_file_of_another_encoding(
    content: bytes, why: str, right: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("odd.toml").write_bytes(content)
    done = CliRunner().invoke(main, ["check", "odd.toml"])
    assert done.exit_code == 2
    assert why in done.output
    assert right in done.output
    assert "codec" not in done.output
