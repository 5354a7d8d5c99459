"""The data sets of the experiments, as arrays: seeded splits, normalised by the moments of the training split.

`digits` comes with scikit-learn and needs no network; `mnist`, `fashion-mnist` and `cifar10` are read from the folder
that DERIVE_DATA names, or downloaded once. `cifar10:cat,automobile` keeps these classes, numbered in this order.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy
from numpy.typing import NDArray

from derive.errors import MissingPartError, UsageError
from derive.experiments.formats import Bytes, DataError, read_cifar, read_images, read_labels
from derive.experiments.sources import CIFAR_FILES, IDX_FILES, Report, cifar_batch, idx_file
from derive.words import nearest

Array = NDArray[Any]

DIGITS = tuple("0123456789")
CLASSES = {
    "digits": DIGITS,
    "mnist": DIGITS,
    "fashion-mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
    ),
    "cifar10": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
}  # fmt: skip
#: Images of `digits` that are held back as its test split; the others have a published one.
DIGITS_TEST = 360


@dataclass(frozen=True)
class Split:
    """images : (N, channels, rows, columns), normalised.  labels : (N,) int64."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def rows(self) -> Array:
        """(N, channels * rows * columns): a sample in each row, as the perceptron reads it."""
        return self.images.reshape(len(self), -1)


@dataclass(frozen=True)
class Dataset:
    """name : as given.  classes : the name of each label.  mean, deviation : of each channel of the training split,
    in units of a full pixel.  digest : SHA-256 over all splits, so that a resumed run knows its data."""

    name: str
    train: Split
    validation: Split
    test: Split
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    deviation: tuple[float, ...]
    digest: str

    @property
    def shape(self) -> tuple[int, ...]:
        """(channels, rows, columns) of an image."""
        return tuple(self.train.images.shape[1:])


def load(
    name: str,
    *,
    seed: int = 0,
    validation: float = 0.1,
    dtype: str = "float32",
    limit: int | None = None,
    size: int | None = None,
    report: Report | None = None,
) -> Dataset:
    """A data set in three splits.

    seed : of the split of training and validation images; the test images are always the same.
    validation : the part of the training images that is held back for choosing between models.
    limit : keep at most this many images of each split, the first ones of the shuffled.
    size : 16 for CIFAR-10 resized by the means of 2 x 2 pixels, 32 for as it is; by default 16 where classes are named.
    report : told what is being downloaded.
    Raises UsageError for names that are not known, MissingPartError for data that is not to be had, DataError for
    files that are not what they should be.
    """
    base, classes = _parsed(name)
    if not 0 < validation < 1:
        raise UsageError(f"the validation part is {validation:g}; it is between 0 and 1")
    if limit is not None and limit < 1:
        raise UsageError(f"{limit} images are no data; keep 1 or more")
    if size is not None and (base != "cifar10" or size not in (16, 32)):
        raise UsageError(f"{name} cannot be had in size {size}; only cifar10 can be resized, to 16")
    small = base == "cifar10" and (size == 16 or (size is None and ":" in name))
    images, labels, test_images, test_labels, full = _raw(base, report)
    images, labels = _of_classes(images, labels, base, classes)
    test_images, test_labels = _of_classes(test_images, test_labels, base, classes)
    order = numpy.random.default_rng(seed).permutation(len(labels))
    held = max(1, round(len(order) * validation))
    pieces = [(images, labels, order[held:]), (images, labels, order[:held])]
    pieces.append((test_images, test_labels, numpy.arange(len(test_labels))))
    raw = [(_pixels(x[at[:limit]], full, small, dtype), y[at[:limit]].astype(numpy.int64)) for x, y, at in pieces]
    mean, deviation = _moments(raw[0][0])
    splits = [Split(_normalised(x, mean, deviation), y) for x, y in raw]
    digest = hashlib.sha256()
    for split in splits:
        digest.update(repr((split.images.shape, str(split.images.dtype))).encode())
        digest.update(split.images.data)
        digest.update(split.labels.data)
    moments = tuple(map(float, mean)), tuple(map(float, deviation))
    return Dataset(name, splits[0], splits[1], splits[2], classes, *moments, digest.hexdigest())


