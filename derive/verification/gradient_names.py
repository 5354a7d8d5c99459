r"""Names that say what they are: dW and d\hat x_i are the loss by W and by \hat x_i; \bar z is a name of its own.

A name that the problem declares, an alias of it, or a row defines, means what that says.
"""

from __future__ import annotations

from dataclasses import replace

from derive import tree as t
from derive.reading.latex.rows import Row, Statement
from derive.tree import Tree
from derive.verification.model import Model
from derive.verification.shaped import Unjudged

#: What a formula calls the loss where the problem gives it no name.
LOSS = "LOSS"


def spelled_out(row: Row, model: Model) -> Row:
    """The row with such names as derivatives, and bars as names where no convention says otherwise."""
    if not row.statements:
        return row
    statements = tuple(_statement(statement, model) for statement in row.statements)
    return replace(row, statements=statements)


def _statement(statement: Statement, model: Model) -> Statement:
    links = tuple(replace(link, tree=_tree(link.tree, model)) for link in statement.links)
    head = None if statement.head is None else _tree(statement.head, model)
    return replace(statement, head=head, links=links, conditions=tuple(_tree(c, model) for c in statement.conditions))


def _tree(tree: Tree, model: Model) -> Tree:
    tree = t.transformed(tree, lambda node: _quotient(node, model))

    def change(node: Tree) -> Tree:
        match node:
            case t.Derivative(nabla=True) if model.convention("layout") != "numerator":
                return replace(node, nabla=False)  # the shape of the variable is that of every derivative
            case t.Subscript(array=name, indices=(t.Name(text=label),)) if _is_label(name, label, model):
                return t.Name(f"{name}_{label}", node.at)
            case t.Name(text=name) if (base := _differentiated(name, model)) is not None:
                return t.Derivative(_loss(model), t.Name(base, node.at), node.at)
            case t.Subscript(array=name) if (base := _differentiated(name, model)) is not None:
                return t.Derivative(_loss(model), replace(node, array=base), node.at)
            case t.Subscript(indices=indices) if len(indices) > 1 and model.is_family(node.array):
                return _member_first(node, model)
            case t.Call(function="overline", arguments=(t.Name(text=name),)) if _is_bar_a_name(model):
                return t.Name(f"{name}_bar", node.at)
            case t.Call(function="overline", arguments=(t.Subscript() as entry,)) if _is_bar_a_name(model):
                return replace(entry, array=f"{entry.array}_bar")
        return node

    return t.transformed(tree, change)


def _member_first(tree: t.Subscript, model: Model) -> Tree:
    """y_{a,t} of a family over t, with the index of the member in front."""
    quantity = model.problem.quantities.get(tree.array)
    letter = quantity.family if quantity is not None else ""
    places = [k for k, index in enumerate(tree.indices) if any(each == t.Name(letter) for each in t.walk(index))]
    if len(places) != 1 or places[0] == 0:
        return tree
    (place,) = places
    return replace(tree, indices=(tree.indices[place], *tree.indices[:place], *tree.indices[place + 1 :]))


def _is_label(name: str, label: str, model: Model) -> bool:
    """Whether the subscript of a new name is a quantity, as in \\delta_h: then it belongs to the name."""
    vocabulary = model.problem.vocabulary
    known = name in model.problem.quantities or name in model.equations or name in model.sizes
    aliased = any(name == array for array, _ in model.indexed_aliases)
    if known or aliased or model.is_family(name) or model.is_function(name) or name in ("I", "ones"):
        return False
    return (label in model.problem.quantities and model.problem.quantities[label].kind != "index") or (
        label in model.equations and label not in vocabulary.indices
    )


def _quotient(node: Tree, model: Model) -> Tree:
    """dL/dW in the plain notation, where dL and dW are two words."""
    match node:
        case t.Product(factors=(("*", t.Name(text=above)), ("/", t.Name() | t.Subscript() as below), *rest)):
            name = below.text if isinstance(below, t.Name) else below.array
            if not (_is_differential(above, model) and _is_differential(name, model)):
                return node
            by = t.Name(name[1:], below.at) if isinstance(below, t.Name) else replace(below, array=name[1:])
            derivative = t.Derivative(t.Name(above[1:], node.at), by, node.at)
            return t.Product((("*", derivative), *rest), node.at) if rest else derivative
    return node


def _is_differential(name: str, model: Model) -> bool:
    """Whether a name nobody declared is d and the name of a quantity."""
    if not name.startswith("d") or len(name) < 2 or name in model.problem.quantities or name in model.equations:
        return False
    base = name[1:]
    return base in model.problem.quantities or base in model.equations or base == model.problem.loss


def _is_bar_a_name(model: Model) -> bool:
    return model.convention("overline") == "name"


def _loss(model: Model) -> Tree:
    return t.Name(model.problem.loss or LOSS)


def _differentiated(name: str, model: Model) -> str | None:
    """W for dW, where W is a quantity of a problem with a loss and nobody says what dW is."""
    if not name.startswith("d") or len(name) < 2 or model.loss_node() is None:
        return None
    base = name[1:].strip()
    if base in (model.problem.loss, "") or (base in model.sizes and base not in model.problem.quantities):
        return None
    if name in model.problem.quantities or name in model.problem.vocabulary.names or name in model.defined:
        return None
    if model.is_function(base) or base in ("pi", "e"):
        return None
    try:
        known = model.is_family(base) or model.lookup(base) is not None
    except Unjudged:
        known = True
    return base if known else None
