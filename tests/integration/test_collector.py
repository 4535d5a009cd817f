"""The collector as miners and the bus meet it: real broker, real program, simulated miners on loopback addresses.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/integration/test_collector.py

Each test that leaves its Simulator asserts good manners: never two requests at once to a miner, no Origin, no writes.
"""

import json
import os
import signal
import subprocess
import threading
import time

import pytest
from miner import Simulator
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from suite import BUILD, SITE, Broker, Service
from wait import wait_until

ROOT = f"bitaxe/{SITE}/"
GAMMA, NERD, NESTED = "gamma-602-v2.15.0", "nerdqaxeplus2-v1.0.36", "fork-nmaxe-v3.0.21-nested"
FAST = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 2}


def simulate(*devices):
    return Simulator(devices=devices, binary=os.path.join(BUILD, "tests", "simulator", "bx-simulator"))


class Bus:
    """A client that writes down all that is said, and asks."""

    def __init__(self, broker, name="watcher"):
        self.messages = []  # (when, topic under the root, payload text)
        self.state = {}  # the newest of each topic
        self._answers = {}
        self._lock = threading.Lock()
        self._client = broker.client(name)
        self._client.on_message = self._heard
        self._client.subscribe(ROOT + "#", qos=1)

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self._client.loop_stop()
        self._client.disconnect()

    def _heard(self, client, userdata, message):
        topic, text = message.topic[len(ROOT) :], message.payload.decode()
        with self._lock:
            self.messages.append((time.monotonic(), topic, text))
            self.state[topic] = text
            if topic == "reply/bxctl/tests":
                self._answers[bytes(message.properties.CorrelationData)] = json.loads(text)

    def wait_for(self, topic, wanted=None, seconds=10):
        """Until a topic is said, as this text; wanted may be a function of the text."""

        def said():
            text = self.state.get(topic)
            matches = wanted(text) if callable(wanted) and text is not None else wanted in (None, text)
            return text if text is not None and matches else None

        return wait_until(said, seconds, lambda: f"{topic} to be {wanted}, it is {self.state.get(topic)}")

    def values(self, topic):
        return json.loads(self.state[topic])

    def since(self, moment, topic):
        with self._lock:
            return [(when, text) for when, at, text in self.messages if at == topic and when >= moment]

    def ask(self, verb, seconds=15, **arguments):
        number = str(time.monotonic_ns()).encode()
        properties = Properties(PacketTypes.PUBLISH)
        properties.ResponseTopic = ROOT + "reply/bxctl/tests"
        properties.CorrelationData = number
        self._client.publish(f"{ROOT}cmd/collector/{verb}", json.dumps(arguments), qos=1, properties=properties)
        return wait_until(lambda: self._answers.get(number), seconds, f"an answer to {verb}")

    def add(self, miners, address, **more):
        answer = self.ask("miner-add", url=f"{address}:{miners.port}", **more)
        assert answer["ok"], answer
        return answer["result"]["id"]


@pytest.fixture
def broker():
    with Broker() as running:
        yield running


def start(broker, bus, config=None):
    service = Service("collector", broker, FAST if config is None else config)
    try:
        bus.wait_for("service/collector/availability", "online")
    except BaseException:
        service.close()
        raise
    return service


# --- numbers ---

TRUTH = {"hashrate": 1050.25, "power": 18.5, "asic_temperature": 61.5, "vr_temperature": 54, "fan_rpm": 4321}
TRUTH |= {"shares_accepted": 777, "shares_rejected": 3}
KEYS = {
    GAMMA: ("hashRate", "power", "temp", "vrTemp", "fanrpm", "sharesAccepted", "sharesRejected"),
    NERD: ("hashRate", "power", "temp", "vrTemp", "fanrpm", "sharesAccepted", "sharesRejected"),
    NESTED: ("miner.hashRate", "power.power", "temps.asic", "temps.vcore", "fans[0].rpm", "miner.sAccepted", "miner.sRejected"),
}


