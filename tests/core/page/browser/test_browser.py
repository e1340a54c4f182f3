"""A page in a real Chromium: it shows what it holds, does what is asked, and nothing that is planted."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

import udasa_core
from tests.core.page.browser.conftest import Look
from tests.core.page.browser.hostile import ALL, ARABIC, LONG, PLANTED
from udasa_core.page.html import write_page
from udasa_core.page.parts import Browser, Page, Section
from udasa_core.text.printable import printable

pytestmark = pytest.mark.browser

SECTIONS = ("verdict", "pairs", "before-and-after", "suites")
COUNT = ".count:visible"


def shown(page) -> list[str]:
    return page.eval_on_selector_all(
        "main > section", "all => all.filter(one => one.offsetParent).map(one => one.id)"
    )


def counts(page) -> list[int]:
    return [
        int(one.replace(",", "")) for one in re.findall(r"[\d,]+", page.locator(COUNT).first.inner_text())
    ]


def wait(page, expression: str) -> None:
    """Wait until an expression is true; `wait_for_function` evaluates where the page's policy forbids it."""
    for _ in range(100):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{expression} never came true")


def test_sections_are_shown_one_at_a_time_and_back_leads_back(look: Look) -> None:
    page = look()
    assert shown(page) == ["verdict"]
    page.locator("nav.pages a", has_text="Before and after").click()
    page.wait_for_selector("#before-and-after .option")
    assert shown(page) == ["before-and-after"]
    assert page.locator("[aria-current=page]").inner_text() == "Before and after"
    assert page.evaluate("document.activeElement.textContent") == "Before and after"
    page.locator("nav.pages a", has_text="Suites").click()
    page.go_back()
    assert shown(page) == ["before-and-after"]
    page.go_forward()
    assert shown(page) == ["suites"]
    assert page.title().startswith("Suites")


def test_what_is_planted_is_read_as_text_and_does_nothing(look: Look) -> None:
    page = look()
    scripts = page.locator("script:not([type])").count()
    for name in SECTIONS:
        page.goto(page.url.split("#")[0] + f"#{name}")
        if name != "verdict":
            page.wait_for_selector(f"#{name} .view .bar:visible")
        for text in PLANTED:
            assert printable(text).strip() in page.locator(f"#{name}").inner_text(), (name, text)
        for _ in range(6 if name != "verdict" else 0):
            page.keyboard.press("j")
            page.wait_for_timeout(30)
    assert scripts == page.locator("script:not([type])").count() == 1
    assert (
        page.locator("img, iframe, base, link, [onload], [onerror], [onmouseover], body [style*=red]").count()
        == 0
    )
    assert page.locator("svg svg, main style").count() == 0


def test_a_pair_shows_the_prompt_all_responses_and_why_these_two(look: Look, hostile: udasa_core.Run) -> None:
    _, pair = next(one for one in hostile.pairs() if "arabic" in one[1].prompt.messages[-1].content)
    page = look(f"pair={pair.id}")
    page.wait_for_selector(".view .side")
    view = page.locator("#pairs .view")
    assert pair.id in view.locator("h3").inner_text()
    assert "the chosen one has the lowest U" in view.inner_text()
    assert "the rejected one the highest" in view.inner_text()
    assert f"{pair.gap:.3f}" in view.inner_text()
    assert view.locator(".message").count() == 2
    assert view.locator("section.response").count() == 4
    # One word differs: the number of the response.
    assert view.locator("ins").all_inner_texts() == [re.search(r"says (\d)", pair.chosen.text)[1]]
    assert view.locator("del").all_inner_texts() == [re.search(r"says (\d)", pair.rejected.text)[1]]
    assert ARABIC in view.inner_text()
    assert f"topic 0 {printable(ALL)}" in view.inner_text()
    view.get_by_text("mark what differs").click()
    wait(page, "document.querySelectorAll('#pairs ins').length === 0")


def test_a_dimension_that_abstained_says_why(look: Look, hostile: udasa_core.Run) -> None:
    _, pair = next(one for one in hostile.pairs() if "question 4" in one[1].prompt.messages[-1].content)
    page = look(f"pair={pair.id}")
    page.wait_for_selector(".abstained")
    assert "no score of response 1, 2, 3, 4: canned" in page.locator(".abstained").inner_text().replace(
        "\u2068", ""
    )
    assert "– → –" in page.locator(".view table").inner_text()


