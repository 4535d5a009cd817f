"""Sentences that must hold, each as a test of that very name, by the real broker, collector and storage.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/integration/test_sentences.py

The clock that is a day back is a publisher's of our own (records.Publisher), which keeps to DESIGN section 5: libfaketime
and the sanitizers do not go together. "Broker, gateway and health killed ten times each: the page is right again within
5 s" is the browser test's.
"""

import json
import os
import shutil
import sqlite3
import subprocess
import time

import pytest
from miner import Simulator
from records import Database, Publisher, Records, admit, wait_for_state
from suite import BUILD, Broker, Process, Service
from wait import wait_until

FAST = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 1, "STORAGE_COMMIT_INTERVAL": 2, "OUTBOX_MAX": "64K"}
INTERVAL_S = 2
DAY_S = 86400
SIMULATOR = os.path.join(BUILD, "tests", "simulator", "bx-simulator")


def simulate(devices=(), fleets=()):
    return Simulator(devices=devices, fleets=fleets, binary=SIMULATOR)


def overflow(publisher):
    """Fills its outbox over its bound, a second each, of another source than the one that is looked at; its clock ends a day
    back."""
    while publisher.dropped < 20:
        publisher.clock_s = -DAY_S - publisher.last - 1
        publisher.sample("miner/filler", hashrate=1071.25, power=17.5)
    publisher.clock_s = -DAY_S


def wipe(database, storage, copy):
    database.remove()


def restore(database, storage, copy):
    os.rename(copy, database.path)  # under storage's feet, its log beside it


def refuse(database, storage, copy):
    database.refuse()
    storage.wait_for_log("nothing can be recorded now")
    database.permit()


@pytest.mark.parametrize("misfortune", [wipe, restore, refuse])
def test_a_wiped_restored_or_refused_database_while_the_collector_runs_with_its_outbox_overflown_and_its_clock_a_day_back_the_next_sample_of_a_second_not_held_yet_is_recorded_within_one_commit_interval_every_other_is_acknowledged(  # noqa: E501
    misfortune,
):
    with Broker() as broker, Service("storage", broker, FAST) as storage, Service("collector", broker, FAST) as collector:
        database = Database(storage)
        with Publisher(broker, again_s=2 * INTERVAL_S) as publisher:
            copy = database.path + ".copy"
            wait_until(lambda: database.ask("SELECT 1 FROM open LIMIT 1"), 15, storage.log)
            database.copy_to(copy)
            wait_until(lambda: publisher.unrecorded() == 0, 10, "nothing to be unrecorded")

            storage.kill()  # so that nothing is acknowledged, and the outbox overflows
            overflow(publisher)
            storage.start()
            wait_for_state(broker, "service/storage/availability", lambda text: text == "online")
            misfortune(database, storage, copy)

            key = publisher.sample("endpoint/app", up=True, response_time=12.5)
            asked_at = time.monotonic()

            def recorded():
                publisher.pump()
                return key in database.keys()

            wait_until(recorded, 10, storage.log)
            # the interval, and what the machine needs for the rest
            took = time.monotonic() - asked_at
            assert took < INTERVAL_S + 2, f"{took} s, more than one commit interval:\n{storage.log()}"
            wait_until(lambda: publisher.unrecorded() == 0, 4 * INTERVAL_S, lambda: f"{publisher.unrecorded()} wait")
            assert publisher.dropped >= 20
            assert collector.is_running()
            now = int(time.time())
            wait_until(lambda: any(key[0] == "host" and key[1] >= now for key in database.keys()), 10, collector.log)
            database.assert_sound()