def test_three_dialects_give_the_right_numbers(broker):
    addresses = {"127.1.0.1": GAMMA, "127.1.0.2": NERD, "127.1.0.3": NESTED}
    with simulate(*(f"{a}={s}" for a, s in addresses.items())) as miners, Bus(broker) as bus, start(broker, bus):
        for address, sample in addresses.items():
            for key, value in zip(KEYS[sample], TRUTH.values(), strict=True):
                miners.set(address, key, value)
        miners.set("127.1.0.1", "bestDiff", 123456789)
        miners.set("127.1.0.2", "bestDiff", 123456789)
        miners.set("127.1.0.3", "miner.bestDiffEver", "123.4M")
        best = {GAMMA: 123456789, NERD: 123456789, NESTED: 123400000}
        expected = {GAMMA: 1071, NERD: 4896, NESTED: 1071}
        dialects = {GAMMA: "axeos", NERD: "nerdqaxe", NESTED: "nmaxe"}
        for address, sample in addresses.items():
            name = bus.add(miners, address)
            bus.wait_for(f"miner/{name}/telemetry")
            told = bus.values(f"miner/{name}/telemetry")
            wanted = TRUTH | {"best_difficulty": best[sample], "hashrate_expected": expected[sample]}
            assert {key: told.get(key) for key in wanted} == wanted, sample
            facts = bus.values(f"miner/{name}/info")
            assert facts["dialect"] == dialects[sample]
            assert "not-a-real" not in json.dumps(facts) and "bc1qexample" not in json.dumps(facts)
        bus.wait_for("fleet/telemetry", lambda text: json.loads(text).get("active_miners") == 3)
        assert bus.values("fleet/telemetry")["hashrate"] == pytest.approx(3 * 1050.25, abs=0.01)


# --- faults: all at once, beside three that are well ---

FAULTS = {  # kind: (details, is offline after a while)
    "dead": ((), True),
    "silent": ((), True),
    "slow-2": ((2000,), False),
    "slow-8": ((8000,), True),
    "frozen": ((), False),
    "http500": ((), True),
    "http401": ((), True),
    "redirect": ((), True),
    "empty": ((), True),
    "cut": ((), True),
    "garbage": ((), True),
    "huge": ((), True),
    "drip": ((), True),
    "null": ((), False),
    "moved": (("02:00:5E:99:99:99",), True),
}
WELL = ["127.1.1.1", "127.1.1.2", "127.1.1.3"]


class Storm:
    """What came of it: names by kind, when it broke, and all that was said."""


def mac_of(number):
    return f"02:00:5E:11:00:{number:02X}"


@pytest.fixture(scope="module")
def storm():
    bad = {kind: f"127.1.2.{number}" for number, kind in enumerate(FAULTS, 1)}
    devices = [f"{a}={GAMMA},mac={mac_of(100 + n)}" for n, a in enumerate(WELL)]
    devices += [f"{a}={GAMMA},mac={mac_of(n)}" for n, a in enumerate(bad.values(), 1)]
    result = Storm()
    with Broker() as broker, simulate(*devices) as miners, Bus(broker) as bus, start(broker, bus) as service:
        result.well = [bus.add(miners, address) for address in WELL]
        result.names = {kind: bus.add(miners, address, name=kind) for kind, address in bad.items()}
        for name in [*result.well, *result.names.values()]:
            bus.wait_for(f"miner/{name}/telemetry")
        result.broke = time.monotonic()
        for kind, (details, _) in FAULTS.items():
            miners.fault(bad[kind], kind.split("-")[0], *details)
        for kind, (_, is_offline) in FAULTS.items():
            if is_offline:  # three misses of at most 6 s, and the pauses between
                bus.wait_for(f"miner/{result.names[kind]}/availability", "offline", 40)
        first = result.names["slow-2"]
        wait_until(lambda: len(bus.since(result.broke, f"miner/{first}/telemetry")) > 5, 30, "the slow one")
        result.over = time.monotonic()
        for address in bad.values():
            miners.fault(address, "none")

        def back():
            bus.ask("collect")
            return all(bus.state[f"miner/{name}/availability"] == "online" for name in result.names.values())

        wait_until(back, 60, lambda: f"all to be back: {bus.state}")
        result.bus, result.log = bus, service.log()
        assert miners.manners() == "ok"
        yield result


@pytest.mark.parametrize("name", range(len(WELL)))
def test_a_broken_miner_stops_no_other(storm, name):
    said = storm.bus.since(storm.broke, f"miner/{storm.well[name]}/telemetry")
    moments = [storm.broke, *(when for when, _ in said if when < storm.over), storm.over]
    assert max(b - a for a, b in zip(moments, moments[1:])) < 3, moments
    assert all(text == "online" for _, text in storm.bus.since(0, f"miner/{storm.well[name]}/availability"))