def test_a_prompt_without_a_pair_has_a_link_and_a_reason(look: Look, hostile: udasa_core.Run) -> None:
    page = look("pairs")
    page.get_by_label("Show", exact=True).select_option(index=2)
    few, total = counts(page)
    assert few == page.locator(".option").count() == total - len(list(hostile.pairs())) > 1
    page.locator(".option").first.click()
    page.wait_for_selector("text=No pair: identical responses")
    assert "#prompt=" in page.url
    again = look(page.url.split("#")[1])
    again.wait_for_selector("h3:has-text('No pair of prompt')")
    again.wait_for_selector("text=No pair: identical responses")


def test_a_link_to_what_is_not_there_says_so(look: Look) -> None:
    page = look("pair=nothing<b>")
    page.wait_for_selector("text=The page has none of this name: nothing<b>")
    assert shown(page) == ["pairs"]


def test_search_finds_texts_ids_and_own_columns(look: Look, hostile: udasa_core.Run) -> None:
    page = look("pairs")
    total = counts(page)[1]
    search = page.get_by_label("Search", exact=True)
    for words, least, most in (
        ("باريس", 1, 1),
        ("goes on and on", 1, 1),
        ('"topic 2"', 8, 12),
        ("p13", 1, 1),
        ("zebra", 0, 0),
        ("user", 0, 0),
    ):
        search.fill(words)
        page.wait_for_timeout(400)
        assert least <= counts(page)[0] <= most, words
    assert page.get_by_text("Nothing is like this.").is_visible()
    _, pair = next(iter(hostile.pairs()))
    search.fill(pair.id)
    wait(page, "document.querySelector('#pairs .count').textContent.startsWith('1 of')")
    page.get_by_role("button", name="Clear").click()
    wait(page, f"document.querySelector('#pairs .count').textContent.startsWith('{total} of')")


def test_sorting_by_gap_goes_both_ways_and_pairs_without_one_stand_last(
    look: Look, hostile: udasa_core.Run
) -> None:
    page = look("pairs")
    page.get_by_label("Sort by").select_option("gap")
    gaps = sorted((pair.gap for _, pair in hostile.pairs()), reverse=True)
    first = page.locator(".option .figures").first
    assert first.inner_text().startswith(f"gap {gaps[0]:.3f}")
    # What comes first is open, too.
    assert page.locator(".option").first.get_attribute("aria-selected") == "true"
    assert page.locator("#pairs .where").inner_text().startswith("1 of")
    page.get_by_role("button", name="falling").click()
    assert first.inner_text().startswith(f"gap {gaps[-1]:.3f}")
    assert page.locator(".option").first.get_attribute("aria-selected") == "true"
    page.get_by_role("listbox").press("End")
    page.wait_for_timeout(100)
    assert "no pair" in page.locator(".option.active").inner_text()


def test_filters_go_by_stage_reason_and_flag(look: Look, hostile: udasa_core.Run) -> None:
    page = look("pairs")
    stages = hostile.stages()
    assert len(stages) == 3
    for place, stage in enumerate(stages, 1):
        page.get_by_label("Stage").select_option(index=place)
        assert counts(page)[0] == stage.size
        assert stage.name in page.locator(".option .figures").first.inner_text()
    page.get_by_role("button", name="Clear").click()
    page.wait_for_timeout(50)
    page.get_by_label("Reason").select_option(index=2)
    assert 1 < counts(page)[0] == page.locator(".option", has_text="identical responses").count()
    page.get_by_label("Reason").select_option(index=0)
    # Flags that no pair has are not offered.
    *_, flag = page.get_by_label("Flag").locator("option").all_inner_texts()
    name, _, count = flag.rpartition(" (")
    page.get_by_label("Flag").select_option(label=flag)
    assert counts(page)[0] == int(count.rstrip(")")) > 0
    assert f"⚑ {name}" in page.locator(".option .flag").first.inner_text()


