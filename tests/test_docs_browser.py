"""The documentation site as a browser shows it: every page, wide and narrow, light, dark and on paper.

`make docs` builds it; these tests bring it up to date first, which takes seconds when it is there.
"""

from __future__ import annotations

import fcntl
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.chromium import BINARY, Page, browser

ROOT = Path(__file__).parent.parent
SITE = ROOT / "build" / "docs"
PARTS = ("sphinx", "sphinx_gallery", "furo", "myst_parser", "latex2mathml")

pytestmark = [
    pytest.mark.browser,
    pytest.mark.slow,  # .ci/run runs them by themselves, behind `make docs`
    pytest.mark.skipif(not (ROOT / "docs" / "conf.py").exists(), reason="no documentation in an installed copy"),
    pytest.mark.skipif(not all(map(find_spec, PARTS)), reason="needs the docs extra: pip install -e '.[docs]'"),
    pytest.mark.skipif(BINARY is None, reason="needs Chromium (chromium, chromium-browser or google-chrome)"),
    pytest.mark.timeout(900),
]

#: Signs of the page that look like a sign that no font has: drawn with the style of where they stand.
BOXES = """(() => {
    const seen = new Map();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const parent = walker.currentNode.parentElement;
        if (parent.closest("script, style, template, noscript, math, svg") || !parent.checkVisibility()) continue;
        const font = getComputedStyle(parent).font;
        for (const sign of walker.currentNode.textContent)
            if (sign > "~" && /[^\\s\\p{Cc}\\p{Cf}\\p{M}]/u.test(sign)) seen.set(sign + font, [sign, font]);
    }
    const canvas = document.createElement("canvas");
    canvas.width = canvas.height = 48;
    const context = canvas.getContext("2d", {willReadFrequently: true});
    const drawn = (sign, font) => {
        context.clearRect(0, 0, 48, 48);
        context.font = font;
        context.fillText(sign, 8, 32);
        return context.measureText(sign).width + "," + context.getImageData(0, 0, 48, 48).data.join();
    };
    const nothing = new Map();
    const bad = [];
    for (const [sign, font] of seen.values()) {
        if (!nothing.has(font)) nothing.set(font, drawn("\\u0378", font));
        if (drawn(sign, font) === nothing.get(font)) bad.push(sign);
    }
    return [...new Set(bad)];
})()"""

#: Formulas that take no room, and how many there are.
FLAT = """(() => {
    document.querySelectorAll("details").forEach(each => each.open = true);
    document.querySelectorAll(".frame").forEach(each => each.style.display = "block");  // the steps of a walk
    const shown = [...document.querySelectorAll("math")].filter(each => !each.closest("[hidden]"));
    const flat = shown.filter(each => {
        const box = each.getBoundingClientRect();
        return !(box.width > 2 && box.height > 4);
    });
    return [shown.length, flat.map(each => each.textContent)];
})()"""


