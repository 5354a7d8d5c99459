"""
The manual update, L2 and momentum
==================================

INF265, project 1, section 3. ``torch.optim.SGD`` is three equations. Written out in torch's order, they give the same
numbers to the last bit.
"""

from derive.answers import plain
from derive.experiments.optimisers import update_program

for kind, decay in (("sgd", False), ("sgd", True), ("momentum", True)):
    print(f"{kind}{' with an L2 penalty' * decay}:")
    for equation in update_program(kind, decay).equations:
        print("   ", plain(equation))

# %%
# Where does ``decay*w`` come from? It is the gradient of a penalty on the squares of the weights:

import derive

print(derive.grad("w : q\nP = decay/2*sum(i) w[i]^2", ["w"]))

# %%
# Why "to the last bit"? Sums of floating point numbers depend on their order. An update that adds in another order is
# right as well, but after some thousand steps its weights differ in every digit, and one cannot tell a mistake from
# rounding. The emitted code uses the operations that torch uses:

from derive.codegen.updates import UpdateSource

print(UpdateSource(update_program("momentum", True), ("w_next", "v_next")).text)

# %%
# The stored results on cats and cars, five settings with 1,410 steps each (``python -m derive.experiments.selection``):

from derive.solutions.blocks import stored

for row in stored("momentum").rows:
    print("  ".join(row))

# %%
# What the network had to tell apart, at 16 x 16 pixels, and the mean of each class:

from pathlib import Path

import matplotlib.pyplot as plt

picture = Path(__file__).parent.parent / "docs" / "images" / "cifar-cat-automobile.png"
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.imshow(plt.imread(picture))
axes.set_axis_off()

# %%
# How close is it? A small network on random images, both ways, compared by their bits.

from importlib.util import find_spec

if find_spec("torch") is None:
    print("torch is not installed: the comparison with torch.optim.SGD is left out")
else:
    import torch

    from derive.experiments.manual import perceptron, train, train_manual_update

    torch.manual_seed(0)
    images, labels = torch.randn(200, 3, 4, 4, dtype=torch.double), torch.randint(0, 2, (200,))
    loader = [(images[k : k + 50], labels[k : k + 50]) for k in range(0, 200, 50)]
    loss_fn = torch.nn.CrossEntropyLoss()
    settings = {"lr": 0.05, "weight_decay": 0.01, "momentum": 0.9}
    first, second = perceptron((48, 16, 2), seed=42), perceptron((48, 16, 2), seed=42)
    peer = train(5, torch.optim.SGD(first.parameters(), **settings), first, loss_fn, loader)
    own = train_manual_update(5, model=second, loss_fn=loss_fn, train_loader=loader, **settings)
    apart = sum(a != b for a, b in zip(peer.steps, own.steps, strict=True))
    print(f"{len(own.steps)} losses, {apart} of which differ in any bit")
    assert apart == 0
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
