"""Storage as a person meets it: the real program on a real broker, and its file read by SQLite's own shell.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/integration/test_storage.py
"""

import json
import os
import struct
import subprocess
import time

from miner import Simulator
from records import Database, Publisher, Records, admit, wait_for_state
from suite import BUILD, Broker, Process, Service
from wait import wait_until

FAST = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 1, "STORAGE_COMMIT_INTERVAL": 1}
SIMULATOR = os.path.join(BUILD, "tests", "simulator", "bx-simulator")


def test_what_a_publisher_records_is_in_the_database_and_acknowledged():
    with Broker() as broker, Service("storage", broker, FAST) as storage, Records(broker, "probe") as records:
        with Publisher(broker) as publisher:
            key = publisher.sample("endpoint/app", up=True, response_time=12.5, status=200)
            wait_until(lambda: publisher.unrecorded() == 0, 10, storage.log)
            database = Database(storage)
            assert key in database.keys() and records.acknowledged() == {key}
            rows = database.ask("SELECT metric_type, metric_name, metric_value, metric_unit FROM system_metrics"
                                " WHERE metric_name LIKE 'app/%' ORDER BY metric_name")
            assert rows == [
                ("application", "app/response_time", 12.5, "ms"),
                ("application", "app/status", 200.0, ""),
                ("application", "app/up", 1.0, ""),
            ]


def test_after_a_stop_the_shell_reads_the_original_s_table_without_any_help():
    with Broker() as broker, Service("storage", broker, {**FAST, "STORAGE_COMMIT_INTERVAL": 300}) as storage:
        wait_for_state(broker, "service/storage/availability", lambda text: text == "online")
        with Publisher(broker) as publisher:
            publisher.sample("host", cpu_usage=12.3)
            publisher.sample("miner/gamma-3", hashrate=1071.25, state="mining")
            assert storage.stop() == 0
        path = Database(storage).path
        said = subprocess.run(
            ["sqlite3", "-readonly", path,
             "SELECT metric_type, metric_name, metric_value, metric_unit FROM system_metrics"
             " WHERE metric_name IN ('cpu_usage', 'gamma-3/hashrate', 'gamma-3/state') GROUP BY metric_name"],
            capture_output=True, text=True, check=True, timeout=20,
        ).stdout
        assert said.splitlines() == [
            "system|cpu_usage|12.3|%", "mining|gamma-3/hashrate|1071.25|GH/s", "mining|gamma-3/state|mining|",
        ]  # fmt: skip
        assert os.path.exists(path + "-wal"), "its log stays, for those who may not write in the folder"


def doubles(value):
    """A number as its bytes, so that nothing is compared after rounding."""
    return struct.pack("<d", value) if isinstance(value, (int, float)) else value


def decode(database):
    """All samples of `open`, by a decoder that shares nothing with the view: (type/name, row, second) -> value."""
    sources = {number: (kind, name) for number, kind, name in database.ask("SELECT id, type, name FROM source")}
    series = {(number >> 12, number & 4095): name for number, name in database.ask("SELECT id, name FROM series")}
    samples = {}
    for number, times, data in database.ask("SELECT id, times, data FROM open"):
        source, seconds = number & 4095, json.loads(times)
        for position, column in enumerate(json.loads(data)):
            for row, second in enumerate(seconds):
                value = column[row] if isinstance(column, list) else column
                if value is not None:
                    key = (*sources[source], series[source, position], second)
                    assert key not in samples
                    samples[key] = doubles(value)
    return samples


def test_the_view_and_a_decoder_in_another_language_read_the_same():
    devices = ["127.1.0.1=gt-801-v2.15.0", "127.1.0.2=nerdqaxeplus2-v1.0.36", "127.1.0.3=ultra-204-v2.1.8"]
    with Simulator(devices=devices, binary=SIMULATOR) as miners, Broker() as broker:
        with Service("storage", broker, FAST) as storage, Service("collector", broker, FAST) as collector:
            admit(broker, miners, "127.1.0.1", "127.1.0.2", "127.1.0.3")
            database = Database(storage)
            wait_until(lambda: len(database.keys()) > 60, 40, collector.log)
            miners.fault("127.1.0.2", "dead")  # a gap
            time_of_gap = len(database.keys())
            wait_until(lambda: len(database.keys()) > time_of_gap + 20, 20, collector.log)
            collector.stop()
            storage.stop()
            viewed = database.ask("SELECT source, source_name, name, time, value FROM sample")
            decoded = decode(database)
            assert len(viewed) == len(decoded) > 500
            assert {tuple(row[:4]): doubles(row[4]) for row in viewed} == decoded
            database.assert_sound()


def test_a_second_storage_in_the_same_folder_is_refused():
    with Broker() as broker, Service("storage", broker, FAST) as storage:
        storage.wait_for_log("started")
        log = os.path.join(storage.folder, "second")
        second = Process([storage.program(), "--config", storage.config], log)
        assert second.wait(10) == 1
        assert "cannot start" in second.log() and str(storage.pid) in second.log()
        assert storage.is_running()


def test_a_thousand_garbage_messages_leave_storage_as_it_is():
    with Broker() as broker, Service("storage", broker, FAST) as storage, Publisher(broker, outbox_max=2**26) as publisher:
        wait_for_state(broker, "service/storage/availability", lambda text: text == "online")
        garbage = [b"", b"\xff\xfe", b"[" * 100000, b"{" * 1000, b"null", b'"x"', b"\x00" * 1000, b"{" + b'"a":1,' * 50000,
                   b'{"time":"now"}', b'{"time":1e999}', b'{"time":"2026-01-01T00:00:00.000Z"', b"1" * 300000]  # fmt: skip
        topics = ["host/telemetry", "event/miner/x", "miner/x/telemetry", "weather/telemetry", "", "/", "a/b/c/d/e"]
        for number in range(1000):
            publisher.put(topics[number % len(topics)], garbage[number % len(garbage)])
        key = publisher.sample("endpoint/app", up=False)
        wait_until(lambda: publisher.unrecorded() == 0, 40, lambda: f"{publisher.unrecorded()} wait:\n{storage.log()}")
        database = Database(storage)
        assert {held for held in database.keys() if held[0] not in ("database", "service/storage")} == {key}
        database.assert_sound()


def test_storage_killed_and_started_thirty_times_in_a_row_keeps_its_database_whole():
    with Broker() as broker, Service("storage", broker, FAST) as storage, Publisher(broker, outbox_max=2**22) as publisher:
        keys, database = set(), Database(storage)
        for number in range(30):
            publisher.clock_s = -1000 + number  # a second each
            keys.add(publisher.sample("endpoint/app", up=True, response_time=number))
            deadline = time.monotonic() + 0.02 * number
            while time.monotonic() < deadline:
                publisher.pump()
            storage.kill()
            storage.start()
        wait_until(lambda: publisher.unrecorded() == 0, 30, storage.log)
        assert keys <= database.keys() and len(keys) == 30
        database.assert_sound()