@pytest.fixture(scope="module")
def site() -> Path:
    """The site, brought up to date by the first process of several that asks for it."""
    stamp = ROOT / "build" / "docs.tested"
    stamp.parent.mkdir(exist_ok=True)
    with (ROOT / "build" / "docs.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not stamp.exists() or stamp.stat().st_mtime < newest_source():
            command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", ROOT / "docs", SITE]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            assert done.returncode == 0 and not done.stderr, done.stderr
            stamp.touch()
    return SITE


def newest_source() -> float:
    """When something that the site is made of was changed last, the site included, should it be gone."""
    if not (SITE / "index.html").exists():
        return float("inf")
    folders = [ROOT / name for name in ("docs", "derive", "worked_examples")]
    files = (file for folder in folders for file in folder.rglob("*") if not {"gallery", "__pycache__"} & {*file.parts})
    return max(file.stat().st_mtime for file in files)


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


def all_pages(site: Path) -> list[Path]:
    found = [each for each in sorted(site.rglob("*.html")) if "_static" not in each.parts]
    assert len(found) > 50
    return found


def test_every_page_opens_without_complaints_asks_for_nothing_outside_and_draws_every_sign(site, page):
    formulas = 0
    faults = []
    for file in all_pages(site):
        page.open(file, width=1200)
        count, flat = page.run(FLAT)
        formulas += count
        outside = [
            address
            for address in page.requests()
            if not address.startswith((site.as_uri(), "data:", "about:", "blob:"))
        ]
        found = {"complaints": page.complaints(), "outside": outside, "flat": flat, "boxes": page.run(BOXES)}
        faults += [(file.name, what, value) for what, value in found.items() if value]
    assert not faults
    assert formulas > 1000


def test_a_sign_that_no_font_has_would_be_noticed(page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text("<p>Ω and … and \U00011f04</p><p><math><mi></mi></math></p>", encoding="utf-8")
    page.open(file)
    assert page.run(BOXES) == ["\U00011f04"]
    assert page.run(FLAT)[1] == [""]


def test_formulas_are_drawn_with_the_fonts_of_the_site(site, page):
    """The one that the build puts together, or the engine's own; no sign of a formula comes from elsewhere."""
    for name in ("the-one-rule.html", "gallery/plot_griewank.html", "gallery/plot_lstm.html", "concepts/programs.html"):
        page.open(site / name)
        page.run('document.querySelectorAll("details").forEach(each => each.open = true)')
        fonts = page.fonts("math, math *, .derive-graph text, .derive-graph tspan")
        assert fonts
        assert {(font["familyName"], font["isCustomFont"]) for font in fonts} == {("Derive Math", True)}, name


def test_no_page_is_wider_than_a_telephone(site, page):
    wide = []
    for file in all_pages(site):
        page.open(file, width=400)
        widths = page.run("[document.documentElement.scrollWidth, document.querySelector('.content').scrollWidth]")
        if max(widths) > 400:
            wide.append((file.name, widths))
    assert not wide


def test_a_block_that_is_too_wide_would_be_noticed(page, tmp_path):
    file = tmp_path / "page.html"
    file.write_text('<meta name="viewport" content="width=device-width"><div style="width: 500px">wide</div>')
    page.open(file, width=400)
    assert page.run("document.documentElement.scrollWidth") > 400


COLOURS = """(selector => {
    const element = document.querySelector(selector);
    let paper = element;
    const clear = colour => /, 0\\)$/.test(colour) || colour === "transparent";
    while (paper.parentElement && clear(getComputedStyle(paper).backgroundColor)) paper = paper.parentElement;
    const sum = colour => colour.match(/\\d+/g).slice(0, 3).map(Number).reduce((a, b) => a + b);
    return [sum(getComputedStyle(paper).backgroundColor), sum(getComputedStyle(element).color)];
})"""


@pytest.mark.parametrize("selector", ["article p", ".derive math", ".derive-graph text", ".highlight .go"])
def test_dark_mode_swaps_paper_and_ink_also_when_it_is_asked_for_on_the_page(site, page, selector):
    file = site / ("start.html" if "highlight" in selector else "the-one-rule.html")
    page.open(file)
    paper, ink = page.run(f"{COLOURS}({selector!r})")
    assert paper > ink + 300
    page.run('document.body.dataset.theme = "dark"')  # what the button does
    paper, ink = page.run(f"{COLOURS}({selector!r})")
    assert ink > paper + 300
    page.open(file, scheme="dark")
    page.run('document.body.dataset.theme = "auto"')
    paper, ink = page.run(f"{COLOURS}({selector!r})")
    assert ink > paper + 300
    page.run('document.body.dataset.theme = "light"')
    paper, ink = page.run(f"{COLOURS}({selector!r})")
    assert paper > ink + 300


def test_paper_shows_the_text_alone_and_dark_on_white(site, page):
    page.open(site / "the-one-rule.html", scheme="dark", width=700)
    page.send("Emulation.setEmulatedMedia", media="print")
    page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    for gone in (".sidebar-drawer", ".toc-drawer", ".mobile-header", ".skip-to-content", ".stepper"):
        assert not page.run(f'document.querySelector("{gone}").checkVisibility()'), gone
    paper, ink = page.run(f"{COLOURS}('.derive math')")
    assert paper > ink + 300
    folded = '[...document.querySelectorAll(".derive details .line")]'
    assert page.run(f"{folded}.every(each => each.checkVisibility({{contentVisibilityAuto: true}}))")
    assert page.run("document.documentElement.scrollWidth") <= 700
    page.send("Emulation.setEmulatedMedia", media="")


def test_the_walk_on_the_page_of_the_rule_goes_by_click_and_by_key(site, page):
    page.open(site / "the-one-rule.html")
    lit = '[...document.querySelectorAll(".node.lit")].map(node => node.dataset.key)'
    page.run('document.querySelector("[data-go=next]").click()')
    assert page.run(lit) == ["v_-1"]
    page.run('document.querySelector(".stepper").focus()')
    page.press("ArrowRight")
    assert page.run(lit) == ["v_0"]
    page.press("End")
    assert page.run(lit) == ["v_-1"]
    page.press("Escape")
    assert page.run(lit) == []


def test_the_walk_on_the_first_page_goes_on_by_key_and_by_click(site, page):
    page.open(site / "index.html")
    shown = '[...document.querySelectorAll(".frame")].map(each => each.checkVisibility()).indexOf(true)'
    assert page.run(shown) == 0
    page.run('document.querySelector(".derive-watch input").focus()')
    page.press("ArrowRight")
    assert page.run(shown) == 1
    page.run('[...document.querySelectorAll(".derive-watch label")].find(each => each.textContent === "9").click()')
    assert page.run(shown) == 8
    assert page.run('[...document.querySelectorAll(".frame")].filter(each => each.checkVisibility()).length') == 1


def test_the_search_finds_a_page_without_a_server(site, page):
    page.send("Emulation.clearDeviceMetricsOverride")
    page.events.clear()
    page.send("Page.navigate", url=(site / "search.html").as_uri() + "?q=adjoint")
    links = '[...document.querySelectorAll("#search-results li a")].map(each => each.href)'
    for _ in range(100):
        if page.run('/Search finished/.test(document.body?.textContent ?? "")'):
            break
        time.sleep(0.1)
    found = page.run(links)
    assert any("the-one-rule" in link for link in found)
    assert page.complaints() == []
    assert not [address for address in page.requests() if not address.startswith((site.as_uri(), "data:"))]


# --- links ------------------------------------------------------------------------------------------------------------


class _Links(HTMLParser):
    """What a page refers to, and the places in it that can be referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = dict(attributes)
        self.places |= {value for name in ("id", "name") if (value := given.get(name))}
        self.links += [value for name in ("href", "src") if (value := given.get(name))]


def read(file: Path) -> _Links:
    found = _Links()
    found.feed(file.read_text(encoding="utf-8"))
    return found


def test_every_link_within_the_site_leads_somewhere(site):
    pages = {file: read(file) for file in all_pages(site)}
    broken = []
    for file, found in pages.items():
        for link in found.links:
            if re.match(r"[a-z]+:", link):
                continue
            path, place = urlsplit(link).path, urlsplit(link).fragment
            target = (file.parent / unquote(path)).resolve() if path else file
            if not target.exists() or (place and target in pages and unquote(place) not in pages[target].places):
                broken.append((file.name, link))
    assert not broken


def test_no_page_holds_a_path_of_this_machine(site):
    for file in all_pages(site):
        text = file.read_text(encoding="utf-8")
        assert str(ROOT) not in text, file.name
        assert str(Path.home()) + "/" not in text, file.name
