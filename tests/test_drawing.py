"""Pictures in every medium: what stands in a label, how wide it is, and that the files are what they claim to be."""

from __future__ import annotations

import re
import shutil
import subprocess
import xml.etree.ElementTree as ElementTree
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive import tree as t
from derive.document import Edge, Inline, Node, Picture
from derive.drawing import draw, figure_of, mathtext, save_png, save_svg
from derive.functions import OPERATIONS
from derive.graph import local_partials, node_lines, picture_of
from derive.html.svg import inline_svg, standalone_svg, svg_css
from derive.latex.tikz import PREAMBLE, tikz
from derive.layout.strokes import BOX_CORNER, HEAD_LENGTH, stroke
from derive.metrics import EDGE_SIZE, NODE_SIZE, measure, placed
from derive.names import adjoint_names, anatomy
from derive.program import Program
from derive.runs import runs
from tests.graphs import ADJOINTS, NODES, VALUES, line, number, random_program, sheet
from tests.thorough import examples

NAME = {name: t.Name(name) for name in ("a", "b", "c", "v_0", "v_-1", "vbar_3", "x1", "theta", "loss")}
a, b, c, v = NAME["a"], NAME["b"], NAME["c"], NAME["v_0"]


def flat(inline: Inline) -> str:
    """The runs as one string: scripts in braces, accents behind their letter."""
    answer, before = "", ()
    for run in runs(inline):
        if run.scripts != before:
            answer += "}" * len(before) + "".join("_{" if place == "sub" else "^{" for place in run.scripts)
            before = run.scripts
        answer += (f" {run.text} " if run.operator else run.text) + "".join(f"[{accent}]" for accent in run.accents)
    return answer + "}" * len(before)


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        (NAME["v_-1"], "v_{−1}"),
        (NAME["vbar_3"], "v[bar]_{3}"),
        (NAME["x1"], "x_{1}"),
        (NAME["theta"], "θ"),
        (t.Name("vbarbar_2"), "v[bar][bar]_{2}"),
        (t.Name("x_i_3"), "x_{i,3}"),
        (t.Number("2.50"), "2.50"),
        (t.Number("1e-05"), "1·10^{−5}"),
        (-(NAME["v_-1"] / t.power(v, 2)), "−v_{−1}/v_{0}^{2}"),
        (a - (b - c), "a − (b − c)"),
        (t.Sum((("+", a), ("-", t.Negative(b)))), "a − (−b)"),
        (t.Sum((("+", t.Negative(a)), ("+", b))), "−a + b"),
        (t.Product((("*", a), ("*", t.Negative(b)))), "a(−b)"),
        (t.Product((("*", a), ("/", b), ("*", c))), "(a/b)c"),
        (t.Product((("*", a), ("/", b), ("/", c))), "(a/b)/c"),
        (t.Product((("*", a), ("/", t.Product((("*", b), ("*", c)))))), "a/(bc)"),
        (t.Product((("*", t.Number("2")), ("*", t.Number("3")))), "2·3"),
        (t.Product((("*", a + b), ("*", c))), "(a + b)c"),
        (t.Power(t.Negative(a), t.Number("2")), "(−a)^{2}"),
        (t.Power(a, v), "a^{v}^{_{0}}"),
        (t.Call("log", (a,)), "ln(a)"),
        (t.Call("sqrt", (a + b,)), "√(a + b)"),
        (t.Call("abs", (a,)), "|a|"),
        (t.Indicator((a, b), ("<=",)), "[a ≤ b]"),
        (t.Subscript("V", (t.Name("i"), t.Name("j"))), "V_{i,j}"),
        (t.Reduction("sum", ("k",), a), "∑_{k}a"),
        (t.Relation((a, b, t.Number("3"))), "a = b = 3"),
        (t.Derivative(a, b), "∂a/∂b"),
        (t.Transpose(a + b), "(a + b)^{⊤}"),
        ("50% of $x$", "50% of $x$"),
    ],
)
def test_a_formula_is_written_on_one_line_with_the_brackets_it_needs(tree: Inline, text: str) -> None:
    assert flat(tree) == text


