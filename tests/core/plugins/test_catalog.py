"""The catalog lists what is installed, imports nothing, and never picks silently."""

from __future__ import annotations

from pathlib import Path

import pytest

from udasa_core.errors import CatalogError
from udasa_core.plugins.catalog import Catalog, Offer, normalise, read_catalog
from udasa_core.plugins.identity import source_digest


def install(
    site: Path,
    distribution: str,
    entries: str,
    *,
    requires: tuple[str, ...] = ("udasa[contract-2]>=0.1",),
    module: str | None = "mod",
) -> None:
    """Lay a distribution out as pip would."""
    info = site / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    needs = "".join(f"Requires-Dist: {one}\n" for one in requires)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n{needs}")
    (info / "entry_points.txt").write_text(entries)
    if module:
        # Importing it would be an error: listing must not.
        (site / f"{module}.py").write_text("raise RuntimeError('imported')\n")


def found(site: Path) -> Catalog:
    return read_catalog([str(site)])


def test_the_built_ins_are_offered_by_the_distribution_udasa() -> None:
    catalog = read_catalog()
    assert {one.kind for one in catalog.offers} >= {"generator", "dimension", "trainer", "engine", "observer"}
    assert catalog.find("trainer", "dpo").distribution == "udasa"
    assert [one.fault for one in catalog.offers if one.distribution == "udasa" and one.fault] == []


def test_listing_imports_nothing_and_is_sorted(tmp_path: Path) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.dimension]\nb.two = mod:B\na.one = mod:A\n[other]\nx = y:z\n")
    catalog = found(tmp_path)
    assert [(one.name, one.distribution, one.version) for one in catalog.offers] == [
        ("a.one", "udasa-plugin-x", "1.0"),
        ("b.two", "udasa-plugin-x", "1.0"),
    ]
    assert [one.fault for one in catalog.offers] == ["", ""]


def test_names_are_compared_in_normalised_form(tmp_path: Path) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.dimension]\nSemantic_Degree = mod:A\n")
    assert found(tmp_path).find("dimension", "semantic.degree").name == "Semantic_Degree"
    assert normalise("Semantic__Degree") == normalise("semantic.degree") == "semantic-degree"


def test_one_name_offered_by_two_is_refused_with_both_spellings(tmp_path: Path) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.pairing]\nbest = mod:A\n")
    install(tmp_path, "udasa-plugin-y", "[udasa.pairing]\nbest = mod:A\n")
    catalog = found(tmp_path)
    with pytest.raises(CatalogError) as caught:
        catalog.find("pairing", "best")
    assert 'use = "udasa-plugin-x/best" or use = "udasa-plugin-y/best"' in str(caught.value)
    assert catalog.find("pairing", "Udasa_Plugin_Y/best").distribution == "udasa-plugin-y"


def test_a_missing_plugin_is_told_with_the_nearest_name(tmp_path: Path) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.pairing]\nextremes = mod:A\n")
    catalog = found(tmp_path)
    with pytest.raises(CatalogError, match='did you mean "extremes"'):
        catalog.find("pairing", "extreme")
    with pytest.raises(CatalogError, match="is found once that one is installed: `udasa plugins`"):
        catalog.find("dimension", "zebra.stripes")


@pytest.mark.parametrize(
    ("kind", "server", "port"), [("generator", "sglang", 30000), ("judge", "vllm", 8000)]
)
def test_a_server_is_served_by_what_is_installed(kind: str, server: str, port: int) -> None:
    told = rf'write use = "openai", with base_url = "http://localhost:{port}/v1"'
    with pytest.raises(CatalogError, match=told):
        read_catalog().find(kind, server)
    with pytest.raises(CatalogError, match=r"installed: .*openai") as error:
        read_catalog().find(kind, "nobody-knows")
    # Nobody has claimed that name.
    assert "pip install" not in str(error.value)


@pytest.mark.parametrize(
    ("requires", "word"),
    [
        ((), "declares no contract"),
        (("udasa>=0.1",), "declares no contract"),
        (("udasa[contract-3]",), "written for contract-3; this udasa speaks contract-2"),
        (("udasa[contract-1]",), "speaks contract-2; change: `Refusal` is `Unpaired`"),
    ],
)
def test_another_contract_is_a_static_fault(tmp_path: Path, requires: tuple[str, ...], word: str) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.pairing]\nbest = mod:A\n", requires=requires)
    assert word in found(tmp_path).offers[0].fault
    with pytest.raises(CatalogError, match="contract"):
        found(tmp_path).find("pairing", "best")


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ("[udasa.pairing]\nbest = nowhere:A\n", "'nowhere' is not installed"),
        ("[udasa.pairing]\nbest = pack.missing:A\n", "'pack.missing' is not in the installed package"),
        ("[udasa.pairing]\nbest = mod\n", "not of the form module:Factory"),
        ("[udasa.paring]\nbest = mod:A\n", "udasa.paring is no kind"),
    ],
)
def test_static_faults_are_found_without_importing(tmp_path: Path, entries: str, word: str) -> None:
    install(tmp_path, "udasa-plugin-x", entries)
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack" / "__init__.py").write_text("raise RuntimeError('imported')\n")
    assert word in found(tmp_path).offers[0].fault


def test_a_submodule_is_found_without_importing_its_package(tmp_path: Path) -> None:
    install(tmp_path, "udasa-plugin-x", "[udasa.pairing]\nbest = pack.inner.deep:A\n", module=None)
    inner = tmp_path / "pack" / "inner"
    inner.mkdir(parents=True)
    (inner.parent / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (inner / "deep.py").write_text("")
    assert found(tmp_path).offers[0].fault == ""


def test_local_work_is_named_by_module_and_factory() -> None:
    offer = read_catalog().find("dimension", "tests.canned:Dimension")
    assert (offer.distribution, offer.spelling) == ("local", "tests.canned:Dimension")
    with pytest.raises(CatalogError, match="module:Factory"):
        read_catalog().find("dimension", "tests/canned.py:Dimension")


def test_local_source_is_part_of_the_identity(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "mine.py").write_text("A = 1\n")
    offer = Offer("dimension", "mine:A", "local", "", "mine:A")
    before = source_digest(offer, object)
    (tmp_path / "mine.py").write_text("A = 2\n")
    assert before
    assert source_digest(offer, object) != before