def test_a_catalogue_row_s_decimals_changed_old_values_read_as_before():
    """A database in which values have other decimals than the catalogue's of today; in C, writer_test.c has the same."""
    values = [58.123456, 0.1, 1e-6, 12345.678901, 3, 58.12]
    with Broker() as broker:
        storage = Service("storage", broker, FAST)
        database = Database(storage)
        with storage:
            wait_until(lambda: database.ask("SELECT count(*) FROM open") != [], 10, storage.log)
            storage.stop()
            connection = sqlite3.connect(database.path)
            times = list(range(1764000000, 1764000000 + len(values)))
            connection.execute("INSERT INTO source VALUES(2000, 'endpoint', 'old')")
            connection.execute("INSERT INTO series VALUES(2000 << 12, 'response_time', 'ms')")
            connection.execute(
                "INSERT INTO open VALUES((9 << 12) + 2000, ?, ?)", (json.dumps(times), json.dumps([values]))
            )
            connection.commit()
            connection.close()
            storage.start()
            with Publisher(broker) as publisher:
                publisher.sample("endpoint/old", response_time=7.123456)  # one decimal is kept today
                wait_until(lambda: publisher.unrecorded() == 0, 10, storage.log)
            read = database.ask(
                "SELECT metric_value FROM system_metrics WHERE metric_name = 'old/response_time' ORDER BY timestamp"
            )
            assert [value for (value,) in read] == [*values, 7.1]
            assert database.ask("SELECT count(*) FROM series WHERE name = 'response_time'") == [(1,)]


class InNamespace(Service):
    """A service that lives in a network namespace; the broker's unix socket is no matter of networks."""

    def __init__(self, namespace, *arguments, **more):
        self._namespace = namespace
        super().__init__(*arguments, **more)

    def start(self):
        command = ["ip", "netns", "exec", self._namespace, self.program(), "--config", self.config]
        self._process = Process(command, os.path.join(self.folder, "log"), self._environment)


@pytest.fixture(name="namespace")
def make_namespace():
    name = f"bx-test-{os.getpid()}"
    made = shutil.which("ip") and subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    if not made or made.returncode != 0:
        pytest.skip(f"no network namespace can be made here: {made and made.stderr.decode().strip()}")
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True)


def in_batch(namespace, *commands):
    subprocess.run(
        ["ip", "-netns", namespace, "-batch", "-"], input="\n".join(commands), text=True, check=True, capture_output=True
    )


def test_a_thousand_interfaces_that_come_and_go_add_no_series(namespace):
    with Broker() as broker, Service("storage", broker, FAST) as storage:
        database = Database(storage)

        def host_samples():
            return database.ask("SELECT count(*) FROM sample WHERE source = 'host' AND name = 'load_average'")

        def host_series():
            return database.ask("SELECT name FROM series WHERE id >> 12 = (SELECT id FROM source WHERE type = 'host')")

        with InNamespace(namespace, "collector", broker, FAST) as collector:
            wait_until(lambda: (host_samples() or [(0,)])[0][0] >= 3, 20, collector.log)
            before = host_series()
            for start in range(0, 1000, 100):  # 50 pairs at a time: the kernel takes its time to end them
                names = [f"veth{number}" for number in range(start, start + 100, 2)]
                peers = [f"veth{number}" for number in range(start + 1, start + 100, 2)]
                seen = host_samples()[0][0]
                in_batch(namespace, *(f"link add {a} type veth peer name {b}" for a, b in zip(names, peers)))
                wait_until(lambda: host_samples()[0][0] > seen, 10, "a sample with these interfaces")
                in_batch(namespace, *(f"link delete {name}" for name in names))
            seen = host_samples()[0][0]
            wait_until(lambda: host_samples()[0][0] > seen + 1, 10, "a sample after them")
            assert host_series() == before
            assert ("cpu_usage",) in before  # two jobs that fall due together leave it its time
            assert len(before) > 5 and not [name for (name,) in before if "veth" in name]


