"""The rules of the one sweep: which lines read a name, the local partial of each, and reuse of a value at hand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from derive import tree as t
from derive.program import Equation, Program, partial_tree
from derive.step import Rule
from derive.tree import Tree


def total_partial(line: Equation, name: str, *, reuse: bool) -> Tree:
    """The partial derivative of an elementary line by a name it reads, summed over the operands that are this name.

    reuse : whether the line's own value may stand in it (exp(v_0)' = v_3), or its right-hand side (exp(v_0)).
    """
    slots = tuple(slot for slot, operand in enumerate(line.source.operands) if operand == name)
    partial = partial_tree(line, slots)
    return partial if reuse else t.substituted(partial, {line.name: line.tree})


def pending(line: Equation, name: str) -> Tree:
    """The partial derivative of a line by a name, not yet worked out."""
    return t.Derivative(t.Name(line.name), t.Name(name))


def plain_sum(terms: Sequence[Tree]) -> Tree:
    """The sum as it stands; of no terms it is 0, of one term it is this term."""
    if len(terms) == 1:
        return terms[0]
    return t.Sum(tuple(("+", term) for term in terms)) if terms else t.Number("0")


def _sum_over_readers(equation: Equation, program: Program, bars: Mapping[str, str]) -> Equation | None:
    """d(output)/d(node) -> the sum over the lines that read the node; bars : node -> name of its adjoint."""
    match equation.tree:
        case t.Derivative(of=t.Name(text=output), by=t.Name(text=node)) if output != node:
            products = [
                t.Product((("*", t.Name(bars[line.name])), ("*", pending(line, node))))
                for line in program
                if node in line.reads
            ]
            return Equation(equation.name, plain_sum(products))
    return None


def _sum_over_operands(equation: Equation, program: Program, dots: Mapping[str, str]) -> Equation | None:
    """The tangent of a line -> the sum over its operands; dots : node -> name of its tangent."""
    match equation.tree:
        case t.Name(text=tangent):
            line = next((line for line in program if dots[line.name] == tangent), None)
            if line is None:
                return None
            products = [t.Product((("*", t.Name(dots[name])), ("*", pending(line, name)))) for name in line.reads]
            return Equation(equation.name, plain_sum(products))
    return None


def _work_out(equation: Equation, program: Program) -> Equation | None:
    """Replace every pending partial derivative of a line by its formula; None where there is none."""

    def change(node: Tree) -> Tree:
        if isinstance(node, t.Derivative) and isinstance(node.of, t.Name) and isinstance(node.by, t.Name):
            return total_partial(program.by_name[node.of.text], node.by.text, reuse=False)
        return node

    tree = t.transformed(equation.tree, change)
    return None if tree == equation.tree else Equation(equation.name, tree)


def _reuse(equation: Equation, program: Program) -> Equation | None:
    """Call the right-hand side of a line of the program by that line's name; None where none occurs."""
    known = {line.tree: line.name for line in program}

    def change(node: Tree) -> Tree:
        name = known.get(node)
        return node if name is None else t.Name(name)

    tree = t.transformed(equation.tree, change)
    return None if tree == equation.tree else Equation(equation.name, tree)


def _quotient(equation: Equation, program: Program) -> Equation | None:
    """z*(u/w^2) -> (z/w)*v for each line v = u/w of the program; None where none occurs."""
    quotients: dict[Tree, tuple[str, Tree]] = {}
    for line in program:
        match line.tree:
            case t.Product(factors=((_, upper), ("/", lower))):
                quotients[t.divide(upper, t.power(lower, 2))] = (line.name, lower)

    def change(node: Tree) -> Tree:
        match node:
            case t.Product(factors=(*before, ("*", last))) if before and last in quotients:
                name, lower = quotients[last]
                return t.Product((*before, ("/", lower), ("*", t.Name(name))))
        return node

    tree = t.transformed(equation.tree, change)
    return None if tree == equation.tree else Equation(equation.name, tree)


def _constants(equation: Equation, program: Program, constant: Collection[str]) -> Equation | None:
    """Put 0 for a tangent; constant : the tangents of the lines that no input reaches."""
    zeros: dict[str, Tree] = {name: t.Number("0") for name in t.names_in(equation.tree) if name in constant}
    tree = t.substituted(equation.tree, zeros)
    return None if tree == equation.tree else Equation(equation.name, tree)


def _seed(equation: Equation, program: Program) -> Equation | None:
    match equation.tree:
        case t.Derivative(of=of, by=by) if of == by:
            return Equation(equation.name, t.Number("1"))
    return None


SEED = Rule("seed", "the derivative of the output by itself is 1", _seed)
SUM_OVER_READERS = Rule(
    "sum over readers",
    "the adjoint of a node is the sum, over the lines that read it, of the line's adjoint times its local partial",
    _sum_over_readers,
)
SUM_OVER_OPERANDS = Rule(
    "sum over operands",
    "the tangent of a line is the sum, over its operands, of the operand's tangent times the local partial",
    _sum_over_operands,
)
CONSTANT = Rule("constant", "what does not depend on any input has tangent 0", _constants)
LOCAL_PARTIAL = Rule(
    "local partial", "the derivative of one elementary operation by one operand, read off the table", _work_out
)
QUOTIENT = Rule("reuse the quotient", "where a line of the trace is v = u/w, z times u/w^2 is z/w times v", _quotient)
REUSE = Rule("reuse the primal value", "what a line of the trace has computed already is called by its name", _reuse)
