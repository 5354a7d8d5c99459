"""Answers: one gradient in many forms, each held against the others; a form that is wrong is told."""

from __future__ import annotations

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import derive
from derive import answer_numbers, answers, terms
from derive import tree as t
from derive.answers import Answer, Gradient, grad, plain
from derive.arraydata import as_arrays, as_lists, read_arrays
from derive.checks.answers import check_answer
from derive.conventions import Conventions
from derive.document import Display, Document
from derive.errors import DeriveError, DomainError, ProgramError, ReadingError, UsageError
from derive.gradients import Adjoint
from derive.program import Equation
from derive.reading.equations import read_equations
from derive.solutions.chains import BOOKKEEPING, folded
from derive.solutions.gradients import gradient_document
from derive.subjects.layers.gradients import grad_layer
from tests.thorough import examples

CONVOLUTION = "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]"
NETWORK = "z = W x + b\na = tanh(z)\nL = sum(i) (a[i] - t[i])^2/2"

#: Equations of a first course, with values for what they read.
rng = np.random.default_rng(5)
COURSE = {
    "matrix product": ("Y = W X + b", {"W": (3, 4), "X": (4, 5), "b": (3,)}),
    "strided convolution": ("Z[i] = sum(k) V[2*i+k]*K[k]", {"V": (8,), "K": (3,)}),
    "boundary": ("Z : 5\nZ[i] = sum(k) [0 <= i+k-1 < 5]*V[i+k-1]*K[k]", {"V": (5,), "K": (3,)}),
    "network": (NETWORK, {"W": (3, 4), "x": (4,), "b": (3,), "t": (3,)}),
    "softmax": ("p[i] = exp(z[i])/(sum(k) exp(z[k]))\nL = -(sum(i) y[i]*log(p[i]))", {"z": (4,), "y": (4,)}),
    "quadratic form": ("L = x^T A x", {"x": (3,), "A": (3, 3)}),
    "largest": ("Y[i] = max(k) [0 <= k < 2]*X[2*i+k]", {"X": (6,)}),
    "recurrence": ("s[t] = [t >= 1]*c*s[t-1] + u[t]", {"c": (), "u": (5,)}),
}  # fmt: skip


def answered(name: str, **options: object) -> Answer:
    """With values: for the upstream gradient too."""
    text, shapes = COURSE[name]
    values = {array: rng.uniform(0.3, 1.7, size=shape) for array, shape in shapes.items()}
    open_one = grad(text, shapes=shapes).derivation.given
    for gradient, head in open_one.items():
        shape = tuple(index.extent.value or 0 for part in head.indices for index in part.indices)
        values[gradient] = rng.normal(size=shape)
    return grad(text, values=values, **options)  # type: ignore[arg-type]


# --- laws -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", COURSE)
def test_all_forms_of_a_gradient_agree_and_every_step_is_run(name: str) -> None:
    answer = answered(name)
    report = answer.check()
    assert report.passed and all(finding.passed for finding in report.findings), str(report)
    assert {id(step) for step in answer.derivation.steps} == set(report.checked) and all(report.checked.values())
    held = {finding.what for finding in report.findings}
    assert {"steps run", "gather = scatter", "NumPy code = formula", "values given = scatter"} <= held


@pytest.mark.parametrize("name", COURSE)
def test_the_text_of_a_gradient_reads_back_to_its_values(name: str) -> None:
    answer = answered(name)
    for wrt in answer.wrt:
        if any(isinstance(node, terms.Winner) for node in terms.walk(answer[wrt].equation.term)):
            continue  # the plain notation has no words for a winner
        known = {**answer.arrays, **answer.forward, **answer.values}
        own = answer.derivation.names[wrt]
        shapes = {array: np.shape(value) for array, value in known.items() if array in answer[wrt].text or array == own}
        program = read_equations(answer[wrt].text, shapes={n: s for n, s in shapes.items() if n in _words(answer[wrt])})
        read = {name: known[name] for name in program.input_names if name != own}
        found = answers_values(program, read)
        np.testing.assert_allclose(found[own], answer[wrt].value, rtol=1e-12, atol=1e-13)


