"""What rewritten code calls (`code_recording`): tells every value that is stored, or stores another one instead.

Runs in the confined process beside the work; imports the standard library alone, libraries are handed in.
"""

from __future__ import annotations

import math
import operator
import sys
from types import SimpleNamespace
from typing import Any

#: Most records that one place and one run may make, entries of an array that is told, and parts of a container.
PER_SITE, PER_RUN, ENTRIES, PARTS = 200, 20_000, 10_000, 64

_CHANGES: dict[str, Any] = {
    "Add": operator.iadd, "Sub": operator.isub, "Mult": operator.imul, "Div": operator.itruediv,
    "MatMult": operator.imatmul, "Pow": operator.ipow, "FloorDiv": operator.ifloordiv, "Mod": operator.imod,
    "BitAnd": operator.iand, "BitOr": operator.ior, "BitXor": operator.ixor, "LShift": operator.ilshift,
    "RShift": operator.irshift,
}  # fmt: skip


class Index:
    def __getitem__(self, key: Any) -> Any:
        return key


class Recorder:
    """The inputs of a run, and the records of what it stores.

    names : the variables that are there from the start.  job : names, patches (site, occurrence, value) and whether
    vectors are columns.
    """

    def __init__(self, channel: Any, kinds: list[str], job: dict[str, Any], libraries: list[Any]) -> None:
        self.channel = channel
        self.kinds = kinds
        self.index = Index()
        self.numpy: Any = next((each for each in libraries if each.__name__ == "numpy"), None)
        self.torch: Any = next((each for each in libraries if each.__name__ == "torch"), None)
        self.use_torch = bool(job["tensors"])
        self.columns = bool(job["columns"])
        self.patches = {(site, count): value for site, count, value in job["patches"]}
        self.counts: dict[int, int] = {}
        self.total = 0
        self.late: dict[str, tuple[int, int, Any]] = {}
        self.paths: dict[int, tuple[Any, str]] = {}
        self.lists: dict[int, tuple[Any, Any]] = {}
        self.seen: dict[str, tuple[Any, bytes]] = {}
        self.containers: dict[str, Any] = {}
        self.inputs: dict[int, tuple[Any, str]] = {}
        self.mutated: set[str] = set()
        self.nets: list[Any] = []
        self.shared: dict[str, Any] = {}
        self.names = {name: self.made(value, name) for name, value in job["names"].items()}

    # --- inputs -------------------------------------------------------------------------------------------------------

    def made(self, spec: dict[str, Any], name: str = "") -> Any:
        """The value that a description stands for."""
        if "shared" in spec:
            if spec["shared"] not in self.shared:
                self.shared[spec["shared"]] = self.made(spec["value"], name or spec["shared"].split()[1])
            return self.shared[spec["shared"]]
        if "array" in spec:
            value = self.array(spec["array"], spec["shape"], spec.get("whole", False))
            self.inputs[id(value)] = (value, name)
            return value
        if "number" in spec:
            return spec["number"]
        if "table" in spec:
            return {key: self.made(value, f"{name}[{key}]") for key, value in spec["table"]}
        if "waves" in spec:
            return lambda *operands: self.wave(spec, operands)
        if "library" in spec:
            return self.torch if spec["library"] == "torch" else self.numpy if spec["library"] == "numpy" else math
        return self.network(spec["model"])

    def array(self, entries: list[float], shape: list[int], whole: bool) -> Any:
        if self.columns and len(shape) == 1 and not whole:
            shape = [*shape, 1]
        if self.use_torch:
            kind = self.torch.int64 if whole else self.torch.float64
            return self.torch.tensor(entries, dtype=kind).reshape(shape)
        return self.numpy.array(entries, dtype=self.numpy.int64 if whole else self.numpy.float64).reshape(shape)

    def wave(self, spec: dict[str, Any], operands: tuple[Any, ...]) -> Any:
        """sum of b^k a^orders sin(b s + c + k pi/2) + (d s^2)^(k) a^orders with s = a . u, as at `points`."""
        orders = spec["orders"]
        k = sum(orders)
        total: Any = 0.0
        for b, c, d, *slopes in spec["waves"]:
            inside: Any = 0.0
            factor = 1.0
            for slope, order, operand in zip(slopes, orders, operands, strict=True):
                inside = inside + slope * operand
                factor *= slope**order
            turned = b * inside + (c + math.pi * k / 2)
            if self.torch is not None and isinstance(turned, self.torch.Tensor):
                sine = self.torch.sin(turned)
            elif self.numpy is not None:
                sine = self.numpy.sin(turned)
            else:
                sine = math.sin(turned)
            tail: Any = d * inside * inside if k == 0 else 2 * d * inside if k == 1 else (2 * d if k == 2 else 0.0)
            total = total + factor * (b**k * sine + tail)
        return total

    def network(self, spec: dict[str, Any]) -> Any:
        """An object like the MyNet of the course: L, a, z, f, df, fc[str(l)].weight and .bias, dL_dw, dL_db."""
        net = SimpleNamespace(L=spec["L"], n_l=spec["sizes"])
        for part in ("a", "z", "f", "df"):
            setattr(net, part, {key: self.made(value, f"model.{part}[{key}]") for key, value in spec[part]})
        net.fc = {}
        for key, value in spec["w"]:
            weight = self.made(value, f"model.fc['{key}'].weight")
            net.fc[str(key)] = SimpleNamespace(weight=weight)
        for key, value in spec["b"]:
            net.fc[str(key)].bias = self.made(value, f"model.fc['{key}'].bias")
        if self.use_torch:
            for layer in net.fc.values():
                for part in ("weight", "bias"):
                    parameter = self.torch.nn.Parameter(getattr(layer, part))
                    self.inputs[id(parameter)] = (parameter, f"model.fc {part}")
                    setattr(layer, part, parameter)
        net.dL_dw = {key: None for key, _ in spec["w"]}
        net.dL_db = {key: None for key, _ in spec["w"]}
        self.nets.append(net)
        return net

    def models(self) -> None:
        """Tell what a network's gradients are in the end."""
        for net in self.nets:
            for part in ("dL_dw", "dL_db"):
                table = getattr(net, part, None)
                for key in range(1, net.L + 1):
                    try:
                        value = table[key]  # type: ignore[index]  # a student's object: what it cannot do is caught below
                    except (TypeError, KeyError, IndexError):
                        value = None
                    self.channel.tell(event="end", path=f"model.{part}[{key}]", **self.described(value))

    # --- what rewritten code calls ------------------------------------------------------------------------------------

    def name(self, site: int, path: str, value: Any) -> Any:
        if self.kinds[site] == "change":
            self.touched(value)
        return self.told(site, path, value)

    def item(self, site: int, value: Any, owner: Any, key: Any, path: str) -> None:
        owner[key] = value
        if self.is_array(owner):
            self.touched(owner)
            self.changed(site, owner, path)
        elif id(owner) in self.lists and self.lists[id(owner)][0] is owner:
            self.changed(site, self.lists[id(owner)][1], path)
        else:
            stored = self.told(site, f"{self.path(owner, path)}[{_short(key)}]", value)
            if stored is not value:
                owner[key] = stored

    def change_item(self, site: int, owner: Any, key: Any, operation: str, value: Any, path: str) -> None:
        self.item(site, _CHANGES[operation](owner[key], value), owner, key, path)

    def attribute(self, site: int, value: Any, owner: Any, name: str, path: str) -> None:
        stored = self.told(site, f"{path}.{name}", value)
        setattr(owner, name, stored)

    def change_attribute(self, site: int, owner: Any, name: str, operation: str, value: Any, path: str) -> None:
        self.attribute(site, _CHANGES[operation](getattr(owner, name), value), owner, name, path)

    def returned(self, site: int, function: str, names: tuple[str, ...], value: Any) -> Any:
        if isinstance(value, tuple) and type(value) is tuple and len(value) == len(names) <= PARTS:
            return tuple(
                part if name else self.told(site, f"{function}()[{place}]", part)
                for place, (part, name) in enumerate(zip(value, names, strict=True))
            )
        if value is None or (names and names[0]):
            return value
        return self.told(site, f"{function}()", value)

    def look(self, site: int) -> None:
        """Whatever was changed in place, or put into a container, by a call."""
        for path, (value, before) in list(self.seen.items()):
            if self.is_array(value) and self.bytes(value) != before:
                self.touched(value)
                self.changed(site, value, path)
        for path, container in list(self.containers.items()):
            items = container.items() if isinstance(container, dict) else enumerate(container)
            for key, value in list(items)[:PARTS]:
                inner = f"{path}[{_short(key)}]"
                if self.is_array(value) and (inner not in self.seen or self.seen[inner][0] is not value):
                    stored = self.told(site, inner, value)
                    if stored is not value:
                        container[key] = stored

    # --- telling ------------------------------------------------------------------------------------------------------

    def told(self, site: int, path: str, value: Any, depth: int = 0) -> Any:
        """Tell a value, part by part; answers what is to be stored."""
        if isinstance(value, (dict, list)) and depth < 3 and not _numeric(value):
            self.containers[path] = value
            self.paths[id(value)] = (value, path)
            keys = list(value) if isinstance(value, dict) else list(range(len(value)))
            for key in keys[:PARTS]:
                stored = self.told(site, f"{path}[{_short(key)}]", value[key], depth + 1)
                if stored is not value[key]:
                    value[key] = stored
            return value
        if type(value) is tuple and depth < 3 and not _numeric(value):
            parts = [self.told(site, f"{path}[{k}]", part, depth + 1) for k, part in enumerate(value[:PARTS])]
            changed = any(one is not other for one, other in zip(parts, value, strict=False))
            return (*parts, *value[PARTS:]) if changed else value
        if not (self.is_array(value) or _number(value) or value is None or _numeric(value)):
            return value
        count = self.counted(site)
        patch = self.patches.get((site, count))
        if patch is not None:
            value = self.alike(patch, value)
        self.emit(site, count, path, value)
        return value

    def changed(self, site: int, owner: Any, path: str) -> None:
        """An array that was changed in place."""
        count = self.counted(site)
        patch = self.patches.get((site, count))
        if patch is not None and isinstance(owner, list):
            owner[:] = self.alike(patch, owner)
        elif patch is not None and list(patch["shape"]) == list(owner.shape):
            owner[...] = self.alike(patch, owner)
        self.emit(site, count, self.path(owner, path), owner)

    def counted(self, site: int) -> int:
        self.counts[site] = self.counts.get(site, 0) + 1
        self.total += 1
        return self.counts[site]

    def emit(self, site: int, count: int, path: str, value: Any) -> None:
        if self.is_array(value):
            if self.size(value) > ENTRIES:
                return
            self.paths[id(value)] = (value, path)
            self.seen[path] = (value, self.bytes(value))
        elif isinstance(value, list):
            self.paths[id(value)] = (value, path)
            for part in (value, *value):
                if isinstance(part, list):
                    self.lists[id(part)] = (part, value)  # a list of rows changes with its rows
        if count > PER_SITE or self.total > PER_RUN:
            self.late[path] = (site, count, value)
            return
        self.late.pop(path, None)
        self.channel.tell(event="stored", site=site, count=count, path=path, **self.described(value))

    def finish(self) -> None:
        for path, (site, count, value) in self.late.items():
            self.channel.tell(event="stored", site=site, count=count, path=path, **self.described(value))

    def touched(self, value: Any) -> None:
        """Note an input that the work changes."""
        known = self.inputs.get(id(value))
        if known is not None and known[1] not in self.mutated:
            self.mutated.add(known[1])
            frame: Any = sys._getframe()
            while frame is not None and frame.f_code.co_filename != "<work>":
                frame = frame.f_back
            self.channel.tell(event="mutated", name=known[1], line=frame.f_lineno if frame is not None else 0)

    # --- values -------------------------------------------------------------------------------------------------------

    def is_array(self, value: Any) -> bool:
        numpy, torch = self.numpy, self.torch
        return (numpy is not None and isinstance(value, numpy.ndarray)) or (
            torch is not None and isinstance(value, torch.Tensor)
        )

    def is_tensor(self, value: Any) -> bool:
        return self.torch is not None and isinstance(value, self.torch.Tensor)

    def size(self, value: Any) -> int:
        return int(value.numel()) if self.is_tensor(value) else int(value.size)

    def bytes(self, value: Any) -> bytes:
        if self.is_tensor(value):
            return repr(value.detach().reshape(-1).tolist()).encode()
        return bytes(value.tobytes())

    def path(self, value: Any, text: str) -> str:
        known = self.paths.get(id(value))
        if known is not None and known[0] is value:
            return known[1]
        given = self.inputs.get(id(value))
        return given[1] if given is not None and given[1] else text

    def described(self, value: Any) -> dict[str, Any]:
        """An array or a number as JSON: entries row by row."""
        if value is None:
            return {"type": "None", "shape": [], "entries": []}
        if _number(value):
            return {"type": type(value).__name__, "shape": [], "entries": [float(value)]}
        if not self.is_array(value):
            if self.numpy is None or not _numeric(value):
                return {"type": type(value).__name__, "shape": [], "entries": []}
            value = self.numpy.array(value, dtype=self.numpy.float64)
        if self.is_tensor(value):
            flat, shape, kind = value.detach().reshape(-1).tolist(), list(value.shape), str(value.dtype)
        else:
            shape, kind = list(value.shape), str(value.dtype)
            if value.dtype.kind not in "fiub":
                return {"type": kind, "shape": shape, "entries": []}
            flat = value.reshape(-1).tolist()
        return {"type": kind.removeprefix("torch."), "shape": shape, "entries": [float(each) for each in flat]}

    def alike(self, patch: dict[str, Any], value: Any) -> Any:
        """Other entries as a value of the same kind."""
        entries, shape = patch["entries"], patch["shape"]
        if self.is_tensor(value):
            return self.torch.tensor(entries, dtype=self.torch.float64).reshape(shape)
        if _number(value) and not shape:
            return entries[0]
        if self.numpy is None:
            return self.torch.tensor(entries, dtype=self.torch.float64).reshape(shape)
        made = self.numpy.array(entries, dtype=self.numpy.float64).reshape(shape)
        return made if self.is_array(value) or value is None or _number(value) else made.tolist()


def _number(value: Any) -> bool:
    if isinstance(value, bool):
        return False
    return isinstance(value, (int, float)) or type(value).__name__ in ("float64", "float32", "int64", "int32")


def _numeric(value: Any) -> bool:
    """A list of numbers, or of lists of numbers of one length."""
    if not isinstance(value, (list, tuple)) or not value:
        return False
    if all(_number(part) for part in value):
        return True
    return all(_numeric(part) and len(part) == len(value[0]) for part in value) and len(value) <= 1000


def _short(key: Any) -> str:
    text = repr(key)
    return text if len(text) <= 40 else text[:37] + "..."
