"""The table of elementary operations: value, local partials, domain, and every spelling of each, in one row.

A partial is written once, as a Python expression of the operands u, w, the result v and an arithmetic F. It then runs
on trees (the formula), floats, complex numbers, certified balls and arrays alike: F supplies the functions of the
arithmetic at hand. `reuse` says that the row uses the result v in place of a function it would have to compute again.

A new activation is one row. At a kink the derivative follows torch: relu'(0) = 0, abs'(0) = 0, sign' = 0, and a tie of
max or min goes to its first operand.

Source of the derivatives: any table, e.g. Griewank & Walther, Evaluating Derivatives (2008), table 2.3 for the form
in which they reuse the result. tests/test_functions.py holds every row against SymPy and against differences.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, ClassVar

from derive import tree as t
from derive.tree import Tree

Rule = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Requirement:
    """Operand `slot` must be `kind`: "positive", "nonnegative", "nonzero", "unit" (-1..1), "inner unit" or "base".

    "base" is the pair of a power: a negative base needs an integer exponent, a zero base a positive one.
    """

    slot: int
    kind: str

    SENTENCES: ClassVar[dict[str, str]] = {
        "positive": "needs a positive operand",
        "nonnegative": "needs an operand that is not negative",
        "nonzero": "cannot divide by zero",
        "unit": "needs an operand between -1 and 1",
        "inner unit": "needs an operand strictly between -1 and 1",
        "base": "of a negative base needs an integer exponent, of zero a positive one",
    }

    @property
    def sentence(self) -> str:
        return self.SENTENCES[self.kind]


@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """One row. `value(F, u[, w])`, `partials[slot](F, u[, w], v)`; templates take the operands as {0}, {1}.

    infix : "+", "-", "*", "/", "^" for an operator, "" for a function.
    value_domain : where there is a value.  derivative_domain : what the derivative needs beyond that.
    kink : what is agreed where the derivative jumps; "" where it is smooth.
    """

    name: str
    arity: int
    value: Rule
    partials: tuple[Rule, ...]
    numpy: str
    torch: str
    latex: str = ""
    infix: str = ""
    value_domain: tuple[Requirement, ...] = ()
    derivative_domain: tuple[Requirement, ...] = ()
    reuse: bool = False
    kink: str = ""

    def __repr__(self) -> str:
        return f"<operation {self.name}>"

    def __reduce__(self) -> str | tuple[Any, ...]:
        return (operation, (self.name,))


class TreeArithmetic:
    """F for trees: a rule run on it gives its own formula."""

    def __getattr__(self, name: str) -> Callable[..., Tree]:
        if name not in OPERATIONS:
            raise AttributeError(name)
        return lambda *operands: t.Call(name, tuple(t.tree_of(operand) for operand in operands))

    def pi(self) -> Tree:
        return t.Name("pi")

    def power(self, base: Any, exponent: Any) -> Tree:
        return t.power(base, exponent)

    def power_rule(self, base: Any, exponent: Any) -> Tree:
        """w * u^(w-1), with a literal exponent worked out: 2*u, 3*u^2, 1/2*u^(-1/2)."""
        literal = rational(exponent)
        if literal is None:
            return t.multiply(exponent, t.Power(t.tree_of(base), t.subtract(exponent, 1)))
        if literal == 0:
            return t.Number("0")
        lowered = t.Number("1") if literal == 1 else t.power(base, t.tree_of(literal - 1))
        return t.multiply(t.tree_of(literal), lowered)

    def holds(self, comparison: str, left: Any, right: Any) -> Tree:
        return t.Indicator((t.tree_of(left), t.tree_of(right)), (comparison,))


def rational(tree: Any) -> Fraction | None:
    """The exact value of a literal such as 3, -1/2 or 2.5; None for anything else."""
    match tree:
        case int() | Fraction():
            return Fraction(tree)
        case t.Number():
            return tree.value
        case t.Negative(body=body):
            inner = rational(body)
            return None if inner is None else -inner
        case t.Product(factors=(("*", left), ("/", right))):
            upper, lower = rational(left), rational(right)
            return None if upper is None or not lower else upper / lower
    return None


TREES = TreeArithmetic()

_POSITIVE = (Requirement(0, "positive"),)


def _function(name: str, partial: Rule, *, latex: str = "", numpy: str = "", torch: str = "", **rest: Any) -> Operation:
    """A row for a function that every arithmetic has under its own name."""
    return Operation(
        name,
        1,
        rest.pop("value", lambda F, u: getattr(F, name)(u)),
        (partial,),
        numpy or f"np.{name}({{0}})",
        torch or f"torch.{name}({{0}})",
        latex=latex or rf"\operatorname{{{name}}}",
        **rest,
    )


_ROWS = (
    # operators -------------------------------------------------------------------------------------------------------
    Operation("add", 2, lambda F, u, w: u + w, (lambda F, u, w, v: 1, lambda F, u, w, v: 1),
              "{0} + {1}", "{0} + {1}", infix="+"),
    Operation("sub", 2, lambda F, u, w: u - w, (lambda F, u, w, v: 1, lambda F, u, w, v: -1),
              "{0} - {1}", "{0} - {1}", infix="-"),
    Operation("mul", 2, lambda F, u, w: u * w, (lambda F, u, w, v: w, lambda F, u, w, v: u),
              "{0} * {1}", "{0} * {1}", infix="*"),
    Operation("div", 2, lambda F, u, w: u / w,
              (lambda F, u, w, v: 1 / w, lambda F, u, w, v: -(u / F.power(w, 2))),
              "{0} / {1}", "{0} / {1}", infix="/", value_domain=(Requirement(1, "nonzero"),)),
    Operation("copy", 1, lambda F, u: u, (lambda F, u, v: 1,), "{0}", "{0}", infix="="),
    Operation("neg", 1, lambda F, u: -u, (lambda F, u, v: -1,), "-{0}", "-{0}", infix="-"),
    Operation("pow", 2, lambda F, u, w: F.power(u, w),
              (lambda F, u, w, v: F.power_rule(u, w), lambda F, u, w, v: v * F.log(u)),
              "{0} ** {1}", "{0} ** {1}", infix="^", value_domain=(Requirement(0, "base"),), reuse=True),
    # smooth functions ------------------------------------------------------------------------------------------------
    _function("sin", lambda F, u, v: F.cos(u), latex=r"\sin"),
    _function("cos", lambda F, u, v: -F.sin(u), latex=r"\cos"),
    _function("tan", lambda F, u, v: 1 + F.power(v, 2), latex=r"\tan", reuse=True),
    _function("asin", lambda F, u, v: 1 / F.sqrt(1 - F.power(u, 2)), latex=r"\arcsin", numpy="np.arcsin({0})",
              value_domain=(Requirement(0, "unit"),), derivative_domain=(Requirement(0, "inner unit"),)),
    _function("acos", lambda F, u, v: -(1 / F.sqrt(1 - F.power(u, 2))), latex=r"\arccos", numpy="np.arccos({0})",
              value_domain=(Requirement(0, "unit"),), derivative_domain=(Requirement(0, "inner unit"),)),
    _function("atan", lambda F, u, v: 1 / (1 + F.power(u, 2)), latex=r"\arctan", numpy="np.arctan({0})"),
    _function("sinh", lambda F, u, v: F.cosh(u), latex=r"\sinh"),
    _function("cosh", lambda F, u, v: F.sinh(u), latex=r"\cosh"),
    _function("tanh", lambda F, u, v: 1 - F.power(v, 2), latex=r"\tanh", reuse=True),
    _function("exp", lambda F, u, v: v, latex=r"\exp", reuse=True),
    _function("log", lambda F, u, v: 1 / u, latex=r"\ln", value_domain=_POSITIVE),
    _function("sqrt", lambda F, u, v: 1 / (2 * v), latex=r"\sqrt", reuse=True,
              value_domain=(Requirement(0, "nonnegative"),), derivative_domain=_POSITIVE),
    _function("sigmoid", lambda F, u, v: v * (1 - v), latex=r"\sigma", reuse=True,
              numpy="np.exp(-np.logaddexp(0.0, -{0}))"),
    _function("softplus", lambda F, u, v: F.sigmoid(u), numpy="np.logaddexp(0.0, {0})",
              torch="torch.logaddexp(torch.zeros_like({0}), {0})"),
    _function("erf", lambda F, u, v: 2 / F.sqrt(F.pi()) * F.exp(-F.power(u, 2)), numpy="_erf({0})"),
    # functions with a kink -------------------------------------------------------------------------------------------
    _function("abs", lambda F, u, v: F.sign(u), kink="abs'(0) = 0"),
    _function("sign", lambda F, u, v: 0, kink="sign'(0) = 0"),
    _function("relu", lambda F, u, v: F.holds(">", u, 0), numpy="np.maximum({0}, 0.0)", kink="relu'(0) = 0"),
    Operation("max", 2, lambda F, u, w: F.max(u, w),
              (lambda F, u, w, v: F.holds(">=", u, w), lambda F, u, w, v: F.holds("<", u, w)),
              "np.maximum({0}, {1})", "torch.maximum({0}, {1})", latex=r"\max",
              kink="a tie of max goes to its first operand"),
    Operation("min", 2, lambda F, u, w: F.min(u, w),
              (lambda F, u, w, v: F.holds("<=", u, w), lambda F, u, w, v: F.holds(">", u, w)),
              "np.minimum({0}, {1})", "torch.minimum({0}, {1})", latex=r"\min",
              kink="a tie of min goes to its first operand"),
    # indicators: they appear in the derivative of a kinked function, and are constant almost everywhere --------------
    *(Operation(name, 2, lambda F, u, w, c=comparison: F.holds(c, u, w),
                (lambda F, u, w, v: 0, lambda F, u, w, v: 0),
                f"({{0}} {python} {{1}}) * 1.0", f"({{0}} {python} {{1}}).double()", infix=comparison)
      for name, comparison, python in (("greater", ">", ">"), ("less", "<", "<"), ("at_least", ">=", ">="),
                                       ("at_most", "<=", "<="), ("equal", "=", "=="), ("unequal", "!=", "!="))),
)  # fmt: skip

OPERATIONS: dict[str, Operation] = {row.name: row for row in _ROWS}

#: Functions a user may call by name, and the second names some of them have.
ALIASES = {"ln": "log", "arcsin": "asin", "arccos": "acos", "arctan": "atan"}
CALLABLE: dict[str, Operation] = {row.name: row for row in _ROWS if not row.infix}
COMPARISONS: dict[str, Operation] = {
    row.infix: row for row in _ROWS if row.infix in ("<", ">", "<=", ">=", "=", "!=") and row.arity == 2
}


def operation(name: str) -> Operation:
    """The row of that name."""
    return OPERATIONS[name]


def operation_tree(row: Operation, operands: tuple[Tree, ...]) -> Tree:
    """The row applied to operands, as an author would write it: `v_1 - v_3`, `sin(v_1)`, `v_0^2`."""
    match row.name:
        case "add" | "sub":
            return t.Sum((("+", operands[0]), (row.infix, operands[1])))
        case "mul" | "div":
            # a fraction in front stands as the author wrote it: 1/2*x, read from left to right
            head = operands[0].factors if isinstance(operands[0], t.Product) else (("*", operands[0]),)
            return t.Product((*head, (row.infix, operands[1])))
        case "neg":
            return t.Negative(operands[0])
        case "pow":
            return t.Power(operands[0], operands[1])
        case "copy":
            return operands[0]
    if row.infix:
        return t.Indicator(operands, (row.infix,))
    return t.Call(row.name, operands)
