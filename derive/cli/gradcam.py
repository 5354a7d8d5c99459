"""`derive gradcam`: where a trained network looks, by derived gradients, with the measure of what that explains."""

from __future__ import annotations

import json
import math
from pathlib import Path

import click

from derive.cli.output import check_target, write_file
from derive.cli.progress import Progress
from derive.cli.train import interruptible
from derive.errors import UsageError

EPILOG = """\b
Examples:
  derive gradcam --data digits -o build/digits.png                      # offline
  derive gradcam --data fashion-mnist -o build/fashion.png              # trains a network once, and keeps it
  derive train cnn --data mnist --layers 16,32 --optimizer adam -o build/mnist-cnn
  derive gradcam --run build/mnist-cnn --layer a2 -o build/mnist.svg
\b
FILE gets samples of each class. Beside it: NAME-deletion and NAME-regions with its ending, and NAME.md, the report.
Without -o the report is printed. DERIVE_DATA names the folder with the data.
Exit code 1: the derived maps are not those of autograd.
"""
#: The derived maps are those of hooks and autograd up to this part of the terms they add up.
TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


@click.command("gradcam", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--data", help="digits, mnist, fashion-mnist or cifar10[:cat,dog]. [that of the run, or fashion-mnist]")
@click.option("--run", "run", type=str, help="Folder of a run of `derive train cnn`; without it one is trained once.")
@click.option("--layer", help="Feature maps, by name: z2, m2, a2 ... [the last convolution, before its pooling]")
@click.option("--images", type=int, default=2000, show_default=True, help="Test images that are measured.")
@click.option("--device", default="cpu", show_default=True, help="cpu or cuda.")
@click.option("-o", "--out", type=str, help="PNG or SVG file for the samples; the rest goes beside it.")
@click.option("--force", is_flag=True, help="Replace files that exist.")
@click.option("--json", "as_json", is_flag=True, help="The figures of the report as JSON.")
def command(
    data: str | None,
    run: str | None,
    layer: str | None,
    images: int,
    device: str,
    out: str | None,
    force: bool,
    as_json: bool,
) -> int:
    """Show where a trained network looks (Grad-CAM), and measure where that explains its answers."""
    if not 1 <= images <= 10**6:
        raise UsageError(f"{images} images cannot be measured; name between 1 and {10**6}")
    files = _files(out, force)
    if run is not None and "\0" in run:
        raise UsageError("a folder name cannot hold a NUL character")
    from derive.experiments.gradcam import GradCamCode, last_convolution
    from derive.experiments.gradcam_analysis import explain
    from derive.experiments.gradcam_classes import groups_of, mean_maps, regions
    from derive.experiments.gradcam_figures import drawn, figure_deletion, figure_regions, figure_samples, samples_of
    from derive.experiments.gradcam_peer import worst_deviation
    from derive.experiments.gradcam_report import as_data, report_markdown
    from derive.experiments.gradcam_runs import trained

    with Progress() as progress, interruptible() as stop:
        told = progress.doing
        found = trained(
            data,
            None if run is None else Path(run),
            device=device,
            report=told,
            notice=lambda text: progress.echo(text, err=True),
            stop=stop,
            layer=layer,
        )
        training, names = found.training, found.data.classes
        code = GradCamCode(training.network, layer or last_convolution(training.network))
        told("holding the derived maps against autograd's")
        worst = worst_deviation(training, code)
        explained = explain(training, code, images, told, stop)
        accuracy = training.evaluate(training.test, training.parameters).accuracy
        groups, whole = groups_of(explained, names)
        shape = found.data.shape[1:]
        own = regions(mean_maps(explained, len(names), *shape), names, (shape[0], shape[1]))
        facts = {
            "network": training.network.name, "data": found.data.name, "run": str(found.folder), "layer": code.layer,
            "trained_by": f"{found.config.gradients} gradients", "test_accuracy": accuracy,
            "images_measured": len(explained.labels), "largest_deviation_from_autograd": worst,
        }  # fmt: skip
        if files:
            told("drawing")
            samples, deletion, areas, report = files
            form = samples.suffix[1:].lower()
            title = f"{found.data.name}: mean maps at {code.layer} of the right predictions"
            pictures = {
                samples: figure_samples(training, samples_of(explained, len(names)), code.layer),
                deletion: figure_deletion(explained, names),
                areas: figure_regions(own, title),
            }
            for file, figure in pictures.items():
                write_file(file, drawn(figure, form), force=force)
            captions = ("Samples of each class", "Deletion curves", "Mean maps")
            figures = dict(zip(captions, (file.name for file in pictures), strict=True))
            text = report_markdown(facts, groups, whole, own, figures)
            write_file(report, text.encode(), force=force)
    passed = worst <= TOLERANCE[found.config.dtype]
    if as_json:
        click.echo(json.dumps({**as_data(facts, groups, whole, own), "passed": passed}, indent=1))
    elif files:
        click.echo(f"test accuracy {accuracy:.4f}; derived maps and autograd's differ by at most {worst:.1e} of their "
                   f"terms: {'rounding' if passed else 'MORE THAN ROUNDING'}")  # fmt: skip
        click.echo(f"in {files[0].parent}: {', '.join(file.name for file in files)}")
    else:
        click.echo(report_markdown(facts, groups, whole, own, {}), nl=False)
    return 0 if passed and math.isfinite(worst) else 1


def _files(out: str | None, force: bool) -> list[Path]:
    """The figure, the two beside it, and the report; refused now, not after a training."""
    if out is None:
        if force:
            raise UsageError("--force speaks of files; name them with -o")
        return []
    if "\0" in out:
        raise UsageError("a file name cannot hold a NUL character")
    path = Path(out)
    if path.suffix.lower() not in (".png", ".svg"):
        raise UsageError(f"{out} is neither a .png nor an .svg file; those are the forms of the figures")
    files = [path, *(path.with_name(f"{path.stem}-{part}{path.suffix}") for part in ("deletion", "regions"))]
    files.append(path.with_suffix(".md"))
    for file in files:
        check_target(file, force)
    return files
