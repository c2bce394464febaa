"""Pages in headless Chromium, over the Chrome DevTools Protocol (https://chromedevtools.github.io/devtools-protocol/)."""

import json
import shutil
import subprocess
import tempfile
import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websocket import WebSocket, create_connection

PROGRAMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
OPTIONS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
]
SECONDS = 120.0  # for an answer or the browser's start
AXE = Path(__file__).with_name("node_modules") / "axe-core/axe.min.js"


def program() -> str | None:
    """The path of the first Chromium that is installed."""
    return next(filter(None, map(shutil.which, PROGRAMS)), None)


class Page:
    """A page of the browser; ``problems`` are the errors and warnings of its console, and requests to elsewhere."""

    def __init__(self, socket: WebSocket) -> None:
        self.problems: list[str] = []
        self._socket, self._number, self._loaded, self._session = socket, 0, 0, ""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        self._socket.send(json.dumps(message | ({"sessionId": self._session} if self._session else {})))
        while True:
            answer = json.loads(self._socket.recv())
            if answer.get("id") == self._number:
                assert "error" not in answer, (method, answer["error"])
                return dict(answer["result"])
            self._note(answer.get("method", ""), answer.get("params", {}))

    def _note(self, event: str, details: dict[str, Any]) -> None:
        if event == "Page.loadEventFired":
            self._loaded += 1
        elif event == "Runtime.exceptionThrown":
            self.problems.append(str(details["exceptionDetails"].get("exception", details)))
        elif event == "Runtime.consoleAPICalled" and details["type"] in ("error", "warning", "assert"):
            self.problems.append(str(details["args"]))
        elif event == "Log.entryAdded" and details["entry"]["level"] in ("error", "warning"):
            self.problems.append(details["entry"]["text"])
        elif event == "Network.requestWillBeSent" and not details["request"]["url"].startswith(("file:", "data:")):
            self.problems.append(f"request: {details['request']['url']}")

    def open(self, path: Path, width: int = 1280, height: int = 900, dark: bool = False, scripts: bool = True) -> None:
        """Open a file in a window of this size and wait until it is loaded; ``problems`` start anew."""
        self.problems.clear()
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media="", features=[scheme])
        before, end = self._loaded, time.monotonic() + SECONDS
        self.call("Page.navigate", url=path.resolve().as_uri())
        while self._loaded == before:
            assert time.monotonic() < end, f"{path}: not loaded after {SECONDS} s"
            answer = json.loads(self._socket.recv())
            self._note(answer.get("method", ""), answer.get("params", {}))

    def resize(self, width: int, height: int) -> None:
        """Change the size of the window; narrow ones are those of phones."""
        phone = width < 600
        scale = 2 if phone else 1
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=scale, mobile=phone
        )

    def evaluate(self, expression: str) -> Any:
        """Return the value of an expression; a promise is waited for."""
        answer = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key, such as ``Tab`` or ``ArrowRight``."""
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key)

    def hover(self, selector: str) -> None:
        """Scroll an element into view and move the pointer over it."""
        script = f"""(() => {{
            const element = document.querySelector({json.dumps(selector)});
            element.scrollIntoView({{block: "center", behavior: "instant"}});
            const box = element.getBoundingClientRect();
            return [box.x + box.width / 2, box.y + box.height / 2];
        }})()"""
        x, y = self.evaluate(script)
        self.evaluate("new Promise(requestAnimationFrame)")
        self.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def screenshot(self, path: Path) -> None:
        """Write what the window shows as PNG."""
        path.write_bytes(b64decode(self.call("Page.captureScreenshot", format="png")["data"]))

    def print(self, path: Path) -> None:
        """Write the page as PDF, as the browser prints it."""
        pdf = self.call("Page.printToPDF", paperWidth=8.27, paperHeight=11.69, preferCSSPageSize=True)
        path.write_bytes(b64decode(pdf["data"]))


@contextmanager
def open_browser() -> Iterator[Page]:
    """Start a browser with an empty profile, give its only page, and end it."""
    executable = program()
    assert executable, f"none of {', '.join(PROGRAMS)} is installed"
    with tempfile.TemporaryDirectory(prefix="chromium-", ignore_cleanup_errors=True) as profile:
        command = [executable, *OPTIONS, "--remote-debugging-port=0", f"--user-data-dir={profile}"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = Path(profile, "DevToolsActivePort")
            end = time.monotonic() + SECONDS
            while not address.exists() or len(address.read_text().split()) < 2:
                assert process.poll() is None, f"{executable} ended with exit code {process.returncode}"
                assert time.monotonic() < end, f"{executable} has not started after {SECONDS} s"
                time.sleep(0.05)
            port, path = address.read_text().split()
            url = f"ws://127.0.0.1:{port}{path}"
            socket = create_connection(url, timeout=SECONDS, suppress_origin=True)
            yield Page(socket)
            socket.close()
        finally:
            process.terminate()
            process.wait(timeout=SECONDS)