@pytest.mark.parametrize("kind", FAULTS)
def test_a_broken_miner_puts_no_wrong_number_on_the_bus(storm, kind):
    """A healthy gamma: what is said of it is absent or near to what such a board does."""
    bounds = {"hashrate": (900, 1250), "hashrate_10m": (900, 1250), "hashrate_expected": (1071, 1071), "power": (15, 21)}
    bounds |= {"asic_temperature": (50, 70), "vr_temperature": (45, 65), "fan_rpm": (3000, 6000), "efficiency": (14, 20)}
    said = storm.bus.since(0, f"miner/{storm.names[kind]}/telemetry")
    assert said
    for _, text in said:
        values = json.loads(text)
        for key, (least, most) in bounds.items():
            assert key not in values or least <= values[key] <= most, (key, values)
        assert not [key for key, value in values.items() if value in (-1, None)], values


@pytest.mark.parametrize("kind", [kind for kind, (_, is_offline) in FAULTS.items() if is_offline])
def test_a_miner_without_an_answer_is_told_offline_and_nothing_else_is_said_of_it(storm, kind):
    went = [when for when, text in storm.bus.since(storm.broke, f"miner/{storm.names[kind]}/availability") if text == "offline"]
    assert len(went) == 1
    said = storm.bus.since(went[0], f"miner/{storm.names[kind]}/telemetry")
    assert not [when for when, _ in said if when < storm.over], kind


@pytest.mark.parametrize("kind", [kind for kind, (_, is_offline) in FAULTS.items() if not is_offline])
def test_a_miner_that_answers_is_not_told_offline(storm, kind):
    assert {text for _, text in storm.bus.since(0, f"miner/{storm.names[kind]}/availability")} == {"online"}


def test_a_stranger_is_told_once(storm):
    events = [json.loads(text)["type"] for _, text in storm.bus.since(storm.broke, f"event/miner/{storm.names['moved']}")]
    assert events.count("miner.stranger") == 1
    assert "another miner answers at this address" in storm.log


def test_a_silent_miner_is_told_offline_within_a_minute_at_the_default_interval(broker):
    with simulate(f"127.1.0.1={GAMMA}") as miners, Bus(broker) as bus, start(broker, bus, {}):
        name = bus.add(miners, "127.1.0.1")
        bus.wait_for(f"miner/{name}/telemetry", seconds=20)
        miners.fault("127.1.0.1", "silent")
        bus.wait_for(f"miner/{name}/availability", "offline", 60)


def test_refuses_what_is_no_miner(broker):
    with simulate(f"127.1.0.1={GAMMA}") as miners, Bus(broker) as bus, start(broker, bus):
        for kind, code in {"garbage": "invalid", "http401": "invalid", "redirect": "invalid", "dead": "unreachable"}.items():
            miners.fault("127.1.0.1", kind)
            answer = bus.ask("miner-add", url=f"127.1.0.1:{miners.port}")
            assert (answer["ok"], answer["error"]["code"]) == (False, code), (kind, answer)
            assert kind != "http401" or "HTTP status 401" in answer["error"]["message"]
        miners.fault("127.1.0.1", "silent")
        assert bus.ask("miner-add", url=f"127.1.0.1:{miners.port}")["error"]["code"] == "timed_out"
        miners.fault("127.1.0.1", "none")
        miners.set("127.1.0.1", "unused", 1)
        assert not [topic for topic in bus.state if topic.startswith("miner/")]


# --- deaths ---


def retained(bus):
    return {topic for topic, text in bus.state.items() if text and topic.split("/")[0] in ("miner", "service", "host", "fleet")}


def test_all_is_said_again_within_five_seconds_of_a_new_broker(broker):
    with simulate(f"127.1.0.1={GAMMA}", f"127.1.0.2={NERD}") as miners:
        slow = {"MINER_POLL_INTERVAL": 600}  # so that nothing is said for being measured anew
        with Bus(broker) as bus, start(broker, bus, slow):
            for address in ("127.1.0.1", "127.1.0.2"):
                name = bus.add(miners, address)
                bus.wait_for(f"miner/{name}/telemetry", seconds=20)
            bus.wait_for("host/telemetry")
            before, requests = retained(bus) - {"service/collector/log"}, len(miners.requests())
            assert len(before) >= 12, before
            broker.kill()
            broker.start()
            with Bus(broker, "second") as again:
                wait_until(lambda: before <= retained(again), 5, lambda: f"{before - retained(again)}")
            assert len(miners.requests()) == requests


