"""What the variables of a student's code stand for: quantities of the problem, gradients of the loss by them.

`dW1`, `dL_dW1`, `grad_W[1]`, `W1.grad`, `grads["W1"]`, `delta1` are spellings; a name that is declared always means
itself. What no spelling tells is left to the values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from derive import tree as t
from derive.tree import Tree
from derive.verification.model import Model

#: Spellings of what a network is given and gives.
_SYNONYMS = {
    "y_true": ("y",), "ytrue": ("y",), "target": ("y",), "targets": ("y",), "labels": ("y",), "t": ("y",),
    "y_pred": ("y_hat",), "ypred": ("y_hat",), "pred": ("y_hat",), "prediction": ("y_hat",), "output": ("y_hat",),
    "var": ("sigma2",), "variance": ("sigma2",), "mean": ("mu",),
    "probs": ("p", "y_hat"), "dout": ("",), "grad_output": ("",), "upstream": ("",), "grad_out": ("",),
}  # fmt: skip
_LOSSES = "L|l|loss|Loss|J|C|E|cost|ell"
_CONTAINERS = re.compile(r"(?:self\.|model\.)?(?:d?grads?|gradients?|d|dparams|derivatives|G)$")


@dataclass(frozen=True)
class Meaning:
    """What a variable may hold.

    kind : "value", "gradient", "slope" for f', or "part" for what one use adds to a gradient.  member : of a family,
    None where the spelling does not say.  sure : told by a declared name; else by a spelling that only looks like one.
    """

    kind: str
    name: str
    member: int | None = None
    sure: bool = True


class Names:
    """The spellings of a problem's quantities."""

    def __init__(self, model: Model) -> None:
        self.model = model
        self.problem = model.problem
        names = [*model.arrays, *model.families]
        self.families = frozenset(model.families)
        self.plain: dict[str, str] = {}
        self.folded: dict[str, set[str]] = {}
        for name in names:
            for spelled in _spellings(name):
                self.plain.setdefault(spelled, name)
                self.folded.setdefault(spelled.lower(), set()).add(name)
        self.aliases = dict(self._aliases())
        loss = re.escape(self.problem.loss or "L")
        prefix = rf"(?:{_LOSSES}|{loss})"
        self._gradients = tuple(
            re.compile(pattern)
            for pattern in (
                rf"(?:d|partial){prefix}_?(?:d|partial)_?(.+)", r"(?:d|partial)_?(.+)",
                rf"(?:d|partial){prefix}_?(.+)", rf"(?:grad|gradient|nabla)_?{prefix}_(.+)",
                r"(?:grad|gradient|nabla|adj|adjoint|bar|g)_?(?:of_)?(.+)",
                r"(.+?)_?(?:grads?|gradients?|bar|adj|adjoint)",
            )
        )  # fmt: skip

    def meanings(self, path: str) -> tuple[Meaning, ...]:
        """What `dW[2]`, `model.dL_db[1]`, `grads['dW1']` or `W1.grad` may stand for; empty where nothing says."""
        base, members, gradient, outer = taken_apart(path)
        found: list[Meaning] = []
        member = members[0] if members else None
        inside = gradient or bool(outer and _CONTAINERS.match(outer))
        if inside:
            name = self.quantity(base)
            if name is not None:
                found.append(self._member(Meaning("gradient", name[0], name[1], name[2]), member))
        if not found:
            found += [self._member(each, member) for each in self._base(base)]
        return tuple(dict.fromkeys(found))

    def _member(self, meaning: Meaning, member: int | None) -> Meaning:
        if member is not None and meaning.member is None and meaning.name in self.families:
            return Meaning(meaning.kind, meaning.name, member, meaning.sure)
        return meaning

    def _base(self, base: str) -> Iterator[Meaning]:
        known = self.quantity(base, fold=False)
        if known is not None:
            yield Meaning("value", *known)
            return
        alias = self._alias(base)
        if alias is not None:
            yield alias
            return
        for pattern in self._gradients:
            match = pattern.fullmatch(base)
            if match is None:
                continue
            name = self.quantity(match[1].strip("_"))
            if name is not None:
                yield Meaning("gradient", name[0], name[1], True)
                return
        folded = self.quantity(base)
        if folded is not None:
            yield Meaning("value", folded[0], folded[1], False)

    def quantity(self, text: str, fold: bool = True) -> tuple[str, int | None, bool] | None:
        """(name, member, whether the spelling is exact) of a quantity."""
        for spelled in (text, *_SYNONYMS.get(text, ())):
            if spelled == "" and len(self.problem.upstream) == 1:
                return None
            if spelled in self.plain:
                return self.plain[spelled], None, spelled == text
            stem, digits = _numbered(spelled)
            if digits and stem in self.plain and self.plain[stem] in self.families:
                return self.plain[stem], int(digits), True
            if not fold:
                continue
            same = self.folded.get(spelled.lower(), set())
            if len(same) == 1:
                return next(iter(same)), None, False
            same = self.folded.get(stem.lower(), set()) & self.families
            if digits and len(same) == 1:
                return next(iter(same)), int(digits), False
        return None

    def upstream(self, text: str) -> Meaning | None:
        """`dout`, `grad_output`: the one upstream gradient that a problem gives."""
        if "" in _SYNONYMS.get(text, ()) and len(self.problem.upstream) == 1:
            return Meaning("gradient", next(iter(self.problem.upstream)))
        return None

    def _alias(self, base: str) -> Meaning | None:
        if base.startswith("delta"):
            base = re.sub(r"^deltas(?=_?\d*$)", "delta", base)
        if base in self.aliases:
            return self.aliases[base]
        stem, digits = _numbered(base)
        for known in (stem, stem.lower(), stem.capitalize()):
            found = self.aliases.get(known)
            if found is not None and digits and found.name in self.families:
                return Meaning(found.kind, found.name, int(digits))
            if found is not None and not digits:
                return found
        if stem == "delta":  # everywhere the gradient by what a layer puts into its function
            known_as = self.quantity(f"z{digits}")
            if known_as is not None:
                return Meaning("gradient", known_as[0], known_as[1])
        return None

    def _aliases(self) -> Iterator[tuple[str, Meaning]]:
        """The problem's own short names of gradients and quantities."""
        for left, right in self.problem.aliases:
            written = left.text if isinstance(left, t.Name) else left.array if isinstance(left, t.Subscript) else ""
            meaning = self._meaning(right)
            if written and meaning is not None:
                for spelled in _spellings(written):
                    yield spelled, meaning

    def _meaning(self, tree: Tree) -> Meaning | None:
        match tree:
            case t.Derivative(of=t.Name(text=loss), by=by) if loss == self.problem.loss:
                inner = self._meaning(by)
                return None if inner is None else Meaning("gradient", inner.name, inner.member)
            case t.Name(text=name) if name in self.model.arrays:
                return Meaning("value", name)
            case t.Subscript(array=name) if name in self.model.arrays or name in self.model.families:
                return Meaning("value", name)
        return None


