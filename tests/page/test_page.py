"""The page of the report in a browser: for all readers, on all screens, whatever texts it shows."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote

import pytest
from chromium import AXE, Page

PHONE, DESKTOP = 390, 1280
VIEWS = [(DESKTOP, False), (DESKTOP, True), (PHONE, False), (PHONE, True)]
OPEN_ALL = "document.querySelectorAll('details').forEach((details) => { details.open = true; })"
MOST_BYTES = 8_000_000


class Elements(HTMLParser):
    """All elements of a page: name and attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, tag: str, attribute: str) -> list[str]:
        return [
            attributes[attribute] or "" for name, attributes in self.found if name == tag and attribute in attributes
        ]


@pytest.fixture(scope="module")
def elements(report: Path) -> Elements:
    return Elements(report.read_text(encoding="utf-8"))


@pytest.mark.parametrize(("width", "dark"), VIEWS)
def test_no_errors_and_no_violations_of_accessibility(browser: Page, report: Path, width: int, dark: bool) -> None:
    """All rules of axe-core (WCAG 2.0 to 2.2, levels A and AA, and best practices), everything unfolded."""
    browser.open(report, width, dark=dark)
    browser.evaluate(OPEN_ALL)
    browser.evaluate(AXE.read_text(encoding="utf-8"))
    shown = "({id, nodes}) => [id, nodes.map((node) => [node.html.slice(0, 200), node.failureSummary])]"
    run = f"axe.run({{resultTypes: ['violations']}}).then(({{violations}}) => violations.map({shown}))"
    assert browser.evaluate(run) == []
    assert browser.problems == []


@pytest.mark.parametrize("scripts", [True, False])
def test_nothing_is_wider_than_a_phone(browser: Page, report: Path, scripts: bool) -> None:
    browser.open(report, PHONE, 844, scripts=scripts)
    assert browser.evaluate("document.documentElement.scrollWidth") <= PHONE
    browser.evaluate(OPEN_ALL)
    assert browser.evaluate("document.documentElement.scrollWidth") <= PHONE


def test_figures_keep_a_legible_size_on_a_phone(browser: Page, report: Path) -> None:
    """Those that would shrink to less than six tenths scroll instead."""
    browser.open(report, 360, 780)
    browser.evaluate(OPEN_ALL)
    size = "svg.getBoundingClientRect().width / parseFloat(svg.style.width)"
    shrunk = f"[...document.querySelectorAll('.drawing svg')].map((svg) => [svg.closest('figure').id, {size}])"
    assert [name for name, size in browser.evaluate(shrunk) if size < 0.6] == []
    assert browser.evaluate("document.documentElement.scrollWidth") <= 360


def test_wide_tables_use_the_width_of_the_window(browser: Page, made: Path) -> None:
    """A table of 1,150 px is wider than the column of text (1,050 px), but not than a window of 1,280 px."""
    browser.open(made, DESKTOP)
    browser.evaluate(OPEN_ALL)
    room = "[...document.querySelectorAll('.scroll')].map((box) => box.scrollWidth - box.clientWidth)"
    assert set(browser.evaluate(room)) == {0}
    numbers = "document.querySelectorAll('main > .exhibit:not(:has(.words)) table')"
    browser.evaluate(f"{numbers}.forEach((table) => {{ table.style.width = '1150px'; }})")
    assert set(browser.evaluate(room)) == {0}
    assert browser.evaluate("document.documentElement.scrollWidth") <= DESKTOP
    measured = "[...document.querySelectorAll('main > p')].every((text) => text.offsetWidth <= 46 * 16)"
    assert browser.evaluate(measured) is True
    lefts = "[...document.querySelectorAll('main > p, main > .figures, .figures > figure:first-child')]"
    assert len(set(browser.evaluate(f"{lefts}.map((box) => box.getBoundingClientRect().left)"))) == 1


def test_what_goes_on_to_the_right_fades_there(browser: Page, made: Path) -> None:
    browser.open(made, PHONE, 844)
    box = "document.querySelector('table.heat').parentElement"
    fades = f"getComputedStyle({box}).maskImage"
    wait = "new Promise((done) => setTimeout(done, 300))"
    browser.evaluate(f"{box}.firstElementChild.style.width = '900px'")
    browser.evaluate(f"{box}.style.width = '300px'")
    browser.evaluate(wait)
    assert "gradient" in browser.evaluate(fades)
    browser.evaluate(f"{box}.scrollLeft = {box}.scrollWidth")
    browser.evaluate(wait)
    assert browser.evaluate(fades) == "none"


