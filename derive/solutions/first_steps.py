"""A page for the exercises that ask to read: autograd, classes in Python, torch; one example, worked three times."""

from __future__ import annotations

import math

from derive import tree as t
from derive.document import Block, Bullets, Display, Document, Heading, Line, Listing, Prose
from derive.public import jacobian
from derive.reading.points import read_point
from derive.reading.reader import read
from derive.solutions.blocks import held, torch_listing
from derive.solutions.tables import forward_table, reverse_table
from derive.subjects.catalogue import Entry
from derive.tracing import trace
from derive.worked import work_out

FUNCTION, POINT = "x1*x2 + sin(x1)", "x1=2,x2=3"

#: A class that records, in as few lines as it takes; it runs.
CLASS = '''\
import math


class Number:
    """A number that remembers how it was made."""

    def __init__(self, value, inputs=()):
        self.value = value
        self.inputs = inputs  # pairs: a Number, and the partial derivative by it
        self.grad = 0.0

    def __add__(self, other):
        return Number(self.value + other.value, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        return Number(self.value * other.value, ((self, other.value), (other, self.value)))

    def backward(self):
        order, seen = [], set()

        def visit(number):
            if id(number) not in seen:
                seen.add(id(number))
                for source, _ in number.inputs:
                    visit(source)
                order.append(number)

        visit(self)
        self.grad = 1.0
        for number in reversed(order):
            for source, partial in number.inputs:
                source.grad += number.grad * partial


def sin(x):
    return Number(math.sin(x.value), ((x, math.cos(x.value)),))


x1, x2 = Number(2.0), Number(3.0)
y = x1 * x2 + sin(x1)
y.backward()
print(y.value, x1.grad, x2.grad)
'''

TORCH = """\
import torch

x1 = torch.tensor(2.0, dtype=torch.float64, requires_grad=True)
x2 = torch.tensor(3.0, dtype=torch.float64, requires_grad=True)
y = x1 * x2 + torch.sin(x1)
y.backward()
print(y.item(), x1.grad.item(), x2.grad.item())
"""

DERIVE = f"""\
import derive

print(derive.jacobian("{FUNCTION}", "{POINT}"))
"""


def solution(entry: Entry) -> Document:
    """The page."""
    return Document("Autograd, classes and torch in one example", (*_example(), *_classes(), *_torch()), entry.source)


def _example() -> list[Block]:
    worked = work_out(trace(FUNCTION), read_point(POINT))
    by_x1, by_x2 = next(iter(jacobian(FUNCTION, POINT).values())).values()
    return [
        Heading("What autograd does"),
        Prose(("Autograd needs no formula of the derivative. While a function runs, it writes down each operation with "
               "its operands; afterwards it goes through the list backwards and applies the chain rule to one "
               "operation at a time. Take",)),
        Display((Line(t.Relation((t.Name("y"), read(FUNCTION)))),)),
        Prose(("at ", t.Relation((t.Name("x1"), t.Number("2"))), ", ", t.Relation((t.Name("x2"), t.Number("3"))),
               ". Forward, what is recorded:")),
        forward_table(worked),
        Prose(("Backward, from the result to the inputs; an input that is read twice gets two contributions:",)),
        reverse_table(worked, worked.output),
        Listing("The same from Python.", DERIVE),
        Bullets((held("The derivative by x2 is x1, and that by x1 is x2 + cos(x1), whose cosine is negative here.",
                      abs(by_x2 - 2) < 1e-15 and abs(by_x1 - 3 - math.cos(2)) < 1e-15),)),
    ]  # fmt: skip


def _classes() -> list[Block]:
    return [
        Heading("Classes: a recorder in forty lines"),
        Prose(("A class bundles data with what can be done with it. __init__ is called when an object is made and "
               "stores its data in self; a method is a function whose first argument is the object; __add__ and "
               "__mul__ are called for + and *. That is all an autograd needs: a number that computes as any other, "
               "and remembers its operands with the partial derivatives.",)),
        Listing("A class that records, and differentiates what it recorded.", CLASS),
        Prose(("A subclass takes over what its base class has, and changes or adds some of it. The solution called "
               "tiny-framework is built that way: one base class with backward, and a subclass for each operation.",)),
    ]  # fmt: skip


def _torch() -> list[Block]:
    return [
        Heading("The same in torch"),
        torch_listing("Tensors record where requires_grad is set.", TORCH),
        Bullets((
            ("A Tensor is an array with a device, a precision, and perhaps a history. backward() fills grad of the "
             "leaves, and adds to what is there: set it to None before the next step.",),
            ("Under torch.no_grad() nothing is recorded. That is for updates, and for using a network.",),
            ("torch.nn has layers with their parameters, torch.optim has update rules, and torch.utils.data has "
             "batches. model.train() and model.eval() switch what differs between training and use.",),
            ("To see what torch sees: y.grad_fn is the last operation, and grad_fn.next_functions leads to those "
             "before it.",),
        )),
    ]  # fmt: skip
