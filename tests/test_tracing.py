"""The evaluation trace: Griewank's numbering, one operation a line, the author's own lines kept."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive import tree as t
from derive.arithmetic import FLOATS
from derive.balls import Balls
from derive.errors import DeriveError, ReadingError, UsageError
from derive.evaluate import evaluate, tree_value
from derive.plain import formula
from derive.program import Elementary, Program
from derive.tracing import trace_tree
from tests.expressions import expressions, points, rational_expressions
from tests.thorough import examples

SHEET = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"


def lines(program: Program) -> list[str]:
    return [f"{line.name} = {formula(line.tree)}" for line in program]


def test_the_sheets_function_gives_the_sheets_table_line_for_line() -> None:
    program = derive.trace(SHEET)
    assert program.input_names == ("v_-1", "v_0")
    assert [program.label(name) for name in program.input_names] == ["x1", "x2"]
    assert lines(program) == [
        "v_1 = v_-1/v_0", "v_2 = sin(v_1)", "v_3 = exp(v_0)", "v_4 = v_1 - v_3", "v_5 = v_2 + v_4", "v_6 = v_5*v_4",
    ]  # fmt: skip
    assert program.outputs == ("v_6",) and program.label("v_6") == "y"


def test_regrouping_is_recorded_as_a_step_whose_sides_are_equal() -> None:
    (step,) = derive.trace(SHEET).steps
    assert formula(step.before.tree) == "v_2 + v_1 - v_3"
    assert formula(step.after.tree) == "v_2 + v_4"
    assert step.rule.name == "regroup"
    assert step.rule.rewrite(step.before, derive.trace(SHEET)) == step.after


@given(expressions(), points())
@settings(max_examples=examples(150), deadline=None)
def test_the_trace_has_the_value_of_the_expression(tree: t.Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    balls = Balls(256)
    with balls.precision():
        at = {name: balls.exact(value) for name, value in point.items()}
        nodes = {node: at[program.label(node)] for node in program.input_names}
        difference = evaluate(program, nodes, balls)[program.outputs[0]] - tree_value(balls, tree, at)
        assert difference == 0 or difference.contains(0)
        assert difference == 0 or float(difference.rad()) < 1e-30


@given(rational_expressions(), points())
@settings(max_examples=examples(200), deadline=None)
def test_regrouping_keeps_exact_values_and_never_adds_an_operation(tree: t.Tree, point: dict[str, Fraction]) -> None:
    program = trace_tree(tree)
    balls = Balls(64)
    at = {name: balls.exact(value) for name, value in point.items()}
    nodes = {node: at[program.label(node)] for node in program.input_names}
    assert evaluate(program, nodes, balls)[program.outputs[0]] == tree_value(balls, tree, at)
    from derive.tape import Tape

    tape = Tape()
    names = {node.text: -1 for node in t.walk(tree) if isinstance(node, t.Name)}
    numbered = {name: tape.input() for name in names}
    output = tape.add_tree(tree, numbered)  # type: ignore[arg-type]
    plain = sum(1 for number in tape.reached([output]) if tape.rows[number][0] is not None)
    assert len(program) <= plain


@given(expressions())
@settings(max_examples=examples(80), deadline=None)
def test_every_line_is_one_operation_on_earlier_names_or_constants(tree: t.Tree) -> None:
    program = trace_tree(tree).check()
    for line in program:
        assert isinstance(line.source, Elementary)
        for operand in line.source.operands:
            assert isinstance(operand, str) or not t.names_in(operand)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the longest shared run first: b+c+d, not a+b
        ("(a+b+c+d)*(b+c+d)*(a+b)", ["b + c", "v_1 + d", "a + v_2", "v_3*v_2", "a + b", "v_4*v_5"]),
        ("(x+y)*(y+x)", ["x + y", "v_1*v_1"]),
        ("(x-a-b)*(y-a-b)", ["a + b", "x - v_1", "y - v_1", "v_2*v_3"]),
        ("(x-a+b)*(y+b-a)", ["b - a", "x + v_1", "y + v_1", "v_2*v_3"]),
        ("a*b*c + b*c", ["b*c", "a*v_1", "v_2 + v_1"]),
        ("x/a/b + y/a/b", ["a*b", "x/v_1", "y/v_1", "v_2 + v_3"]),
        ("a + b + c", ["a + b", "v_1 + c"]),  # nothing shared: nothing regrouped
        ("(x+y)*(x-y)", ["x + y", "x - y", "v_1*v_2"]),  # other signs are other terms
        ("1/2*x^2", ["x^2", "1/2*v_1"]),
        ("e^x + exp(x)", ["exp(x)", "v_1 + v_1"]),
        ("-x^2", ["x^2", "-v_1"]),
    ],
)
def test_shared_runs_are_computed_once_and_signs_stay_with_their_terms(text: str, expected: list[str]) -> None:
    program = derive.trace(text)
    names = {node: t.Name(program.label(node)) for node in program.input_names}
    found = [formula(t.substituted(line.tree, names)) for line in program]
    assert found == expected


def test_the_reading_tree_is_never_changed() -> None:
    tree = derive.read(SHEET)
    before = formula(tree)
    trace_tree(tree)
    assert formula(tree) == before == SHEET.replace(") * (", ")*(")


def test_a_file_keeps_the_authors_names_and_merges_nothing() -> None:
    program = derive.trace("q = x + y\nr = x + y\nf = q*z + sin(q)^2/2")
    assert program.input_names == ("x", "y", "z")
    assert lines(program) == [
        "q = x + y", "r = x + y", "f.1 = q*z", "f.2 = sin(q)", "f.3 = f.2^2", "f.4 = f.3/2", "f = f.1 + f.4",
    ]  # fmt: skip
    assert program.outputs == ("r", "f")


def test_lines_without_an_operation_are_copies() -> None:
    program = derive.trace("c = 3\nq = x\nf = c*q")
    assert lines(program) == ["c = 3", "q = x", "f = c*q"]


def test_a_comparison_does_not_make_a_program_of_an_expression() -> None:
    assert derive.trace("[x >= y]*x").outputs == ("v_2",)
    assert derive.trace("a = [x >= 1]*x").by_name.keys() >= {"a"}


def test_constants_given_a_value_are_inputs_of_a_file_too() -> None:
    from derive.lines import trace_lines

    program = trace_lines(derive.read_program("q = e*x\nf = q + pi"), order=["e", "x"])
    assert program.input_names == ("e", "x") and lines(program)[-1] == "f = q + pi"


def test_a_loss_line_names_the_output() -> None:
    assert derive.trace("q = x*y\nL = q + 1\nloss q").outputs == ("q",)


def test_order_puts_inputs_first_and_declares_names_of_constants() -> None:
    program = derive.trace("x*e + pi", order=("e", "x"))
    assert [program.label(node) for node in program.input_names] == ["e", "x"]
    assert lines(program) == ["v_1 = v_0*v_-1", "v_2 = v_1 + pi"]


@pytest.mark.parametrize("name", ["E", "I", "S", "N", "O", "Q", "beta", "gamma", "lambda", "zeta"])
def test_names_that_mean_something_elsewhere_are_ordinary_names(name: str) -> None:
    program = derive.trace(f"{name}^2 + sin({name})")
    assert [program.label(node) for node in program.input_names] == [name]
    gradient = derive.jacobian(program, {name: 2.0})["y"][name]
    assert gradient == pytest.approx(4 + -0.4161468365471424)


def test_the_output_takes_the_first_free_name() -> None:
    assert derive.trace("x*y").label("v_1") == "f"
    assert derive.trace("x*z").label("v_1") == "y"


@pytest.mark.parametrize("text", ["A[i] + 1", "sum(k) a[k]", "u^T v"])
def test_what_is_no_scalar_is_refused_by_name(text: str) -> None:
    with pytest.raises((UsageError, ReadingError), match="scalar"):
        derive.trace(text)


def test_a_sympy_expression_is_traced_too() -> None:
    import sympy

    x, y = sympy.symbols("x y", real=True)
    program = derive.trace(sympy.sin(x * y) + x)
    value = derive.jacobian(program, {"x": 0.5, "y": 2.0})
    (row,) = value.values()
    assert row["y"] == pytest.approx(0.5 * 0.5403023058681398)


@given(st.text(alphabet="xy12+-*/^()= .,[]sincoexp\n#", max_size=40))
@settings(max_examples=examples(300), deadline=None)
def test_whatever_is_typed_is_traced_or_refused_in_words(text: str) -> None:
    try:
        program = derive.trace(text)
    except DeriveError as error:
        assert error.message
    else:
        program.check()


def test_a_sympy_symbol_called_e_or_pi_is_a_variable() -> None:
    import sympy

    program = derive.trace(sympy.Symbol("e") ** 2 * sympy.Symbol("pi"))
    assert {program.label(node) for node in program.input_names} == {"e", "pi"}
    (row,) = derive.jacobian(program, {"e": 3.0, "pi": 2.0}).values()
    assert row == {"e": 12.0, "pi": 9.0}
    with pytest.raises(UsageError, match="rename the symbol"):
        derive.trace(sympy.Symbol("pi") + sympy.pi)


@pytest.mark.parametrize(
    "text", ["(x +\n y)", "(\nx + y)", "\n(x\n+\ny)\n", "[x >= y\n]*(x\n+ y)", "# a sum\n(x +\n\n y)  # over lines"]
)
def test_an_expression_over_several_lines_is_one_expression(text: str) -> None:
    flat = " ".join(line.split("#")[0] for line in text.split("\n"))
    assert lines(derive.trace(text)) == lines(derive.trace(flat))


@pytest.mark.parametrize("text", ["q = (x +\n y)", "q = x\nf = (q +\n x)", "[x = 1]*x +\n y", "x\ny"])
def test_an_equals_sign_outside_brackets_or_a_second_line_makes_a_program(text: str) -> None:
    from derive.lines import is_program

    assert is_program(text)


@given(st.permutations(["f.1 = x", "f.3 = x*y", "f = (x + y)*sin(x*y)", "g = f.1 + f.3*f"]))
@settings(max_examples=24, deadline=None)
def test_inner_nodes_take_no_name_of_the_author(text: list[str]) -> None:
    program = derive.trace("\n".join(text)).check()
    names = [line.name for line in program]
    assert sorted(names) == ["f", "f.1", "f.2", "f.3", "f.4", "f.5", "g", "g.1"]
    point = {"x": 0.5, "y": 3.0}
    assert evaluate(program, point, FLOATS)["g"] == 0.5 + 1.5 * (3.5 * math.sin(1.5))
    assert derive.hessian(program, point)["x"]["y"] == pytest.approx(derive.hessian(program, point)["y"]["x"])


@pytest.mark.parametrize("name", ["v_1", "v_0", "v_-1", "vbar_2", "vdot_0", "v_12"])
def test_an_input_called_like_a_node_gives_the_nodes_another_letter(name: str) -> None:
    program = derive.trace(f"sin({name})*x")
    nodes = {*program.input_names, *program.by_name}
    assert name not in nodes and {node[0] for node in nodes} == {"w"}
    assert [name, "x"] == [program.label(node) for node in program.input_names]
    assert "w_1, w_2" in program.remarks[0]
    shown = derive.to_text(program)
    assert "wbar_i = sum(j) wbar_j*(dw_j/dw_i)" in shown and "vbar_i" not in shown
    assert derive.trace("sin(v)*v1").remarks == ()


def test_both_letters_taken_a_third_is_found() -> None:
    assert {line.name for line in derive.trace("v_1*w_2")} == {"u_1"}


def test_a_name_of_the_order_that_the_function_does_not_read_is_an_input_and_told() -> None:
    program = derive.trace("x*2", order=("q", "x"))
    assert [program.label(node) for node in program.input_names] == ["q", "x"]
    assert program.remarks == ("q stands in the order and not in the function",)
    assert derive.trace("x*q", order=("q", "x")).remarks == ()
