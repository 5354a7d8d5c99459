"""Index equations: extents from the subscripts, and one clear sentence where they are not settled."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from derive.errors import LimitError, ReadingError
from derive.index import text_of
from derive.integers import Size, integer
from derive.plain import formula
from derive.reading.equations import read_equations
from derive.terms import Chain, Comparison, Divides, Entry, Guard, Number, Reduce, Whole, walk
from derive.writing import tree_of_term
from tests.thorough import examples


def shape(program, name):
    return tuple(text_of(part.index.stop) for part in program.heads[name].indices)


def printed(program, name):
    return formula(tree_of_term(program.by_name[name].term))


def conditions(program, name):
    nodes = walk(program.by_name[name].term)
    return [each for node in nodes if isinstance(node, Guard) for each in node.conditions]


def refused(text, **more):
    with pytest.raises(ReadingError) as caught:
        read_equations(text, **more)
    return caught.value


# --- extents ----------------------------------------------------------------------------------------------------------


def test_a_correlation_has_the_largest_output_that_is_inside():
    program = read_equations("V : H x W\nK : P x Q\nZ[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]")
    assert shape(program, "Z") == ("H - P + 1", "W - Q + 1")
    assert program.input_names == ("V", "K")
    (equation,) = program.equations
    total = equation.term
    assert isinstance(total, Reduce)
    assert [text_of(index.stop) for index in total.indices] == ["P", "Q"]
    assert formula(equation.tree) == "sum(k, l) V[i + k, j + l]*K[k, l]"
    assert formula(equation.written) == "Z[i, j] = sum(k, l) V[i + k, j + l]*K[k, l]"


@settings(max_examples=examples(100), deadline=None)
@given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 3), st.integers(1, 2), st.integers(0, 2))
def test_an_extent_is_the_largest_for_which_every_read_is_inside(entries, kernel, stride, dilation, offset):
    def inside(rows):
        return all(stride * i + dilation * k + offset < entries for i in range(rows) for k in range(kernel))

    largest = max(rows for rows in range(entries + 1) if inside(rows))
    text = f"V : {entries}\nK : {kernel}\nz[i] = sum(k) V[{stride}*i + {dilation}*k + {offset}]*K[k]"
    if largest:
        assert shape(read_equations(text), "z") == (str(largest),)
    else:
        assert f"z would be empty: V has {entries} entries, k runs over {kernel}" in refused(text).message


def test_a_symbolic_stride_rounds_down():
    assert shape(read_equations("V : H\nK : P\nz[i] = sum(k) V[2*i+k]*K[k]"), "z") == ("floor((H - P)/2) + 1",)
    assert shape(read_equations("p : scalar\nV : H\nz[i] = V[i+p]"), "z") == ("H - p",)
    assert shape(read_equations("V : p x H\nz[i] = V[0,p*i]"), "z") == ("floor((H - 1)/p) + 1",)


def test_a_descending_read_is_inside_as_well():
    assert shape(read_equations("x : n\nz[i] = x[n-1-i]"), "z") == ("n",)


def test_layers_link_their_extents():
    program = read_equations(
        "W : m x n\nz[i] = sum(j) W[i,j]*x[j] + b[i]\na[i] = tanh(z[i])\nL = mean(i) (a[i] - y[i])^2/2"
    )
    assert shape(program, "a") == ("m",)
    assert program.outputs == ("L",)
    assert {name: shape(program, name) for name in program.input_names} == {
        "W": ("m", "n"),
        "x": ("n",),
        "b": ("m",),
        "y": ("m",),
    }
    assert printed(program, "L") == "1/m*sum(i) 1/2*(a[i] - y[i])^2"


def test_an_input_nobody_declared_has_sizes_under_readable_names():
    program = read_equations("Z[i] = sum(k) V[i+k]*K[k]")
    assert [shape(program, name) for name in "VKZ"] == [("n_V1",), ("n_K1",), ("n_V1 - n_K1 + 1",)]
    assert shape(read_equations("n_V1 : 3\nZ[i] = V[i]*n_V1[i]"), "V") == ("3",)


def test_an_input_read_around_a_declared_output_is_just_large_enough():
    program = read_equations("Z : n\nK : p\nZ[i] = sum(k) V[2*i+k]*K[k]")
    assert program.heads["V"].indices[0].index.stop == 2 * integer(Size("n")) + Size("p") - 2
    assert shape(read_equations("Z : 4\nK : 3\nZ[i] = sum(k) V[i+k]*K[k]"), "V") == ("6",)


def test_an_input_read_at_numbers_has_room_for_them():
    program = read_equations("y = x[0] + x[4]")
    (size,) = (part.index.stop.alone for part in program.heads["x"].indices)
    assert (size.name, size.least) == ("n_x1", 5)


def test_lines_may_stand_in_any_order():
    program = read_equations("L = sum(i) a[i]\na[i] = exp(x[i])")
    assert [equation.name for equation in program] == ["a", "L"]
    assert program.remarks


def test_a_guarded_read_constrains_no_extent():
    for declared in ("Z : H\nV : H\n", "Z : H\n"):
        program = read_equations(f"{declared}Z[i] = sum(k) [0 <= i+k-1 < H]*V[i+k-1]*K[k]")
        assert (shape(program, "Z"), shape(program, "V")) == (("H",), ("H",))
    assert shape(read_equations("Z : 5\na : 3\nZ[i] = [i < 3]*a[i]"), "Z") == ("5",)
    causal = read_equations("S[i] = sum(j) [j <= i]*A[i,j]*x[j]")
    assert shape(causal, "A") == (*shape(causal, "S"), *shape(causal, "x"))


def test_bound_names_may_be_used_again():
    program = read_equations("z[i] = sum(k) A[i,k] + sum(k) B[k,i]^2")
    assert len(program.heads["z"].indices) == 1
    one, two = (node for node in walk(program.by_name["z"].term) if isinstance(node, Reduce))
    assert one.indices[0] is not two.indices[0]
    assert shape(program, "A")[1] != shape(program, "B")[0]


# --- declarations from outside ----------------------------------------------------------------------------------------


def test_shapes_from_outside_are_declarations():
    text = "Z[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]"
    assert shape(read_equations(text, shapes={"V": (8, 9), "K": (3, 2)}), "Z") == ("6", "8")
    assert shape(read_equations(text, shapes={"V": ("H", 9), "K": (3, 2)}), "Z") == ("H - 2", "8")


def test_a_number_from_outside_says_what_a_declared_size_is():
    program = read_equations("V : H x W\nz = sum(V)/H", shapes={"V": (8, 9)})
    assert shape(program, "V") == ("8", "9")
    assert printed(program, "z") == "1/8*sum(i, j) V[i, j]"
    assert shape(read_equations("n = 4\nx : n\nz[i] = x[i]/n"), "x") == ("4",)


@pytest.mark.parametrize(
    ("text", "shapes", "pieces"),
    [
        ("V : 8 x 9\nz = sum(V)", {"V": (8, 7)}, ("8 x 9 in the text", "8 x 7 outside")),
        ("V : 8\nz = sum(V)", {"V": (8, 7)}, ("8 in the text", "8 x 7 outside")),
        ("V : H\nU : H\nz = sum(V) + sum(U)", {"V": (8,), "U": (9,)}, ("8 by the shape of V", "9 by that of U")),
        ("z = sum(V)", {"U": (2,)}, ("no line mentions U",)),
        ("z = sum(V)", {"V": (0,)}, ("0", "from 1 to")),
        ("z = sum(V)", {"V": ("2x",)}, ("2x",)),
        ("x : n\nn = 2.5\nz = sum(x)", {}, ("n is the name of a size",)),
    ],
)
def test_declarations_that_disagree_are_refused_with_both(text, shapes, pieces):
    message = refused(text, shapes=shapes).message
    assert all(piece in message for piece in pieces)


# --- what stands where ------------------------------------------------------------------------------------------------


def test_numbers_sizes_and_indices_are_values_too():
    program = read_equations("x : n\nz[i] = i*x[i]/n + 1e-5")
    whole = [text_of(node.value) for node in walk(program.by_name["z"].term) if isinstance(node, Whole)]
    assert whole == ["i", "n"]
    assert printed(read_equations("eps = 1e-5\nz[i] = x[i]/(1 + eps)"), "z") == "x[i]/(1 + eps)"


@pytest.mark.parametrize(
    "right",
    [
        "c*a[i] + sum(j) b[i]*W[i, j]*x[j]",
        "u[i]*c/a[i] - [i >= 1]*c*u[i - 1]",
        "(b[i] + a[i])*tanh(u[i])^2 - sqrt(a[i] + 1)",
        "max(u[i], a[i])*u[i]",
    ],
)
def test_the_author_s_order_is_kept(right):
    assert printed(read_equations(f"z[i] = {right}"), "z") == right


def test_integer_arrays_and_whole_numbers_may_stand_in_subscripts():
    program = read_equations("T : 5 x 2\nz[i,j] = T[y[i],j]")
    assert shape(program, "z")[1] == "2"
    assert program.integers == {"y"}
    program = read_equations("t0 : scalar\na : n\nz = a[t0]*t0")
    assert program.integers == {"t0"}
    assert shape(read_equations("B : 6 x n\nz[i] = B[0,i] - B[5,i]"), "z") == ("n",)
    assert shape(read_equations("p = 2\nB : m x n\nx : k\nz[i,j] = B[p*i+1,j]"), "z") == ("floor(m/2)", "n")


def test_a_label_that_is_compared_with_an_index_is_a_whole_number():
    program = read_equations("L = -mean(i) sum(c) [y[i] = c]*log(P[i,c])")
    assert program.integers == {"y"}
    assert isinstance(conditions(program, "L")[0], Chain)
    program = read_equations("L = sum(i,c) [y[i] = c]*y[i]*P[i,c]")
    assert program.integers == frozenset()
    assert isinstance(conditions(program, "L")[0], Comparison)
    assert read_equations("L = sum(i) [x[i] = 1]*x[i]").integers == frozenset()


def test_the_diagonal_joins_two_axes():
    assert shape(read_equations("t = sum(i) A[i,i]\nA : n x n"), "A") == ("n", "n")
    assert len(set(shape(read_equations("d[i] = A[i,i]"), "A"))) == 1


def test_indicators_are_chains_remainders_or_comparisons():
    program = read_equations("x : n\nz[i] = [0 <= i-1 < n]*x[i-1] + [x[i] > 0] + [mod(i,2) = 0]*[i > x[i]]")
    kinds = [type(condition) for condition in conditions(program, "z")]
    assert kinds == [Chain, Comparison, Divides, Comparison]
    assert conditions(program, "z")[0].operators == ("<=", "<")


def test_remainders_and_floors_are_read_back():
    text = "Z : 8\nx : 4\nZ[i] = [mod(i, 2) = 0]*x[floor(i/2)]"
    assert printed(read_equations(text), "Z") == "[mod(i, 2) = 0]*x[floor(i/2)]"
    assert shape(read_equations("x : n\nZ[i] = x[floor(i/2)]\nZ : 2"), "Z") == ("2",)


def test_max_and_min_over_an_index_and_of_two_operands():
    program = read_equations("m = max(k) x[k]\nz[i] = max(x[i], 0)")
    assert printed(program, "m") == "max(k) x[k]"
    assert printed(program, "z") == "max(x[i], 0)"


# --- outputs ----------------------------------------------------------------------------------------------------------


def test_a_last_line_of_rank_0_is_the_loss():
    program = read_equations("a[i] = 2*x[i]\nL = sum(i) a[i]")
    assert (program.outputs, dict(program.upstream)) == (("L",), {})


def test_else_every_last_line_has_an_upstream_gradient():
    program = read_equations("Z[i] = 2*x[i]\nw[i] = x[i]")
    assert (program.outputs, dict(program.upstream)) == (("Z", "w"), {"Z": "Z_bar", "w": "w_bar"})
    program = read_equations("upstream Z = G\nZ[i] = 2*x[i]\nw[i] = x[i]")
    assert (program.outputs, dict(program.upstream)) == (("Z",), {"Z": "G"})
    program = read_equations("upstream Z = G, w = F\nZ[i] = 2*x[i]\nw[i] = x[i]")
    assert dict(program.upstream) == {"Z": "G", "w": "F"}
    program = read_equations("Z[i] = Z_bar[i]*x[i]")
    assert program.upstream["Z"] not in ("Z_bar", "x", "Z")


def test_a_loss_may_stand_before_the_last_line():
    assert read_equations("L = sum(i) x[i]\nz = L^2\nloss L").outputs == ("L",)
    assert "a loss is one number" in refused("L[i] = x[i]\nloss L").message
    assert "shape of Z" in refused("x : n\nG : m\nupstream Z = G\nZ[i] = x[i]").message
    assert "x" in read_equations("upstream Z = G\nZ[i] = G[i]*x[i]").input_names


# --- errors -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "place", "piece"),
    [
        ("z[i] = W[i,k]*x[k]", (1, 12), "index k on the right of z[i] is neither on the left nor bound"),
        ("z[i,i] = x[i]", (1, 1), "index i stands twice on the left of z[i, i]"),
        ("z[i] = sum(i) x[i]", (1, 8), "index i is bound already"),
        ("z[i] = sum(j) sum(j) W[i,j]", (1, 15), "index j is bound already"),
        ("z[i] = sum(j,j) W[i,j]", (1, 8), "index j stands twice here"),
        ("W : m x n\nu : p\nz[i] = sum(j) W[i,j]*u[j]", (3, 22), "index j has two extents: n on axis 2 of W (m x n)"),
        ("W : m x n\nu : p\nz[i] = sum(j) W[i,j]*u[j]", (3, 22), "and p on axis 1 of u (p)"),
        ("z : 3\nx : 4\nz[i] = x[i]", (3, 8), "3 on axis 1 of z (3) and 4 on axis 1 of x (4)"),
        ("z[i] = 3", (1, 1), "the extent of i is not settled; declare the shape, as in z : m"),
        ("z[i,j] = sum(k) V[i+j+k]*K[k]", (1, 1), "as in z : m x n"),
        ("z[i] = sum(k) 2*x[i]", (1, 8), "the extent of k is not settled"),
        ("z[i] = x[i,j]*x[i]", (1, 15), "x has 2 axes elsewhere, and 1 axis here"),
        ("W : m\nz[i] = W[i,i]", (2, 8), "W has 1 axis elsewhere"),
        ("x : m\nz[i] = 2*x", (2, 8), "write its entries, as in x[i]"),
        ("x : n\nz[n] = x[n]", (2, 1), "n is a value or a size"),
        ("z[i] = x[i/2]*u[i]", (1, 10), "write floor(a/b)"),
        ("z[i] = x[0.5]*u[i]", (1, 10), "0.5 is none"),
        ("z[i] = x[sin(i)]*u[i]", (1, 10), "an index is a whole number"),
        ("a[i] = 2*x[i]\nz[i] = T[a[i]]", (2, 10), "a is given its values by a line"),
        ("a = 2*x\nz = T[a]", (2, 7), "a is given its value by a line"),
        ("K : 2 x 2\nz[i] = K[K,i]", (2, 10), "K is an array; a subscript may hold one of its entries"),
        ("z[i] = floor(x[i]/2)", (1, 8), "of whole numbers only"),
        ("z[i] = x[floor(i/0)]*u[i]", (1, 18), "a divisor is a size or a number of at least 1"),
        ("V : m\nU : n\nz[i] = V[i+1] + U[i+2]", (3, 8), "whichever is less; declare the shape of z"),
        ("x : n\nz[i] = x[i-1]", (2, 8), "i - 1 reaches -1"),
        ("x : n\nz : n\nz[i] = x[i+1]", (3, 8), "write [i + 1 < n]*x[i + 1]"),
        ("x : 4\nz = x[4]", (2, 5), "4 reaches 4, x has entries 0..3"),
        ("V : 2 x 5\nK : 3 x 3\nZ[i,j] = sum(k,l) V[i+k,j+l]*K[k,l]", (3, 19), "V has 2 rows, k runs over 3"),
    ],
)
def test_what_is_not_settled_is_refused_with_its_place(text, place, piece):
    error = refused(text, file="task.txt")
    assert piece in error.message
    assert (error.line, error.column, error.file) == (*place, "task.txt")
    assert "\n" not in error.message


def test_a_declared_output_that_reads_outside_is_refused_with_the_numbers():
    text = "V : 8 x 8\nK : 3 x 3\nZ : 4 x 6\nZ[i,j] = sum(k,l) V[2*i+k,j+l]*K[k,l]"
    assert "2*i + k reaches 8, V has rows 0..7 (i in 0..3, k in 0..2)" in refused(text).message


def test_H063_sums_that_nobody_can_work_out_are_refused_with_numbers():
    names = "abcdefg"
    separate = f"L = sum({','.join(names)}) " + "*".join(f"y{k}[{name}]" for k, name in enumerate(names))
    with pytest.raises(LimitError, match=r"7 sums of symbolic sizes .* 10\^14 terms"):
        read_equations(separate)
    shapes = {f"y{k}": (30,) for k in range(7)}
    with pytest.raises(LimitError, match=f"have {30**7} terms"):
        read_equations(separate, shapes=shapes)
    read_equations(separate, shapes={f"y{k}": (3,) for k in range(7)})


def test_a_formula_nested_too_deeply_is_refused():
    with pytest.raises(LimitError, match="nested more than"):
        read_equations("y = " + "sin(" * 150 + "x" + ")" * 150)


def test_forty_lines_are_read_in_well_under_a_tenth_of_a_second():
    lines = ["x0 : 8 x 3 x 64 x 64"]
    for k in range(13):
        lines.append(f"z{k}[n,o,i,j] = sum(c,k,l) x{k}[n,c,i+k,j+l]*w{k}[o,c,k,l] + b{k}[o]")
        lines.append(f"x{k + 1}[n,o,i,j] = relu(z{k}[n,o,i,j])")
        lines.append(f"w{k} : {3 if not k else 8} x 3 x 3 x 3" if not k else f"w{k} : 8 x 8 x 3 x 3")
    text = "\n".join(lines).replace("w0 : 3 x 3", "w0 : 8 x 3")
    read_equations("y = x")
    best = min(_seconds(text) for _ in range(3))
    assert best < 0.3  # some 50 ms; the machine may be busy


def _seconds(text):
    start = time.process_time()
    read_equations(text)
    return time.process_time() - start


def test_scalar_lines_are_equations_of_rank_0():
    program = read_equations("q = x*y\nf = sin(q)^2 - 3")
    assert [len(equation.indices) for equation in program] == [0, 0]
    assert program.inputs == (Entry("x"), Entry("y"))
    assert Number in {type(node) for node in walk(program.by_name["f"].term)}
