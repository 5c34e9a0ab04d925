"""A Chromium that is driven: what a person does at the page, and what the browser complains of.

Owns Chromium's protocol for developer tools, over pipes, which no other program can reach. It must not know
the page.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser.chromium import OPTIONS, find_chromium
from tests.e2e.processes import clean_environ, kill_group

PATIENCE = 30.0
"""Seconds for anything to be seen on a busy machine."""

_ABOVE = 10
"""Descriptors from here on are nobody's in a shell."""


class DevToolsError(AssertionError):
    """The browser refused a command, or a script threw."""


class Browser:
    """Runs until it is ended."""

    def __init__(self, directory: Path) -> None:
        their_in, our_out = (_moved(each) for each in os.pipe())
        our_in, their_out = (_moved(each) for each in os.pipe())
        profile = f"--user-data-dir={directory / 'profile'}"
        # Chromium reads commands from 3, and answers on 4.
        shell = f'exec "$@" 3<&{their_in} 4>&{their_out}'
        with (directory / "chromium-output.txt").open("w") as output:
            self._process = subprocess.Popen(
                ["bash", "-c", shell, "bash", find_chromium(), *OPTIONS, profile, "--remote-debugging-pipe"],
                cwd=directory,
                env=clean_environ(directory),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                pass_fds=(their_in, their_out),
                start_new_session=True,
            )
        os.close(their_in)
        os.close(their_out)
        self._in, self._out = our_in, our_out
        self._received = b""
        self._number = 0
        self._tabs: dict[str, Tab] = {}

    def end(self) -> None:
        kill_group(self._process)
        os.close(self._in)
        os.close(self._out)

    def tab(self, *, language: str = "en") -> Tab:
        """A tab of a profile of its own."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._tabs[session] = tab = Tab(self, session, language, target, context)
        tab.begin()
        return tab

    def call(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE
        while True:
            answer = self._next(deadline - time.monotonic())
            if answer is None:
                raise DevToolsError(f"{method}: no answer within {PATIENCE:g} s")
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise DevToolsError(f"{method}: {answer['error']}")
                result: dict[str, Any] = answer["result"]
                return result

    def listen(self, seconds: float) -> None:
        """Take in what the browser tells meanwhile."""
        deadline = time.monotonic() + seconds
        while self._next(deadline - time.monotonic()) is not None:
            pass

    def _next(self, patience: float) -> dict[str, Any] | None:
        deadline = time.monotonic() + patience
        while b"\0" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._in], [], [], left)[0]:
                return None
            data = os.read(self._in, 1 << 20)
            if not data:
                raise DevToolsError("Chromium has ended; see chromium-output.txt")
            self._received += data
        line, _, self._received = self._received.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        tab = self._tabs.get(message.get("sessionId", ""))
        if tab is not None and "method" in message:
            tab.told(message["method"], message["params"])
        return message


def _moved(descriptor: int) -> int:
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, _ABOVE)
    os.close(descriptor)
    return moved


class Tab:
    """:ivar complaints: errors and warnings of the console, uncaught exceptions, and breaches of the page's
    own policy, in the browser's words.
    """

    def __init__(self, browser: Browser, session: str, language: str, target: str, context: str) -> None:
        self._browser, self._session, self._language = browser, session, language
        self._target, self._context = target, context
        self.complaints: list[str] = []

    def begin(self) -> None:
        for domain in ("Page", "Runtime", "Log", "Network", "Audits"):
            self._call(f"{domain}.enable")
        self._call("Network.setExtraHTTPHeaders", headers={"Accept-Language": self._language})
        self._call("Emulation.setScrollbarsHidden", hidden=True)
        self.look(1280, 900)

    def _call(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.call(method, self._session, **parameters)

    def told(self, method: str, about: dict[str, Any]) -> None:
        match method:
            case "Log.entryAdded" if about["entry"]["level"] in ("error", "warning"):
                self.complaints.append(f"{about['entry']['text']} {about['entry'].get('url', '')}")
            case "Runtime.consoleAPICalled" if about["type"] in ("error", "warning", "assert"):
                self.complaints.append(str([each.get("value") for each in about["args"]]))
            case "Runtime.exceptionThrown":
                self.complaints.append(str(about["exceptionDetails"]))
            case "Audits.issueAdded" if about["issue"]["code"] == "ContentSecurityPolicyIssue":
                self.complaints.append(str(about["issue"]["details"]))

    def look(self, width: int, height: int, *, dark: bool = False) -> None:
        """With a window of this size, in one of both colour schemes."""
        self._call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        still = {"name": "prefers-reduced-motion", "value": "reduce"}
        self._call("Emulation.setEmulatedMedia", features=[scheme, still])

    def open(self, address: str) -> None:
        """As if somebody had typed it."""
        self._call("Page.navigate", url=address, transitionType="typed")
        self.until("document.readyState === 'complete'", "a loaded page")

    def run(self, script: str) -> Any:
        """The value of an expression, awaited if it is a promise."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in answer:
            raise DevToolsError(f"{script[:200]}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, script: str, what: str, *, patience: float = PATIENCE) -> Any:
        """The value of an expression, once it is something."""
        deadline = time.monotonic() + patience
        while True:
            try:
                if seen := self.run(script):
                    return seen
            except DevToolsError:
                # Between two documents there is nothing to run it in.
                if time.monotonic() > deadline:
                    raise
            assert time.monotonic() < deadline, f"{what}: not seen within {patience:g} s"
            self._browser.listen(0.05)

    @contextmanager
    def hidden(self) -> Iterator[None]:
        """Behind another tab of its window."""
        call = self._browser.call
        other = call("Target.createTarget", url="about:blank", browserContextId=self._context)["targetId"]
        self.until("document.visibilityState === 'hidden'", "that it is behind another")
        yield
        call("Target.closeTarget", targetId=other)
        call("Target.activateTarget", targetId=self._target)
        self.until("document.visibilityState === 'visible'", "that it is in front")

    def press(self, key: str) -> None:
        codes = {"Tab": 9, "Enter": 13}
        text = {"text": "\r"} if key == "Enter" else {}
        for kind in ("keyDown", "keyUp"):
            self._call(
                "Input.dispatchKeyEvent",
                type=kind,
                key=key,
                code=key,
                windowsVirtualKeyCode=codes[key],
                **(text if kind == "keyDown" else {}),
            )

    def picture(self, file: Path, *, whole: bool = True) -> None:
        """:param whole: the page, and not the window alone."""
        taken = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        file.write_bytes(base64.b64decode(taken["data"]))
