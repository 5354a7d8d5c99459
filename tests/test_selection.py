"""The first project's selection: counts and moments of the data, one configuration chosen on validation images."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import torch

from derive.experiments.data import load
from derive.experiments.evaluation import Evaluation
from derive.experiments.selection import Choice, analysed, evaluated, select, trained

pytest.importorskip("sklearn", reason="the digits come with scikit-learn")
torch.set_num_threads(1)
NAME = "digits:3,8"
CHOICES = (Choice(1e-6), Choice(0.05, momentum=0.9), Choice(0.05, weight_decay=0.01))


def test_the_analysis_counts_images_and_takes_moments_of_pixels() -> None:
    data, whole = load(NAME, dtype="float64"), load("digits", dtype="float64")
    found = analysed(data)
    for split, counts in zip((data.train, data.validation, data.test), found["counts"].values(), strict=True):
        assert sum(counts) == len(split) and counts[0] == int((split.labels == 0).sum())
    assert found["counts"]["test"] == [int((whole.test.labels == digit).sum()) for digit in (3, 8)]
    counts = numpy.array(found["counts"]["training"])
    mixed = counts @ numpy.array(found["mean_of_class"]) / counts.sum()  # the mean is that of the means of the classes
    numpy.testing.assert_allclose(mixed, found["mean"], rtol=1e-12)
    assert 0 < found["mean"][0] < 1 and found["shape"] == [1, 8, 8]


def test_the_best_on_validation_images_is_chosen_and_tested(tmp_path: Path) -> None:
    result = select(tmp_path, name=NAME, choices=CHOICES, epochs=3)
    data = load(NAME, dtype="float64", seed=42)
    each = [trained(choice, data, epochs=3, seed=42) for choice in CHOICES]
    best = max(range(3), key=lambda place: each[place][1].val_accuracy)
    assert best != 0 and result["chosen"]["lr"] == CHOICES[best].lr
    found = evaluated(each[best][0], data.test)
    assert result["test_accuracy"] == found.accuracy and result["confusion"] == found.confusion
    assert result["equal"] and all(outcome.equal for _, outcome in each)
    summary = (tmp_path / "summary.md").read_text()
    assert f"**{CHOICES[best].name}**" in summary and f"accuracy {found.accuracy:.2%}" in summary
    assert all((tmp_path / f"{name}.png").read_bytes()[:4] == b"\x89PNG" for name in ("data", "losses", "examples"))


@pytest.mark.slow
def test_what_was_trained_is_not_trained_again(tmp_path: Path) -> None:
    first = select(tmp_path, name=NAME, choices=CHOICES, epochs=2, limit=60)
    kept = tmp_path / "configuration-2.npz"
    before = kept.stat().st_mtime_ns
    assert json.dumps(select(tmp_path, name=NAME, choices=CHOICES, epochs=2, limit=60)) == json.dumps(first)
    assert kept.stat().st_mtime_ns == before
    select(tmp_path, name=NAME, choices=CHOICES, epochs=3, limit=60)
    assert kept.stat().st_mtime_ns != before


def test_the_confusion_matrix_counts_classes_for_classes() -> None:
    shares = numpy.array([[0.7, 0.2, 0.1], [0.1, 0.8, 0.1], [0.3, 0.3, 0.4], [0.9, 0.1, 0.0]])
    found = Evaluation(0.0, shares, numpy.array([0, 2, 2, 2]))
    assert found.confusion == [[1, 0, 0], [0, 0, 0], [1, 1, 1]] and found.accuracy == 0.5
    assert found.some(right=True) == [0, 2] and found.some(right=False) == [1, 3]
