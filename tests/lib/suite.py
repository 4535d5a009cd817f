"""A real broker and real services for tests: each in a temporary folder, on free ports, ended with its block.

    with Broker() as broker, Service("gateway", broker, {"WEB_LISTEN": "127.0.0.1:0"}) as gateway:
        broker.say("miner/gamma-3/availability", "online")
        gateway.wait_for_log("listens")

BX_BUILD names the build folder (default build/dev). What a failed test wants to see (a service's log, the broker's) is in
the message of its AssertionError.
"""

import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import paho.mqtt.client as mqtt
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from wait import wait_until

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.environ.get("BX_BUILD", os.path.join(ROOT, "build", "dev"))
SITE = "home"


def free_port(address="127.0.0.1"):
    """A port that is free now, and that the kernel will not give to others for the next connections."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def mqtt_client(name):
    """A client of paho-mqtt 1.6 (Debian 12) or 2.1 (Debian 13), which want different first arguments."""
    if hasattr(mqtt, "CallbackAPIVersion"):
        return mqtt.Client(mqtt.CallbackAPIVersion.VERSION2, client_id=name, protocol=mqtt.MQTTv5)
    return mqtt.Client(client_id=name, protocol=mqtt.MQTTv5)


class Process:
    """A program with its log in a file, ended for sure."""

    def __init__(self, arguments, log, environment=None):
        self._log = log
        with open(log, "ab") as output:
            self._process = subprocess.Popen(
                arguments, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
            )
        self.pid = self._process.pid

    def log(self):
        with open(self._log, encoding="utf-8", errors="replace") as text:
            return text.read()

    def is_running(self):
        return self._process.poll() is None

    def signal(self, number):
        if self.is_running():
            self._process.send_signal(number)

    def wait(self, seconds):
        """The exit status."""
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"did not end within {seconds} s:\n{self.log()}") from None

    def end(self):
        if self.is_running():
            self._process.kill()
        self._process.wait()


class Broker:
    """Mosquitto on a unix socket and a loopback port. files: {"acl": text, ...}, put beside its configuration; lines: more of
    its configuration, in which {folder} is that place. Without them everybody may do everything."""

    def __init__(self, lines="allow_anonymous true", files=None):
        self.folder = tempfile.mkdtemp(prefix="bx-broker-")
        self.socket = os.path.join(self.folder, "bus.sock")
        self.port = free_port()
        for name, text in (files or {}).items():
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as file:
                file.write(text)
        user = f"user {pwd.getpwuid(0).pw_name}\n" if os.geteuid() == 0 else ""
        self._config = os.path.join(self.folder, "mosquitto.conf")
        with open(self._config, "w", encoding="utf-8") as config:
            config.write(f"{user}listener 0 {self.socket}\nlistener {self.port} 127.0.0.1\nset_tcp_nodelay true\n")
            config.write(f"persistence false\nmax_queued_messages 100000\nlog_dest stderr\n{lines.format(folder=self.folder)}\n")
        self._process = self._client = None
        self.start()

    def start(self):
        program = shutil.which("mosquitto") or "/usr/sbin/mosquitto"
        self._process = Process([program, "-c", self._config], os.path.join(self.folder, "log"))
        wait_until(self._answers, 10, lambda: f"the broker:\n{self._process.log()}")

    @property
    def pid(self):
        return self._process.pid

    def kill(self):
        """As a power cut: all that was retained is gone."""
        self._process.end()

    def client(self, name, user=None, password=None):
        """A connected paho client with its own thread; stop it by .loop_stop()."""
        client = mqtt_client(name)
        if user:
            client.username_pw_set(user, password)
        client.connect("127.0.0.1", self.port)
        client.loop_start()
        wait_until(client.is_connected, 10, f"{name} to be connected")
        return client

    def say(self, topic, payload, retain=True, properties=None):
        """Publishes under the root, a dict as JSON; None ends what is retained. properties: user properties."""
        if self._client is None:
            self._client = self.client("tests")
        wait_until(self._client.is_connected, 10, "the test's own client to be connected again")
        bytes_ = b"" if payload is None else payload.encode() if isinstance(payload, str) else json.dumps(payload).encode()
        extra = Properties(PacketTypes.PUBLISH) if properties else None
        if properties:
            extra.UserProperty = list(properties.items())
        told = self._client.publish(f"bitaxe/{SITE}/{topic}", bytes_, qos=1, retain=retain, properties=extra)
        told.wait_for_publish(10)
        assert told.is_published(), f"the broker did not take {topic}"

    def close(self):
        if self._client:
            self._client.loop_stop()
            self._client.disconnect()
        self._process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()

    def _answers(self):
        assert self._process.is_running(), f"the broker ended:\n{self._process.log()}"
        with socket.socket() as probe:
            return os.path.exists(self.socket) and probe.connect_ex(("127.0.0.1", self.port)) == 0


class Service:
    """bitaxe-<name> of the build folder with a configuration: {"KEY": value, ...}, or a text; SITE, BUS and STATE_DIR are
    given. Its folder, with its state, outlives stop() and kill() until the block ends: start() is a restart."""

    def __init__(self, name, broker, config=None, environment=None, start=True):
        self.name = name
        self.folder = tempfile.mkdtemp(prefix=f"bx-{name}-")
        self.config = os.path.join(self.folder, "monitoring.conf")
        keys = {"BUS": broker.socket, "STATE_DIR": os.path.join(self.folder, "state"), "CLOCK_WAIT": 0}
        text = config if isinstance(config, str) else ""
        keys.update({} if isinstance(config, str) else config or {})
        with open(self.config, "w", encoding="utf-8") as file:
            file.write("".join(f"{key}='{value}'\n" for key, value in keys.items()) + text)
        self._environment = {**os.environ, **(environment or {})}
        self._process = None
        if start:
            self.start()

    def program(self):
        for place in (f"services/{self.name}/bitaxe-{self.name}", f"bitaxe-{self.name}"):
            path = os.path.join(BUILD, place)
            if os.path.exists(path):
                return path
        raise AssertionError(f"bitaxe-{self.name} is not in {BUILD}; build it, or set BX_BUILD")

    def start(self):
        log = os.path.join(self.folder, "log")
        self._process = Process([self.program(), "--config", self.config], log, self._environment)

    @property
    def pid(self):
        return self._process.pid

    def log(self):
        return self._process.log()

    def is_running(self):
        return self._process.is_running()

    def wait_for_log(self, words, seconds=10):
        """The first line of the log with these words."""

        def line():
            found = [line for line in self.log().splitlines() if words in line]
            assert found or self.is_running(), f"{self.name} ended without saying {words!r}:\n{self.log()}"
            return found and found[0]

        return wait_until(line, seconds, lambda: f"{words!r} in the log of {self.name}:\n{self.log()}")

    def wait(self, seconds=10):
        """Until it has ended by itself; its exit status."""
        return self._process.wait(seconds)

    def stop(self, seconds=10):
        """As systemd does; its exit status."""
        self._process.signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def kill(self):
        self._process.end()

    def close(self):
        self._process.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        """Stops it; a service that does not stop well fails the test that ran it."""
        running = self.is_running()
        try:
            if kind is None and running:
                status = self.stop()
                assert status == 0, f"{self.name} ended with {status}:\n{self.log()}"
        finally:
            self.close()
