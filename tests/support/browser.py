"""A headless Chromium, driven through its DevTools protocol over a pipe: what a page asks for, and what it looks like.

https://chromedevtools.github.io/devtools-protocol/, messages of JSON that end with a NUL.
"""

import base64
import contextlib
import itertools
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--remote-debugging-pipe")


def program() -> str | None:
    """The browser's path, if one is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


@dataclass
class Page:
    """An open page, with everything that it requested, reported or threw since it was opened."""

    _write: IO[bytes]
    _read: IO[bytes]
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _session: str | None = None
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)

    def open(self, path: Path, *, width: int, dark: bool = False) -> None:
        """Show a file in a window of so many CSS pixels."""
        if self._session is None:
            target = self.call("Target.createTarget", url="about:blank")["targetId"]
            attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
            self._session = attached["sessionId"]
            for domain in ("Network", "Page", "Runtime", "Log"):
                self.call(f"{domain}.enable")
        self.requests.clear()
        self.complaints.clear()
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", features=[scheme])
        self.call("Page.navigate", url=path.resolve().as_uri())
        self.evaluate("new Promise(done => document.readyState === 'complete' ? done() : onload = done)")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """The whole page as PNG."""
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(shot["data"]))

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        number = next(self._numbers)
        message: dict[str, Any] = {"id": number, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._write.write(json.dumps(message).encode() + b"\0")
        self._write.flush()
        while True:
            heard = self._heard()
            if heard.get("id") == number:
                assert "error" not in heard, heard
                result: dict[str, Any] = heard["result"]
                return result
            self._note(heard)

    def _heard(self) -> dict[str, Any]:
        found = bytearray()
        while (byte := self._read.read(1)) != b"\0":
            assert byte, "the browser went away"
            found += byte
        message: dict[str, Any] = json.loads(found)
        return message

    def _note(self, event: dict[str, Any]) -> None:
        method, parameters = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(parameters["request"]["url"])
        elif method == "Log.entryAdded":
            self.complaints.append(parameters["entry"]["text"])
        elif method == "Runtime.exceptionThrown":
            self.complaints.append(str(parameters["exceptionDetails"]))


@contextlib.contextmanager
def opened(path: str, profile: Path) -> Iterator[Page]:
    """A browser with a fresh profile, which ends with the block."""
    read_there, write_here = os.pipe()
    read_here, write_there = os.pipe()
    command = " ".join((path, *_FLAGS, f"--user-data-dir={profile}"))
    browser = subprocess.Popen(
        ["bash", "-c", f"exec {command} 3<&{read_there} 4>&{write_there}"],
        pass_fds=(read_there, write_there),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(read_there)
    os.close(write_there)
    with os.fdopen(write_here, "wb") as write, os.fdopen(read_here, "rb") as read:
        try:
            yield Page(write, read)
        finally:
            browser.kill()
            browser.wait()
