"""What a run of a student's code is given: the problem's quantities under the names that the code reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from derive.errors import UsageError
from derive.verification.code_names import Meaning, Names
from derive.verification.code_reading import Code, Function
from derive.verification.code_reference import Candidate, Reference
from derive.verification.model import Model

#: Parameters that stand for the network of the course.
NETWORKS = frozenset({"model", "net", "network", "mlp", "nn"})
#: Names that stand for tables of all quantities, by name.
TABLES = frozenset({"cache", "caches", "params", "parameters", "forward_cache", "memory"})
_LIBRARIES = {"np": "numpy", "numpy": "numpy", "torch": "torch", "math": "math"}
#: What a network's arrays are called in the problems of multilayer perceptrons.
_PARTS = {"a": ("a", "A"), "z": ("z", "Z"), "w": ("w", "W"), "b": ("b",)}


class Inputs:
    """The inputs of one work at one point."""

    def __init__(self, code: Code, names: Names, reference: Reference) -> None:
        self.code = code
        self.rows = is_network(code)
        self.names = names
        self.reference = reference

    def job(self) -> dict[str, Any]:
        """Names and calls as `code_child` takes them. Raises UsageError for a parameter that nothing fits."""
        calls = [self._call(function) for function in chosen(self.code)]
        if not any(call is not None for call in calls) and calls and self.code.statements == len(self.code.functions):
            raise UsageError(self._unknown(chosen(self.code)[0]))
        return {"names": dict(self._names()), "calls": [call for call in calls if call is not None]}

    def _call(self, function: Function) -> dict[str, Any] | None:
        arguments = [self.argument(name) for name in function.needed]
        if any(argument is None for argument in arguments):
            return None
        return {"function": function.name, "arguments": arguments}

    def _unknown(self, function: Function) -> str:
        missing = [name for name in function.needed if self.argument(name) is None]
        known = ", ".join(quantity.key for quantity in list(self.reference.model.problem.quantities.values())[:12])
        return (
            f"line {function.line}: what the parameter {missing[0]} of {function.name} stands for is not clear; "
            f"call it as the problem does: {known}"
        )

    def _names(self) -> Iterator[tuple[str, Any]]:
        for name in sorted(self.code.read):
            assigned = self.code.first.get(name)
            if assigned is not None and assigned < self.code.used[name]:
                continue
            if name in _LIBRARIES:
                yield name, {"library": _LIBRARIES[name]}
                continue
            found = self.argument(name, gradients=assigned is None)
            if found is not None:
                yield name, found

    def argument(self, name: str, gradients: bool = True) -> dict[str, Any] | None:
        """The value of a parameter or a name that is read, or None where nothing fits."""
        if name in NETWORKS:
            network = self.network()
            if network is not None:
                return network
        if name in TABLES:
            return {"shared": f"table {name}", "value": {"table": list(self._all())}}
        sizes = self.reference.model.sizes
        if name in sizes:
            return {"number": sizes[name]}
        upstream = self.names.upstream(name)
        for meaning in (*self.names.meanings(name), *(() if upstream is None else (upstream,))):
            if meaning.kind == "gradient" and not gradients:
                continue
            found = self.described(meaning)
            if found is not None:
                return {"shared": f"{meaning.kind} {meaning.name} {meaning.member}", "value": found}
        family = {int(key[len(name) + 1 : -1]): size for key, size in sizes.items() if key.startswith(f"{name}[")}
        if family:
            return {"table": [[key, {"number": size}] for key, size in sorted(family.items())]}
        return self.function(name)

    def described(self, meaning: Meaning) -> dict[str, Any] | None:
        """An array, or a table of the members of a family."""
        found = self.reference.find(meaning)
        if not found:
            return None
        if meaning.name in self.names.families and meaning.member is None:
            return {"table": [[each.meaning.member, self.array(each)] for each in found]}
        return self.array(found[0])

    def array(self, candidate: Candidate) -> dict[str, Any]:
        name = candidate.meaning.name
        if candidate.meaning.kind == "value" and self.reference.is_whole(name):
            classes = type(self.reference.model.problem.quantities[name].domain).__name__ == "Classes"
            first = self.reference.model.index_from if classes else 0
            whole = [int(entry) - first for entry in candidate.entries]
            return (
                {"array": whole, "shape": candidate.shape, "whole": True} if candidate.shape else {"number": whole[0]}
            )
        if not candidate.shape:
            return {"number": candidate.entries[0]}
        shape = (1, *candidate.shape) if self.rows and len(candidate.shape) == 1 else candidate.shape
        return {"array": candidate.entries, "shape": shape}

    def function(self, name: str) -> dict[str, Any] | None:
        """A function that the problem only names, and its derivative: `f`, `df`, `f_prime`."""
        model = self.reference.model
        for known, definition in model.functions.items():
            if definition is not None:
                continue
            order = 0 if name == known else 1 if name in _slopes(known) else None
            if order is None:
                continue
            quantity = model.problem.quantities.get(known)
            if quantity is not None and quantity.family:
                span = model.domain_range(quantity.family) or range(0)
                return {"table": [[k, self.wave(f"{known}[{k}]", order)] for k in span]}
            return self.wave(known, order)
        return None

    def wave(self, name: str, order: int) -> dict[str, Any]:
        return {"waves": self.reference.waves(name), "orders": [order]}

    def network(self) -> dict[str, Any] | None:
        """The object that the course's backpropagation is given, rows being samples."""
        parts = {part: self._members(names) for part, names in _PARTS.items()}
        if not all(parts.values()):
            return None
        last = max(parts["w"])
        tables = {
            part: [[key, self._row(part, value)] for key, value in found.items()] for part, found in parts.items()
        }
        first = parts["a"][min(parts["a"])]
        sizes = [first.shape[-1], *(value.shape[0] for _, value in sorted(parts["w"].items()))]
        functions = (
            [[k, self.wave(f"f[{k}]", 0)] for k in parts["w"]],
            [[k, self.wave(f"f[{k}]", 1)] for k in parts["w"]],
        )
        spec = {"L": last, "sizes": sizes, **tables, "f": functions[0], "df": functions[1]}
        return {"shared": "the network", "value": {"model": spec}}

    def _members(self, names: tuple[str, ...]) -> dict[int, Candidate]:
        for name in names:
            if name in self.names.families:
                return {each.meaning.member or 0: each for each in self.reference.find(Meaning("value", name))}
        return {}

    def _row(self, part: str, value: Candidate) -> dict[str, Any]:
        shape = value.shape if part in "wb" or len(value.shape) == 2 else (1, *value.shape)
        return {"array": value.entries, "shape": shape}

    def _all(self) -> Iterator[list[Any]]:
        """Every quantity under every spelling, for code that keeps them in a dictionary."""
        for candidate in self.reference.candidates:
            meaning = candidate.meaning
            if meaning.kind != "value":
                continue
            value = {"shared": f"value {meaning.name} {meaning.member}", "value": self.array(candidate)}
            texts = [spelled for spelled, name in self.names.plain.items() if name == meaning.name]
            for text in texts:
                for spelled in (
                    [text] if meaning.member is None else [f"{text}{meaning.member}", f"{text}_{meaning.member}"]
                ):
                    yield [spelled, value]


