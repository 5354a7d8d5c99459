"""What the pages show of the engine: each function answers a Document or a Walk; `engine.py` calls them."""

from __future__ import annotations

import derive
from derive.display import document_of
from derive.document import Document, Figure, Heading, Table, Walk
from derive.solutions.gradients import gradient_document


def picture() -> Document:
    """The graph of a small function, its values and adjoints in it."""
    derivation = derive.reverse("x1*x2 + sin(x1)")
    return _only(document_of(derivation, "x1=2,x2=5"), Figure)


def watch() -> Walk:
    """A walk through its sweeps, with the rules behind each line."""
    return derive.watch("x1*x2 + sin(x1)", "x1=2,x2=5")


def traces() -> Document:
    """Forward and reverse trace of that function."""
    derivation = derive.reverse("x1*x2 + sin(x1)")
    return _only(document_of(derivation, "x1=2,x2=5"), Table)


def steps() -> Document:
    """The rule behind each adjoint line."""
    return _part(document_of("x1*x2 + sin(x1)", "x1=2,x2=5", steps=True, mode="reverse"), "Steps behind the lines")


def walk() -> Document:
    """Griewank's function from end to end, to be stepped through."""
    function = "(sin(x1/x2) + x1/x2 - exp(x2)) * (x1/x2 - exp(x2))"
    return document_of(derive.reverse(function), "x1=1.5,x2=0.5", code=False)


def convolution() -> Document:
    """The gradient of a one-dimensional layer in its image, step by step."""
    answer = derive.grad("Z[i] = sum(k) V[i+k]*K[k]", ["V"], upstream={"Z": "G"})
    return gradient_document(answer, detail="high", code=False, figure=False)


def _only(document: Document, kind: type) -> Document:
    return Document("", tuple(block for block in document.blocks if isinstance(block, kind)))


def _part(document: Document, heading: str) -> Document:
    """The blocks below a heading, up to the next."""
    headings = [(k, block.text) for k, block in enumerate(document.blocks) if isinstance(block, Heading)]
    start = next(k for k, text in headings if text == heading)
    end = next((k for k, _ in headings if k > start), len(document.blocks))
    return Document("", document.blocks[start + 1 : end])
