"""The pictures of docs/images that show pages: `python -m tests.screenshots build/solutions docs/images`.

The folder is what `derive solve --all` has written. Needs Chromium, pdftoppm and Pillow.
"""

from __future__ import annotations

import base64
import io
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from PIL import Image

from tests.chromium import Page, browser

#: The book, as it is read: sheets of so many pages across and down, each so wide.
BOOK = (10, 5, 170)
#: The HTML pages: only their beginning, so far down in widths of the page.
WEB = (8, 4, 240)
WEB_HEIGHT = 1.5
COLOURS = 48  # of a picture: it is small, and its letters stay grey
PAPER = (200, 200, 200)
GAP = 4


def shot(page: Page, file: Path, *, width: int = 1000, height: int = 800, whole: bool = False) -> Image.Image:
    """A page as the browser shows it. whole : down to its end, not only the window."""
    page.open(file, width=width, height=height)
    if whole:  # what sticks to the window's edge would else stand in the middle of the picture
        length = page.run("document.documentElement.scrollHeight")
        page.send("Emulation.setDeviceMetricsOverride", width=width, height=length, deviceScaleFactor=1, mobile=False)
    return capture(page)


def capture(page: Page) -> Image.Image:
    """The window as it is."""
    data = page.send("Page.captureScreenshot", format="png")["data"]
    return Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB")


def pdf_pages(file: Path, width: int) -> list[Image.Image]:
    """All pages of a PDF, so many pixels wide."""
    command = ["pdftoppm", "-scale-to-x", str(width), "-scale-to-y", "-1", "-png", str(file)]
    data = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout
    starts = [k for k in range(len(data)) if data.startswith(b"\x89PNG\r\n\x1a\n", k)]
    return [Image.open(io.BytesIO(data[a:b])) for a, b in zip(starts, [*starts[1:], None], strict=True)]


def sheets(pictures: Sequence[Image.Image], across: int, down: int) -> Iterable[Image.Image]:
    """Pictures of one size, side by side."""
    width, height = pictures[0].size
    for first in range(0, len(pictures), across * down):
        some = pictures[first : first + across * down]
        rows = -(-len(some) // across)
        sheet = Image.new("RGB", (across * (width + GAP) + GAP, rows * (height + GAP) + GAP), PAPER)
        for place, picture in enumerate(some):
            sheet.paste(picture, (GAP + place % across * (width + GAP), GAP + place // across * (height + GAP)))
        yield sheet


def save(picture: Image.Image, path: Path) -> None:
    picture.quantize(COLOURS, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path}: {picture.width} x {picture.height}, {path.stat().st_size / 1024:.0f} KB")


def small(picture: Image.Image, width: int) -> Image.Image:
    """The beginning of a page, made so wide."""
    beginning = picture.crop((0, 0, picture.width, int(WEB_HEIGHT * picture.width)))
    return beginning.resize((width, int(WEB_HEIGHT * width)), Image.Resampling.LANCZOS)


def stepping(page: Page, file: Path) -> Image.Image:
    """A solution while its stepper goes back: the graph, the row and the adjoint that is being found."""
    page.open(file, width=1000, height=900)
    page.run("document.querySelector('.stepper').scrollIntoView(); document.querySelector('.stepper').focus()")
    page.press("End")
    page.press("ArrowLeft")
    page.press("ArrowLeft")
    page.run("new Promise(done => setTimeout(done, 600))")  # what is lit fades in
    return capture(page)


def main(solutions: Path, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    for number, sheet in enumerate(sheets(pdf_pages(solutions / "solutions.pdf", BOOK[2]), *BOOK[:2]), 1):
        save(sheet, out / f"book-{number}.png")
    with browser() as page:
        files = sorted(solutions.glob("*.html"))
        web = [small(shot(page, file, whole=True), WEB[2]) for file in files]
        for number, sheet in enumerate(sheets(web, *WEB[:2]), 1):
            save(sheet, out / f"pages-{number}.png")
        save(stepping(page, solutions / "griewank.html"), out / "stepper.png")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