def test_a_formula_too_long_for_a_label_is_dots_and_needs_no_recursion() -> None:
    deep: t.Tree = a
    for _ in range(100_000):
        deep = t.Negative(deep)
    assert flat(deep) == "…"


def test_a_superscript_stands_above_the_subscript_of_the_same_base() -> None:
    base, sub, sup = placed(t.power(v, 2), 10.0)
    assert sub.x == sup.x == pytest.approx(base.width)
    assert sup.y < 0 < sub.y


LABELS = [
    *(partial for name, row in OPERATIONS.items() for partial in
      local_partials(Program(("u", "w"), (line("v_3", name, *("u", "w")[: row.arity]),), ("v_3",))).values()),
    *(part for lines in node_lines(sheet()).values() for part in lines),
    t.Relation((NAME["vbar_3"], number("-13.7240"))),
    NAME["theta"], t.Number("1e-05"), t.Call("sqrt", (a + b,)), "… 994 more lines …",
]  # fmt: skip


@pytest.mark.parametrize("label", LABELS, ids=lambda label: str(flat(label)))
def test_measured_widths_are_those_of_the_font(label: Inline) -> None:
    """Against matplotlib's own setting of the same runs in STIX: within 4 % and one and a half points."""
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.font_manager import FontProperties

    font = FontProperties(family="STIXGeneral", size=10, math_fontfamily="stix")
    renderer = RendererAgg(100, 100, 720)  # fine enough that nothing is rounded to pixels
    kind = not isinstance(label, str)
    real, height, _ = (x / 10 for x in renderer.get_text_width_height_descent(mathtext(label), font, ismath=kind))
    width, tall = measure(label, 10.0)
    assert width == pytest.approx(real, rel=0.04, abs=1.5)
    assert height <= tall + 3.5  # the root is taller than any letter


def test_boxes_leave_room_around_their_widest_line() -> None:
    for node in picture_of(random_program(4, 20, 3)).nodes:
        assert node.width > max(measure(part, NODE_SIZE)[0] for part in node.lines) + 8


def full() -> Picture:
    """The sheet's graph with values and adjoints."""
    values = {key: number(text) for key, text in VALUES.items()}
    adjoints = {key: number(text) for key, text in ADJOINTS.items()}
    return picture_of(sheet(), labels=node_lines(sheet(), values, adjoints, adjoint_names(NODES)))


def test_the_node_lines_are_definition_value_and_adjoint() -> None:
    lines = {node.key: tuple(map(flat, node.lines)) for node in full().nodes}
    assert lines["v_-1"] == ("v_{−1} = x_{1}", "v_{−1} = 1.5", "v[bar]_{−1} = 3.0118")
    assert lines["v_3"] == ("v_{3} = exp(v_{0})", "v_{3} = 1.6487", "v[bar]_{3} = −2.8437")
    assert lines["v_6"] == ("y = v_{6} = v_{5}v_{4}", "v_{6} = 2.0166", "v[bar]_{6} = 1")


def test_labels_may_come_from_a_function_and_edges_may_be_bare() -> None:
    drawn = picture_of(sheet(), labels=lambda name: (name.upper(),), edge_labels={})
    assert drawn.nodes[2].lines == ("V_1",)
    assert all(edge.label is None for edge in drawn.edges)


def test_an_arrow_ends_on_the_border_and_its_head_lies_outside_the_box() -> None:
    drawn = full()
    boxes = {node.key: node for node in drawn.nodes}
    for edge in drawn.edges:
        left = boxes[edge.target].x - boxes[edge.target].width / 2
        head = stroke(edge.points).head
        assert head[0][0] == pytest.approx(left, abs=0.02)
        assert all(x < left + 0.02 for x, _ in head) and min(x for x, _ in head) > left - HEAD_LENGTH - 2


