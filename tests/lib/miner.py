"""Simulated miners for tests: starts tests/simulator's bx-simulator, orders faults, reads what it was asked.

    with Simulator(devices=["127.1.0.1=gamma-602-v2.15.0"]) as miners:
        miners.fault("127.1.0.1", "slow", 2000)
        requests.get(miners.url("127.1.0.1"))

Leaving the block asserts that no miner saw bad manners. Every wait ends: with what was waited for, or with an
AssertionError that carries what the simulator said.
"""

import json
import os
import queue
import subprocess
import tempfile
import threading

from wait import wait_until

WAIT_S = 10
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(os.environ.get("BX_BUILD", os.path.join(ROOT, "build", "dev")), "tests", "simulator", "bx-simulator")


class Simulator:
    def __init__(self, devices=(), fleets=(), port=0, seed=1, reboot_ms=3000, bodies=None, binary=None):
        """devices: "ADDRESS=SAMPLE[,mac=...][,uptime=S]", fleets: "N=SAMPLE@FIRST_ADDRESS"."""
        self._folder = tempfile.TemporaryDirectory(prefix="bx-simulator-")
        self._log = os.path.join(self._folder.name, "requests.log")
        self._errors = open(os.path.join(self._folder.name, "stderr"), "w+b")
        command = [binary or PROGRAM, "--port", str(port), "--seed", str(seed)]
        command += ["--reboot-ms", str(reboot_ms), "--log", self._log]
        command += ["--bodies", bodies] if bodies else []
        for device in devices:
            command += ["--device", device]
        for fleet in fleets:
            command += ["--fleet", fleet]
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True
        )
        self._lines = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()
        try:
            ready = self._line("ready")
            assert ready.startswith("ready "), f"the simulator began with {ready!r}"
            self.port = int(ready.split()[1])
        except BaseException:
            self._end()
            raise

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close(good_manners=kind is None)

    def url(self, address, path="/api/system/info"):
        return f"http://{address}:{self.port}{path}"

    def order(self, line):
        """Gives an order and returns the answer; an "error: ..." is an AssertionError."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self._line(line)
        assert not answer.startswith("error:"), f"{line}: {answer}"
        return answer

    def fault(self, address, kind, *details):
        self.order(" ".join(["fault", address, kind, *map(str, details)]))

    def set(self, address, key, value):
        self.order(f"set {address} {key} {json.dumps(value)}")

    def unset(self, address, key):
        self.order(f"unset {address} {key}")

    def restart(self, address):
        self.order(f"restart {address}")

    def expect(self, address, method="POST", path="/api/system/restart"):
        """The next such request is no bad manners."""
        self.order(f"expect {address} {method} {path}")

    def stats(self):
        return json.loads(self.order("stats"))

    def manners(self):
        """ "ok", or the first offences."""
        return self.order("manners")

    def requests(self, address=None):
        """The log: every request that is over by now, of one device or of all."""
        self.manners()  # what was answered before this order is in the log after it
        with open(self._log, encoding="ascii") as log:
            entries = [json.loads(line) for line in log]
        return [entry for entry in entries if address in (None, entry["device"])]

    def wait_for_requests(self, count, address=None, wait_s=WAIT_S):
        def enough():
            entries = self.requests(address)
            return entries if len(entries) >= count else None

        return wait_until(enough, wait_s, f"{count} requests")

    def close(self, good_manners=True):
        """Ends it, asserts good manners unless told otherwise, and returns the exit status."""
        if self._folder is None:
            return self.process.returncode
        self.process.terminate()
        try:
            status = self.process.wait(WAIT_S)
        finally:
            said = self._end()
        assert status in (0, 3), f"the simulator ended with {status}: {said}"
        assert status == 0 or not good_manners, f"bad manners: {said}"
        return status

    def _end(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdin.close()
        said = self._said()
        self._errors.close()
        self._folder.cleanup()
        self._folder = None
        return said

    def _said(self):
        self._errors.seek(0)
        return self._errors.read().decode(errors="replace").strip()

    def _read(self):
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _line(self, why):
        try:
            line = self._lines.get(timeout=WAIT_S)
        except queue.Empty:
            line = None
        assert line is not None, f"no answer to {why!r} within {WAIT_S} s; the simulator said: {self._said()}"
        return line
