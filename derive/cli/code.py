"""`derive code`: networks, layers and equations as programs, each statement under the equation that it computes."""

from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING, Any

import click

from derive.cli.arrays import names_of, shapes_of, upstream_of
from derive.cli.layers import given_options, layer_options, print_only, refuse_options
from derive.cli.options import read_text, time_limit
from derive.cli.output import write_file
from derive.conventions import conventions_of
from derive.errors import UsageError
from derive.words import nearest

if TYPE_CHECKING:
    from derive.subjects.networks import Network

NETWORKS = ("mlp", "cnn")
TARGETS = ("torch", "numpy", "loops")
#: No size may be larger.
_LARGEST = 1_000_000
#: There are at most so many layers.
_MOST = 100

EPILOG = """\b
Examples:
  derive code mlp --layers 784,512,256,10 --activation relu --loss cross-entropy --target torch -o step.py
  derive code cnn --image 1x28x28 --channels 8,16 --target numpy
  derive code --file layer.txt --wrt K --target numpy
  derive code --layer conv2d --stride 2 --target torch

\b
A network's module has forward(parameters, x) -> (output, saved),
  backward(parameters, saved, y) -> (loss, gradients) and step(parameters, gradients, lr).
Exit codes: 0 done; 2 unreadable; 4 a limit was hit; 5 input/output.
"""