def hostile() -> Picture:
    words = '</text><script>alert("1 & 2")</script>\x07'
    nodes = (Node('a"<&', 40, 20, 60, 24, (words,), "input"), Node("b", 160, 20, 60, 24, (t.Name("b"),), "output"))
    return Picture(200, 40, nodes, (Edge('a"<&', "b", ((70, 20), (130, 20)), "<1> & $2$", (100, 10)),))


def test_inline_svg_is_well_formed_whatever_the_words_are() -> None:
    root = ElementTree.fromstring(inline_svg(hostile()))
    assert "script" not in {element.tag.split("}")[1] for element in root.iter()}
    assert 'alert("1 & 2")' in "".join(root.itertext())
    ElementTree.fromstring(standalone_svg(hostile()))
    ElementTree.fromstring(save_svg(hostile()))


def test_inline_svg_carries_keys_kinds_and_a_title_for_those_who_cannot_see_it() -> None:
    root = ElementTree.fromstring(inline_svg(full(), id_prefix="p1-"))
    name = "{http://www.w3.org/2000/svg}"
    assert root.get("role") == "img"
    assert root.get("aria-labelledby") == "p1-graph-title p1-graph-description"
    assert [root.find(f"{name}{tag}").get("id") for tag in ("title", "desc")] == root.get("aria-labelledby").split()  # type: ignore[union-attr]
    assert "v_1 reads v_-1, v_0;" in root.find(f"{name}desc").text  # type: ignore[union-attr,operator]
    groups = root.findall(f"{name}g")
    assert {g.get("data-key"): g.get("class") for g in groups if g.get("data-key")} == {
        **{f"v_{k}": "node operation" for k in range(1, 6)},
        "v_-1": "node input", "v_0": "node input", "v_6": "node output",
    }  # fmt: skip
    ends = {(g.get("data-source"), g.get("data-target")) for g in groups if g.get("class") == "edge"}
    assert ends == set(local_partials(sheet()))


def test_inline_svg_names_no_fixed_colour_and_writes_a_minus_sign() -> None:
    text = inline_svg(full())
    assert not re.search(r"#[0-9a-fA-F]{3,6}\b", text)
    assert ">−<" in text and ">-" not in text
    assert text.count('class="bar"') == len(NODES)
    assert "prefers-color-scheme: dark" in svg_css()


def test_every_run_in_the_svg_lies_inside_its_box() -> None:
    drawn = full()
    root = ElementTree.fromstring(inline_svg(drawn))
    boxes = {node.key: node for node in drawn.nodes}
    for group in root.iter("{http://www.w3.org/2000/svg}g"):
        node = boxes.get(group.get("data-key") or "")
        for span in group.iter("{http://www.w3.org/2000/svg}tspan") if node else ():
            assert abs(float(span.get("x") or "nan") - node.x) < node.width / 2
            assert abs(float(span.get("y") or "nan") - node.y) < node.height / 2


def test_the_same_picture_gives_the_same_bytes() -> None:
    assert save_svg(full()) == save_svg(full())
    assert save_png(full(), 60) == save_png(full(), 60)
    assert inline_svg(full()) == inline_svg(full())
    assert not re.search(r"<dc:date>|20\d\d-\d\d-\d\d", save_svg(full()))


def test_drawing_changes_no_setting_of_matplotlib_and_opens_no_pyplot_figure() -> None:
    import matplotlib

    before = dict(matplotlib.rcParams)
    save_svg(full())
    assert dict(matplotlib.rcParams) == before


def test_a_figure_has_the_size_of_its_picture_and_shows_every_line() -> None:
    drawn = full()
    figure = draw(sheet())
    assert len(figure.axes[0].texts) == len(NODES) + len(drawn.edges)
    figure = figure_of(drawn)
    assert tuple(figure.get_size_inches() * 72) == pytest.approx((drawn.width, drawn.height))
    assert len(figure.axes[0].texts) == 3 * len(NODES) + len(drawn.edges)


