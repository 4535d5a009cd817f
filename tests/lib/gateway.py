"""The gateway in tests: started with the checkout's pages, asked over real sockets, byte by byte where it matters."""

import contextlib
import os
import re
import socket
import subprocess
import urllib.parse

import pytest
import requests
import websockets
from suite import ROOT, Service
from wait import wait_until

# ASan keeps what was freed for a while: little of it, where memory is measured
PAGES = {
    "BITAXE_WEB": os.path.join(ROOT, "web", "dist"),
    "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1:thread_local_quarantine_size_kb=64",
}

UPGRADE = (
    b"GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: %s\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n"
)


# libwebsockets 4.3 (Debian 13, Ubuntu 24.04) answers none, or some, of several requests that come in one packet; no browser sends them
# so. What is answered is right, and what is not ends by our deadline.
ANSWERS_PACKETS = subprocess.check_output(["pkg-config", "--modversion", "libwebsockets"], text=True).startswith("4.1.")
requests_in_one_packet = pytest.mark.skipif(not ANSWERS_PACKETS, reason="this libwebsockets leaves requests in one packet unanswered")


class Gateway(Service):
    """One a broker: a second one would be the same client to it, and put the first out."""

    def __init__(self, broker, config=None, **more):
        super().__init__("gateway", broker, {"WEB_LISTEN": "127.0.0.1:0", **(config or {})}, PAGES, **more)
        try:
            self.url = self.wait_for_log("listens").split("url=")[1].split()[0]
            self.port = urllib.parse.urlsplit(self.url).port
            wait_until(lambda: self.get("/healthz").json()["settled"], 10, "the bus to be settled")
        except BaseException:
            self.close()
            raise

    def get(self, path, **more):
        return requests.get(self.url + path, timeout=20, allow_redirects=False, **more)

    def raw(self, address="127.0.0.1"):
        return socket.create_connection((address, self.port), timeout=30)

    def watch(self, path="/monitoring/ws", **more):
        return websockets.connect(self.url.replace("http", "ws") + path, max_size=None, compression=None, **more)

    def cpu_seconds(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory_kb(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def read_all(connection, seconds=20):
    """What comes until the other side closes."""
    connection.settimeout(seconds)
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while True:
            more = connection.recv(65536)
            if not more:
                break
            received += more
    return received


def exchange(gateway, request, seconds=20):
    """Sends bytes as they are; all that comes until the close."""
    with gateway.raw() as connection:
        connection.sendall(request)
        return read_all(connection, seconds)


def count_answers(received):
    return len(re.findall(rb"HTTP/1\.[01] \d\d\d", received))


def status_of(received):
    return int(received.split(b" ", 2)[1]) if received else None


def connections_of(pid):
    """How many TCP sockets a process has, its listening one not counted."""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    inodes = {row[9] for row in rows if row[3] != "0A"}
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            link = os.readlink(f"/proc/{pid}/fd/{name}")
            count += link.startswith("socket:[") and link[8:-1] in inodes
    return count