def chosen(code: Code) -> tuple[Function, ...]:
    """The functions to be called: those that nothing in the work calls, where it does not call any itself."""
    return tuple(function for function in code.functions if function.name not in code.called and function.needed)


def is_network(code: Code) -> bool:
    """Whether the work is the course's backpropagation(model, y_true, y_pred)."""
    return any(name in NETWORKS for function in chosen(code) for name in function.needed)


def turned(model: Model) -> frozenset[str]:
    """The families that a network of the course, whose rows are samples, holds with their axes exchanged."""
    layers = next((model.families[name] for name in _PARTS["a"] if name in model.families), {})
    weights = next(((name, model.families[name]) for name in _PARTS["w"] if name in model.families), None)
    if weights is None or len(layers) < 2:
        return frozenset()
    last = max(layers)
    one, other = layers[last - 1].shape, layers[last].shape
    columns = len(one) == 2 and one[0] != other[0]
    features = one[0] if columns or len(one) == 1 else one[1]
    found = {weights[0]} if weights[1][last].shape[1] != features else set()
    if columns:
        found |= {name for name, value in model.arrays.items() if value.rank == 2}
        found |= {name for name in model.families if name != weights[0]}
    return frozenset(found)


def _slopes(name: str) -> tuple[str, ...]:
    return (f"d{name}", f"{name}_prime", f"{name}prime", f"d_{name}", f"{name}_deriv", f"{name}_derivative", f"{name}p")