def test_the_page_is_small(report: Path) -> None:
    assert report.stat().st_size < MOST_BYTES


def test_every_link_leads_somewhere(report: Path, elements: Elements) -> None:
    """To a place of the page or to a file beside it; data are those of a file."""
    ids = [identifier for tag in {tag for tag, _ in elements.found} for identifier in elements.values(tag, "id")]
    assert len(ids) == len(set(ids))
    links = elements.values("a", "href")
    inside = [link for link in links if link.startswith("#")]
    beside = [link for link in links if not re.match(r"#|data:|https?:", link)]
    assert inside and {link[1:] for link in inside} - set(ids) == set()
    assert beside and [link for link in beside if not (report.parent / unquote(link)).is_file()] == []
    files = {path.read_bytes() for kind in ("tables", "figures") for path in (report.parent / kind).rglob("*.csv")}
    data = [base64.b64decode(link.partition(",")[2]) for link in links if link.startswith("data:")]
    assert data and set(data) <= files


def test_every_figure_and_table_has_a_notebook_data_and_a_command(elements: Elements, report: Path) -> None:
    shown = [name for name, attributes in elements.found if name == "figure" or attributes.get("class") == "exhibit"]
    text = report.read_text(encoding="utf-8")
    of_predictions = len(set(re.findall(r'href="((?:sample|browsed)_predictions\.\w+)"', text)))
    links = [attributes for name, attributes in elements.found if name == "ul" and attributes.get("class") == "links"]
    assert len(shown) + of_predictions == len(links) > 10
    for pattern in (r"^notebooks/.*\.ipynb$", r"^data:text/csv", r"^(?:figures|tables)/.*\.csv$"):
        assert sum(bool(re.search(pattern, link)) for link in elements.values("a", "href")) == len(shown)
    assert text.count("<code>snakemake --cores all --force results/") == len(links)


def test_pictures_have_a_text_instead(elements: Elements) -> None:
    images = [attributes for _, attributes in elements.found if attributes.get("role") == "img"]
    assert images and all(len(attributes.get("aria-label") or "") > 20 for attributes in images)
    drawings = [attributes for name, attributes in elements.found if name == "svg"]
    assert len(drawings) == len(images) and all(attributes["aria-hidden"] == "true" for attributes in drawings)
    assert not [name for name, attributes in elements.found if name == "img" and not attributes.get("alt")]


def test_the_page_reads_without_scripts(browser: Page, report: Path) -> None:
    browser.open(report, DESKTOP, scripts=False)
    assert browser.evaluate("document.querySelectorAll('table').length") > 10
    assert browser.evaluate("document.querySelectorAll('button').length") == 0, "what does nothing is not there"
    assert browser.evaluate("document.getElementById('browser').checkVisibility()") is False
    cell = "document.querySelector('table.heat [data-detail]')"
    assert re.fullmatch(r"[+−]?[\d.]+\*?", browser.evaluate(f"{cell}.textContent"))


def test_dark_and_light_follow_the_system(browser: Page, report: Path) -> None:
    colours = "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    ink = "getComputedStyle(document.querySelector('.drawing svg text')).fill"
    brightness = {}
    for dark in (False, True):
        browser.open(report, DESKTOP, dark=dark)
        values = [*browser.evaluate(colours), browser.evaluate(ink)]
        brightness[dark] = [sum(map(int, re.findall(r"\d+", value)[:3])) for value in values]
    assert brightness[False][0] > 700 > 150 > max(brightness[False][1:])
    assert brightness[True][0] < 100 < 600 < min(brightness[True][1:])


def test_what_is_folded_is_printed_and_controls_are_not(browser: Page, report: Path, tmp_path: Path) -> None:
    browser.open(report, DESKTOP, dark=True)
    browser.print(tmp_path / "page.pdf")
    assert (tmp_path / "page.pdf").read_bytes().startswith(b"%PDF")
    browser.call("Emulation.setEmulatedMedia", media="print")
    for selector in ("nav", ".links", "#browser"):
        assert browser.evaluate(f"getComputedStyle(document.querySelector('{selector}')).display") == "none"
    folded = "document.querySelector('details:not([open], .command) table')"
    assert browser.evaluate(f"{folded}.getBoundingClientRect().height") > 0
    assert browser.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"


