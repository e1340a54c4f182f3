"""Make the page of the quickstart anew, and its picture: `make page`.

It runs the quickstart where that is not done yet (some minutes), and writes docs/quickstart.html. With a
Chromium it takes docs/pictures/report-pairs.png, which README shows; without one, that stays as it is.
"""

from __future__ import annotations

from pathlib import Path

from tests.core.page.browser.chromium import chromium_path
from udasa_core import Run, run, write_report

DOCS = Path(__file__).parent
PAGE = DOCS / "quickstart.html"
PICTURE = DOCS / "pictures" / "report-pairs.png"
# Whose pair is shown.
PROMPT = "fact-olympics"


def main() -> None:
    """Make both, and say so."""
    done = run()
    write_report([done], PAGE)
    browser = chromium_path()
    if browser is None:
        print(f"made {PAGE}; {PICTURE} stays as it was: no Chromium is installed")
        return
    _take(browser, _shown(done))
    print(f"made {PAGE} and {PICTURE}: look at both")


def _shown(done: Run) -> str:
    """Return the id of the prompt's pair; of the first pair where it gave none."""
    pairs = [pair for _, pair in done.pairs()]
    return next((pair.id for pair in pairs if pair.prompt.id == PROMPT), pairs[0].id)


def _take(browser: str, pair: str) -> None:
    """Take the picture of the open pair, from the top of the page."""
    from PIL import Image
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        page = chromium.new_page(viewport={"width": 1180, "height": 1010}, device_scale_factor=1.5)
        page.goto(f"{PAGE.resolve().as_uri()}#pair={pair}")
        page.get_by_role("heading", name=f"Pair {pair}").wait_for()
        page.evaluate("scrollTo(0, 0)")
        page.screenshot(path=PICTURE)
        chromium.close()
    with Image.open(PICTURE) as picture:
        few = picture.quantize(128)  # a third of the bytes, and to the eye the same
    few.save(PICTURE, optimize=True)


if __name__ == "__main__":
    main()