def test_power_pulled_kill_9_of_all_broker_s_memory_gone_the_registry_stands_at_the_next_start():
    devices = ["127.1.0.1=gamma-602-v2.15.0", "127.1.0.2=nerdqaxeplus2-v1.0.36"]
    topics = ["miner/miner-127-1-0-1/config", "miner/miner-127-1-0-2/config"]
    with simulate(devices) as miners, Broker() as broker:
        with Service("storage", broker, FAST) as storage, Service("collector", broker, FAST) as collector:
            admit(broker, miners, "127.1.0.1", "127.1.0.2")  # and in the next moment:
            for victim in (broker, storage, collector):
                victim.kill()
            assert not collector.is_running() and not storage.is_running()

            broker.start()
            storage.start()
            collector.start()

            for topic, address in zip(topics, ["127.1.0.1", "127.1.0.2"]):
                wait_for_state(broker, topic, lambda text, url=miners.url(address, ""): json.loads(text)["url"] == url)
                wait_for_state(broker, topic.replace("config", "telemetry"), lambda text: json.loads(text)["hashrate"] > 0)
            database = Database(storage)
            wait_until(
                lambda: {key[0] for key in database.keys()} >= {"miner/miner-127-1-0-1", "miner/miner-127-1-0-2"},
                15,
                storage.log,
            )
            database.assert_sound()


def with_unknown_keys(value):
    """The same with a key that nobody knows in each object of it."""
    if isinstance(value, dict):
        return {**{key: with_unknown_keys(inner) for key, inner in value.items()}, "colour": {"deep": [1, None, "x"]}}
    if isinstance(value, list):
        return [with_unknown_keys(inner) for inner in value]
    return value


def test_an_unknown_key_in_every_recorded_payload_changes_nothing():
    with simulate(["127.1.0.1=gt-801-v2.15.0"]) as miners, Broker() as broker:
        with Service("collector", broker, FAST) as collector, Records(broker) as records:
            admit(broker, miners, "127.1.0.1")
            wanted = {"host", "fleet", "miner/miner-127-1-0-1", "service/collector"}

            def each_twice():
                keys = [key[0] for key in records.keys()]
                return "event" in keys and all(keys.count(source) > (source != "service/collector") for source in wanted)

            wait_until(each_twice, 20, collector.log)
            payloads = records.payloads()
    found = []
    for change in (lambda value: value, with_unknown_keys):
        with Broker() as broker, Service("storage", broker, FAST) as storage, Publisher(broker, outbox_max=2**24) as publisher:
            for topic, payload in payloads.values():
                publisher.put(topic, json.dumps(change(json.loads(payload))).encode())
            wait_until(lambda: publisher.unrecorded() == 0, 15, storage.log)
            database = Database(storage)
            samples = database.ask(
                "SELECT source, source_name, name, unit, time, typeof(value), value FROM sample"
                " WHERE NOT (source = 'service' AND source_name = 'storage') AND source <> 'database' ORDER BY 1, 2, 3, 5"
            )
            events = database.ask("SELECT id, time, type, target FROM event ORDER BY id")
            assert "can never be kept" not in storage.log()
            assert len(database.keys()) >= len(payloads) and len(samples) > 60 and events
            found.append((samples, events))
    assert found[0] == found[1]


def test_ctrl_c_under_load_leaves_the_last_published_second_in_the_database():
    """Publishers first, then storage, then the broker, as systemd and `bxctl up` do it; the commit would be minutes away."""
    slow = {**FAST, "STORAGE_COMMIT_INTERVAL": 300, "OUTBOX_MAX": "8M"}
    with simulate(fleets=["30=gamma-602-v2.15.0@127.2.0.1"]) as miners, Broker() as broker:
        storage, collector = Service("storage", broker, slow), Service("collector", broker, slow)
        with storage, collector, Records(broker) as records:
            admit(broker, miners, *(f"127.2.0.{number}" for number in range(1, 31)))
            wait_until(lambda: len({key[0] for key in records.keys()}) >= 33, 20, collector.log)
            wait_until(lambda: len(records.keys()) > 200, 20, collector.log)
            assert collector.stop() == 0
            stopped = time.time()
            assert storage.stop(20) == 0
            records.catch_up()
            held, said = Database(storage).keys(), records.keys()
            assert said <= held, f"missing: {sorted(said - held)[:5]} of {len(said)}"
            assert max(key[1] for key in held if key[0] == "host") >= stopped - 3
            Database(storage).assert_sound()
