"""Bad and hostile expression text: refused with a position and what to write instead, at once, and never run."""

import time

import pytest

from derive import tree as t
from derive.errors import DeriveError, LimitError, ReadingError
from derive.plain import formula
from derive.reading import limits
from derive.reading.reader import read


def refused(text, **options):
    with pytest.raises(ReadingError) as caught:
        read(text, **options)
    error = caught.value
    assert error.message
    assert error.message.isprintable()
    assert error.text.isprintable()
    assert error.line >= 1
    assert error.column >= 1
    return error


def refused_quickly(text, seconds=0.05):
    read("x")  # the grammar is built once, before the clock starts
    best = float("inf")
    for _ in range(3):  # the machine may be busy; the work itself must be short
        start = time.process_time()
        error = refused(text)
        best = min(best, time.process_time() - start)
    assert best < seconds
    return error


@pytest.mark.parametrize("text", ["", "   ", "\t", "\n\n", "# only a comment", "\ufeff", " # a\n # b"])
def test_H024_nothing_to_read_is_refused(text):
    assert "nothing to read" in refused(text).message


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('touch X')",
        "().__class__.__base__.__subclasses__()",
        "open('/etc/passwd').read()",
        'S("x")',
        'f"{x}"',
        "lambda: x",
        "lambda x: x",
        "(x := 3)",
        "[x for x in y]",
        "x.__class__",
        "x.real",
        "yield x",
        "await x",
        "x if y else z",
        "not x",
        "x; y",
        "x\\\ny",
        "{x}",
        "`x`",
        "@x",
        "exec(x)",
    ],
)
def test_H025_python_is_refused_and_never_run(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    refused(text)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("word", ["__class__", "import", "None", "True", "False", "class", "_x", "x__y", "x_"])
def test_H026_words_of_python_are_refused_also_when_declared(word):
    refused(f"{word} + 1", declared={word})


def test_H026_lambda_is_an_ordinary_name():
    assert read("lambda*x", declared={"lambda"}) == read("lambda*x")


@pytest.mark.parametrize("name", ["E", "I", "N", "S", "Q", "O", "beta", "gamma", "zeta", "pi", "e", "i"])
def test_H027_a_declared_name_is_a_name(name):
    assert read(f"{name}(1 - {name})", declared={name}) == t.Product(
        (("*", t.Name(name)), ("", t.Sum((("+", t.Number("1")), ("-", t.Name(name))))))
    )


@pytest.mark.parametrize(
    "text",
    [
        "9**9**9",
        "x**(10**9)",
        "x^(-10^9)",
        "x^10001",
        "x^(2*10^4)",
        "x^(10^5/2)",
        "x^9^9^9^9",
        "2^(1/1e-9)",
        "x^(1e5-1)",
    ],
)
def test_H030_a_constant_exponent_beyond_the_limit_is_refused(text):
    error = refused_quickly(text)
    assert isinstance(error, LimitError)
    assert "10000" in error.message


def test_H030_a_factorial_is_refused():
    assert "factorial" in refused_quickly("(10**10)!").message


@pytest.mark.parametrize(
    "text", ["x^10000", "x^(10^4)", "x^(y*10^9)", "x^(1e9 - 1e9 + 2)", "x^0^9", "x^(2/0)", "x^(1/3)"]
)
def test_H030_other_exponents_are_read(text):
    assert isinstance(read(text), t.Power)


@pytest.mark.parametrize(
    "text", ["1e999999999", "1e-999999999", "1e10001", "7" * 5000, "0." + "1" * 1000, "1e" + "9" * 4000]
)
def test_H031_literals_beyond_the_limit_are_refused(text):
    assert isinstance(refused_quickly(text), LimitError)


def test_H031_long_literals_within_the_limit_are_kept():
    assert read("7" * 1000) == t.Number("7" * 1000)


@pytest.mark.parametrize(
    ("text", "instead"),
    [
        ("0x10", "write 16"),
        ("0b101 + x", "write 5"),
        ("1_000", "write 1000"),
        ("1j", "complex numbers"),
        ("nan", "no number"),
        ("inf", "no number"),
        ("Infinity", "no number"),
        ("\u0663", "write 3"),
        ("\uff58", "write x"),
        ("\u03b8 + 1", "write theta"),
        ("\u03a3", "write Sigma"),
        ("x\u00b2", "write ^2"),
        ("x\u2081", "write _1"),
        ("3 \u2212 x", "write -"),
        ("3 \u00d7 x", "write *"),
        ("\u2202y", "write a name"),
        ("\u2211 x", "write sum(i)"),
        ("a \u2264 b", "write <="),
        ("\u201cx\u201d", "quotation mark"),
    ],
)
def test_H032_other_numbers_and_signs_are_refused_with_what_to_write(text, instead):
    assert instead in refused(text).message


def test_H032_an_index_j_behind_a_number_is_a_factor():
    assert formula(read("V[2j + 1]*x[j]")) == "V[2 j + 1]*x[j]"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 100_000,
        "(" * 60_000,
        "[" * 5_000,
        "sin(" * 5_000,
        "-" * 100_000 + "x",
        "-" * 5_000 + "x",
        "2^" * 2_000 + "x",
        "2^-" * 2_000 + "x",
        "x" + "^T" * 2_000,
        "sum(i) " * 1_000 + "x[i]",
        "+".join(["x"] * 20_000),
        "(" * 201 + "x" + ")" * 201,
        "(-(" * 150 + "x" + "))" * 150,
    ],
)
def test_H033_what_is_too_deep_or_too_long_is_refused_at_once(text):
    assert isinstance(refused_quickly(text), LimitError)


