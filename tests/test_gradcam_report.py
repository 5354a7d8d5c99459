"""The report of Grad-CAM says what its numbers say: groups, regions and sentences follow from made-up measurements."""

from __future__ import annotations

import numpy
import pytest

from derive.experiments.gradcam_analysis import FRACTIONS, ORDERS, Explained
from derive.experiments.gradcam_classes import groups_of, mean_maps, regions
from derive.experiments.gradcam_figures import outline, samples_of
from derive.experiments.gradcam_report import as_data, report_markdown

CLASSES = ("cat", "dog")


def explained(levels: dict[str, float], *, wrong: int = 0, seed: int = 0) -> Explained:
    """Forty images of two classes; every curve is a level with a little noise. wrong : how many predictions are."""
    generator = numpy.random.default_rng(seed)
    labels = numpy.arange(40) % 2
    predicted = labels.copy()
    predicted[:wrong] = 1 - predicted[:wrong]
    heat = numpy.zeros((40, 2, 2))
    heat[labels == 0, 0, 0] = 2.0
    heat[labels == 1, 1, 1] = 3.0
    curves = {
        name: numpy.full((40, len(FRACTIONS)), levels.get(name, 0.5)) + generator.normal(0, 0.01, (40, 1))
        for name in ORDERS
    }
    return Explained(labels, predicted, numpy.full(40, 0.9), heat, curves, numpy.full(40, 0.7), numpy.full(40, 0.3))


def report(found: Explained) -> str:
    groups, whole = groups_of(found, CLASSES)
    own = regions(mean_maps(found, 2, 4, 4), CLASSES, (4, 4))
    return report_markdown({"network": "cnn", "data": "pets"}, groups, whole, own, {"Samples": "a.png"})


@pytest.mark.parametrize(
    ("levels", "said"),
    [
        (
            {"hottest": 0.2},
            "Explains: faster than random pixels, and faster than random pixels of the object: cat, dog",
        ),
        ({"hottest": 0.4, "random object": 0.2}, "Explains in part: faster than random pixels, but not"),
        ({"hottest": 0.8}, "Misleads: slower than random pixels: cat, dog (2 of 2 classes)"),
        ({"unaveraged": 0.1}, "The mean over the positions loses what the unaveraged map has: cat, dog"),
        ({"unaveraged": 0.9}, "The mean over the positions helps: cat, dog"),
    ],
)
def test_sentences_follow_the_numbers(levels: dict[str, float], said: str) -> None:
    text = report(explained(levels))
    assert said in text
    verdicts = ("Explains:", "Explains in part:", "Explains nothing:", "Misleads:")
    named = [each for each in verdicts if f"- {each}" in text]
    assert named == [each for each in verdicts if said.startswith(each)] or not said.startswith(verdicts)


def test_a_difference_within_its_error_is_none() -> None:
    found = explained({})
    found.curves["hottest"][:] = found.curves["random"]  # the very same curves
    text = report(found)
    assert "Explains nothing: neither faster nor slower than random pixels: cat, dog" in text
    assert "Misleads" not in text and "Explains:" not in text


def test_areas_and_gains_are_those_of_the_curves() -> None:
    found = explained({"hottest": 0.25, "random": 0.75}, wrong=6)
    groups, whole = groups_of(found, CLASSES)
    assert [each.images for each in groups] == [17, 17] and [each.images for each in whole] == [34, 6]
    for each in (*groups, *whole):
        assert each.areas["hottest"] == pytest.approx(0.25, abs=0.02)
        mean, error = each.gains["random"]
        assert mean == pytest.approx(each.areas["random"] - each.areas["hottest"])
        assert 0 < error < 0.02 and each.beats("random") and not each.loses("random")
    falling = numpy.tile(1 - FRACTIONS, (40, 1))
    found.curves["hottest"][:] = falling  # from 1 to 0 in a straight line
    assert found.areas("hottest") == pytest.approx(numpy.full(40, 0.5))


def test_empty_maps_are_counted_and_left_out_of_the_mean() -> None:
    found = explained({})
    found.heat[found.labels == 1] = 0
    groups, _ = groups_of(found, CLASSES)
    assert [each.empty for each in groups] == [0.0, 1.0]
    first, second = mean_maps(found, 2, 4, 4)
    assert first is not None and second is None
    text = report(found)
    assert "nothing speaks for the class: dog (1 of 2 classes)" in text
    assert "- dog: none of its right predictions has a map." in text


def test_a_region_belongs_to_a_class_where_no_other_is_hot() -> None:
    shape = (4, 6)
    one, two = numpy.zeros(shape), numpy.zeros(shape)
    one[0, :3] = 1.0
    two[0, 2:5] = 0.6
    two[3, 5] = 1.0
    first, second = regions([one, two], CLASSES, shape)
    assert numpy.argwhere(first.own).tolist() == [[0, 0], [0, 1]]
    assert numpy.argwhere(second.own).tolist() == [[0, 3], [0, 4], [3, 5]]
    assert int(first.hot.sum()) == 3 and int(second.hot.sum()) == 4
    assert first.places == {"upper left": 1.0}
    assert second.places == {"upper centre": 1 / 3, "upper right": 1 / 3, "lower right": 1 / 3}
    assert first.alike is not None and first.alike[0] == "dog"
    assert first.alike[1] == pytest.approx(numpy.corrcoef(one.ravel(), two.ravel())[0, 1])


def test_the_outline_of_pixels_is_closed() -> None:
    single = numpy.zeros((3, 3), bool)
    single[2, 0] = True
    corners = {(1.5, -0.5), (1.5, 0.5), (2.5, -0.5), (2.5, 0.5)}
    edges = outline(single)
    assert len(edges) == 4 and {point for edge in edges for point in edge} == corners
    generator = numpy.random.default_rng(3)
    for _ in range(20):
        ends: dict[tuple[float, float], int] = {}
        for edge in outline(generator.random((4, 5)) > 0.5):
            for point in edge:
                ends[point] = ends.get(point, 0) + 1
        assert all(count % 2 == 0 for count in ends.values())


def test_samples_are_the_first_right_and_the_first_wrong_of_each_class() -> None:
    found = explained({}, wrong=1)
    (right, wrong), (other, none) = samples_of(found, 2)
    assert right is not None and wrong is not None and other is not None
    assert (right.number, wrong.number, other.number, none) == (2, 0, 1, None)
    assert (wrong.label, wrong.predicted) == (0, 1)


def test_data_of_the_report_is_json() -> None:
    import json

    found = explained({}, wrong=5)
    groups, whole = groups_of(found, CLASSES)
    data = as_data({"data": "pets"}, groups, whole, regions(mean_maps(found, 2, 4, 4), CLASSES, (4, 4)))
    back = json.loads(json.dumps(data))
    assert [each["name"] for each in back["classes"]] == list(CLASSES)
    assert back["classes"][0]["areas"]["random"] == groups[0].areas["random"]