@layer_options
@click.command("code", epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("network", required=False, metavar="[mlp|cnn]")
@click.option("--layers", help="Sizes of an mlp from input to output. [784,512,256,10]")
@click.option("--image", help="Channels, height and width of the images of a cnn. [1x28x28]")
@click.option("--channels", help="Channels of the convolutions of a cnn. [8,16]")
@click.option("--dense", help="Sizes of dense layers between the convolutions and the classes. [none]")
@click.option("--classes", help="Classes of a cnn. [10]")
@click.option("--activation", help="relu, tanh, sigmoid, softplus or identity. [relu]")
@click.option("--loss", help="cross-entropy (labels), cross-entropy-probabilities or squared-error. [cross-entropy]")
@click.option("--file", "file", help="Equations from a file (- for standard input).")
@click.option("--layer", "layer", help="A layer by name, such as conv2d.")
@click.option("--wrt", multiple=True, help="Differentiate by this array; several times. [all real inputs]")
@click.option("--upstream", multiple=True, help="Z=G: call the gradient that comes down to Z by the name G.")
@click.option("--shape", "shapes", multiple=True, help="V=8x9 or V=H,W: the extents of an array; several times.")
@click.option("--convention", "conventions", multiple=True, help="key=value, as for derive grad.")
@click.option("--target", type=click.Choice(TARGETS), default="numpy", show_default=True, help="What to write.")
@click.option("--json", "as_json", is_flag=True, help="Source, parameters and equations as JSON.")
@click.option("-o", "--out", "out", help="Write to this file instead of standard output.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@click.option("--timeout", type=click.FloatRange(0.01, 86400), default=120.0, show_default=True,
              help="Give up after this many seconds.")  # fmt: skip
def command(
    network: str | None,
    layers: str | None,
    image: str | None,
    channels: str | None,
    dense: str | None,
    classes: str | None,
    activation: str | None,
    loss: str | None,
    file: str | None,
    layer: str | None,
    wrt: tuple[str, ...],
    upstream: tuple[str, ...],
    shapes: tuple[str, ...],
    conventions: tuple[str, ...],
    target: str,
    as_json: bool,
    out: str | None,
    force: bool,
    timeout: float,
    **options: str | None,
) -> int:
    """Write the gradients of a network, a layer or equations as a program of torch, NumPy or plain loops."""
    if [network, file, layer].count(None) != 2:
        raise UsageError("give a network (mlp, cnn), --file or --layer, as in: derive code mlp --layers 784,512,10")
    chosen = given_options(options)
    settings = {"layers": layers, "image": image, "channels": channels, "dense": dense, "classes": classes,
                "activation": activation, "loss": loss}  # fmt: skip
    given = {name: text for name, text in settings.items() if text is not None}
    with time_limit(timeout):
        if network is not None:
            refuse_options(chosen)
            _refuse("--file or --layer", wrt=wrt, upstream=upstream, shape=shapes, convention=conventions)
            data = _network_code(_network(network, given), target)
        else:
            _refuse("a network", **given)
            asked = {"upstream": upstream_of(upstream), "shapes": shapes_of(shapes)}
            names = names_of("--wrt", wrt)
            data = _equations_code(file, layer, names, chosen, conventions, target, asked)
    text = json.dumps(data, indent=2) + "\n" if as_json else str(data["source"])
    if out is not None:
        write_file(out, text.encode(), force=force, sources=(file,) if file and file != "-" else ())
        click.echo(f"wrote {out}", err=True)
    else:
        sys.stdout.write(text)
    return 0


def _refuse(wanted: str, **given: object) -> None:
    for name, value in given.items():
        if value:
            raise UsageError(f"--{name} says something about {wanted}, and none is asked for here")


# --- networks ---------------------------------------------------------------------------------------------------------


def _network(name: str, given: dict[str, str]) -> Network:
    from derive.subjects.networks import cnn, mlp

    if name not in NETWORKS:
        close = nearest(name, NETWORKS)
        hint = f"did you mean {close}?" if close else "there are mlp and cnn"
        raise UsageError(f"there is no network {name!r}; {hint}")
    takes = {"mlp": ("layers",), "cnn": ("image", "channels", "dense", "classes")}[name]
    for option in given:
        if option not in (*takes, "activation", "loss"):
            raise UsageError(
                f"--{option} is no option of {name}, which takes {', '.join(f'--{each}' for each in takes)}"
            )
    sizes: dict[str, Any] = {option: _sizes(option, given[option]) for option in takes if option in given}
    words: dict[str, Any] = {option: given[option] for option in ("activation", "loss") if option in given}
    if name == "mlp":
        return mlp(**sizes, **words)
    if len(sizes.get("image", (1, 1, 1))) != 3:
        raise UsageError(
            f"--image takes channels, height and width, as in 1x28x28; {given['image']!r} is not like that"
        )
    if "classes" in sizes:
        if len(sizes["classes"]) != 1:
            raise UsageError(f"--classes takes one number; {given['classes']!r} is not one")
        return cnn(classes=sizes.pop("classes")[0], **sizes, **words)
    return cnn(**sizes, **words)


def _sizes(option: str, text: str) -> tuple[int, ...]:
    pieces = [piece.strip() for piece in re.split(r"[,x]", text)]
    if len(pieces) > _MOST:
        raise UsageError(f"--{option} has {len(pieces)} sizes; at most {_MOST} are taken")
    for piece in pieces:
        if not re.fullmatch("[0-9]{1,7}", piece) or not 1 <= int(piece) <= _LARGEST:
            raise UsageError(
                f"--{option} takes whole numbers from 1 to {_LARGEST} between commas; {piece[:40]!r} is none"
            )
    return tuple(map(int, pieces))


def _network_code(network: Network, target: str) -> dict[str, object]:
    from derive.codegen.networks import network_source

    return {
        "network": network.name,
        "target": target,
        "equations": network.text,
        "parameters": {name: list(shape) for name, shape in network.parameters.items()},
        "source": network_source(network, target),
    }


# --- equations --------------------------------------------------------------------------------------------------------


def _equations_code(
    file: str | None,
    layer: str | None,
    names: list[str],
    options: dict[str, str],
    conventions: tuple[str, ...],
    target: str,
    asked: dict[str, Any],
) -> dict[str, object]:
    if layer is not None:
        from derive.subjects.layers.gradients import grad_layer

        answer = grad_layer(layer, names, options=options, conventions=conventions, **asked)
    else:
        from derive.answers import grad

        refuse_options(options)
        settings = print_only(conventions)
        text = read_text(file or "-")
        answer = grad(text, names, conventions=conventions_of(settings), file=file, **asked)
    source = answer.code(target)
    if source is None:
        raise UsageError("no code can be written for these equations: a function is only named, or an extent varies")
    return {
        "target": target,
        "gradients": list(source.signature.results),
        "arguments": list(source.parameters),
        "source": source.text,
    }