COLUMN = """(() => {
  const table = document.querySelector("#table-%s");
  return [...table.tBodies[0].rows].filter((row) => !row.hidden).map((row) => row.cells[%d].textContent.trim());
})()"""
HEADER = "document.querySelector('#table-%s').tHead.rows[0].cells[%d]"


def test_tables_sort_by_numbers_and_by_texts(browser: Page, made: Path) -> None:
    browser.open(made)
    tokens = COLUMN % ("tiny-budgets", 6)
    before = browser.evaluate(tokens)
    header = HEADER % ("tiny-effects", 1)
    values = COLUMN % ("tiny-effects", 1)
    numbers: dict[str, list[float]] = {}
    for order in ("ascending", "descending"):
        browser.evaluate(f"{header}.querySelector('button').click()")
        assert browser.evaluate(f"{header}.ariaSort") == order
        texts = [text.split()[0].replace("−", "-") for text in browser.evaluate(values) if text]
        numbers[order] = [float(text) for text in texts]
    assert numbers["ascending"] == sorted(numbers["ascending"]) and numbers["ascending"][0] < 0
    assert numbers["descending"] == sorted(numbers["descending"], reverse=True)
    unsorted = browser.evaluate(COLUMN % ("arms", 0))
    browser.evaluate(f"{HEADER % ('arms', 0)}.querySelector('button').focus()")
    browser.press("Enter")
    assert browser.evaluate(COLUMN % ("arms", 0)) == sorted(unsorted) != unsorted
    assert browser.evaluate(tokens) == before, "other tables stay as they are"


def test_tables_filter_by_words(browser: Page, made: Path) -> None:
    browser.open(made)
    exhibit = "document.querySelector('#table-tiny-contrasts').closest('.exhibit')"
    rows = len(browser.evaluate(COLUMN % ("tiny-contrasts", 0)))
    browser.evaluate(f"{exhibit}.querySelector('input').focus()")
    browser.call("Input.insertText", text="MLM minus")
    found = browser.evaluate(COLUMN % ("tiny-contrasts", 0))
    assert 0 < len(found) < rows and all("mlm" in text and "minus" in text for text in found)
    assert browser.evaluate(f"{exhibit}.querySelector('[role=status]').textContent") == f"{len(found)} of {rows} rows"
    shown = f"[...{exhibit}.querySelector('tbody').rows].filter((row) => row.checkVisibility()).length"
    assert browser.evaluate(shown) == len(found)
    browser.call("Emulation.setEmulatedMedia", media="print")
    assert browser.evaluate(shown) == rows, "the filter is not printed, so all rows are"


def test_the_filter_finds_numbers_as_they_are_typed(browser: Page, made: Path) -> None:
    """The page writes minus signs (U+2212) and narrow spaces between thousands (U+202F)."""
    browser.open(made)
    cell = "document.querySelector('#table-tiny-contrasts tbody').rows[0].cells[3]"
    browser.evaluate(f"{cell}.textContent = '−0.57 of 61\u202f448'")
    for typed in ("-0.57", "61448", "−0.57", "61\u202f448"):
        filtering = f"""(() => {{
            const input = {cell}.closest('.exhibit').querySelector('input');
            input.value = {json.dumps(typed)};
            input.dispatchEvent(new Event('input'));
        }})()"""
        browser.evaluate(filtering)
        assert browser.evaluate(COLUMN % ("tiny-contrasts", 3)) == ["−0.57 of 61\u202f448"], typed


def test_every_filter_has_a_label_of_its_own(browser: Page, report: Path) -> None:
    browser.open(report)
    labels = browser.evaluate("[...document.querySelectorAll('.filter input')].map((input) => input.ariaLabel)")
    assert labels and len(set(labels)) == len(labels)
    assert all(len(label) > len("Filter rows: ") and "null" not in label for label in labels)


