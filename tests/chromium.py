"""A headless Chromium, driven over its debugging pipe: the standard library is enough, and no port is opened."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BINARY = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--hide-scrollbars",
    "--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions",
    "--remote-debugging-pipe",
)  # fmt: skip


class Page:
    """One tab. `events` holds what the browser reported: (method, parameters)."""

    def __init__(self, reader: int, writer: int) -> None:
        self.reader, self.writer = reader, writer
        self.buffer = b""
        self.count = 0
        self.session = ""
        self.events: list[tuple[str, dict[str, Any]]] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "CSS"):
            self.send(f"{domain}.enable")

    def _receive(self) -> dict[str, Any]:
        while b"\0" not in self.buffer:
            more = os.read(self.reader, 1 << 20)
            if not more:
                raise ConnectionError("the browser has closed its pipe")
            self.buffer += more
        message, _, self.buffer = self.buffer.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        if "method" in answer:
            self.events.append((answer["method"], answer.get("params", {})))
        return answer

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        """One command and its result."""
        self.count += 1
        message: dict[str, Any] = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        text = json.dumps(message).encode() + b"\0"
        while text:
            text = text[os.write(self.writer, text) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return dict(answer["result"])

    def open(self, file: Path, width: int = 1000, height: int = 800, scheme: str = "light", motion: str = "") -> None:
        """Load a file, and wait until its fonts are there."""
        self.events.clear()
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
        wishes = {"prefers-color-scheme": scheme, "prefers-reduced-motion": motion}
        self.send("Emulation.setEmulatedMedia", features=[{"name": k, "value": v} for k, v in wishes.items()])
        self.send("Page.navigate", url=file.as_uri())
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            self._receive()
        self.run("document.fonts.ready.then(() => 1)")

    def run(self, expression: str) -> Any:
        """The value of a JavaScript expression."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise RuntimeError(json.dumps(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """A key as the keyboard sends it."""
        codes = {"Home": 36, "End": 35, "ArrowLeft": 37, "ArrowRight": 39, "Escape": 27, " ": 32, "Tab": 9}
        text = {"text": " "} if key == " " else {}
        for kind in ("keyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key], **text)

    def fonts(self, selector: str) -> list[dict[str, Any]]:
        """The fonts that the matching elements are really drawn with, of all of them together."""
        root = self.send("DOM.getDocument", depth=0)["root"]["nodeId"]
        found = self.send("DOM.querySelectorAll", nodeId=root, selector=selector)["nodeIds"]
        used = [self.send("CSS.getPlatformFontsForNode", nodeId=node)["fonts"] for node in found]
        return [font for fonts in used for font in fonts]

    def complaints(self) -> list[str]:
        """Errors and warnings of the console, uncaught exceptions, and what the security policy refused."""
        texts = []
        for method, parameters in self.events:
            if method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
                texts.append(parameters["entry"]["text"])
            elif method == "Runtime.exceptionThrown":
                texts.append(parameters["exceptionDetails"]["text"])
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning"):
                texts.append(str(parameters["args"]))
        return texts

    def requests(self) -> list[str]:
        """The addresses that were asked for."""
        return [values["request"]["url"] for method, values in self.events if method == "Network.requestWillBeSent"]


@contextmanager
def browser() -> Iterator[Page]:
    """A running browser with one tab; it is ended by its own command, and killed if it does not obey."""
    if BINARY is None:
        raise FileNotFoundError("no Chromium")
    commands, to_browser = os.pipe()
    from_browser, answers = os.pipe()

    def connect() -> None:
        """In the child: the browser reads from descriptor 3 and writes to 4."""
        high = os.dup(commands), os.dup(answers)  # neither may be 3 or 4 when the other is put there
        while min(high) < 5:
            high = os.dup(high[0]), os.dup(high[1])
        os.dup2(high[0], 3)
        os.dup2(high[1], 4)

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [BINARY, *_FLAGS, f"--user-data-dir={profile}"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=connect,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        page = None
        try:
            page = Page(from_browser, to_browser)
            yield page
            page.session = ""
            page.send("Browser.close")
        finally:
            os.close(to_browser)
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            os.close(from_browser)
