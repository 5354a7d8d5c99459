"""The page: nothing is fetched, nothing a user wrote becomes markup, and it holds all that the document holds."""

from __future__ import annotations

import base64
import hashlib
import re
import subprocess
import sys
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.document import (
    Bullets,
    Cell,
    Display,
    Document,
    Edge,
    Figure,
    Folded,
    Heading,
    Line,
    Listing,
    Node,
    Picture,
    Prose,
    Row,
    Table,
)
from derive.html.font import font, font_faces, slanted
from derive.html.page import to_html
from derive.html.stepper import script
from tests.sheet_document import CODE, PAGE, PLACES

HOSTILE = (
    "<script>alert(1)</script>",
    "javascript:alert(1)",
    "</style><img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "]]><!-- &lt;b&gt;",
    "https://example.org/x.js",
)
VOID = {"meta", "link", "br", "img", "input", "hr"}


class Reader(HTMLParser):
    """Elements with their attributes, and whether every end tag closes the element that was opened last."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return "".join(self.texts)


def everywhere(text: str, label: str | None = None) -> Document:
    """A document that has the text wherever a text may be. label : what stands in the picture, if something else."""
    name, cell = t.Name("x"), Cell(text)
    label = text if label is None else label
    node = Node(label, 50, 20, 80, 30, (name, label))
    picture = Picture(100, 100, (node,), (Edge(label, label, ((0, 0), (50, 50)), label),))
    blocks = (
        Heading(text),
        Prose((text, name, t.Call(text, (name,)), t.Subscript("A", (name,)))),
        Display((Line(t.Relation((name, t.Number("2"))), text, text),)),
        Table(text, text, (Row((cell, Cell(name), Cell(text, relation=True)), text, text),), (cell, cell), text),
        Figure(text, picture, text),
        Listing(text, text, text),
        Bullets(((text, name),)),
        Folded(text, (Heading(text), Prose((text,)))),
    )
    return Document(text, blocks, text, ((text, text, text),))


def attributes(text: str) -> list[tuple[str, str, str]]:
    return [(tag, key, value) for tag, pairs in Reader(text).elements for key, value in pairs.items()]


# --- what a user wrote ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("planted", HOSTILE)
@pytest.mark.parametrize("fragment", [False, True])
def test_hostile_text_adds_no_element_and_no_attribute(planted, fragment):
    tame, wild = (Reader(to_html(everywhere(text), fragment=fragment)) for text in ("p" * len(planted), planted))
    assert [tag for tag, _ in wild.elements] == [tag for tag, _ in tame.elements]
    assert [set(pairs) for _, pairs in wild.elements] == [set(pairs) for _, pairs in tame.elements]
    assert not wild.open


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet=st.characters(codec=None, exclude_categories=()), min_size=1, max_size=12))
def test_any_text_gives_a_balanced_page_in_utf_8(text):
    page = to_html(everywhere(text, "x < y"))
    page.encode("utf-8")
    assert not Reader(page).open
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]", page)


def test_text_of_a_user_reaches_the_reader_unchanged():
    text = Reader(to_html(everywhere('a < b & "c" > d'))).text
    assert text.count('a < b & "c" > d') >= 15


def test_a_listing_keeps_every_character():
    page = to_html(Document("", (Listing("", CODE),)))
    assert CODE in Reader(page).text


# --- nothing is fetched -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fragment", [False, True])
def test_nothing_points_outside_the_page(fragment):
    page = to_html(PAGE, fragment=fragment)
    for tag, key, value in attributes(page):
        assert not key.startswith("on") and key != "style", (tag, key)
        if key in ("src", "href", "action", "data", "xlink:href"):
            assert value.startswith("#"), (tag, key, value)
        if key != "xmlns":
            assert "://" not in value
    style = "".join(re.findall(r"<style>(.*?)</style>", page, re.DOTALL))
    assert set(re.findall(r"url\((.{0,10})", style)) <= {"data:font/"}
    assert "@import" not in style


def test_the_policy_names_the_style_and_the_script_that_are_in_the_page():
    page = to_html(PAGE)
    policy = next(pairs["content"] for tag, pairs in Reader(page).elements if "http-equiv" in pairs)
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["font-src"] == rules["img-src"] == "data:"
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_a_page_without_a_walk_has_no_script_at_all():
    page = to_html(Document("Short", (Prose(("Words.",)),)))
    assert "<script" not in page and "script-src" not in page and "data-stepper" not in page


def test_a_fragment_has_no_script_and_no_page_around_it():
    page = to_html(PAGE, fragment=True)
    tags = {tag for tag, _ in Reader(page).elements}
    assert not tags & {"html", "head", "body", "script", "meta", "main", "h1"}
    assert page.startswith('<div class="derive">')


def test_two_fragments_in_a_notebook_share_no_id():
    ids = [
        {value for _, key, value in attributes(to_html(Document(title, PAGE.blocks), fragment=True)) if key == "id"}
        for title in ("one", "two")
    ]
    assert ids[0] and not ids[0] & ids[1]


@pytest.mark.parametrize("fragment", [False, True])
def test_every_id_is_used_once_and_every_reference_has_its_id(fragment):
    pairs = attributes(to_html(PAGE, fragment=fragment))
    ids = [value for _, key, value in pairs if key == "id"]
    assert len(ids) == len(set(ids))
    referred = [part for _, key, value in pairs if key == "aria-labelledby" for part in value.split()]
    referred += [value[1:] for _, key, value in pairs if key == "href"]
    assert referred and set(referred) <= set(ids)


# --- what the page holds ----------------------------------------------------------------------------------------------


def test_the_same_document_gives_the_same_bytes_in_another_process():
    program = (
        "import hashlib; from derive.html.page import to_html; from tests.sheet_document import PAGE; "
        "print(hashlib.sha256(to_html(PAGE).encode()).hexdigest())"
    )
    first, second = (
        subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed}
        ).stdout.strip()
        for seed in ("1", "2")
    )
    assert first == second == hashlib.sha256(to_html(PAGE).encode()).hexdigest()


def test_the_sheets_page_is_below_120_kilobytes_and_its_fonts_below_60():
    page = to_html(PAGE)
    assert len(page.encode()) < 120_000
    assert len("".join(re.findall(r"base64,[^)]*", page))) < 60_000


def test_every_row_of_a_trace_carries_its_node_and_its_sweep():
    rows = [
        (pairs["data-sweep"], pairs["data-key"])
        for tag, pairs in Reader(to_html(PAGE)).elements
        if tag == "tr" and "data-key" in pairs
    ]
    forward = ["v_-1", "v_0", "v_1", "v_2", "v_3", "v_4", "v_5", "v_6"]
    assert set(forward) == set(PLACES)
    assert rows == [("forward", key) for key in forward] + [("reverse", key) for key in reversed(forward)]


def test_headings_are_listed_only_where_there_are_more_than_three():
    def page(count: int) -> str:
        return to_html(Document("Title", tuple(Heading(f"Part {k}") for k in range(count))))

    assert "<nav" not in page(3)
    assert page(4).count('<li><a href="#part-') == 4


def test_headings_of_the_same_text_get_ids_of_their_own():
    page = to_html(Document("", (Heading("Part"), Heading("Part"))))
    assert 'id="part"' in page and 'id="part-2"' in page


def test_sentences_of_the_walk_are_in_the_page_for_the_script_and_hidden_without_it():
    page = to_html(PAGE)
    (section,) = re.findall(r"<section.*?</section>", page, re.DOTALL)
    assert section.count("<li ") == 16
    assert re.match(r"<section[^>]* hidden>", section)


def test_the_script_is_small():
    assert len(script().encode()) < 6000


# --- the font ---------------------------------------------------------------------------------------------------------


def test_the_font_has_the_italic_letters_that_browsers_ask_for():
    pytest.importorskip("fontTools")
    from io import BytesIO

    from fontTools.ttLib import TTFont

    letters = "abchvxyzABZαβωϕ∂"
    _, data = font("".join(sorted({*letters, *map(slanted, letters), "∑"})))
    made = TTFont(BytesIO(data))
    assert {ord(slanted(letter)) for letter in letters} <= set(made.getBestCmap())
    variants = made["MATH"].table.MathVariants
    grown = dict(zip(variants.VertGlyphCoverage.glyphs, variants.VertGlyphConstruction, strict=True))
    bracket = grown[made.getBestCmap()[ord("(")]].MathGlyphVariantRecord
    heights = [record.AdvanceMeasurement for record in bracket]
    assert len(heights) == 5 and heights == sorted(heights)


def test_a_letter_is_slanted_to_its_own_mathematical_italic():
    import unicodedata

    for letter in "abcgijvxyzABCXYZαβγδεζηθικλμνξοπρςστυφχψωΓΔΘΛΞΠΣΥΦΨΩ":
        assert unicodedata.normalize("NFKC", slanted(letter)) == letter
        assert "ITALIC" in unicodedata.name(slanted(letter))
    assert slanted("h") == "\u210e"


def test_a_page_is_made_also_where_the_fonts_are_missing():
    program = (
        "import sys; sys.modules['matplotlib'] = None; from derive.html.page import to_html; "
        "from tests.sheet_document import PAGE; sys.stdout.buffer.write(to_html(PAGE).encode())"
    )
    page = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True).stdout.decode()
    assert "@font-face" not in page
    assert '"STIX Two Math"' in page and "<math" in page


def test_a_font_face_holds_no_more_than_what_is_asked_for():
    assert len(font_faces("x")) < len(font_faces("xyz∑")) < 60_000
