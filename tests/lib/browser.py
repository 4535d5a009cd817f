"""Debian's Chromium, headless, by its debugging protocol: enough to open a page, look into it and take its picture.

    with Browser() as browser:
        browser.open(url)
        browser.wait_for("document.title == 'Bitaxe monitoring'", 5)
"""

import asyncio
import base64
import json
import os
import shutil
import tempfile

import requests
import websockets
from suite import Process
from wait import wait_until

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync --hide-scrollbars --remote-debugging-port=0"
).split()


class Browser:
    def __init__(self, width=1200, height=800):
        program = shutil.which("chromium") or shutil.which("chromium-browser")
        assert program, "no chromium; see deploy/packages.tsv"
        self._folder = tempfile.mkdtemp(prefix="bx-browser-")
        self.complaints = []  # what the page's console says in anger
        self._number = 0
        self._loop = asyncio.new_event_loop()
        self._socket = None
        self._process = Process(
            [program, *FLAGS, f"--user-data-dir={self._folder}", f"--window-size={width},{height}", "about:blank"],
            os.path.join(self._folder, "log"),
        )
        try:
            port = wait_until(self._port, 30, lambda: f"chromium:\n{self._process.log()}")
            targets = requests.get(f"http://127.0.0.1:{port}/json", timeout=10).json()
            page = next(target for target in targets if target["type"] == "page")
            self._socket = self._loop.run_until_complete(self._connect(page["webSocketDebuggerUrl"]))
            for domain in ("Page", "Runtime", "Log", "Network"):
                self.order(f"{domain}.enable")
        except BaseException:
            self.close()
            raise

    def order(self, method, **params):
        """A command of the protocol; its result."""
        self._number += 1
        return self._loop.run_until_complete(self._order(self._number, method, params))

    def open(self, url):
        self.order("Page.navigate", url=url)

    def value(self, expression):
        """What an expression is in the page."""
        answer = self.order("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, f"{expression}: {answer['exceptionDetails']}"
        return answer["result"].get("value")

    def text(self, selector):
        return self.value(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")

    def wait_for(self, expression, seconds):
        return wait_until(lambda: self.value(expression), seconds, lambda: f"{expression} in:\n{self.text('body')}")

    def look(self, dark=False, width=1200, height=800, phone=False):
        """The scheme, and the size of the window."""
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.order("Emulation.setEmulatedMedia", features=[scheme])
        self.order(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if phone else 1, mobile=phone
        )

    def picture(self, path):
        data = self.order("Page.captureScreenshot", format="png")["data"]
        with open(path, "wb") as file:
            file.write(base64.b64decode(data))

    def close(self):
        if self._socket:
            self._loop.run_until_complete(self._socket.close())
        self._process.end()
        self._loop.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def _port(self):
        assert self._process.is_running(), f"chromium ended:\n{self._process.log()}"
        try:
            with open(os.path.join(self._folder, "DevToolsActivePort"), encoding="ascii") as file:
                return int(file.readline())
        except (OSError, ValueError):
            return None

    async def _connect(self, url):
        return await websockets.connect(url, max_size=None, ping_interval=None)

    async def _order(self, number, method, params):
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params}))
        while True:
            message = json.loads(await asyncio.wait_for(self._socket.recv(), 30))
            if message.get("id") == number:
                assert "error" not in message, f"{method}: {message['error']}"
                return message["result"]
            self._note(message)

    def _note(self, message):
        params = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            self.complaints.append(params["exceptionDetails"])
        if message.get("method") == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.complaints.append(params["entry"])
