"""The worked solution of a layer of the catalogue: its equations, its gradients by the rules, its checks and code."""

from __future__ import annotations

from dataclasses import replace

from derive.answers import grad
from derive.checks.answers import check_answer
from derive.document import Document
from derive.solutions.gradients import gradient_document
from derive.subjects.catalogue import Entry
from derive.subjects.layers.catalogue import find_layer


def solution(entry: Entry) -> Document:
    """The document of `derive grad --layer NAME`, for the arrays that a course asks for."""
    written = find_layer(entry.name.replace("-", "_")).write()
    answer = grad(written.text, [operand.name for operand in written.operands if operand.wrt])
    document = gradient_document(answer, checks=check_answer(answer))
    return replace(document, title=entry.title, subtitle=entry.source)
