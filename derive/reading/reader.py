"""`read`: one expression, chain of equalities or index equation in the plain notation -> a tree with positions."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from derive import tree as t
from derive import words
from derive.errors import LimitError, ReadingError
from derive.reading import limits
from derive.reading.classify import classify
from derive.reading.grammar import parse
from derive.reading.lexer import Line, reading_error, scan
from derive.reading.magnitude import provably_beyond
from derive.tree import Span, Tree


def read(text: str, *, declared: Collection[str] = (), file: str | None = None) -> Tree:
    """The tree of one expression, one chain `a = b = 3`, or one index equation `Z[i] = sum(k) V[i+k]*K[k]`.

    declared : names that are variables for certain. Before a bracket they are factors, `x(1-x)`; T is then no
    transpose in `u^T`, and a function's name may be a variable's.  file : named in errors.
    Nothing is evaluated or simplified: order and grouping are the author's.
    Raises ReadingError with the place and what to write instead; LimitError for what is too large.
    """
    with naming_file(file):
        lines = scan(text)
        if not lines:
            raise ReadingError("there is nothing to read; write an expression such as x*y")
        if len(lines) > 1:
            raise lines[1].error("one expression is expected; a second line begins here", lines[1].tokens[0])
        return read_line(lines[0], declared)


def read_line(line: Line, declared: Collection[str]) -> Tree:
    """The tree of one logical line; see `read`."""
    tree = parse(line, classify(line, declared))
    check(tree, line)
    return tree


@contextmanager
def naming_file(file: str | None) -> Iterator[None]:
    """Errors raised inside name the file."""
    try:
        yield
    except ReadingError as error:
        error.file = error.file or file
        raise


def check(tree: Tree, line: Line, functions: Collection[str] = ()) -> None:
    """What the grammar cannot see: numbers of arguments, quotients with two readings, exponents too large.

    functions : those of the author, which may have any number of arguments.
    """
    for node in t.walk(tree):
        match node:
            case t.Call(function=function, arguments=arguments) if function not in functions:
                fewest, most = words.FUNCTIONS[function]
                if not fewest <= len(arguments) <= most:
                    wanted = str(fewest) if fewest == most else f"{fewest} or {most}"
                    plural = "argument" if wanted == "1" else "arguments"
                    raise _error(line, node.at, f"{function} takes {wanted} {plural}, not {len(arguments)}")
            case t.Product(factors=factors):
                for place in range(2, len(factors)):
                    if factors[place][0] == "" and factors[place - 1][0] in ("/", "./"):
                        raise _two_quotients(line, node, place)
            case t.Power(exponent=exponent) if provably_beyond(exponent, limits.EXPONENT):
                message = f"the exponent is beyond {limits.EXPONENT}, the limit"
                raise _error(line, exponent.at, message, LimitError)


def _two_quotients(line: Line, product: t.Product, place: int) -> ReadingError:
    """`a / b c`: both readings, in the author's own spelling."""
    factors = product.factors
    upper, lower, beside = (_source(line, factors[k][1]) for k in (place - 2, place - 1, place))
    slash = factors[place - 1][0]
    star = "*" if slash == "/" else ".*"
    if place > 2:
        upper = "..."
    first, second = f"({upper}{slash}{lower}){star}{beside}", f"{upper}{slash}({lower}{star}{beside})"
    message = f"this has two readings; write {first} or {second}"
    return _error(line, factors[place][1].at, message)


def _source(line: Line, tree: Tree) -> str:
    """The author's spelling of a piece, or dots where it is long."""
    at = tree.at
    piece = line.sources[at.line - 1][at.column - 1 : at.end - 1] if at else ""
    return piece if 0 < len(piece) <= 30 else "..."


def _error(line: Line, at: Span | None, message: str, kind: type[ReadingError] = ReadingError) -> ReadingError:
    at = at or Span(line.number, 1, 2)
    return reading_error(message, line.sources, at.line, at.column, max(at.end - at.column, 1), kind)
