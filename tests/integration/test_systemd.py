"""What systemd is told: ready, alive, stopping. (A booted systemd comes with the units, in a later issue.)"""

import os
import socket
import tempfile

from suite import Broker, Service
from wait import wait_until


def test_a_service_says_ready_feeds_the_watchdog_and_says_that_it_stops():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(os.path.join(folder, "notify"))
        systemd.setblocking(False)
        said = []

        def hear():
            while True:
                try:
                    said.append(systemd.recv(4096).decode())
                except BlockingIOError:
                    return said

        environment = {"NOTIFY_SOCKET": os.path.join(folder, "notify"), "WATCHDOG_USEC": "400000"}
        with Broker() as broker, Service("storage", broker, {}, environment) as storage:
            wait_until(lambda: "READY=1" in hear(), 10, lambda: f"READY among {said}")
            wait_until(lambda: hear().count("WATCHDOG=1") >= 5, 5, lambda: f"five watchdog words among {said}")
            assert storage.stop() == 0
            assert "STOPPING=1" in hear()
