"""What is kept, as a test sees it: who listens to the hand-over, who publishes by its rules, and what the database holds.

    with Records(broker) as records:
        wait_until(lambda: records.acknowledged() <= Database(storage).keys(), 5, "all that was acknowledged")

A key is (source, second) of a sample or ("event", id).
"""

import calendar
import json
import os
import secrets
import sqlite3
import threading
import time
from collections import OrderedDict
from queue import SimpleQueue

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from suite import SITE
from wait import wait_until

ROOT = f"bitaxe/{SITE}/"


def key_of(topic, payload):
    """The key of a record by its live topic and its bytes."""
    values = json.loads(payload)
    if topic.startswith("event/"):
        return ("event", values["id"])
    moment = time.strptime(values["time"][:19], "%Y-%m-%dT%H:%M:%S")
    return (topic.rsplit("/", 1)[0], calendar.timegm(moment))


def wait_for_state(broker, topic, wanted, seconds=15):
    """Until a retained topic says so; wanted: a function of its text."""
    heard = []
    client = broker.client("waits-for-state")
    client.on_message = lambda client, userdata, message: heard.append(message.payload.decode())
    client.subscribe(ROOT + topic, qos=1)
    try:
        wait_until(lambda: heard and wanted(heard[-1]), seconds, lambda: f"{topic}, which says {heard[-1:]}")
    finally:
        client.loop_stop()
        client.disconnect()


def admit(broker, miners, *addresses):
    """Has the collector admit simulated miners, one after the other."""
    wait_for_state(broker, "service/collector/availability", lambda text: text == "online")
    for address in addresses:
        url = miners.url(address, "")
        broker.say("cmd/collector/miner-add", {"url": url, "name": "miner-" + address.replace(".", "-")}, retain=False)
        wait_for_state(broker, f"miner/miner-{address.replace('.', '-')}/config", lambda text: True)


class Records:
    """Writes down all records and acknowledgements of a publisher; comes back by itself when the broker died."""

    def __init__(self, broker, publisher="collector"):
        self._lock = threading.Lock()
        self._keys = {}  # (session, number) -> key
        self._payloads = {}  # key -> (topic, payload)
        self._acknowledged = set()  # of (session, number)
        self.sessions = []  # in the order of their first record
        self._publisher = publisher
        self._markers = set()
        self._client = broker.client(f"records-of-{publisher}")
        self._client.reconnect_delay_set(0.1, 0.2)
        self._client.on_message = self._heard
        self._client.on_connect = lambda *unused: self._subscribe()
        self._subscribe()

    def _subscribe(self):
        for topic in (f"record/{self._publisher}", f"recorded/{self._publisher}", "reply/test/marker"):
            self._client.subscribe(ROOT + topic, qos=1)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._client.loop_stop()
        self._client.disconnect()

    def _heard(self, client, userdata, message):
        with self._lock:
            if message.topic.endswith("/marker"):
                self._markers.add(message.payload)
            elif message.topic.startswith(ROOT + "recorded/"):
                said = json.loads(message.payload)
                for first, last in said["ranges"]:
                    self._acknowledged.update((said["session"], number) for number in range(first, last + 1))
            else:
                properties = dict(message.properties.UserProperty)
                if properties["session"] not in self.sessions:
                    self.sessions.append(properties["session"])
                key = key_of(properties["topic"], message.payload)
                self._keys[(properties["session"], int(properties["number"]))] = key
                self._payloads[key] = (properties["topic"], message.payload)

    def catch_up(self):
        """Until all that the broker has for us now has been heard."""
        marker = secrets.token_bytes(8)
        deadline = time.monotonic() + 10
        while marker not in self._markers:
            assert time.monotonic() < deadline, "the marker did not come back"
            if self._client.is_connected():
                self._client.publish(ROOT + "reply/test/marker", marker, qos=1)
            time.sleep(0.05)

    def forget_acknowledgements(self):
        """Another database: what was acknowledged before may be gone with the one before."""
        with self._lock:
            self._acknowledged.clear()

    def acknowledged(self):
        """Keys of what was acknowledged and heard as a record, too."""
        with self._lock:
            return {self._keys[record] for record in self._acknowledged if record in self._keys}

    def keys(self, session=None):
        with self._lock:
            return {key for (of, _), key in self._keys.items() if session in (None, of)}

    def payloads(self):
        with self._lock:
            return dict(self._payloads)

    def newest_session(self):
        with self._lock:
            return self.sessions[-1] if self.sessions else None


