"""A client of the bus for what is measured: asks services, sends records, hears what was recorded."""

import json
import threading

from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from suite import SITE
from wait import wait_until

SESSION = "0123456789abcdef"


class Bus:
    def __init__(self, broker, name="bench"):
        self._root = f"bitaxe/{SITE}/"
        self._name = name
        self._asked = 0
        self._answers = {}
        self._number = 0
        self._unrecorded = set()
        self._changed = threading.Condition()
        self._client = broker.client(name)
        self._client.on_message = self._on_message
        for topic in (f"reply/tests/{name}", f"recorded/{name}"):
            self._client.subscribe(self._root + topic, qos=1)

    def close(self):
        self._client.loop_stop()
        self._client.disconnect()

    def publish(self, topic, payload, properties=None, retain=False):
        self._client.publish(self._root + topic, payload, qos=1, retain=retain, properties=properties)

    def ask(self, service, verb, arguments=None, seconds=60):
        """The result; a refusal is an AssertionError."""
        self._asked += 1
        correlation = str(self._asked).encode()
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = f"{self._root}reply/tests/{self._name}"
        properties.CorrelationData = correlation
        self.publish(f"cmd/{service}/{verb}", json.dumps(arguments or {}), properties)
        with self._changed:
            came = self._changed.wait_for(lambda: correlation in self._answers, seconds)
        assert came, f"{service} did not answer {verb} within {seconds} s"
        answer = self._answers.pop(correlation)
        assert "error" not in answer, f"{service} {verb}: {answer}"
        return answer

    def ask_until(self, service, verb, seconds=20):
        """As ask, of a service that may just be starting."""

        def asked():
            try:
                return self.ask(service, verb, seconds=1)
            except AssertionError:
                return None

        return wait_until(asked, seconds, f"{service} to answer {verb}")

    def record(self, topic, payload):
        self._number += 1
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("topic", topic), ("session", SESSION), ("number", str(self._number))]
        with self._changed:
            self._unrecorded.add(self._number)
        self.publish(f"record/{self._name}", payload, properties)

    def wait_recorded(self, seconds=60):
        with self._changed:
            came = self._changed.wait_for(lambda: not self._unrecorded, seconds)
        assert came, f"{len(self._unrecorded)} records were not acknowledged within {seconds} s"

    def _on_message(self, client, state, message):
        said = json.loads(message.payload or b"{}")
        with self._changed:
            if "/recorded/" in message.topic:
                for first, last in said["ranges"] if said["session"] == SESSION else ():
                    self._unrecorded.difference_update(range(first, last + 1))
            elif "progress" not in said:
                self._answers[getattr(message.properties, "CorrelationData", b"")] = said
            self._changed.notify_all()
