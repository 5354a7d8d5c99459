"""Emitted modules as text: formatted as ruff has it, each value under its equation, and no autograd anywhere."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from derive.codegen.arrays import array_source
from derive.codegen.arrays.breaking import WIDTH, broken
from derive.codegen.networks import _source as network_module
from derive.errors import DeriveError
from derive.gradients import gradients
from derive.reading.equations import read_equations
from derive.subjects.layers.catalogue import LAYERS
from derive.subjects.networks import LOSSES, Network, cnn, mlp
from derive.subjects.vgg import vgg
from tests.layer_cases import cases
from tests.thorough import examples

TARGETS = ("torch", "numpy", "loops")
ALLOWED = {"__future__", "collections.abc", "math", "numpy", "numpy.lib.stride_tricks", "numpy.typing", "torch",
           "torch.nn.functional"}  # fmt: skip
needs_ruff = pytest.mark.skipif(find_spec("ruff") is None, reason="ruff is in the dev extra")


def networks() -> Iterator[Network]:
    """Of every depth, activation and loss; with windows, normalisation and dropout, in training and in use."""
    for depth in (1, 2, 3, 4):
        for activation in ("relu", "tanh", "sigmoid"):
            yield mlp((*(784, 512, 256, 128)[:depth], 10), activation)
    for loss in LOSSES:
        yield mlp((20, 10, 3), "relu", loss)
    yield cnn((1, 28, 28), (8, 16), 10)
    yield cnn((3, 32, 32), (8,), 10, dense=(128,), activation="tanh")
    for training in (True, False):
        yield vgg((3, 32, 32), (64, 128), 10, batchnorm=True, dropout=True, training=training)
    yield vgg((1, 16, 16), (8, 8, 8), 10)


NETWORKS = list(networks())


def hold_formatted(folder: Path, texts: list[str]) -> None:
    for number, text in enumerate(texts):
        (folder / f"emitted_{number}.py").write_text(text)
    command = [sys.executable, "-m", "ruff", "format", "--isolated", f"--line-length={WIDTH}", "--diff", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout[:4000] + found.stderr


def hold_free_of_autograd(text: str, *, own: int) -> None:
    """own : how many functions of its own are called backward."""
    tree = ast.parse(text)
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= ALLOWED
    named = text.replace("torch.nn.grad.conv", "torch.nn.conv")  # weight gradients of convolutions, as functions
    assert not re.search(r"autograd|requires_grad|\bgrad\b|import_module|__import__", named)
    assert text.count("backward(") == own


def hold_cited(text: str, names: set[str]) -> None:
    """Every statement that gives a value of an equation its value stands below that equation."""
    assigned = {node.lineno: targets(node) for node in ast.walk(ast.parse(text)) if isinstance(node, ast.stmt)}
    above: set[str] = set()
    seen: set[str] = set()
    after_code = True
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip().startswith("# "):
            above = set() if after_code else above
            above |= set(re.findall(r"^# (\w+)(?:\[| = )", line.strip()))
            after_code = False
            continue
        after_code = True
        found = assigned.get(number, set()) & names
        assert found <= above, line
        seen |= found
    assert seen == names


def targets(statement: ast.stmt) -> set[str]:
    """What a statement assigns to, but for what it was handed."""
    if not isinstance(statement, (ast.Assign, ast.AugAssign)):
        return set()
    value = statement.value.value if isinstance(statement.value, ast.Subscript) else statement.value
    if isinstance(value, ast.Name) and value.id in ("saved", "parameters"):
        return set()
    left = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
    parts = [part for target in left for part in (target.elts if isinstance(target, ast.Tuple) else [target])]
    bases = [part.value if isinstance(part, ast.Subscript) else part for part in parts]
    return {base.id for base in bases if isinstance(base, ast.Name)}


@needs_ruff
@pytest.mark.parametrize("target", TARGETS)
def test_the_module_of_a_network_is_formatted(target: str, tmp_path: Path) -> None:
    hold_formatted(tmp_path, [network_module(each, target).text for each in NETWORKS])


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("network", NETWORKS, ids=lambda each: each.name.replace(" ", "-"))
def test_the_module_of_a_network_cites_its_equations_and_calls_no_autograd(network: Network, target: str) -> None:
    source = network_module(network, target)
    hold_free_of_autograd(source.text, own=1)
    lines = (*source.plan.forward, *source.plan.loss, *source.plan.adjoints)
    hold_cited(source.text, {line.name for line in lines})


@pytest.mark.parametrize("name", LAYERS)
def test_the_code_of_a_layer_is_formatted_cites_its_equations_and_calls_no_autograd(name: str, tmp_path: Path) -> None:
    texts: list[str] = []

    @settings(max_examples=2, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
    @given(cases(LAYERS[name]))
    def check(case: Any) -> None:
        try:
            written = case.layer.write(case.options, case.shapes)
            programs = [read_equations(text) for text in (written.text, case.symbolic())]
            made = [gradients(each, [one.name for one in written.operands if one.wrt]) for each in programs]
        except DeriveError:
            assume(False)
        for program, found in zip(programs, made, strict=True):
            lines = [*program.equations, *(line.equation for line in found.lines)]
            for target in TARGETS:
                text = array_source(target, lines, program).text
                hold_free_of_autograd(text, own=0)
                hold_cited(text, {line.name for line in lines})
                texts.append(text)

    check()
    if find_spec("ruff") is not None:
        hold_formatted(tmp_path, texts)


# --- line breaks ------------------------------------------------------------------------------------------------------


def spelled(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """A larger expression of smaller ones."""
    return st.one_of(
        st.tuples(parts, st.sampled_from(["+", "-", "*", "@", "<", "and"]), parts).map(
            lambda drawn: f"({drawn[0]} {drawn[1]} {drawn[2]})"
        ),
        st.tuples(parts, parts).map(lambda drawn: f"np.where({drawn[0]}, {drawn[1]}, axis=(0, 1))"),
        st.tuples(parts, parts).map(lambda drawn: f"{drawn[0]}.reshape({drawn[1]}, -1)"),
        st.tuples(parts, parts).map(lambda drawn: f"sum({drawn[0]} for k in range(3) if {drawn[1]})"),
        parts.map(lambda drawn: f"{drawn}[:, None]"),
        st.tuples(parts, parts).map(lambda drawn: f"({drawn[0]}, {drawn[1]})"),
    )


@given(
    st.recursive(st.sampled_from(["x", "a1", "weights_of_the_layer", "z2[n, 2 * i + k]"]), spelled, max_leaves=12),
    st.integers(0, 6),
)
@settings(max_examples=examples(200), deadline=None)
def test_line_breaks_change_no_meaning(value: str, indent: int) -> None:
    line = f"result = {value}"
    lines = broken(line, indent)
    text = "if True:\n" * (indent > 0) + "\n".join(lines)
    tree = ast.parse(text)
    assert ast.dump(tree.body[0].body[0] if indent else tree.body[0]) == ast.dump(ast.parse(line).body[0])  # type: ignore[attr-defined]


@needs_ruff
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.recursive(st.sampled_from(["x", "a1", "weights_of_the_layer", "z2[n, 2 * i + k]"]), spelled, max_leaves=12),
        min_size=40, max_size=40,
    )
)  # fmt: skip
def test_line_breaks_stand_where_ruff_sets_them(tmp_path_factory: pytest.TempPathFactory, values: list[str]) -> None:
    folder = tmp_path_factory.mktemp("broken")
    hold_formatted(folder, ["\n".join(broken(f"result = {value}", 0)) + "\n" for value in values])
