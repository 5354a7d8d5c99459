"""VGG-16 for images of 32 x 32: the layers with their shapes and parameters, its gradients, and what training gives."""

from __future__ import annotations

from derive import tree as t
from derive.answers import grad
from derive.document import Block, Bullets, Document, Heading, Inline, Prose
from derive.solutions.blocks import adjoints, equations, examined, held, stored, stored_photo, table, torch_listing
from derive.subjects import review, vgg
from derive.subjects.catalogue import Entry
from derive.subjects.layers.catalogue import find_layer
from derive.subjects.networks import Network

#: One image and channel of each piece is enough to see the equations.
PIECES = (
    ("convolution", "A convolution 3 × 3, padded by 1", "x : N x C x H x W\nK : D x C x 3 x 3\nb : D\n"
     "z : N x D x H x W\n"
     "z[n,d,i,j] = sum(c,k,l) [0 <= i + k - 1 < H]*[0 <= j + l - 1 < W]*x[n,c,i + k - 1,j + l - 1]*K[d,c,k,l] + b[d]\n"
     "upstream z = G\n", ("K", "b", "x")),
    ("activation", "Its activation", "z : N x D x H x W\na[n,d,i,j] = relu(z[n,d,i,j])\nupstream a = G\n", ("z",)),
)  # fmt: skip


#: The exercise's own settings.
TORCH = """\
import torch
from torch import nn

BLOCKS = ((64, 64), (128, 128), (256, 256, 256), (512, 512, 512), (512, 512, 512))


class VGG16(nn.Module):
    def __init__(self, batchnorm=False, dropout=False):
        super().__init__()
        layers, channels = [], 3
        for block in BLOCKS:
            for more in block:
                layers.append(nn.Conv2d(channels, more, 3, padding=1))
                layers += [nn.BatchNorm2d(more)] * batchnorm + [nn.ReLU()]
                channels = more
            layers.append(nn.MaxPool2d(2))
        layers.append(nn.Flatten())
        for _ in range(2):
            layers += [nn.Linear(512, 512), nn.ReLU()] + [nn.Dropout(0.5)] * dropout
        self.layers = nn.Sequential(*layers, nn.Linear(512, 10))

    def forward(self, images):
        return self.layers(images)


model = VGG16()
loss_fn = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-4, weight_decay=1e-3)


def train_epoch(loader):
    \"\"\"One pass over the training images, in batches of 256; the mean loss.\"\"\"
    model.train()
    losses = []
    for images, labels in loader:
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    model.eval()
    return sum(losses) / len(losses)
"""


def solution(entry: Entry) -> Document:
    """The worked solution."""
    blocks = (*_network(), *_gradients(), *_regular(), *_torch(), *_results())
    return Document("VGG-16 on CIFAR-10", blocks, entry.source)


def layers(network: Network) -> list[tuple[str, tuple[int, ...], int]]:
    """What it is, the shape behind it, and how many parameters it has, for every layer with parameters or a pooling."""
    counts = review.parameter_counts(network)
    found: list[tuple[str, tuple[int, ...], int]] = []
    number = 0
    for kind, value in network.layers:
        if kind in ("convolution", "dense"):
            number = value
            found.append((kind, network.shapes[f"z{value}"], counts[f"W{value}"] + counts[f"b{value}"]))
        elif kind == "batchnorm":
            what, shape, count = found.pop()
            found.append((f"{what}, batchnorm", shape, count + counts[f"g{value}"] + counts[f"h{value}"]))
        elif kind == "pooling":
            found.append((f"pooling {value} × {value}", network.shapes[f"m{number}"], 0))
    return found


def _network() -> list[Block]:
    network = vgg.vgg()
    rows = [[what, " × ".join(map(str, shape)), f"{count:,}" if count else None] for what, shape, count in
            layers(network)]  # fmt: skip
    total = sum(review.parameter_counts(network).values())
    dense = sum(count for what, _, count in layers(network) if what == "dense")
    weighty = [what for what, _, count in layers(network) if count]
    return [
        Heading("The network"),
        Prose(("Thirteen convolutions of 3 × 3 in five blocks, each block ended by a pooling that halves the image, "
               "then three dense layers. An image of 32 × 32 is halved five times, to one position of 512 channels, "
               "so the dense layers can be small: 512, 512 and 10.",)),
        table("Shapes behind each layer and parameters, read off the derived program; relu stands behind every "
              "convolution and the first two dense layers.", "lrr", ("layer", "shape", "parameters"), rows),
        Bullets((
            held(f"There are 16 layers with parameters, and {total:,} parameters in all, the number of the stored run.",
                 len(weighty) == 16 and f"{total:,}" == stored("vgg16").facts["parameters"]),
            held(f"The dense layers have {dense:,} of them, less than four percent.", dense / total < 0.04),
        )),
        Prose(("The activation stands behind the pooling in our program: the largest of four numbers may be taken "
               "before or after an increasing function, and there is a quarter of the entries left.",)),
    ]  # fmt: skip