def test_long_texts_are_folded_and_shown_whole_when_asked(look: Look, hostile: udasa_core.Run) -> None:
    _, pair = next(one for one in hostile.pairs() if "long" in one[1].prompt.messages[-1].content)
    page = look(f"pair={pair.id}")
    more = page.get_by_role("button", name="Show all 17,").first
    more.click()
    assert printable(LONG) in page.locator(".message").nth(1).inner_text()
    assert "too long for their differences" in page.locator(".view").inner_text()
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_a_table_is_taken_home_as_csv_and_a_chart_as_csv_and_svg(look: Look) -> None:
    page = look()
    with page.expect_download() as event:
        page.get_by_role("button", name=re.compile("^CSV: Table")).click()
    rows = list(csv.reader(io.StringIO(Path(event.value.path()).read_text())))
    assert rows[0] == [printable(f"name {PLANTED[0]}"), "value", "interval low", "interval high"]
    assert rows[2] == [printable(f"row 1 {PLANTED[1]}"), "0.14285714285714285", "0.1", "0.2"]
    with page.expect_download() as event:
        page.get_by_role("button", name=re.compile("^SVG: Chart")).click()
    drawing = Path(event.value.path()).read_text()
    root = ElementTree.fromstring(drawing)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert root.get("width") == "460.8pt"
    assert "rgb(0, 114, 178)" in drawing
    assert "class=" not in drawing


def test_answers_that_got_worse_stand_first(look: Look) -> None:
    page = look("before-and-after")
    page.wait_for_selector("#before-and-after .view mark")
    assert "U 0.500 → 0.950" in page.locator("#before-and-after .option").first.inner_text()
    assert "+0.450" in page.locator("#before-and-after .view table").inner_text()
    # Neither side is the better one: both have one colour.
    assert page.locator("#before-and-after .view .side:last-child mark").all_inner_texts() == ["is now 8"]
    assert page.locator("#before-and-after .view :is(ins, del)").count() == 0
    page.goto(page.url.split("#")[0] + "#answer=nobody")
    page.wait_for_selector("text=The page has none of this name")
    page.locator("#before-and-after").get_by_label("Search", exact=True).fill('"question 66"')
    wait(page, "document.querySelector('#before-and-after .count').textContent.startsWith('1 of')")
    page.locator("#before-and-after").get_by_label("Search", exact=True).fill("h6")
    page.wait_for_selector("#before-and-after .option:has-text('h6')")
    page.locator("#before-and-after .option", has_text="h6").first.click()
    page.wait_for_selector("text=Its texts are not in this page")


def test_items_that_were_lost_stand_first_with_every_models_texts(look: Look) -> None:
    page = look("suites")
    page.wait_for_selector("#suites .view .side")
    lines = page.locator("#suites .option").all_inner_texts()
    assert ["lost" in line for line in lines[:3]] == [True, True, False]
    assert page.locator("#suites .view .side").count() == 3
    assert '{"verdict": "</script>", "by": 0}' in page.locator("#suites .view .side").first.inner_text()
    assert "item question" not in page.locator("#suites .view .side").first.inner_text()
    # The base and the last model stand side by side, the others behind; right outputs are marked.
    assert page.locator("#suites .view .between .side").count() == 1
    assert page.locator("#suites .view .side:visible").count() == 2
    marks = page.locator("#suites .view .side:visible").nth(1).locator("li .badge")
    assert marks.all_inner_texts() == ["right", "wrong"]
    assert "[true" not in page.locator("#suites .view").inner_text()
    page.locator("#suites").get_by_label("Show", exact=True).select_option(label="gained (1)")
    page.locator("#suites .option").click()
    page.wait_for_selector("#suites h3:has-text('i20')")
    assert "item=i20" in page.url
    assert "of=items-quiz" in page.url


