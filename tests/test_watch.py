"""A walk through a derivation in a notebook: every step is there, one is shown, and no script is needed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest

import derive
from derive.document import Figure, Frame, Picture, Walk
from derive.errors import UsageError
from tests.chromium import BINARY, Page, browser

SHEET, POINT = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))", "x1=1.5,x2=0.5"
CORRELATION = "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]"
SHOWN = """[...document.querySelectorAll(".frame")].map((e, k) => getComputedStyle(e).display == "none" ? 0 : k + 1)
    .filter(k => k)"""
LIT = """[...document.querySelectorAll(".node rect")].filter(e => getComputedStyle(e).strokeWidth == "2px")
    .map(e => e.closest("[data-key]").dataset.key)"""


class Elements(HTMLParser):
    """The elements of a fragment, in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attributes)))


def test_a_trace_is_walked_forward_and_back_each_adjoint_with_its_rules() -> None:
    walk = derive.watch(SHEET, POINT)
    forward = [frame.key for frame in walk.frames if frame.sweep == "forward"]
    back = [frame.key for frame in walk.frames if frame.sweep == "reverse"]
    assert forward == ["v_-1", "v_0", "v_1", "v_2", "v_3", "v_4", "v_5", "v_6"] and sorted(back) == sorted(forward)
    assert back[0] == "v_6" and all(frame.blocks for frame in walk.frames if frame.sweep == "reverse")
    page = walk._repr_html_()
    assert page.count("13.7240") >= 2  # in the picture, and where it is found
    assert "sum over readers" in page and "reuse the primal value" in page


def test_gradients_of_index_equations_are_walked_with_every_partial() -> None:
    answer = derive.grad(CORRELATION, ["K", "V"], upstream={"Z": "G"})
    frames = derive.watch(answer).frames
    assert [(frame.sweep, frame.key) for frame in frames] == [
        ("forward", "Z"), ("reverse", "K"), ("reverse", "K"), ("reverse", "V"), ("reverse", "V")
    ]  # fmt: skip
    rules = {line.reason for frame in frames for block in frame.blocks for line in getattr(block, "lines", ())}
    assert {"contract the delta", "the one rule", "insert the partial derivatives"} <= rules
    with pytest.raises(UsageError, match=r"has the values that derive\.grad was given"):
        derive.watch(answer, "x=1")


def test_a_walk_without_one_output_says_how_to_get_one() -> None:
    program = derive.read_program("a = x*y\nb = x + y\n")
    with pytest.raises(UsageError, match="name an output"):
        derive.watch(program)
    assert derive.watch(derive.reverse(program, "b")).frames


def test_the_fragment_has_no_script_and_ids_of_its_own() -> None:
    walks = [derive.watch("x*y"), derive.watch("x*y", "x=1,y=2"), derive.watch("x + y")]
    pages = [Elements(walk._repr_html_()).found for walk in walks]
    ids = [attributes["id"] for page in pages for _, attributes in page if "id" in attributes]
    assert len(set(ids)) == len(ids)
    groups = {attributes["name"] for page in pages for tag, attributes in page if tag == "input"}
    assert len(groups) == len(walks)
    for walk, page in zip(walks, pages, strict=True):
        assert "script" not in {tag for tag, _ in page}
        assert not any(name.startswith("on") for _, attributes in page for name in attributes)
        assert sum(tag == "input" for tag, _ in page) == len(walk.frames)
        targets = {attributes["for"] for tag, attributes in page if tag == "label"}
        assert targets <= set(ids)


def test_a_name_cannot_leave_its_rule() -> None:
    key = 'v"]}</style><script>alert(1)</script>{["\\'
    walk = Walk("T<", Figure("", Picture(1, 1, (), ())), (Frame("reverse", key, ("<b>",)),))
    page = walk._repr_html_()
    assert "<script" not in page and "<b>" not in page and page.count("</style>") == 1


# --- in a browser -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    if BINARY is None:
        pytest.skip("needs Chromium (chromium, chromium-browser or google-chrome)")
    path: Path = tmp_path_factory.mktemp("watch") / "notebook.html"
    path.write_text(
        f"<!DOCTYPE html><meta charset=utf-8><body>{derive.watch(SHEET, POINT)._repr_html_()}</body>", "utf-8"
    )
    with browser() as opened:
        opened.open(path)
        yield opened


@pytest.mark.browser
def test_keys_and_clicks_show_one_step_and_light_its_node(page: Page) -> None:
    assert page.run(SHOWN) == [1] and page.run(LIT) == ["v_-1"]
    page.run("document.querySelector('input[type=radio]').focus()")
    for _ in range(9):
        page.press("ArrowRight")
    assert page.run(SHOWN) == [10] and page.run(LIT) == ["v_5"]
    page.press("ArrowLeft")
    assert page.run(SHOWN) == [9] and page.run(LIT) == ["v_6"]
    page.run("[...document.querySelectorAll('.frame')][8].querySelectorAll('label')[1].click()")
    assert page.run(SHOWN) == [10]
    page.run("document.querySelectorAll('.steps > label')[15].click()")
    assert page.run(SHOWN) == [16] and page.run(LIT) == ["v_-1"]
    assert page.complaints() == []


@pytest.mark.browser
def test_the_edges_by_which_it_flows_are_lit_and_print_shows_all(page: Page) -> None:
    page.run("document.querySelectorAll('.steps > label')[12].click()")  # back at v_2
    colours = page.run(
        "[...document.querySelectorAll('.edge')].map(e => [e.dataset.source, getComputedStyle(e).color])"
    )
    lit = {source for source, colour in colours if colour != colours[0][1]}
    assert lit == {"v_2"}
    page.send("Emulation.setEmulatedMedia", media="print")
    assert len(page.run(SHOWN)) == 16
    page.send("Emulation.setEmulatedMedia", media="")


def test_keys_are_quoted_for_style_sheets() -> None:
    from derive.html.watching import _string

    assert _string("v_-1") == '"v_-1"'
    assert re.fullmatch(r'"(\\[0-9a-f]+ |[A-Za-z])*"', _string('a"b\\c<'))