def halved(images: Array) -> Array:
    """(N, C, H/2, W/2): each pixel the mean of 2 x 2 pixels; H and W are even."""
    count, channels, rows, columns = images.shape
    blocks = images.reshape(count, channels, rows // 2, 2, columns // 2, 2)
    return numpy.asarray(blocks.mean(axis=(3, 5), dtype=numpy.float64))


def _parsed(name: str) -> tuple[str, tuple[str, ...]]:
    """The data set and the classes that are kept: `cifar10:cat,automobile`."""
    base, colon, chosen = name.partition(":")
    if base not in CLASSES:
        close = nearest(base, CLASSES)
        raise UsageError(f"there is no data set {base!r}; " + (f"did you mean {close}?" if close else _listed(CLASSES)))
    if not colon:
        return base, CLASSES[base]
    classes = tuple(part.strip() for part in chosen.split(","))
    for number, each in enumerate(classes):
        if each not in CLASSES[base]:
            close = nearest(each, CLASSES[base])
            hint = f"did you mean {close}?" if close else _listed(CLASSES[base])
            raise UsageError(f"{base} has no class {each!r}; {hint}")
        if each in classes[:number]:
            raise UsageError(f"the class {each} is named twice in {name}")
    if len(classes) < 2:
        raise UsageError(f"{name} keeps one class, and a classifier needs two; name another after a comma")
    return base, classes


def _listed(names: Any) -> str:
    return f"choose from {', '.join(names)}"


def _raw(base: str, report: Report | None) -> tuple[Array, Array, Array, Array, int]:
    """Training images and labels, test images and labels, and the value of a full pixel."""
    if base == "digits":
        return _digits()
    if base == "cifar10":
        batches = [read_cifar(cifar_batch(file, report), sha256=digest) for file, digest in CIFAR_FILES.items()]
        images = numpy.concatenate([batch[0] for batch in batches[:-1]])
        labels = numpy.concatenate([batch[1] for batch in batches[:-1]])
        return images, labels, *batches[-1], 255
    train, test = (_idx(base, part, report) for part in ("train", "t10k"))
    return *train, *test, 255


def _idx(base: str, part: str, report: Report | None) -> tuple[Bytes, Bytes]:
    """Images (N, 1, rows, columns) and labels of one part of MNIST or Fashion-MNIST."""
    files = {file: idx_file(base, file, report) for file in (f"{part}-images-idx3-ubyte", f"{part}-labels-idx1-ubyte")}
    (image_file, image_path), (label_file, label_path) = files.items()
    images = read_images(image_path, sha256=IDX_FILES[base][image_file][0])
    labels = read_labels(label_path, sha256=IDX_FILES[base][label_file][0])
    if len(images) != len(labels):
        raise DataError(f"there are {len(labels)} labels for the {len(images)} images of {image_path}", str(label_path))
    return images[:, None], labels


def _digits() -> tuple[Array, Array, Array, Array, int]:
    """The 1,797 digits of 8 x 8 pixels that come with scikit-learn, split in one way for all seeds."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as reason:
        raise MissingPartError("the digits come with scikit-learn; run: pip install scikit-learn") from reason
    found = load_digits()
    order = numpy.random.default_rng(0).permutation(len(found.target))
    images, labels = found.images[order][:, None], found.target[order]
    return images[DIGITS_TEST:], labels[DIGITS_TEST:], images[:DIGITS_TEST], labels[:DIGITS_TEST], 16


def _of_classes(images: Array, labels: Array, base: str, classes: tuple[str, ...]) -> tuple[Array, Array]:
    """The images of these classes, their labels counted from 0 in this order."""
    if classes == CLASSES[base]:
        return images, labels
    number = numpy.full(len(CLASSES[base]), -1, dtype=numpy.int64)
    for new, name in enumerate(classes):
        number[CLASSES[base].index(name)] = new
    kept = number[labels] >= 0
    return images[kept], number[labels[kept]]


def _pixels(images: Array, full: int, small: bool, dtype: str) -> Array:
    """Values between 0 and 1."""
    return ((halved(images) if small else images) / numpy.float64(full)).astype(dtype)


def _moments(images: Array) -> tuple[Array, Array]:
    """Mean and standard deviation of each channel, added up in float64; a channel without spread keeps its scale."""
    mean = images.mean(axis=(0, 2, 3), dtype=numpy.float64)
    deviation = images.std(axis=(0, 2, 3), dtype=numpy.float64)
    return mean, numpy.where(deviation > 0, deviation, 1.0)


def _normalised(images: Array, mean: Array, deviation: Array) -> Array:
    centred = images - mean.astype(images.dtype)[:, None, None]
    centred /= deviation.astype(images.dtype)[:, None, None]
    return numpy.ascontiguousarray(centred)