def test_the_registry_stands_after_kill_9_and_the_broker_says_offline(broker):
    with simulate(f"127.1.0.1={GAMMA}") as miners, Bus(broker) as bus, start(broker, bus) as service:
        name = bus.add(miners, "127.1.0.1", name="Kitchen")
        bus.wait_for(f"miner/{name}/telemetry")
        entry = bus.state[f"miner/{name}/config"]
        service.kill()
        bus.wait_for("service/collector/availability", "offline", 5)
        broker.kill()
        broker.start()
        with Bus(broker, "second") as again:
            service.start()
            again.wait_for(f"miner/{name}/config", entry)
            again.wait_for(f"miner/{name}/telemetry", seconds=10)
            assert json.loads(entry)["name"] == "Kitchen"


def test_sigterm_says_offline_and_ends_well(broker):
    with Bus(broker) as bus, start(broker, bus) as service:
        assert service.stop() == 0
        bus.wait_for("service/collector/availability", "offline", 2)
        assert "stopped" in service.log()


def run(service, config=None):
    return subprocess.run(
        [service.program(), "--config", config or service.config], capture_output=True, text=True, timeout=20, check=False
    )


def test_a_second_one_on_the_same_folder_is_refused_with_the_reason(broker):
    with Bus(broker) as bus, start(broker, bus) as service:
        second = run(service)
        assert second.returncode == 1, second.stderr
        assert str(service.pid) in second.stderr and "lock" in second.stderr, second.stderr
        assert service.is_running()
        assert bus.ask("ping")["ok"]


def test_a_wrong_configuration_ends_with_2_and_all_its_problems(broker):
    with Bus(broker) as bus, start(broker, bus) as service:
        wrong = os.path.join(service.folder, "wrong.conf")
        with open(wrong, "w", encoding="utf-8") as file:
            file.write("MINER_POLL_INTERVAL=soon\nNONSENSE=1\nSITE='a b'\nLOG_LEVEL=loud\n")
        ended = run(service, wrong)
        assert ended.returncode == 2
        for number, key in enumerate(("MINER_POLL_INTERVAL", "NONSENSE", "SITE", "LOG_LEVEL"), 1):
            assert f"{wrong}:{number}: " in ended.stderr and key in ended.stderr, ended.stderr
        assert run(service, "/nowhere/at/all.conf").returncode == 2


def change(service, more):
    with open(service.config, encoding="utf-8") as file:
        before = file.read()
    with open(service.config, "w", encoding="utf-8") as file:
        file.write(before + more)
    return before


def test_sighup_with_a_wrong_file_goes_on_and_with_a_right_one_starts_anew(broker):
    with simulate(f"127.1.0.1={GAMMA}") as miners, Bus(broker) as bus, start(broker, bus) as service:
        name = bus.add(miners, "127.1.0.1")
        bus.wait_for(f"miner/{name}/telemetry")
        pid, started = service.pid, bus.values("service/collector/info")["started"]
        before = change(service, "NONSENSE=1\n")

        os.kill(pid, signal.SIGHUP)
        service.wait_for_log("the configuration is wrong; the service goes on with the old one")
        assert "NONSENSE" in service.log()
        moment = time.monotonic()
        wait_until(lambda: len(bus.since(moment, f"miner/{name}/telemetry")) >= 2, 10, "telemetry after a wrong file")

        with open(service.config, "w", encoding="utf-8") as file:
            file.write(before + "LOG_LEVEL=debug\n")
        os.kill(pid, signal.SIGHUP)
        service.wait_for_log("starts anew with the new configuration", 15)
        info = bus.wait_for("service/collector/info", lambda text: json.loads(text)["started"] != started, 15)
        assert json.loads(info)["pid"] == pid == service.pid and service.is_running()
        bus.wait_for("service/collector/availability", "online")
        moment = time.monotonic()
        wait_until(lambda: bus.since(moment, f"miner/{name}/telemetry"), 10, "telemetry of the new one")
        assert bus.ask("log-level", level="info")["ok"]
