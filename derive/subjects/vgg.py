"""VGG-16 for small images, with batch normalisation and dropout where asked for.

Source: K. Simonyan, A. Zisserman (2015), arXiv:1409.1556, table 2, column D; with a head of equal widths.
"""

from __future__ import annotations

from collections.abc import Sequence

from derive.errors import UsageError
from derive.subjects.networks import Lines, Network

#: Convolutions of 3 x 3 in each block; a pooling by 2 ends a block.
CONVOLUTIONS = (2, 2, 3, 3, 3)
#: Channels of the blocks as published.
CHANNELS = (64, 128, 256, 512, 512)


def vgg(
    image: tuple[int, int, int] = (3, 32, 32),
    channels: Sequence[int] = CHANNELS,
    classes: int = 10,
    *,
    batchnorm: bool = False,
    dropout: bool = False,
    training: bool = True,
) -> Network:
    """Blocks of convolutions, then two dense layers as wide as the last block, then the classes.

    channels : of each block; fewer than five are the first blocks, for images that are too small for five poolings.
    batchnorm : behind each convolution.  dropout : behind each dense layer but the last; masks are given.
    training : False for use: statistics are given, and dropout does nothing.
    The activation stands behind the pooling, which changes neither the function nor its gradients (see `cnn`).
    Raises UsageError: more than five blocks, sizes below 1, an image that is too small.
    """
    if len(image) != 3 or not 1 <= len(channels) <= len(CONVOLUTIONS) or min(*image, *channels, classes) < 1:
        raise UsageError(f"vgg takes 1 to {len(CONVOLUTIONS)} blocks, with channels of at least 1 each")
    if min(image[1:]) < 2 ** len(channels):
        raise UsageError(
            f"{len(channels)} blocks halve an image {len(channels)} times, and {image[1]}x{image[2]} is too small; "
            f"name channels of fewer blocks, or take images of {2 ** len(channels)}x{2 ** len(channels)}"
        )
    extras = ", batchnorm" * batchnorm + ", dropout" * dropout
    name = f"vgg {'x'.join(map(str, image))}, channels {','.join(map(str, channels))}{extras}"
    made = Lines(name, image)
    for count, depth in zip(CONVOLUTIONS, channels, strict=False):
        for place in range(count):
            made.convolution(depth, 3, 1)
            if batchnorm:
                made.batchnorm(training=training)
            if place == count - 1:
                made.pooling(2)
            made.activation("relu")
    made.flatten()
    for _ in range(2):
        made.dense(channels[-1])
        made.activation("relu")
        if dropout and training:
            made.dropout()
    made.dense(classes)
    return made.network("cross-entropy")