@pytest.mark.parametrize("text", ["(((", ")))", "(x", "x)", "sin(x", "[i = j", "(]", "((x)"])
def test_H033_an_unbalanced_bracket_is_named(text):
    assert any(bracket in refused(text).message for bracket in "([)]")


def test_H033_a_sine_nested_two_hundred_times_is_read():
    text = "sin(" * 200 + "x" + ")" * 200
    assert formula(read(text)) == text


def test_H033_two_thousand_terms_are_read():
    tree = read(" + ".join(f"x{k}" for k in range(2000)))
    assert isinstance(tree, t.Sum)
    assert len(tree.terms) == 2000


def test_H033_calls_in_a_row_are_not_nesting():
    assert isinstance(read("*".join(["max(x, y)^2"] * 400)), t.Product)


@pytest.mark.parametrize("text", ["1/0", "0**-1", "log(0)", "sqrt(-1)", "(x-x)/(x-x)"])
def test_H034_H035_undefined_constants_are_read_and_left_to_evaluation(text):
    read(text)


@pytest.mark.parametrize("pair", [("W", "w"), ("vbar_5", "v5"), ("v_5", "v5"), ("a^(1)", "a"), ("1.0", "1.00")])
def test_H045_different_spellings_stay_different(pair):
    assert read(pair[0]) != read(pair[1])


def test_H045_a_prime_is_refused_and_never_dropped():
    assert "f_prime" in refused("f'(x)").message


def test_H046_a_product_or_a_call():
    error = refused("x(1-x)")
    assert "two readings" in error.message
    assert "write x*(1-x)" in error.message


@pytest.mark.parametrize(
    ("text", "printed"),
    [("-x^2", "-x^2"), ("2^-x", "2^-x"), ("a/b/c", "a/b/c"), ("2^3^2", "2^3^2"), ("sin^2 x", "sin(x)^2")],
)
def test_H047_the_documented_reading_is_printed_back(text, printed):
    assert formula(read(text)) == printed
    assert read(printed) == read(text)


@pytest.mark.parametrize(
    ("text", "readings"),
    [("1/2x", ("(1/2)*x", "1/(2*x)")), ("sin^-1 x", ("1/sin(x)", "asin(x)")), ("x!", ("factorial",))],
)
def test_H047_two_readings_are_both_named(text, readings):
    assert all(reading in refused(text).message for reading in readings)


@pytest.mark.parametrize("text", ["x +\u00a0y", "x +\ty", "x + y\r\n", "x + y\r", "\ufeffx + y", "x\u2003+ y"])
def test_H048_white_space_is_tolerated(text):
    assert formula(read(text)) == "x + y"


@pytest.mark.parametrize(
    "character",
    ["\u202e", "\u200b", "\u200d", "\x00", "\x07", "\x1b", "\x7f", "\ud800", "\u2028", "\x0c", "\x85", "\ue000"],
)
@pytest.mark.parametrize("place", ["x{}y", "x # {}", "{}"])
def test_H048_hidden_characters_are_refused_by_code_point_and_never_shown(character, place):
    error = refused(place.format(character))
    assert f"U+{ord(character):04X}" in error.message
    assert character not in error.message + error.text
    assert error.message.isascii()


def test_H048_a_combining_mark_is_refused():
    assert "U+0304" in refused("v\u0304_3").message


@pytest.mark.parametrize(("letter", "looks"), [("\u0430", "a"), ("\u0445", "x"), ("\u0412", "B"), ("\u0391", "A")])
def test_H049_homoglyphs_are_refused(letter, looks):
    message = refused(f"{letter} + 1").message
    assert f"looks like {looks}" in message
    assert f"U+{ord(letter):04X}" in message


def test_H050_ten_megabytes_are_refused_before_any_token():
    assert isinstance(refused_quickly("x+" * 5_000_000), LimitError)


def test_H050_a_long_line_among_short_ones_is_refused_and_not_shown():
    error = refused("x = 1\n" + "y" * (limits.LINE_CHARACTERS + 1))
    assert (error.line, error.text) == (2, "")


def test_a_name_beyond_the_limit_is_refused():
    assert isinstance(refused("x" * 300), LimitError)


def test_names_with_many_parts_are_read_in_linear_time():
    """A part such as _111 must have one way to match, or this takes for ever."""
    refused_quickly("a" + "_1" * 90 + "_")


def test_every_refusal_is_an_error_of_this_package():
    for text in (
        "\udcff",
        "x" * 70_000,
        "a\n" * 100_000,
        "=" * 70,
        "[" * 150 + "]" * 150,
        "sum()",
        "ones(1,2,3)",
        "^T",
        "T^T^",
    ):
        with pytest.raises(DeriveError):
            read(text)
