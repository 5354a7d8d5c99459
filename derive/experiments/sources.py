"""Where the files of a data set come from: a folder that is named in DERIVE_DATA, or a download that is kept.

Every file is held against the SHA-256 of its contents, wherever it comes from.
"""

from __future__ import annotations

import contextlib
import logging
import os
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from derive.errors import MissingPartError, OutputError
from derive.experiments.formats import CIFAR_BATCH, DataError, inflated, read_file

Report = Callable[[str], None]

#: Data set -> file -> (SHA-256 of its contents, SHA-256 of the gzip file that is downloaded).
IDX_FILES = {
    "mnist": {
        "train-images-idx3-ubyte": (
            "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609",
        ),
        "train-labels-idx1-ubyte": (
            "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c",
        ),
        "t10k-images-idx3-ubyte": (
            "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6",
        ),
        "t10k-labels-idx1-ubyte": (
            "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6",
        ),
    },
    "fashion-mnist": {
        "train-images-idx3-ubyte": (
            "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84",
        ),
        "train-labels-idx1-ubyte": (
            "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845",
        ),
        "t10k-images-idx3-ubyte": (
            "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073",
        ),
        "t10k-labels-idx1-ubyte": (
            "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5",
        ),
    },
}
CIFAR_FILES = {
    "data_batch_1.bin": "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5",
    "data_batch_2.bin": "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed",
    "data_batch_3.bin": "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67",
    "data_batch_4.bin": "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48",
    "data_batch_5.bin": "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add",
    "test_batch.bin": "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b",
}
ADDRESS = {
    "mnist": "https://ossci-datasets.s3.amazonaws.com/mnist/",
    "fashion-mnist": "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    "cifar-10": "https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
}
#: What the authors of CIFAR-10 publish for their archive.
CIFAR_MD5 = "c32a1d4ab5d03f1284b67883e8d87530"


def idx_file(name: str, file: str, report: Report | None = None) -> Path:
    """The path of an IDX file of "mnist" or "fashion-mnist", plain, .gz or .xz; downloaded where it is not at hand.

    Raises MissingPartError: not there and not to be had, with the place to put it and its checksum.
    """
    return _local(name, file) or _download(
        ADDRESS[name] + file + ".gz", f"sha256:{IDX_FILES[name][file][1]}", f"{name}/{file}.gz", report
    )


def cifar_batch(file: str, report: Report | None = None) -> Path:
    """The path of a batch of CIFAR-10; taken out of the downloaded archive where it is not at hand.

    A batch that is compressed by xz, which takes seconds to undo, is kept without it among the downloads.
    Raises MissingPartError as `idx_file`.
    """
    found = _local("cifar-10", file)
    if found is not None and found.suffix != ".xz":
        return found
    target = cache() / "cifar-10" / file
    if target.is_file():
        return target
    if found is not None:
        if report:
            report(f"inflating {found.name}")
        return _kept(target, inflated(read_file(found), CIFAR_BATCH, str(found))) or found
    place = f"cifar-10/{file} (SHA-256 {CIFAR_FILES[file]})"
    archive = _download(ADDRESS["cifar-10"], f"md5:{CIFAR_MD5}", place, report)
    try:
        with tarfile.open(archive, "r:gz") as members:
            member = members.extractfile(f"cifar-10-batches-bin/{file}")  # this one alone, to a place of our choosing
            data = member.read(CIFAR_BATCH + 1) if member else b""
    except (KeyError, tarfile.TarError, EOFError, OSError) as reason:
        raise DataError(f"the archive is damaged ({reason}); delete it to download it anew", str(archive)) from reason
    if (kept := _kept(target, data)) is None:
        raise OutputError(f"{target} cannot be written")
    return kept


def _kept(target: Path, data: bytes) -> Path | None:
    """The data as a file, whole or not at all; None where the system refuses."""
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(data)
        part.replace(target)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()
        return None
    return target


def _local(name: str, file: str) -> Path | None:
    """The file in the folder that DERIVE_DATA names: plain, .gz or .xz."""
    named = os.environ.get("DERIVE_DATA")
    if not named:
        return None
    if not Path(named).is_dir():
        raise MissingPartError(f"DERIVE_DATA names {named}, which is no folder; unset it or make it")
    paths = [Path(named) / name / (file + ending) for ending in ("", ".gz", ".xz")]
    return next((path for path in paths if path.is_file()), None)


def cache() -> Path:
    """Where downloads are kept: XDG_CACHE_HOME/derive, on most systems ~/.cache/derive."""
    root = os.environ.get("XDG_CACHE_HOME")
    return (Path(root) if root else Path.home() / ".cache") / "derive"


def _download(address: str, known: str, place: str, report: Report | None) -> Path:
    """The downloaded file, kept in the cache and held against its checksum by pooch."""
    try:
        import pooch
    except ImportError as reason:
        raise MissingPartError(
            f"{place} is not there: set DERIVE_DATA to the folder that holds it, or pip install pooch to download it"
        ) from reason
    pooch.get_logger().setLevel(logging.WARNING)
    file = address.rsplit("/", 1)[1]
    target = cache() / place.split("/")[0]
    fetch = pooch.HTTPDownloader(progressbar=_Told(file, report) if report else False, timeout=30)
    try:
        return Path(pooch.retrieve(address, known, fname=file, path=target, downloader=fetch))
    except (OSError, ValueError) as reason:
        why = "the checksum is wrong" if isinstance(reason, ValueError) else type(reason).__name__
        named = os.environ.get("DERIVE_DATA")
        folder = f"{named}, which DERIVE_DATA names," if named else "the folder that DERIVE_DATA names,"
        raise MissingPartError(
            f"{place} is not there, and {address} gives no copy of it ({why}); put it into {folder} or into {target}; "
            f"{known.replace(':', ' ')}"
        ) from reason


class _Told:
    """A progress bar as pooch wants one, which tells how far it is in words."""

    def __init__(self, file: str, report: Report) -> None:
        self.file = file
        self.report = report
        self.total = 0
        self.done = 0

    def update(self, amount: int) -> None:
        self.done += amount
        part = f" of {self.total / 1e6:.0f}" if self.total else ""
        self.report(f"downloading {self.file}: {self.done / 1e6:.0f}{part} MB")

    def reset(self, *_: Any) -> None:
        self.done = 0

    def close(self) -> None:
        pass