def test_heat_maps_tell_the_value_on_hover_and_by_keyboard(browser: Page, report: Path) -> None:
    browser.open(report)
    tip = "(() => { const tip = document.querySelector('.tip'); return tip.hidden ? '' : tip.textContent; })()"
    cells = "[...document.querySelector('table.heat tbody tr').querySelectorAll('[data-detail]')]"
    details = browser.evaluate(f"{cells}.map((cell) => cell.dataset.detail)")
    browser.hover("table.heat [data-detail]")
    assert browser.evaluate(tip) == details[0] and re.search(r" in \w+: [−+\d.]+ [\[(].* points", details[0])
    browser.press("Escape")
    assert browser.evaluate(tip) == ""
    assert (
        browser.evaluate("document.querySelectorAll('table.heat')[0].querySelectorAll('[tabindex=\"0\"]').length") == 1
    )
    browser.evaluate(f"{cells}[0].focus()")
    for key, number in (("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1)):
        browser.press(key)
        assert browser.evaluate(tip) == details[number]
    browser.press("End")
    last = "[...document.querySelector('table.heat').querySelectorAll('[data-detail]')].at(-1)"
    assert browser.evaluate(f"document.activeElement === {last}") is True


def test_cells_of_heat_maps_are_described_and_the_value_stays_with_the_focus(browser: Page, report: Path) -> None:
    browser.open(report)
    cells = "[...document.querySelector('table.heat').querySelectorAll('[data-detail]')]"
    assert browser.evaluate(f"{cells}.every((cell) => cell.ariaDescription === cell.dataset.detail)") is True
    shown = "(() => { const tip = document.querySelector('.tip'); return tip.hidden ? '' : tip.textContent; })()"
    first, last = browser.evaluate(f"[{cells}[0], {cells}.at(-1)].map((cell) => cell.dataset.detail)")
    browser.evaluate(f"{cells}[0].focus({{preventScroll: true}})")
    browser.hover("table.heat tbody tr:last-child td[data-detail]:last-child")
    assert browser.evaluate(shown) == last != first
    for place, kept in (("h1", first), ("h1", "")):
        browser.hover(place)
        assert browser.evaluate(shown) == kept
        browser.press("Escape")


def test_the_value_of_a_cell_stays_when_moving_to_it_scrolls(browser: Page, report: Path) -> None:
    browser.open(report, PHONE, 844)
    browser.evaluate("document.querySelector('table.heat').style.minWidth = '900px'")
    cells = "[...document.querySelector('table.heat').querySelectorAll('[data-detail]')]"
    browser.evaluate(f"{cells}[0].focus()")
    browser.press("End")
    browser.evaluate("new Promise((done) => setTimeout(done, 300))")
    assert browser.evaluate("document.querySelector('table.heat').parentElement.scrollLeft") > 0
    shown = "(() => { const tip = document.querySelector('.tip'); return tip.hidden ? '' : tip.textContent; })()"
    assert browser.evaluate(shown) == browser.evaluate(f"{cells}.at(-1).dataset.detail")


def choose(browser: Page, label: str, value: str) -> None:
    """Choose a value of the predictions' browser."""
    script = f"""(() => {{
        const labels = [...document.querySelectorAll("#browser label")];
        const label = labels.find((label) => label.textContent.startsWith({json.dumps(label)}));
        const select = label.querySelector("select");
        select.value = {json.dumps(value)};
        select.dispatchEvent(new Event("change"));
        return select.value;
    }})()"""
    assert browser.evaluate(script) == value


def test_predictions_are_browsed_by_target_language_and_arm(browser: Page, made: Path) -> None:
    """Of three examples, the arm ``none`` solves the first two, and ``cloze`` the last."""
    browser.open(made)
    heads = "[...document.querySelectorAll('#browser h3')].map((head) => head.textContent)"
    for target, language, arm, right in (("match", "go", "none", 2), ("match", "cpp", "cloze", 1)):
        for label, value in (("Target", target), ("Language", language), ("Arm", arm)):
            choose(browser, label, value)
        assert browser.evaluate(heads) == [f"✓ Right: {right} of 3", f"✗ Wrong: {3 - right} of 3"]
        for side, count in (("right", right), ("wrong", 3 - right)):
            answers = f"[...document.querySelectorAll('.{side}-side pre.{side}')].map((answer) => answer.textContent)"
            found = browser.evaluate(answers)
            assert len(found) == count and all(text.startswith(f"{arm} ") for text in found)


def test_texts_of_data_stay_texts(browser: Page, made: Path) -> None:
    browser.open(made)
    choose(browser, "Arm", "cloze")
    assert browser.evaluate("document.title") == "CodeStilts: the synthetic study"
    assert "<script>document.title" in browser.evaluate("document.querySelector('#browser pre').textContent")
    assert browser.evaluate("document.querySelectorAll('#browser img, #browser script').length") == 0
    injected = "document.body.append(Object.assign(document.createElement('script'), {text: 'document.title = 1'}))"
    browser.evaluate(injected)
    assert browser.evaluate("document.title") == "CodeStilts: the synthetic study", "the policy refuses other scripts"
    assert [problem for problem in browser.problems if "Content Security Policy" not in problem] == []