def test_blind_verdicts_are_kept_exported_and_summed_up(look: Look) -> None:
    page = look("before-and-after")
    page.wait_for_selector(".blind .begin")
    page.keyboard.press("1")
    labelled = page.locator("#before-and-after .browse")
    assert labelled.is_visible()
    assert not page.locator(".blind .case").is_visible()
    page.get_by_role("button", name="Begin").click()
    assert not labelled.is_visible()
    seen = set()
    for number in range(40):
        seen.add(page.locator(".blind .conversation").inner_text())
        sides = page.locator(".blind .side").all_inner_texts()
        assert sum("is now" in side for side in sides) == 1
        # The answer after training 24 times, the one before 8 times, neither 8 times.
        after = "12"["is now" in sides[1]]
        page.keyboard.press("0" if number % 5 == 4 else after if number % 5 < 3 else "21"[int(after) - 1])
        if number == 20:
            page.reload()
            page.get_by_role("button", name="Continue: 21 of 40 verdicts so far").click()
            page.wait_for_selector("text=22 of 40; 21 verdicts so far")
            # Wherever the focus is in the section.
            page.locator("#before-and-after h2").focus()
    assert len(seen) == 40
    told = page.locator(".blind .result").inner_text()
    assert told == (
        "The answer after training was preferred in 24 of 32 (75%, 95% interval 58% to 87%); neither in 8."
    )
    # What is which may be seen now, and a key too many changes nothing.
    assert labelled.is_visible()
    page.keyboard.press("1")
    page.keyboard.press("2")
    with page.expect_download() as event:
        page.get_by_role("button", name="Export as JSON").click()
    kept = json.loads(Path(event.value.path()).read_text())
    assert len(kept["verdicts"]) == 40
    assert sum(one["preferred"] == "after" for one in kept["verdicts"]) == 24
    assert {one["left"] for one in kept["verdicts"]} == {"before", "after"}
    with page.expect_download() as event:
        page.get_by_role("button", name="Export as CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(event.value.path()).read_text())))
    assert [row["preferred"] for row in rows] == [one["preferred"] for one in kept["verdicts"]]
    page.get_by_role("button", name="Reset").click()
    page.get_by_role("button", name="Press again to forget 40 verdicts").click()
    assert "1 of 40; 0 verdicts so far" in page.locator(".blind .count").inner_text()


def test_where_a_browser_keeps_nothing_the_page_works_and_says_so(look: Look) -> None:
    forbidden = "Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden') } })"
    page = look("before-and-after", init=forbidden)
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("button", name="0: neither").click()
    assert page.get_by_text("This browser keeps nothing").is_visible()


def test_the_keyboard_alone_leads_from_the_verdict_to_a_pair_and_back(look: Look) -> None:
    page = look()

    def until(selector: str) -> None:
        for _ in range(30):
            page.keyboard.press("Tab")
            if page.evaluate("s => document.activeElement.matches(s)", selector):
                return
        raise AssertionError(f"Tab never came to {selector}")

    until(".skip")
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    assert page.evaluate("document.activeElement.hash") == "#pairs"
    page.keyboard.press("Enter")
    page.wait_for_selector("#pairs .option")
    until("input[type=search]")
    page.keyboard.type("question")
    until("[role=listbox]")
    page.wait_for_selector("#pairs .option:has-text('question 2')")
    page.wait_for_timeout(400)
    assert page.evaluate("document.activeElement.matches('[role=listbox]')")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    wait(page, "document.activeElement.matches('#pairs h3')")
    assert "3 of" in page.locator("#pairs .where").inner_text()
    page.keyboard.press("j")
    page.wait_for_selector("#pairs .where:has-text('4 of')")
    page.keyboard.press("k")
    page.wait_for_selector("#pairs .where:has-text('3 of')")
    page.go_back()
    wait(page, "location.hash === '#pairs'")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", SECTIONS)
def test_axe_finds_nothing_serious(look: Look, name: str, scheme: str) -> None:
    from axe_playwright_python.sync_playwright import Axe

    page = look(name, color_scheme=scheme, bypass_csp=True)
    page.wait_for_selector(f"#{name} .view .bar:visible" if name != "verdict" else "svg")
    page.wait_for_timeout(200)
    found = Axe().run(page).response["violations"]
    serious = [one for one in found if one["impact"] in ("serious", "critical")]
    assert [(one["id"], [node["html"][:200] for node in one["nodes"]][:3]) for one in serious] == []


def test_the_reader_chooses_light_or_dark_and_it_is_kept(look: Look) -> None:
    page = look(color_scheme="light")
    paper = "getComputedStyle(document.body).backgroundColor"
    assert page.evaluate(paper) == "rgb(255, 255, 255)"
    page.get_by_label("Colours").select_option("dark")
    dark = page.evaluate(paper)
    assert dark != "rgb(255, 255, 255)"
    page.reload()
    assert page.evaluate(paper) == dark


def test_in_print_all_sections_are_there_and_no_controls(look: Look) -> None:
    page = look("suites")
    page.wait_for_selector("#suites .option")
    page.emulate_media(media="print")
    assert shown(page) == list(SECTIONS)
    assert page.get_by_text("Items are shown by a script.").is_visible()
    assert not page.locator(".browse").first.is_visible()
    assert not page.locator("nav").is_visible()
    # A long table scrolls within itself on a screen, and is whole on paper.
    tall = "getComputedStyle(document.querySelector('#verdict .table > .wide')).maxHeight"
    assert page.evaluate(tall) == "none"
    assert page.pdf().startswith(b"%PDF")
    page.emulate_media(media="screen")
    assert page.evaluate(tall) != "none"


def test_commands_and_links_are_copied(look: Look) -> None:
    page = look("verdict", permissions=["clipboard-read", "clipboard-write"])
    copied = "navigator.clipboard.readText()"
    page.get_by_role("button", name="Copy: Code").click()
    page.get_by_role("button", name="Copy: Code").get_by_text("Copied").wait_for()
    assert page.evaluate(copied) == page.locator("figure.code pre").text_content()
    page.goto(page.url.replace("#verdict", "#pairs"))
    page.locator("#pairs .option").nth(1).click()
    page.locator("#pairs").get_by_role("button", name="Copy link").click()
    page.locator("#pairs").get_by_text("Copied").wait_for()
    link = page.evaluate(copied)
    title = page.locator("#pairs .view h3").text_content()
    page.goto("about:blank")
    page.goto(link)
    page.locator("#pairs .view h3").get_by_text(title or "").wait_for()


def test_without_script_all_sections_are_there(look: Look) -> None:
    page = look(java_script_enabled=False)
    assert all(page.locator(f"#{name}").is_visible() for name in SECTIONS)
    assert page.get_by_text("Items are shown by a script.").is_visible()


@pytest.mark.parametrize("name", SECTIONS)
def test_nothing_is_wider_than_a_telephone(look: Look, name: str) -> None:
    page = look(name, viewport={"width": 390, "height": 844})
    if name != "verdict":
        page.locator(f"#{name} .option").first.click()
        page.wait_for_selector(f"#{name} .back:visible")
        assert not page.locator(f"#{name} .listing").first.is_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    if name != "verdict":
        page.locator(f"#{name} .back").click()
        assert page.locator(f"#{name} .listing").first.is_visible()


def test_data_that_is_damaged_or_absent_is_told_where_it_would_stand(look: Look, tmp_path: Path) -> None:
    path = tmp_path / "damaged.html"
    browser = Browser("pairs", {"block": "pairs"}, "instead")
    write_page(Page("p", "a", [Section("pairs", "Pairs", [browser])]), path)
    page = look(path=path)
    page.wait_for_selector("text=This part cannot be shown. The page has no block pairs.")


def test_a_page_without_texts_shows_the_numbers_and_says_what_is_left_out(
    look: Look, hostile: udasa_core.Run, tmp_path: Path
) -> None:
    from udasa_core.page.run_page import run_page

    path = tmp_path / "numbers.html"
    write_page(run_page(hostile, texts=0), path)
    assert "باريس" not in path.read_text()
    page = look("pairs", path=path)
    page.wait_for_selector("#pairs .view table")
    assert page.get_by_text("Its texts are not in this page").is_visible()
    page.get_by_label("Search", exact=True).fill("p13")
    page.wait_for_selector("text=only ids are searched")
    assert counts(page)[0] == 1


def test_differences_are_those_of_a_longest_common_sequence(look: Look) -> None:
    page = look()
    left, right = page.evaluate("differences('the cat sat down', 'the big cat stood')")
    assert "".join(run for run, _ in left) == "the cat sat down"
    assert "".join(run for run, _ in right) == "the big cat stood"
    assert [run.strip() for run, both in left if both] == ["the cat"]
    assert [run.strip() for run, both in right if not both] == ["big", "stood"]
    assert page.evaluate("differences('a '.repeat(5000), 'b '.repeat(5000))") is None
    assert page.evaluate("differences('', 'x')") == [[], [["x", False]]]
    assert page.evaluate("differences('今天天气很好', '今天天气不好')[1].filter(r => !r[1]).length") >= 1


def test_wilsons_interval_is_the_one_of_the_textbook(look: Look) -> None:
    page = look()
    low, high = page.evaluate("wilson(0.8, 10)")
    assert (low, high) == (pytest.approx(0.4902, abs=1e-4), pytest.approx(0.9433, abs=1e-4))
    assert page.evaluate("wilson(0, 5)")[0] == pytest.approx(0.0, abs=1e-12)
