"""Learning curves of a stored run: cost and accuracy by epoch, for training and validation images."""

from __future__ import annotations

from derive.document import Block, Figure
from derive.solutions.blocks import stored
from derive.solutions.charts import Series, chart


def learning_curves(name: str, what: str) -> list[Block]:
    """Two figures of the stored run of that name: its table has epoch, two costs and two accuracies in percent."""
    rows = [tuple(float(cell.removesuffix(" %").replace(",", "")) for cell in row) for row in stored(name).rows]
    figures: list[Block] = []
    for measure, first, second in (("cost", 1, 3), ("accuracy", 2, 4)):
        series = [
            Series(images, tuple((row[0], row[column]) for row in rows))
            for images, column in (("training", first), ("validation", second))
        ]
        unit = " in percent" if measure == "accuracy" else ""
        said = "; ".join(f"epoch {row[0]:g}: {row[first]:g} and {row[second]:g}" for row in rows)
        figures.append(Figure(f"{what}: {measure}{unit} by epoch.", chart(series, across="epoch", up=measure), said))
    return figures
