"""The page as a browser shows it: formulas drawn with the embedded font, nothing fetched, the stepper works."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from derive import tree as t
from derive.document import Display, Document, Line, Prose
from derive.html.page import to_html
from derive.reading.reader import read
from derive.subjects.catalogue import BY_NAME, document
from tests.chromium import BINARY, Page, browser
from tests.sheet_document import PAGE

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(BINARY is None, reason="needs Chromium (chromium, chromium-browser or google-chrome)"),
]

LIT = """({
    rows: [...document.querySelectorAll("tr.now")].map(row => [row.dataset.sweep, row.dataset.key]),
    nodes: [...document.querySelectorAll(".node.lit")].map(node => node.dataset.key),
    edges: [...document.querySelectorAll(".edge.lit")].map(edge => edge.dataset.source + ">" + edge.dataset.target),
    later: document.querySelectorAll("tr.later").length,
    said: document.querySelector(".status").textContent,
})"""


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("html") / "solution.html"
    path.write_text(to_html(PAGE), encoding="utf-8")
    return path


def written(folder: Path, *blocks: object) -> Path:
    path = folder / "page.html"
    path.write_text(to_html(Document("Page", blocks)), encoding="utf-8")  # type: ignore[arg-type]
    return path


def test_the_page_opens_without_complaints_and_asks_for_nothing_else(page, file):
    page.open(file)
    assert page.complaints() == []
    assert {re.match(r"(data:font/|.*)", address)[1] for address in page.requests()} == {file.as_uri(), "data:font/"}


def test_what_the_policy_forbids_would_be_noticed(page, file, tmp_path):
    spoilt = tmp_path / "spoilt.html"
    spoilt.write_text(file.read_text(encoding="utf-8").replace("const PAUSE = 1500", "const PAUSE = 1501"))
    page.open(spoilt)
    assert any("Content Security Policy" in text for text in page.complaints())
    assert page.run('document.querySelector(".stepper").hidden')


def test_every_formula_has_an_extent(page, file):
    page.open(file)
    page.run('document.querySelectorAll("details").forEach(each => each.open = true)')
    sizes = page.run(
        '[...document.querySelectorAll("math:not([hidden] *)")].map(each => each.getBoundingClientRect())'
        ".map(b => [b.width, b.height])"
    )
    assert len(sizes) > 60
    assert all(width > 3 and height > 3 for width, height in sizes)


def test_all_formulas_and_pictures_are_drawn_with_the_embedded_font_alone(page, file):
    page.open(file)
    page.run('document.querySelectorAll("details").forEach(each => each.open = true)')
    fonts = page.fonts("math, math *, .derive-graph text, .derive-graph tspan")
    assert fonts
    assert {(font["familyName"], font["isCustomFont"]) for font in fonts} == {("Derive Math", True)}


def test_every_sign_that_a_formula_can_hold_is_in_the_font(page, tmp_path):
    from derive.names import GREEK

    letters = tuple(
        t.Name(letter) for letter in (*sorted(GREEK), *"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
    )
    accents = tuple(t.Name(f"{letter}{accent}") for letter in "vhX" for accent in ("bar", "hat", "dot", "tilde"))
    signs = tuple(
        map(
            read,
            ("a .* b ./ c", "A^T", "[a != b]", "[a <= b >= c]", "prod(i) x[i]", "norm(x/y)", "sqrt(abs(x))", "x.^2"),
        )
    )
    file = written(tmp_path, Prose((*letters, *accents, *signs)), Display(tuple(map(Line, signs))))
    page.open(file)
    assert page.complaints() == []
    assert {font["isCustomFont"] for font in page.fonts("math, math *")} == {True}


def heights(page: Page, file: Path) -> list[float]:
    page.open(file)
    return page.run('[...document.querySelectorAll("math")].map(each => each.getBoundingClientRect().height)')


def test_the_browser_uses_the_fonts_mathematics(page, tmp_path):
    """A MATH table that the browser rejects leaves fractions without room and signs at one size."""
    fraction, letter = heights(page, written(tmp_path, Display((Line(read("a/b")), Line(read("a"))))))
    assert fraction > 1.6 * letter
    shown = heights(page, written(tmp_path, Display((Line(read("sum(k) a")),)), Prose((read("sum(k) a"),))))
    assert shown[0] > 1.5 * shown[1]


def test_a_bar_leaves_room_above_its_letter(page, tmp_path):
    """What is drawn of the bar is a twentieth of the font size high; its box reaches down to the letter."""
    page.open(written(tmp_path, Prose((t.Name("vbar"),))))
    height = page.run('document.querySelector("mover > mo").getBoundingClientRect().height')
    size = page.run('parseFloat(getComputedStyle(document.querySelector("math")).fontSize)')
    assert 0.15 * size < height < 0.25 * size


@pytest.mark.parametrize("width", [400, 1000])
def test_the_page_is_not_wider_than_the_window(page, file, width):
    page.open(file, width=width)
    assert page.run("document.documentElement.scrollWidth") == width
    page.run('document.querySelector("[data-go=next]").click()')
    assert page.run("document.documentElement.scrollWidth") == width


def test_a_long_formula_is_scrolled_on_a_telephone_not_the_page(page, tmp_path):
    long = t.Sum(tuple(("+", t.Name(f"x_{k}")) for k in range(60)))
    file = written(tmp_path, Prose(("Consider ", long, ".")), Display((Line(t.Relation((t.Name("y"), long)), "long"),)))
    page.open(file, width=400)
    assert page.run("document.documentElement.scrollWidth") == 400


def test_dark_mode_swaps_paper_and_ink(page, file):
    colours = []
    for scheme in ("light", "dark"):
        page.open(file, scheme=scheme)
        style = page.run('(s => [s.backgroundColor, s.color])(getComputedStyle(document.querySelector(".derive")))')
        colours.append([sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in style])
    (paper, ink), (dark_paper, dark_ink) = colours
    assert paper > ink + 400
    assert dark_ink > dark_paper + 400


def test_print_shows_folded_parts_and_no_stepper(page, file):
    page.open(file)
    inner = 'document.querySelector("details p").checkVisibility({contentVisibilityAuto: true})'
    assert not page.run(inner)
    page.send("Emulation.setEmulatedMedia", media="print")
    page.run("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")  # drawn anew
    assert page.run(inner)
    assert page.run('getComputedStyle(document.querySelector(".stepper")).display') == "none"
    page.send("Emulation.setEmulatedMedia", media="")


# --- the stepper ------------------------------------------------------------------------------------------------------


def test_without_scripts_the_stepper_is_hidden_and_the_rest_is_there(page, file):
    page.send("Emulation.setScriptExecutionDisabled", value=True)
    page.open(file)
    assert page.run('document.querySelector(".stepper").getBoundingClientRect().height') == 0
    assert page.run('document.querySelectorAll("tr[data-key]").length') == 16
    page.send("Emulation.setScriptExecutionDisabled", value=False)


def click(page: Page, name: str) -> None:
    """With the mouse, where the button really is."""
    box = f'document.querySelector("[data-go={name}]").getBoundingClientRect()'
    x, y = page.run(f"(b => [b.x + b.width / 2, b.y + b.height / 2])({box})")
    for kind in ("mousePressed", "mouseReleased"):
        page.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)


def test_nothing_is_dimmed_before_the_first_step(page, file):
    page.open(file)
    state = page.run(LIT)
    assert state == {"rows": [], "nodes": [], "edges": [], "later": 0, "said": ""}


def test_a_step_forward_lights_node_row_and_the_edges_from_its_operands(page, file):
    page.open(file)
    for _ in range(6):
        click(page, "next")
    state = page.run(LIT)
    assert state["rows"] == [["forward", "v_4"]]
    assert state["nodes"] == ["v_4"]
    assert sorted(state["edges"]) == ["v_1>v_4", "v_3>v_4"]
    assert state["later"] == 10  # two lines forward, eight in reverse
    assert "v_4 = v_1 - v_3" in state["said"]


def test_a_step_in_reverse_lights_the_edges_to_the_nodes_that_read_it(page, file):
    page.open(file)
    click(page, "last")
    click(page, "back")
    state = page.run(LIT)
    assert state["rows"] == [["reverse", "v_0"]]
    assert state["nodes"] == ["v_0"]
    assert sorted(state["edges"]) == ["v_0>v_1", "v_0>v_3"]
    assert state["later"] == 1


def test_keys_move_the_stepper_when_it_has_the_focus(page, file):
    page.open(file)
    page.press("ArrowRight")
    assert page.run(LIT)["rows"] == []
    page.run('document.querySelector(".stepper").focus()')
    for keys, row in (
        (["ArrowRight", "ArrowRight", "ArrowRight"], ["forward", "v_1"]),
        (["ArrowLeft"], ["forward", "v_0"]),
        (["End"], ["reverse", "v_-1"]),
        (["ArrowRight"], ["reverse", "v_-1"]),
        (["Home"], ["forward", "v_-1"]),
    ):
        for key in keys:
            page.press(key)
        assert page.run(LIT)["rows"] == [row]
    page.press("Escape")
    assert page.run(LIT) == {"rows": [], "nodes": [], "edges": [], "later": 0, "said": ""}


def test_keys_still_work_after_the_button_under_the_mouse_was_disabled(page, file):
    page.open(file)
    click(page, "last")
    page.press("ArrowLeft")
    assert page.run(LIT)["rows"] == [["reverse", "v_0"]]


def test_the_space_key_plays_and_pauses(page, file):
    page.open(file)
    page.run('document.querySelector(".stepper").focus()')
    page.press(" ")
    button = 'document.querySelector("[data-go=play]").textContent'
    assert page.run(button) == "Pause"
    assert page.run(LIT)["rows"] == [["forward", "v_-1"]]
    page.run("new Promise(done => setTimeout(done, 1800))")
    assert page.run(LIT)["rows"] == [["forward", "v_0"]]
    page.press(" ")
    assert page.run(button) == "Play"


@pytest.mark.parametrize("width", [400, 1000])
def test_graph_row_and_controls_are_on_the_screen_together(page, file, width):
    page.open(file, width=width, height=800, motion="reduce")
    for key in [*["next"] * 15, *["back"] * 12]:
        click(page, key)
        page.run("new Promise(done => requestAnimationFrame(done))")
        node, row, controls = page.run(
            '[".node.lit", "tr.now", ".stepper"].map(s => document.querySelector(s).getBoundingClientRect())'
            ".map(b => [b.top, b.bottom])"
        )
        assert node[0] >= 0 and node[1] <= row[0] and row[1] <= controls[0] and controls[1] <= 800


def test_nothing_scrolls_upright_inside_the_page(page, file):
    page.open(file)
    tall = page.run(
        '[...document.querySelectorAll(".scroll")].filter(each => each.scrollHeight > each.clientHeight + 1).length'
    )
    assert tall == 0


@pytest.mark.parametrize("width", [400, 1000])
def test_every_reason_is_seen_beside_or_below_its_formula(page, tmp_path, width):
    product = read("*".join(["longname"] * 9))  # most of the column
    lines = [Line(t.Relation((t.Name("y"), side)), "the rule that leads here") for side in (read("x"), product)]
    page.open(written(tmp_path, Display(tuple(lines))), width=width)
    short, long = page.run(
        '[...document.querySelectorAll(".line")].map(line => [".right math", ".reason"]'
        ".map(s => line.querySelector(s).getBoundingClientRect()).map(b => [b.left, b.top, b.right, b.bottom]))"
    )
    assert (short[1][1] < short[0][3]) == (width == 1000) and long[1][1] >= long[0][3] - 1
    assert all(reason[0] < width / 3 or reason[2] <= width for _, reason in (short, long))  # cells may be scrolled


@pytest.mark.slow
@pytest.mark.parametrize("name", BY_NAME)
def test_every_solution_is_drawn_whole(page, tmp_path, name):
    """No complaint, no sign from a font that is not the page's, every formula with an extent, no page too wide."""
    file = tmp_path / f"{name}.html"
    file.write_text(to_html(document(name)), encoding="utf-8")
    for width in (400, 1000):
        page.open(file, width=width)
        page.run('document.querySelectorAll("details").forEach(each => each.open = true)')
        assert page.complaints() == []
        assert page.run("document.documentElement.scrollWidth") == width
    sizes = page.run(
        '[...document.querySelectorAll("math:not([hidden] *)")].map(each => each.getBoundingClientRect())'
        ".map(b => [b.width, b.height])"
    )
    assert sizes == [] or min(min(size) for size in sizes) > 3
    fonts = page.fonts("math, math *, .derive-graph text, .derive-graph tspan")
    assert {font["familyName"] for font in fonts} <= {"Derive Math"}