def _words(gradient: Gradient) -> set[str]:
    return {gradient.adjoint.name, *gradient.equation.reads}


def answers_values(program, arrays):  # type: ignore[no-untyped-def]
    from derive.evaluation import values

    return values(program, arrays, {})


@pytest.mark.parametrize("name", COURSE)
def test_folding_leaves_out_lines_and_nothing_else(name: str) -> None:
    """Medium detail leads from the same equation to the same equation, through steps that join on to each other."""
    for adjoint in answered(name).derivation.lines:
        for chain in (*(partial.steps for partial in adjoint.partials), adjoint.own_steps):
            assert folded(chain, "high") == chain
            short = folded(chain, "medium")
            assert [part for step in short for part in (step.substeps or (step,))] == list(chain)
            for step in short:
                if step.substeps:
                    assert step.before is step.substeps[0].before and step.after is step.substeps[-1].after
            assert all(step.rule.name not in BOOKKEEPING for step in short) or len(short) == 1


def test_large_sums_by_the_code_are_those_of_the_evaluator(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("matrix product", "boundary", "network"):
        small = answered(name)
        monkeypatch.setattr(answer_numbers, "LARGEST_SUM", 1)
        large = Answer(small.derivation, small.given)
        assert large.numbers.is_large and check_answer(large).passed
        for wrt in small.wrt:
            np.testing.assert_allclose(large[wrt].value, small[wrt].value, rtol=1e-12, atol=1e-13)
        monkeypatch.undo()


# --- what is wrong is told --------------------------------------------------------------------------------------------


def spoiled(answer: Answer, array: str, **changes: object) -> Answer:
    """The same answer with something else in one adjoint."""

    def change(line: Adjoint) -> Adjoint:
        return replace(line, **changes) if line.of == array else line  # type: ignore[arg-type]

    made = replace(answer.derivation, lines=tuple(map(change, answer.derivation.lines)))
    return Answer(made, answer.given)


def verdicts(answer: Answer) -> dict[str, bool | None]:
    return {finding.what: finding.passed for finding in check_answer(answer).findings}


def test_a_wrong_formula_is_told_by_scattering_and_by_the_values() -> None:
    answer = answered("matrix product")
    right = answer["W"].equation
    wrong = Equation(right.left, terms.multiply(2, right.term))
    found = verdicts(spoiled(answer, "W", equation=wrong))
    assert found["gather = scatter"] is False and found["values given = scatter"] is False and found["steps run"]


def test_a_wrong_step_is_told_and_marked() -> None:
    answer = answered("strided convolution")
    steps = list(answer["V"].adjoint.own_steps)
    last = steps[-1]
    steps[-1] = replace(last, after=Equation(last.after.left, terms.add(last.after.term, Fraction(1, 1000))))
    bad = spoiled(answer, "V", own_steps=tuple(steps))
    report = check_answer(bad)
    assert not report.passed and report.checked[id(steps[-1])] is False and report.checked[id(steps[0])] is True
    assert "wrong: " in report.findings[0].text
    data = bad.as_data() | derive.gradientdata.as_data(bad, report)
    assert [step["checked"] for step in data["gradients"]["V"]["steps"]].count(False) == 1
    page = derive.to_text(bad, checks=report)
    assert "do not hold" in page and "FAILS" in page


def test_a_wrong_matrix_form_and_a_wrong_claim_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    answer = answered("matrix product")
    monkeypatch.setattr(answers, "matrix_form", lambda equation, heads: t.Name("W"))
    assert verdicts(answer)["matrix form = index form"] is False
    answer = answered("strided convolution")
    (axis,) = answer["K"].convolution.axes  # type: ignore[union-attr]
    wrong = replace(answer["K"].convolution, axes=(replace(axis, flipped=True),))  # type: ignore[type-var]
    monkeypatch.setattr(answers.patterns, "convolution", lambda *_: wrong)
    assert verdicts(answer)["convolution as claimed"] is False


def test_a_wrong_second_derivative_is_told() -> None:
    answer = answered("quadratic form", second=["x"])
    assert verdicts(answer)["second derivatives = differences"]
    (second,) = answer.seconds
    wrong = replace(second, equation=Equation(second.equation.left, terms.multiply(2, second.equation.term)))
    answer.__dict__["seconds"] = (wrong,)
    assert verdicts(answer)["second derivatives = differences"] is False


# --- values -----------------------------------------------------------------------------------------------------------


def test_ranks_and_sizes_are_read_off_the_values() -> None:
    answer = grad("Y = W X + b", values={"W": [[1, 2]], "X": [[3, 0], [4, 0]], "b": [5], "Y_bar": [[6, 0]]})
    assert answer.forward["Y"].tolist() == [[16.0, 5.0]] and answer["W"].value.tolist() == [[18.0, 24.0]]
    named = grad("W : m x n\nx : n\ny = W x", values={"W": [[1, 2]], "x": [3, 4], "y_bar": [1]})
    assert plain(named.program.equations[0], named.shapes) == "y[i] = sum(j) W[i, j]*x[j]"
    assert named.shapes["y"] == (1,) and named["x"].value.tolist() == [1.0, 2.0]


def test_an_output_takes_its_shape_from_its_upstream_gradient_where_nothing_else_says_it() -> None:
    text = "Z : H\nZ[i] = sum(k) [0 <= i+k-1 < H]*V[i+k-1]*K[k]"
    answer = grad(text, upstream={"Z": "G"}, values={"V": [1, 2, 3], "K": [1, 0, 1], "G": [1, 1, 1]})
    assert answer["V"].value.tolist() == [1.0, 2.0, 1.0]
    assert grad("Y[i] = x[p*i]", upstream={"Y": "G"}, values={"x": [1, 2, 3], "p": 2, "G": [5, 7]})[
        "x"
    ].value.tolist() == [5, 0, 7]


def test_a_gradient_of_rank_0_is_a_number_and_json_holds_no_infinity() -> None:
    data = grad("y = a*x^2", values={"a": 3, "x": 2}).as_data()
    assert data["gradients"]["a"]["value"] == 4.0 and data["forward"]["y"] == 12.0
    huge = grad("y = exp(x)*a", values={"a": 1, "x": 1000}).as_data()
    assert huge["forward"]["y"] == "inf" and json.loads(json.dumps(huge, allow_nan=False)) == huge


numbers = st.floats(allow_nan=False, allow_infinity=False)


@given(st.integers(1, 3), st.integers(1, 3), st.data())
@settings(max_examples=examples(40), deadline=None)
def test_arrays_are_written_and_read_exactly(rows: int, columns: int, data: st.DataObject) -> None:
    lists = data.draw(st.lists(st.lists(numbers, min_size=columns, max_size=columns), min_size=rows, max_size=rows))
    read = read_arrays(json.dumps({"A": lists}))["A"]
    assert as_lists(read) == lists and as_lists(as_arrays({"A": lists})["A"]) == lists


REFUSED_VALUES = {
    '{"x": [1, 2], "x": [3]}': "x is given twice; delete one",
    '{"x": [1, NaN]}': "NaN is no number",
    '{"x": [1, "a"]}': 'x[1] is "a", which is no number',
    '{"x": [[1, 2], [3]]}': "x is not rectangular: x[0] is a list of 2 entries, and x[1] is a list of 1 entry",
    '{"x": [[1, 2], 3]}': "x is not rectangular: x[0] is a list of 2 entries, and x[1] is a number",
    '{"x": true}': "x is true, which is no number",
    '{"x": {"y": 1}}': "which is no number",
    '{"x": [1, 2}': "no JSON: ",
    "[1, 2]": "values are an object of arrays by name",
    '{"x": ' + "[" * 40 + "1" + "]" * 40 + "}": "x is nested 40 deep; arrays have at most 16 axes",
    '{"x": 99999999999999999999}': "x is larger than a double holds exactly",
    '{"x": ' + "[" * 100_000: "lists are nested too deeply",
}


@pytest.mark.parametrize("text", REFUSED_VALUES, ids=range(len(REFUSED_VALUES)))
def test_a_file_of_values_that_is_wrong_is_refused_with_the_place(text: str) -> None:
    with pytest.raises(DeriveError) as caught:
        read_arrays(text, "values.json")
    assert REFUSED_VALUES[text] in caught.value.message


@pytest.mark.parametrize(
    ("text", "values", "says"),
    [
        ("y = W x", {"W": [[1, 2]], "x": [1, 2, 3]}, "W is 1 x 2 and x is 3 (2 is not 3)"),
        ("W : 2 x 2\ny = W W", {"W": [[1, 2]]}, "W is declared 2 x 2, and its values are 1 x 2"),
        ("W : n x n\ny = W W", {"W": [[1, 2]]}, "the size n is 1 by the shape of W, and 2 by that of W"),
        ("y = x^2", {"x": 1, "z": 2}, "values are given for z, which the equations do not read; they read x"),
        ("y = x^2", {"x": 1, "y": 2}, "values are given for y, which an equation works out"),
        ("y = x*w", {"x": 1}, "w has no value; values were given for x"),
        ("y[i] = x[i]", {"x": [1, 2]}, "y_bar, the upstream gradient, has no value; give it an array of 2"),
        ("y[i] = x[i]", {"x": [1, 2], "y_bar": [1]}, "y_bar has 1 entry on axis 1, and the equations need 2"),
        ("y = x", {"x": []}, "x is empty: its shape is 0"),
        ("y = x", {"x": float("inf")}, "x holds a value that is not finite, inf"),
        ("y = x", {"x": np.array(["a"])}, "x holds no numbers"),
        (
            "y[i] = T[k[i]]",
            {"T": [1, 2], "k": [0.5], "y_bar": [1]},
            "k holds whole numbers, and one of its values is 0.5",
        ),
    ],
)
def test_values_that_do_not_fit_are_refused_with_both_sides(text: str, values: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises((UsageError, ReadingError, ProgramError)) as caught:
        grad(text, values=values).as_data()
    assert says in caught.value.message


def test_what_is_undefined_at_the_values_says_where() -> None:
    with pytest.raises(DomainError, match=r"log\(x\[i\]\) has no value: x\[i\] = -1 at i = 1"):
        grad("L = sum(i) log(x[i])", values={"x": [1, -1]}).as_data()


# --- forms ------------------------------------------------------------------------------------------------------------


def test_the_answer_to_the_convolution_of_the_sheet() -> None:
    """Deep Neural Networks, assignment 11, question 2."""
    answer = grad(CONVOLUTION, ["K", "V"], upstream={"Z": "G"}, shapes={"V": (8, 9), "K": (3, 2)})
    assert answer["K"].text == "K_bar[k, l] = sum(i, j) G[i, j]*V[i + k, j + l]"
    assert answer["V"].text == "V_bar[m, n] = sum(i, j) G[i, j]*[0 <= m - i < 3]*[0 <= n - j < 2]*K[m - i, n - j]"
    assert answer["K"].kind == {
        "name": "cross-correlation", "image": "V", "kernel": "G", "flipped": False, "stride": 1, "kernel_dilation": 1,
        "input_dilation": 1, "padding": [[0, 0], [0, 0]], "mode": "valid", "groups": 1,
    }  # fmt: skip
    kind = answer["V"].kind
    assert kind is not None and (kind["name"], kind["flipped"], kind["mode"]) == ("convolution", True, "full")
    assert kind["padding"] == [[2, 2], [1, 1]]


def test_conventions_change_what_is_printed_and_not_the_text_that_is_read_back() -> None:
    usual, other = (
        grad(NETWORK, ["W"], shapes={"W": "mn", "x": "n", "t": "m"}, conventions=c)
        for c in ((), ["error=delta", "index=1"])
    )
    assert usual["W"].text == other["W"].text == "W_bar[i, j] = z_bar[i]*x[j]"
    assert r"\bar{z}_i" in derive.to_latex(usual) and r"\delta_i" not in derive.to_latex(usual)
    assert r"\delta_i" in derive.to_latex(
        other
    ) and r"\frac{\partial \mathcal{L}}{\partial W_{i,j}}" in derive.to_latex(other)
    given_as_value = grad(
        NETWORK, ["W"], shapes={"W": "mn", "x": "n", "t": "m"}, conventions=Conventions(error="delta", index=1)
    )
    assert derive.to_latex(given_as_value) == derive.to_latex(other)


def test_the_hessian_of_least_squares() -> None:
    X = rng.normal(size=(5, 3))
    answer = grad("r = X w - y\nL = r^T r", ["w"], second=["w"], values={"X": X, "w": [1, 2, 3], "y": [1] * 5})
    (second,) = answer.seconds
    np.testing.assert_allclose(answer.second_value(second), 2 * X.T @ X, rtol=1e-13)
    assert check_answer(answer).passed


@pytest.mark.parametrize("detail", ["low", "medium", "high"])
def test_every_detail_tells_the_result_and_more_detail_tells_more(detail: str) -> None:
    answer = answered("strided convolution")
    page = derive.to_text(answer, detail=detail)
    assert answer["K"].text in page and answer["V"].sentence.split(":")[0] in page.replace("\n", " ")
    assert ("partial of an entry" in page) == (detail != "low")
    assert ("linearity of the sum" in page and "Needed: " in page) == (detail == "high")
    assert "Values" in page and "def gradients" in derive.to_text(answer, detail=detail, code=True)


def test_a_page_names_every_rule_beside_its_line() -> None:
    document = derive.display.document_of(grad(CONVOLUTION, ["V"]))
    assert isinstance(document, Document)
    beside = {line.reason for block in document.blocks if isinstance(block, Display) for line in block.lines}
    assert {
        "forward equation",
        "partial of an entry",
        "contract the delta",
        "limits of the sum",
        "the one rule",
    } <= beside


def test_answers_show_themselves_in_notebooks() -> None:
    answer = grad(CONVOLUTION, ["K"], upstream={"Z": "G"})
    assert r"\bar{K}_{k,l} &= \sum_{i,j} G_{i,j} \, V_{i + k,\,j + l}" in answer._repr_latex_()
    assert "<math" in answer._repr_html_() and "<html" not in answer._repr_html_()
    assert str(answer) == answer["K"].text
    with pytest.raises(KeyError, match="Q was not differentiated; there are K"):
        answer["Q"]


def test_documents_of_all_media_are_made() -> None:
    answer = answered("network")
    document = gradient_document(answer, detail="high", checks=answer.check())
    for write in (derive.to_text, derive.to_latex, derive.to_html):
        assert len(write(document)) > 2000
    assert "data-stepper" in derive.to_html(document)


# --- layers -----------------------------------------------------------------------------------------------------------


def test_a_bias_is_there_exactly_where_it_is_named() -> None:
    shapes = {"X": (1, 2, 5, 5), "W": (3, 2, 3, 3)}
    assert set(grad_layer("conv2d", shapes=shapes).wrt) == {"X", "W"}
    assert "b" in grad_layer("conv2d", shapes=shapes, options={"bias": True}).wrt
    assert "b" in grad_layer("conv2d", shapes={**shapes, "b": (3,)}).wrt
    assert grad_layer("conv2d", ["b"], shapes=shapes).wrt == ("b",)
    values = {name: rng.normal(size=shape) for name, shape in {**shapes, "b": (3,), "G": (1, 3, 3, 3)}.items()}
    np.testing.assert_allclose(grad_layer("conv2d", values=values)["b"].value, values["G"].sum(axis=(0, 2, 3)))


def test_labels_are_no_array_to_differentiate_by() -> None:
    values = {"X": rng.normal(size=(2, 3)), "y": [0, 2]}
    answer = grad_layer("softmax_cross_entropy", options={"targets": "labels"}, values=values)
    assert answer.wrt == ("X",) and answer.derivation.loss == "L"
    p = np.exp(values["X"]) / np.exp(values["X"]).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(answer["X"].value, (p - np.eye(3)[[0, 2]]) / 2, rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("conv2d", {"shapes": {"X": (1, 1, 3, 3), "W": (1, 1, 5, 5)}}, "the kernel of 5 reaches over 5 cells"),
        ("conv2d", {"options": {"stride": 0}}, "--stride is 0; it is a whole number from 1"),
        (
            "conv2d",
            {"values": {"Q": [1]}},
            "values are given for Q, which the equations do not read; they read X, W, G",
        ),
        ("conv2d", {"shapes": {"X": (1, 1, 5)}}, "the one given is 1 x 1 x 5"),
        ("conv2d", {"conventions": ["half=true"]}, "conv2d does not ask for the convention half=true"),
        (
            "conv2d",
            {"options": {"kernel": "correlation"}, "conventions": ["kernel=convolution"]},
            "--kernel is correlation and the convention says kernel=convolution",
        ),
        (
            "conv2d",
            {"shapes": {"X": (1, 1, 5, 5)}, "values": {"X": [[[[1]]]]}},
            "X is 1 x 1 x 5 x 5, and its values are",
        ),
    ],
)
def test_layers_refuse_what_does_not_fit(name: str, options: dict, says: str) -> None:  # type: ignore[type-arg]
    with pytest.raises(DeriveError) as caught:
        grad_layer(name, **options).as_data()
    assert says in caught.value.message


def test_samples_are_rows_or_columns_and_weights_on_either_side() -> None:
    matrices = {}
    for layout in ("row", "column"):
        for weights in ("Wx", "xW"):
            answer = grad_layer("linear", ["W", "X"], conventions=[f"layout={layout}", f"weights={weights}"])
            matrices[layout, weights] = (answer["W"].matrix_text, answer["X"].matrix_text)
    assert matrices == {
        ("row", "Wx"): ("W_bar = G^T X", "X_bar = G W"),
        ("row", "xW"): ("W_bar = X^T G", "X_bar = G W^T"),
        ("column", "Wx"): ("W_bar = G X^T", "X_bar = W^T G"),
        ("column", "xW"): ("W_bar = X G^T", "X_bar = W G"),
    }


def test_a_convention_chooses_among_the_equations_of_a_layer() -> None:
    shapes = {"X": (1, 1, 6), "W": (1, 1, 3)}
    as_stored = grad_layer("conv1d", shapes=shapes, conventions=["kernel=convolution"])
    kind = as_stored["X"].kind
    assert kind is not None and kind["name"] == "cross-correlation" and kind["flipped"] is False
    assert grad_layer("conv1d", shapes=shapes)["X"].kind["name"] == "convolution"  # type: ignore[index]


def test_arrays_of_a_recurrence_along_l_have_their_layer_above() -> None:
    text = (
        "W : L x n x n\nx : n\na[l,i] = [l >= 1]*tanh(sum(j) W[l,i,j]*a[l-1,j]) + [l = 0]*x[i]\nC = sum(i) a[L-1,i]^2"
    )
    page = derive.to_latex(grad(text, ["W"], conventions=["layer=(l)"]))
    assert r"\bar{W}_{i,j}^{(l)}" in page and "a_j^{(l - 1)}" in page and "x_i" in page
    other = text.replace("[l,", "[t,").replace("[l-1,", "[t-1,").replace("[l ", "[t ")
    assert r"\bar{W}_{t,i,j}" in derive.to_latex(grad(other, ["W"], conventions=["layer=(l)"]))


def test_equations_without_inputs_have_no_gradient() -> None:
    with pytest.raises(UsageError, match="nothing to differentiate by"):
        grad("y = 3")
