"""Who may say and hear what: broker-config/acl, for each role, at a real broker. The table is the design's, written by hand."""

import base64
import hashlib
import os
import threading

import pytest
from suite import ROOT, Broker, mqtt_client
from wait import wait_until

ROLES = ("suite", "gateway", "bxctl", "homeassistant", "monitor")
ALL, SUITE = set(ROLES), {"suite"}
# topic: who may say it, who may hear it
RIGHTS = {
    "bitaxe/home/service/collector/availability": (SUITE, ALL),
    "bitaxe/home/service/gateway/availability": ({"suite", "gateway"}, ALL),
    "bitaxe/home/host/telemetry": (SUITE, ALL),
    "bitaxe/home/fleet/telemetry": (SUITE, ALL),
    "bitaxe/home/miner/gamma-3/config": (SUITE, ALL),
    "bitaxe/home/miner/gamma-3/telemetry": (SUITE, ALL),
    "bitaxe/home/database/telemetry": (SUITE, ALL),
    "bitaxe/home/endpoint/app/telemetry": (SUITE, ALL),
    "bitaxe/home/unit/bitaxe-web/state": (SUITE, ALL),
    "bitaxe/home/custom/mine/telemetry": (SUITE, ALL),
    "bitaxe/home/health/summary": (SUITE, ALL),
    "bitaxe/home/alert/miner-gamma-3-answers": (SUITE, ALL),
    "bitaxe/home/restart/miner/gamma-3": (SUITE, ALL),
    "bitaxe/home/backup/status": (SUITE, ALL),
    "bitaxe/home/maintenance/status": (SUITE, ALL),
    "bitaxe/home/schedule/backup/run": (SUITE, ALL),
    "bitaxe/home/record/collector": (SUITE, {"suite", "gateway"}),
    "bitaxe/home/record/gateway": ({"suite", "gateway"}, {"suite", "gateway"}),
    "bitaxe/home/recorded/collector": (SUITE, ALL),
    "bitaxe/home/event/miner/gamma-3": ({"suite", "gateway"}, ALL),
    "bitaxe/home/cmd/collector/miner-add": ({"suite", "gateway", "bxctl"}, ALL),
    "bitaxe/home/cmd/collector/collect": ({"suite", "gateway", "bxctl", "homeassistant"}, ALL),
    "bitaxe/home/cmd/health/check": ({"suite", "gateway", "bxctl", "homeassistant"}, ALL),
    "bitaxe/home/cmd/storage/commit": ({"suite", "gateway", "bxctl"}, ALL),
    "bitaxe/home/reply/suite/collector": ({"suite", "gateway"}, SUITE),
    "bitaxe/home/reply/gateway/gateway": ({"suite", "gateway"}, {"suite", "gateway"}),
    "bitaxe/home/reply/bxctl/bxctl-1": ({"suite", "gateway", "bxctl"}, {"suite", "bxctl"}),
    "bitaxe/home/reply/homeassistant/x": ({"suite", "gateway", "homeassistant"}, {"suite", "homeassistant"}),
    "bitaxe/home/reply/monitor/x": ({"suite", "gateway", "monitor"}, {"suite", "monitor"}),
    "bitaxe/elsewhere/host/telemetry": (set(), set()),
    "homeassistant/device/bitaxe/config": ({"suite", "homeassistant"}, {"suite", "homeassistant"}),
    "other/topic": (set(), set()),
}


def password_line(role):
    salt = os.urandom(12)
    key = hashlib.pbkdf2_hmac("sha512", role.encode(), salt, 101)
    return f"{role}:$7$101${base64.b64encode(salt).decode()}${base64.b64encode(key).decode()}\n"


class Ear:
    """A client of a role that notes what it hears."""

    def __init__(self, broker, role):
        self.heard = set()
        self.role = role
        self.client = broker.client(f"ear-{role}", role, role)
        subscribed = threading.Event()
        self.client.on_message = lambda client, arg, message: self.heard.add((message.topic, bytes(message.payload)))
        self.client.on_subscribe = lambda *anything: subscribed.set()
        self.client.subscribe("#", 1)
        assert subscribed.wait(10)

    def say(self, topic, payload):
        told = self.client.publish(topic, payload, qos=1)
        told.wait_for_publish(10)


@pytest.fixture(scope="module")
def ears():
    with open(os.path.join(ROOT, "broker-config", "acl"), encoding="utf-8") as file:
        files = {"acl": file.read(), "passwd": "".join(map(password_line, ROLES))}
    lines = "allow_anonymous false\npassword_file {folder}/passwd\nacl_file {folder}/acl"
    with Broker(lines, files) as broker:
        ears = {role: Ear(broker, role) for role in ROLES}
        yield ears
        for ear in ears.values():
            ear.client.loop_stop()


def own_reply(role):
    return f"bitaxe/home/reply/{role}/sync"


@pytest.mark.parametrize("role", ROLES)
def test_a_role_says_what_it_may_and_nothing_else(ears, role):
    word = f"said by {role}".encode()
    listeners = {"suite", "homeassistant"}  # between them they hear all that anybody may say
    for topic in RIGHTS:
        ears[role].say(topic, word)
    # behind all that: something that arrives for sure
    ears[role].say(own_reply(role), word)
    wait_until(lambda: (own_reply(role), word) in ears["suite"].heard, 10, "the last word")
    came = {topic for topic in RIGHTS for listener in listeners if (topic, word) in ears[listener].heard}
    assert came == {topic for topic, (may_say, _) in RIGHTS.items() if role in may_say}


@pytest.mark.parametrize("role", ROLES)
def test_a_role_hears_what_it_may_and_nothing_else(ears, role):
    word = f"for {role}".encode()
    said = [topic for topic, (may_say, _) in RIGHTS.items() if "suite" in may_say]
    for topic in said:
        ears["suite"].say(topic, word)
    ears["suite"].say(own_reply(role), word)
    wait_until(lambda: (own_reply(role), word) in ears[role].heard, 10, "the last word")
    came = {topic for topic in said if (topic, word) in ears[role].heard}
    assert came == {topic for topic in said if role in RIGHTS[topic][1]}


def test_a_wrong_password_and_no_password_are_refused():
    files = {"passwd": password_line("suite")}
    with Broker("allow_anonymous false\npassword_file {folder}/passwd", files) as broker:
        for user, password, welcome in (("suite", "suite", True), ("suite", "wrong", False), (None, None, False)):
            answers = []
            client = mqtt_client("stranger")
            client.on_connect = lambda client, arg, flags, reason, *rest, answers=answers: answers.append(str(reason))
            if user:
                client.username_pw_set(user, password)
            client.connect("127.0.0.1", broker.port)
            client.loop_start()
            wait_until(lambda answers=answers: answers, 10, "the broker's answer")
            client.loop_stop()
            assert (answers[0] == "Success") == welcome