def test_a_png_has_the_pixels_that_were_asked_for() -> None:
    from matplotlib.image import imread

    drawn = full()
    height, width, _ = imread(BytesIO(save_png(drawn, 144))).shape
    assert (width, height) == pytest.approx((2 * drawn.width, 2 * drawn.height), abs=2)


@settings(max_examples=examples(40), deadline=None)
@given(st.text(max_size=12))
def test_any_words_can_be_drawn_and_stay_what_they_were(words: str) -> None:
    text = "".join(character for character in words if character.isprintable())
    drawn = Picture(100, 30, (Node("n", 50, 15, 90, 20, (text,)),), ())
    root = ElementTree.fromstring(inline_svg(drawn))
    assert "".join(span.text or "" for span in root.iter("{http://www.w3.org/2000/svg}tspan")) == text
    if text.isascii():
        figure_of(drawn).canvas.draw()


def latex(tree: t.Tree) -> str:
    """Enough LaTeX for the sheet's labels."""

    def within(part: t.Tree, loosest: int) -> str:
        return latex(part) if t.binding(part) >= loosest else f"({latex(part)})"

    match tree:
        case t.Number(text=text):
            return text
        case t.Name(text=text):
            parts = anatomy(text)
            base = rf"\bar{{{parts.base}}}" if parts.accents else parts.base
            return base + (f"_{{{','.join(parts.subscripts)}}}" if parts.subscripts else "")
        case t.Negative(body=body):
            return "-" + within(body, t.PRODUCT)
        case t.Sum(terms=terms):
            return "".join((sign if k else "") + within(part, t.PRODUCT) for k, (sign, part) in enumerate(terms))
        case t.Product(factors=factors):
            return "".join(("/" if sign == "/" else " ") + within(part, t.POWER) for sign, part in factors).strip()
        case t.Power(base=base_, exponent=exponent):
            return f"{within(base_, t.ATOM)}^{{{latex(exponent)}}}"
        case t.Call(function=function, arguments=arguments):
            return rf"\{function}(" + ",".join(map(latex, arguments)) + ")"
        case t.Relation(sides=sides):
            return "=".join(map(latex, sides))
    raise NotImplementedError(tree)


def words(text: str) -> str:
    return "".join(f"\\{character}" if character in "&%$#_{}" else character for character in text)


def test_tikz_scales_a_wide_picture_down_to_the_text_and_leaves_a_narrow_one() -> None:
    wide = tikz(full(), formula=latex, escape=words)
    scale = float(re.search(r"scale=([0-9.]+), transform shape", wide)[1])  # type: ignore[index]
    assert scale * full().width == pytest.approx(450, abs=0.1)
    assert "scale" not in tikz(full(), formula=latex, escape=words, max_width=None)


def test_tikz_scales_heads_and_round_corners_with_the_picture() -> None:
    """Of its own accord TikZ scales neither, and a head longer than its segment is lost."""
    small = tikz(full(), formula=latex, escape=words, max_width=full().width / 2)
    assert float(re.search(r"length=([0-9.]+)bp", small)[1]) == pytest.approx(HEAD_LENGTH / 2)  # type: ignore[index]
    assert float(re.search(r"rounded corners=([0-9.]+)bp", small)[1]) == pytest.approx(BOX_CORNER / 2)  # type: ignore[index]


@pytest.mark.tex
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_tikz_compiles_without_a_warning(tmp_path: Path) -> None:
    body = tikz(full(), formula=latex, escape=words) + "\n\n" + tikz(hostile(), formula=latex, escape=lambda _: "words")
    document = "\\documentclass{article}\n\\usepackage[margin=1in]{geometry}\n" + PREAMBLE
    document += "\\begin{document}\n\\noindent\n" + body + "\\end{document}\n"
    (tmp_path / "graph.tex").write_text(document, encoding="utf-8")
    done = subprocess.run(
        ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "graph.tex"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "graph.pdf").stat().st_size > 5000
    assert not re.search(r"Warning|Overfull", done.stdout)


def test_labels_on_edges_are_smaller_than_in_nodes() -> None:
    assert EDGE_SIZE < NODE_SIZE