def _gradients() -> list[Block]:
    blocks: list[Block] = [
        Heading("Its gradients"),
        Prose(
            (
                "Two pieces repeat; pooling and dense layers have solutions of their own. ",
                t.Name("G"),
                " is what comes down from above, and a bracket is 1 where its condition holds, else 0: the padding.",
            )
        ),
    ]
    for _, title, text, wrt in PIECES:
        answer = grad(text, list(wrt))
        blocks += [Heading(title, 2), equations(answer.program, answer.notation), adjoints(answer), examined(answer)]
    return blocks


def _regular() -> list[Block]:
    regular = vgg.vgg(batchnorm=True, dropout=True)
    plain, more = (sum(review.parameter_counts(each).values()) for each in (vgg.vgg(), regular))
    channels = sum(shape[0] for what, shape, _ in layers(vgg.vgg()) if what == "convolution")
    dropout = grad("a : N x n\nmask : N x n\nd[s,i] = a[s,i]*mask[s,i]\nupstream d = G\n", ["a"])
    return [
        Heading("Dropout and batch normalisation (iv)"),
        Prose(("Dropout multiplies each activation of a training by 0 or by 2, at random and half of the time each. "
               "The mask is given, so the gradient is stopped where the activation was, and doubled elsewhere. In use "
               "there is no mask: the factor 2 has kept the mean as it is.",)),
        equations(dropout.program, dropout.notation),
        adjoints(dropout),
        Prose((f"Batch normalisation ({find_layer('batchnorm').sentence}) has a solution of its own. In training it "
               "takes mean and variance of the batch, which depend on every image of it, so the gradient does as well; "
               "in use it takes running means that were kept. That is what model.train() and model.eval() switch.",)),
        Bullets((held(f"Batch normalisation adds two parameters a channel: {more - plain:,} for {channels:,} channels.",
                      more - plain == 2 * channels),)),
    ]  # fmt: skip


def _torch() -> list[Block]:
    return [
        Heading("In torch"),
        Prose(("The exercise asks for torch. Images are normalised first: of each channel the mean over the training "
               "images is subtracted, and what is left divided by its standard deviation.",)),
        torch_listing("The network, the optimiser and an epoch. Dropout and batch normalisation are those of (iv).",
                      TORCH),
    ]  # fmt: skip


def _results() -> list[Block]:
    found, examples = stored("vgg16"), stored("vgg16-examples")
    classes = examples.header[2:]
    shares = [[float(cell) for cell in row[2:]] for row in examples.rows]
    guesses = [classes[each.index(max(each))] for each in shares]
    right = [guess == row[1] for guess, row in zip(guesses, examples.rows, strict=True)]
    rows: list[list[Inline | None]] = [["class", *(row[1] for row in examples.rows)], ["taken for", *guesses]]
    rows += [[name, *(row[place] for row in examples.rows)] for place, name in enumerate(classes, 2)]
    header = ("image", *(row[0] for row in examples.rows))
    return [
        Heading("Training"),
        found.table("Derived gradients, float32, images normalised by channel. small: 64 in place of 512 channels, "
                    "10,000 training images, 5 epochs, Adam 0.001, weight decay 0.001, batch 64; both: with dropout "
                    "and batch normalisation. full: as the exercise has it, Adam 0.0001, weight decay 0.001, batch "
                    f"256, but {found.facts['images']} images and 4 epochs."),
        Prose(("The exercise asks for ten epochs on all images, on a GPU. That run was not made: these are from a "
               "processor, and the table says how much of it was run. The small network shows what the exercise is "
               "after: the training loss falls from epoch to epoch, and it has not learned the images by heart. With "
               "dropout and batch normalisation five epochs are too few; half of 64 units are away in each step.",)),
        *found.note(),
        Heading("Three right, three wrong"),
        table("Test images and the small network's probabilities for the ten classes.", "l" + "r" * 6, header, rows),
        Prose(("Image 1 is a ship from close by, with a dark bow and what may be windows; image 3 has an aeroplane "
               "above a straight edge, where ships have the water; image 6 is a white car on red, from an odd side, "
               "and the network is sure of an animal.",)),
        stored_photo("vgg16-examples", "The six test images, with the probabilities of the ten classes.",
                     "three images with their class as the most probable, and three with another class"),
        Bullets((held("Of the six, the first three are right and the last three wrong, by the largest probability.",
                      right == [True] * 3 + [False] * 3),)),
    ]  # fmt: skip
