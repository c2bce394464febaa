"""Take the screenshots of docs/ from a report: its first screen, its heat maps in the dark, and a phone."""

import argparse
from dataclasses import dataclass
from pathlib import Path

from chromium import Page, open_browser


@dataclass(frozen=True)
class Shot:
    """A screenshot: the size of the window, and the place of the page at its top."""

    width: int
    height: int
    place: str = ""
    dark: bool = False


SHOTS = {
    "report": Shot(1100, 900),
    "report-dark": Shot(1100, 760, "#languages", dark=True),
    "report-predictions": Shot(1100, 760, "#examples"),
    "report-phone": Shot(390, 844),
}


def take(browser: Page, report: Path, shot: Shot, out: Path) -> None:
    """Take one screenshot."""
    browser.open(report, shot.width, shot.height, dark=shot.dark)
    if shot.place:
        browser.evaluate(f"document.querySelector('{shot.place}').scrollIntoView({{behavior: 'instant'}})")
    browser.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    browser.screenshot(out)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--report", type=Path, required=True, help="report.html of a study")
    parser.add_argument("--out", type=Path, required=True, help="folder of the screenshots")
    arguments = parser.parse_args()
    if not arguments.report.exists():
        raise SystemExit(f"error: {arguments.report}: missing: run the study first")
    arguments.out.mkdir(parents=True, exist_ok=True)
    with open_browser() as browser:
        for name, shot in SHOTS.items():
            take(browser, arguments.report, shot, arguments.out / f"{name}.png")


if __name__ == "__main__":
    main()
