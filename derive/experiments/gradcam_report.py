"""What Grad-CAM's figures say, written from the numbers: every sentence is chosen by them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from derive.experiments.gradcam_analysis import ORDERS
from derive.experiments.gradcam_classes import ERRORS, HOT, Group, Region

#: Correlations of mean maps of this size and above are named.
ALIKE = 0.9


def report_markdown(facts: Mapping[str, Any], groups: Sequence[Group], whole: Sequence[Group],
                    regions: Sequence[Region], figures: Mapping[str, str]) -> str:  # fmt: skip
    """The report. facts : of the run, by name.  figures : caption -> file beside the report."""
    lines = [f"# Grad-CAM: {facts['network']} on {facts['data']}", ""]
    lines += [f"- {name.replace('_', ' ')}: {_shown(value)}" for name, value in facts.items()]
    for caption, file in figures.items():
        lines += ["", f"![{caption}]({file})"]
    lines += ["", "## Where it explains, and where not", "", _METHOD, ""]
    lines += _verdicts(groups)
    lines += [_right_and_wrong(whole), ""]
    lines += _table(groups, whole)
    lines += ["", "## What the maps lie on", "", *_object(groups), "", "## Regions of one class only", ""]
    lines += [f"Hot is what has {HOT:.0%} or more of the maximum of the mean map of the right predictions.", ""]
    lines += [_region(each) for each in regions]
    return "\n".join(lines) + "\n"


_METHOD = (
    "Pixels are blanked step by step and the probability of the predicted class is watched. The smaller the area under "
    "this curve, the more the order knows of what the network looks at. Grad-CAM's order, hottest first, is held "
    "against random pixels, and against random pixels of the object; and against the same map without the mean over "
    "the positions, which has the same resolution. A difference counts where it exceeds "
    f"{ERRORS:g} standard errors of the mean over the images."
)


def _verdicts(groups: Sequence[Group]) -> list[str]:
    def told(text: str, chosen: Callable[[Group], bool]) -> str | None:
        names = [each.name for each in groups if chosen(each)]
        return f"- {text}: {', '.join(names)} ({len(names)} of {len(groups)} classes)." if names else None

    found = [
        told("Explains: faster than random pixels, and faster than random pixels of the object",
             lambda g: g.beats("random") and g.beats("random object")),
        told("Explains in part: faster than random pixels, but not than random pixels of the object",
             lambda g: g.beats("random") and not g.beats("random object")),
        told("Explains nothing: neither faster nor slower than random pixels",
             lambda g: not g.beats("random") and not g.loses("random")),
        told("Misleads: slower than random pixels", lambda g: g.loses("random")),
        told("The mean over the positions loses what the unaveraged map has", lambda g: g.loses("unaveraged")),
        told("The mean over the positions helps", lambda g: g.beats("unaveraged")),
        told("Half of the maps or more are empty: with the mean gradients as weights, nothing speaks for the class",
             lambda g: g.empty >= 0.5),
    ]  # fmt: skip
    return [line for line in found if line] or ["- No class has two images that are predicted rightly."]


def _right_and_wrong(whole: Sequence[Group]) -> str:
    if len(whole) < 2:
        return f"- All that is explained are {whole[0].name}." if whole else "- There are too few images to compare."
    (right, wrong) = whole
    gains = [f"{each.name}: {_gain(each, 'random')}" for each in (right, wrong)]
    return f"- Gain over random pixels, {'; '.join(gains)}. Empty maps: {right.empty:.1%} and {wrong.empty:.1%}."


def _gain(each: Group, control: str) -> str:
    mean, error = each.gains[control]
    return f"{mean:+.3f} ± {error:.3f}"


def _table(groups: Sequence[Group], whole: Sequence[Group]) -> list[str]:
    head = ["class", "images", *(f"area, {name}" for name in ORDERS), *(f"gain over {name}" for name in ORDERS[1:])]
    lines = ["| " + " | ".join(head) + " |", "|---|" + "---:|" * (len(head) - 1)]
    for each in (*groups, *whole):
        cells = [f"{each.areas[name]:.3f}" for name in ORDERS] + [_gain(each, name) for name in ORDERS[1:]]
        lines.append(f"| {each.name} | {each.images} | " + " | ".join(cells) + " |")
    lines += ["", "Areas are means over the images, gains paired differences with their standard error: positive where "
              "Grad-CAM's order lowers the probability faster."]  # fmt: skip
    return lines


def _object(groups: Sequence[Group]) -> list[str]:
    lines = ["| class | empty maps | heat on the object | pixels of the object | |", "|---|---:|---:|---:|---|"]
    for each in groups:
        if each.empty == 1:
            lines.append(f"| {each.name} | 100.0% | - | {each.object_part:.1%} | no map to judge |")
            continue
        place = "more on the object than chance" if each.heat_on_object > each.object_part else (
            "less on the object than chance")  # fmt: skip
        lines.append(
            f"| {each.name} | {each.empty:.1%} | {each.heat_on_object:.1%} | {each.object_part:.1%} | {place} |"
        )
    return lines


def _region(region: Region) -> str:
    hot, own = int(region.hot.sum()), int(region.own.sum())
    if region.mean_map is None:
        return f"- {region.name}: none of its right predictions has a map."
    text = f"- {region.name}: {hot} of {region.hot.size} pixels are hot"
    if own:
        places = ", ".join(f"{part:.0%} {name}" for name, part in list(region.places.items())[:3])
        text += f", {own} of them in this class alone ({places})"
    else:
        text += ", none of them in this class alone"
    if region.alike:
        name, value = region.alike
        close = "hardly told apart from" if value >= ALIKE else "most like"
        text += f"; {close} {name} (correlation of the mean maps {value:.2f})"
    return text + "."


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return str(value)


def as_data(facts: Mapping[str, Any], groups: Sequence[Group], whole: Sequence[Group],
            regions: Sequence[Region]) -> dict[str, Any]:  # fmt: skip
    """The figures of the report in JSON's types."""
    return {
        **facts,
        "classes": [asdict(each) for each in groups],
        "whole": [asdict(each) for each in whole],
        "regions": [
            {
                "name": each.name, "hot": int(each.hot.sum()), "own": int(each.own.sum()), "places": each.places,
                "alike": each.alike, "mean_map": None if each.mean_map is None else each.mean_map.tolist(),
            }
            for each in regions
        ],
    }  # fmt: skip
