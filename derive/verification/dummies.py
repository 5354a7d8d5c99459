"""Names that a row binds: h'(u) = 2u says something for every u, and d/du binds u."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from derive import tree as t
from derive.tree import Tree
from derive.verification.applied import Definition
from derive.verification.model import Model
from derive.verification.shaped import Shaped, Unjudged, places, scalar


def bind(trees: Iterable[Tree], model: Model) -> None:
    """Make unknown names free that stand as arguments of a declared function or behind a d in a derivative."""
    before, model.dummies = model.dummies, {}
    found = {name: shape for tree in trees for name, shape in _bound(tree, model) if _is_unknown(name, model)}
    if found.keys() != before.keys():
        model.meaning.forget()
    model.dummies = {name: _free(name, shape, model) for name, shape in found.items()}


def _bound(tree: Tree, model: Model) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each name with the shape that it has as an argument."""
    for node in t.walk(tree):
        match node:
            case t.Call(function=function, arguments=arguments) if model.is_function(function):
                definition = model.functions[function]
                for place, argument in enumerate(arguments):
                    if isinstance(argument, t.Name):
                        yield argument.text, _shape(definition, place, model)
            case t.Call(orders=orders, arguments=(t.Name(text=name),)) if any(orders):
                yield name, ()
            case t.Derivative(of=t.Name(text=function), by=t.Name(text=name)) if model.is_function(function):
                yield name, ()
                definition = model.functions.get(function)
                for place, formal in enumerate(() if definition is None else definition.arguments):
                    if isinstance(formal, t.Name):
                        yield formal.text, _shape(definition, place, model)
            case t.Derivative(of=of, by=t.Name(text=name)) if name in t.names_in(of):
                yield name, ()


def _shape(definition: Definition | None, place: int, model: Model) -> tuple[int, ...]:
    """The shape of a function's argument, where the problem declares it as an array."""
    if definition is None or place >= len(definition.arguments):
        return ()
    formal = definition.arguments[place]
    quantity = model.problem.quantities.get(formal.text) if isinstance(formal, t.Name) else None
    return model.inputs.extents(quantity)[0] if quantity is not None and quantity.shape else ()


def _is_unknown(name: str, model: Model) -> bool:
    if name in model.defined or name in model.sizes or name in ("pi", "e") or model.is_function(name):
        return False
    try:
        return name not in model.problem.quantities and model.lookup(name) is None and not model.is_family(name)
    except Unjudged:
        return False


def _free(name: str, shape: tuple[int, ...], model: Model) -> Shaped:
    graph = model.graph
    if not shape:
        return scalar(graph.input((name,)))
    return Shaped(shape, [graph.input((name, *at)) for at in places(shape)])