class Publisher:
    """A publisher that follows DESIGN section 5, with a clock of its own: an outbox with a bound, sent again on online and
    again_s after it was last sent, at most 100 on the way, none while disconnected. It works when it is looked at: what
    paho's thread hears waits for the next pump(), sample() or unrecorded()."""

    def __init__(self, broker, name="probe", outbox_max=65536, again_s=4, clock_s=0):
        self.session = secrets.token_hex(8)
        self.dropped = self.last = 0
        self.clock_s = clock_s  # ahead of the true one
        self._name, self._outbox_max, self._again_s = name, outbox_max, again_s
        self._outbox = OrderedDict()  # number -> [topic, payload, when it was sent or None]
        self._on_way, self._bytes = set(), 0
        self._heard = SimpleQueue()  # functions
        self._client = broker.client(name)
        self._client.reconnect_delay_set(0.1, 0.2)
        self._client.on_message = lambda client, userdata, message: self._heard.put(lambda: self._hear(message))
        self._client.on_publish = lambda client, userdata, number, *more: self._heard.put(
            lambda: self._on_way.discard(number)
        )
        self._client.on_connect = lambda *unused: self._subscribe()
        self._subscribe()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._client.loop_stop()
        self._client.disconnect()

    def _subscribe(self):
        self._heard.put(self._on_way.clear)
        for topic in (f"recorded/{self._name}", "service/storage/availability"):
            self._client.subscribe(ROOT + topic, qos=1)

    def _hear(self, message):
        if message.topic.endswith("/availability"):
            for entry in self._outbox.values() if message.payload == b"online" else ():
                entry[2] = None
            return
        said = json.loads(message.payload)
        for first, last in said["ranges"] if said["session"] == self.session else ():
            for number in range(first, last + 1):
                self._forget(number)

    def _forget(self, number):
        entry = self._outbox.pop(number, None)
        self._bytes -= len(entry[1]) + 100 if entry else 0

    def sample(self, source="host", **values):
        """Records values of now, by our own clock; returns the key."""
        when = time.time() + self.clock_s
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(when)) + ".000Z"
        self.put(f"{source}/telemetry", json.dumps({"time": text, **values}).encode())
        return (source, int(when))

    def put(self, topic, payload):
        self.last += 1
        self._outbox[self.last] = [topic, payload, None]
        self._bytes += len(payload) + 100
        while self._bytes > self._outbox_max:
            self._forget(next(iter(self._outbox)))
            self.dropped += 1
        self.pump()

    def pump(self):
        """Hears what came and sends what is due; called by whoever waits."""
        while not self._heard.empty():
            self._heard.get()()
        now = time.monotonic()
        for number, entry in list(self._outbox.items()):
            if not self._client.is_connected() or len(self._on_way) >= 100:
                return
            if entry[2] is not None and now - entry[2] < self._again_s:
                continue
            properties = Properties(PacketTypes.PUBLISH)
            properties.UserProperty = [("topic", entry[0]), ("session", self.session), ("number", str(number))]
            told = self._client.publish(f"{ROOT}record/{self._name}", entry[1], qos=1, properties=properties)
            self._on_way.add(told.mid)
            entry[2] = now

    def unrecorded(self):
        self.pump()
        return len(self._outbox)


class Database:
    """The database of a storage service, read as a person would: by SQL, read-only, a connection for each look."""

    def __init__(self, storage):
        self.path = os.path.join(storage.folder, "state", "storage", "bitaxe.db")

    def ask(self, sql, *arguments):
        """All rows; none while there is no database of ours."""
        if not os.path.isfile(self.path):
            return []
        connection = sqlite3.connect(f"file:{self.path}?mode=ro", uri=True, timeout=5)
        try:
            return connection.execute(sql, arguments).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" in str(error):
                return []  # storage is about to make it
            raise
        finally:
            connection.close()

    def keys(self):
        """All that is held."""
        samples = self.ask(
            "SELECT source.type || iif(source.name = '', '', '/' || source.name), t.value"
            " FROM open JOIN source ON source.id = open.id & 4095, json_each(times) t"
        )
        return set(samples) | {("event", row[0]) for row in self.ask("SELECT id FROM event")}

    def assert_sound(self):
        """No damage, nothing twice."""
        assert self.ask("PRAGMA integrity_check") == [("ok",)]
        twice = self.ask(
            "SELECT open.id & 4095, t.value FROM open, json_each(times) t GROUP BY 1, 2 HAVING count(*) > 1"
        )
        assert not twice, f"recorded twice: {twice[:5]}"
        assert not self.ask("SELECT id FROM system_metrics GROUP BY id HAVING count(*) > 1")

    def copy_to(self, path):
        """A whole copy as of now."""
        connection = sqlite3.connect(self.path, timeout=5)
        connection.execute("VACUUM INTO ?", (path,))
        connection.close()

    def remove(self):
        for behind in ("", "-wal", "-shm"):
            if os.path.exists(self.path + behind):
                os.unlink(self.path + behind)

    def refuse(self):
        """Puts a folder in its place."""
        self.remove()
        os.mkdir(self.path)

    def permit(self):
        os.rmdir(self.path)
