"""Grad-CAM on Fashion-MNIST: what was computed, what was measured, and where the maps explain something."""

from __future__ import annotations

from derive.document import Block, Bullets, Display, Document, Heading, Inline, Line, Listing, Prose
from derive.experiments import gradcam_peer
from derive.plain import formula
from derive.solutions.blocks import code_of, equations, held, stored, stored_photo
from derive.subjects import gradcam, networks, review
from derive.subjects.catalogue import Entry
from derive.writing import shapes_of, tree_of_equation

#: Beyond this many standard errors a difference counts.
ERRORS = 2


def solution(entry: Entry) -> Document:
    """The worked analysis."""
    blocks = (*_method(), *_torch(), *_table(), *_reading(), *_digits())
    return Document("Grad-CAM on Fashion-MNIST", blocks, entry.source)


def _method() -> list[Block]:
    network = networks.cnn((1, 28, 28), (16, 32))
    made = gradcam.gradcam("dense")
    shapes = shapes_of(made.gradients.around)
    count = sum(review.parameter_counts(network).values())
    facts = stored("gradcam").facts
    return [
        Heading("The network and its maps"),
        Prose(("Two convolutions with pooling and one dense layer, trained by derived gradients:",)),
        equations(network.program),
        Prose((f"It has {count:,} parameters; validation {facts['validation']}, test {facts['test']}. The maps are "
               "those of the last convolution, for the class that the network predicts. The solution called gradcam "
               "derives them; for a dense layer on all positions they are",)),
        Display(tuple(Line(tree_of_equation(each, shapes=shapes)) for each in (made.weights, made.heatmap))),
        Bullets((held("The parameters counted here are those of the stored run.", f"{count:,}" == facts["parameters"]),
                 (f"On 200 images the maps differ from those of hooks and autograd by at most {facts['maps']} of the "
                  "sum of absolute terms.",))),
    ]  # fmt: skip


def _torch() -> list[Block]:
    return [
        Heading("In torch"),
        Prose(("A hook keeps the output of the last convolution, backward() from the scores of the classes leaves its "
               "gradient; then mean, weighted sum, relu. The derived maps are held against these, which share no line "
               "with them.",)),
        Listing("Grad-CAM by a hook and autograd; the second result is what rounding is measured by.",
                code_of(gradcam_peer.hooked_maps), "text"),
    ]  # fmt: skip


def _table() -> list[Block]:
    found = stored("gradcam")
    return [
        Heading("A measure that can fail"),
        Prose(("A heat map on top of a picture looks convincing whatever it shows. So the maps are put to a test. "
               "Blank the pixels of an image one by one, the hottest first, and follow the probability of the "
               "predicted class; the area under that curve is small if the map knows what the network looks at. The "
               "controls are a random order of all pixels, and one of the pixels of the object: a map that only "
               "finds the object does no better than that one.",)),
        found.table("The area under the curve: means over the images that are predicted rightly, of the first 2,000 "
                    "test images. The smaller, the more the order knows.", (0, 1, 2, 3, 4, 5)),
        found.table("The gain over random pixels with its standard error, and where the heat lies.", (0, 6, 7)),
        *found.note(),
        stored_photo("gradcam-fashion", "Samples of every class with the maps of their predicted class.",
                     "for each of the ten classes test images, and over them where the map is hot"),
        stored_photo("gradcam-fashion-deletion", "The probability of the predicted class as pixels are blanked, mean "
                     "by class: by the map, by the unaveraged map, and by both controls.",
                     "ten small charts of falling curves, one for each class"),
    ]  # fmt: skip


def gains() -> dict[str, tuple[float, float]]:
    """Class -> the gain over random pixels and its standard error, of the stored table."""
    found = {}
    for row in stored("gradcam").rows[:10]:
        gain, error = row[6].split(" ± ")
        found[row[0]] = (float(gain), float(error))
    return found


def _reading() -> list[Block]:
    found = stored("gradcam")
    measured = gains()
    better = [name for name, (gain, error) in measured.items() if gain > ERRORS * error]
    worse = [name for name, (gain, error) in measured.items() if gain < -ERRORS * error]
    areas = {row[0]: tuple(float(cell) for cell in row[2:6]) for row in found.rows[:10]}
    off = [row[0] for row in found.rows[:10] if _share(row[7], 0) < _share(row[7], 1)]
    said: list[tuple[Inline, ...]] = [
        (f"It explains something for {_listed(better)}: blanking the hottest pixels takes the class away faster than "
         "blanking random ones.",),
        (f"It explains nothing, or worse, for {_listed(worse)}: random pixels do better.",),
        held("For no class is it better than random pixels of the object. Where it gains anything, finding the object "
             "is enough to explain the gain.",
             all(hottest > on_object or _within(name) for name, (hottest, _, _, on_object) in areas.items())),
        held(f"For {_listed(off)} less of the heat lies on the object than the object has of the pixels.",
             set(worse) <= set(off)),
        held("The same map without the mean over the positions has a smaller area for every class.",
             all(unaveraged < hottest for hottest, unaveraged, _, _ in areas.values())),
    ]  # fmt: skip
    return [
        Heading("Where it explains, and where not"),
        Bullets(tuple(said)),
        Prose(("The mean is what loses it. This network has a dense layer on all positions, with a weight of its own "
               "for each of them: a sleeve may speak for a pullover and against a dress. Grad-CAM averages these "
               "weights over the positions before it uses them, so what differs from place to place is gone. With "
               "global average pooling the weights do not differ, and nothing is lost; that is the case it was "
               "generalised from.",)),
        Prose((f"Over all right predictions the area is {found.facts['averaged']} with the mean and "
               f"{found.facts['unaveraged']} without. The unaveraged weight of a position is the gradient there, "
               f"{formula(tree_of_equation(gradcam.gradcam('dense').seeded))}, and the map is its product with the "
               "feature maps.",)),
    ]  # fmt: skip


def _within(name: str) -> bool:
    """Whether the hottest order is no better than the object's by two standard errors of the gain."""
    row = next(row for row in stored("gradcam").rows if row[0] == name)
    return float(row[2]) > float(row[5]) - ERRORS * gains()[name][1]


def _share(cell: str, place: int) -> float:
    """Of `6.9 % / 54.8 %` one of both."""
    return float(cell.split(" / ")[place].removesuffix(" %"))


def _listed(names: list[str]) -> str:
    return ", ".join(names[:-1]) + f" and {names[-1]}" if len(names) > 1 else "".join(names)


def _digits() -> list[Block]:
    found = stored("gradcam-digits")
    facts, clothes = found.facts, stored("gradcam").facts
    return [
        Heading("Regions that are specific to a class"),
        Prose(("Pixels that are hot in the mean map of one class alone are what a map could tell of it. In "
               f"Fashion-MNIST a few classes have such regions ({clothes['sandal']}, {clothes['coat']} and "
               f"{clothes['trouser']} of 784 pixels), the others fewer: shirts, pullovers and dresses fill the same "
               "place.",)),
        Prose((f"For digits the same network ({facts['test']} on the test images) fares better: area "
               f"{facts['hottest']}, against {facts['random']} for random pixels, a gain of {facts['gain']}. Still the "
               f"map without the mean has {facts['unaveraged']}, and random pixels of the digit {facts['on_object']}.",
               )),
        *found.note(),
    ]  # fmt: skip