def _spellings(name: str) -> tuple[str, ...]:
    """How a canonical name may be spelled as an identifier: `y_hat`, `yhat`; `W_1`, `W1`; `tau^2`, `tau2`."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "", name.replace("^", "_" if re.search(r"\^\W", name) else ""))
    return tuple(dict.fromkeys((name, plain, plain.replace("_", ""))))


def taken_apart(path: str) -> tuple[str, tuple[int, ...], bool, str]:
    """(last name, whole-number indices behind it, whether `.grad` follows, what it is in) of a path."""
    gradient = path.endswith(".grad")
    text = path.removesuffix(".grad").removesuffix(".data").removesuffix("()")
    members: list[int] = []
    while match := re.fullmatch(r"(.*)\[(-?\d+)\]", text):
        members.insert(0, int(match[2]))
        text = match[1]
    if match := re.fullmatch(r"(.*)\[['\"]([A-Za-z_]\w*)['\"]\]", text):
        return match[2], tuple(members), gradient, match[1]
    outer, _, base = text.rpartition(".")
    text = base
    if not outer and members and _CONTAINERS.match(text):
        return text, tuple(members), gradient, ""
    return text, tuple(members), gradient, outer


def _numbered(name: str) -> tuple[str, str]:
    """A name and the digits at its end: W_2 and W2 are W and 2."""
    stem = name.rstrip("0123456789")
    return stem.removesuffix("_"), name[len(stem) :]
