"""Nothing that is said on the bus crashes a service, blocks it, or puts a wrong number in the database."""

import json
import os
import random
import sqlite3

from miner import Simulator
from suite import Broker, Service
from wait import wait_until

TOPICS = [
    "service/collector/availability", "service/storage/stats", "service/health/info", "service/x/log", "host/telemetry",
    "fleet/telemetry", "miner/ghost/config", "miner/ghost/availability", "miner/ghost/info", "miner/ghost/telemetry",
    "database/telemetry", "endpoint/app/telemetry", "unit/bitaxe-web/state", "custom/x/telemetry", "health/summary",
    "health/check/miner/ghost", "alert/x", "restart/miner/ghost", "backup/status", "schedule/a/b", "record/ghost",
    "recorded/collector", "recorded/storage", "event/miner/ghost", "cmd/collector/miner-add", "cmd/collector/miner-remove",
    "cmd/storage/commit", "cmd/health/check", "cmd/gateway/ping", "cmd/storage/nonsense", "reply/suite/collector",
    "reply/gateway/gateway", "unknown", "unknown/topic/of/many/levels", "miner//telemetry", "miner/" + "x" * 300 + "/telemetry",
]  # fmt: skip
PAYLOADS = [
    b"", b"{", b"}", b"null", b"[]", b"[[[[[[", b"[" * 5000, b"{\"a\":" * 3000, b"\xff\xfe\x00", b"\x00" * 100, b"online", b"ONLINE",
    b"{}", b'{"time":5}', b'{"time":"yesterday"}', b'{"time":"9999-12-31T23:59:59.999Z","hashrate":1}',
    b'{"time":"2026-01-01T00:00:00.000Z","hashrate":"5"}', b'{"hashrate":1e400}', b'{"hashrate":-1,"power":1e308,"uptime":null}',
    b'{"hashrate":1,"hashrate":2}', b'{"disks":{"' + b"x" * 500 + b'":{"usage":1}}}', b'{"asics":[1,2,{"hashrate":{}}]}',
    json.dumps({f"unknown_{i}": i for i in range(5000)}).encode(), b'"' + b"y" * 600_000 + b'"',
    b'{"session":"0","ranges":[[1,2]]}', b'{"session":"0123456789abcdef","ranges":[[1,1e300],[5,1],[-1,3],"x"]}',
    b'{"id":"ghost","name":"\\u0000\\u001b[2J","url":"http://127.0.0.1:1","enabled":true}',
    b'{"id":"../../etc/passwd","name":"x","url":"file:///etc/passwd","enabled":true}', b'{"url":"http://127.0.0.1:1"}',
    b'{"url":"http://[::1/;rm -rf /"}', b'{"id":"' + b"z" * 5000 + b'"}', b'{"overall_status":"FINE","sentence":7}',
]  # fmt: skip
RECORDS = [
    {}, {"topic": "miner/ghost/telemetry"}, {"topic": "miner/+/telemetry", "session": "0123456789abcdef", "number": "1"},
    {"topic": "x" * 1000, "session": "0123456789abcdef", "number": "2"},
    {"topic": "miner/ghost/telemetry", "session": "zz", "number": "3"},
    {"topic": "miner/ghost/telemetry", "session": "0123456789abcdef", "number": "-4"},
    {"topic": "event/miner/ghost", "session": "0123456789abcdef", "number": "5"},
]  # fmt: skip


def samples(database):
    """The source and second of each; none before storage has made the view."""
    with sqlite3.connect(f"file:{database}?mode=ro", uri=True) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'sample'").fetchall():
            return []
        return connection.execute("SELECT source || '/' || source_name, time FROM sample GROUP BY 1, 2").fetchall()


def test_garbage_of_every_kind_on_every_topic_changes_nothing():
    config = {"MINER_POLL_INTERVAL": 1, "METRICS_COLLECTION_INTERVAL": 1, "STORAGE_COMMIT_INTERVAL": 1}
    chance = random.Random(7)
    with (
        Simulator(["127.0.8.1=gamma-602-v2.15.0"]) as miners,
        Broker() as broker,
        Service("storage", broker, config) as storage,
        Service("collector", broker, config) as collector,
        Service("health", broker, config) as health,
        Service("gateway", broker, {"WEB_LISTEN": "127.0.0.1:0", **config}) as gateway,
    ):
        services = {"storage": storage, "collector": collector, "health": health, "gateway": gateway}
        replies = []
        asker = broker.client("asker")
        asker.on_message = lambda client, arg, message: replies.append(message.payload)
        asker.subscribe("bitaxe/home/reply/monitor/asker", 1)
        database = os.path.join(storage.folder, "state", "storage", "bitaxe.db")
        broker.say("cmd/collector/miner-add", {"url": f"127.0.8.1:{miners.port}"}, retain=False)
        wait_until(lambda: os.path.exists(database) and len(samples(database)) > 5, 20, "the first samples")

        loud = broker.client("loud")
        for number in range(1500):
            topic, payload = chance.choice(TOPICS), chance.choice(PAYLOADS)
            if topic.startswith("record/"):
                broker.say(topic, payload.decode("latin-1"), retain=False, properties=chance.choice(RECORDS))
            else:
                loud.publish(f"bitaxe/home/{topic}", payload, qos=1, retain=bool(number % 2)).wait_for_publish(10)
        loud.loop_stop()

        for name, service in services.items():
            assert service.is_running(), f"{name} ended:\n{service.log()}"
            before = len(replies)
            ask(asker, name)
            wait_until(lambda before=before: len(replies) > before, 10, f"{name} to answer ping")
        known = samples(database)
        wait_until(lambda: len(samples(database)) > len(known) + 5, 20, "recording to go on")
        sources = {source for source, _ in samples(database)}
        ours = {"host/", "fleet/", "database/", *(f"service/{name}" for name in services)}
        assert sources <= ours | {source for source in sources if source.startswith("miner/gamma")}, sources
        assert not os.path.exists("/etc/passwd.new")
        asker.loop_stop()


def ask(client, service):
    from paho.mqtt.packettypes import PacketTypes
    from paho.mqtt.properties import Properties

    properties = Properties(PacketTypes.PUBLISH)
    properties.ResponseTopic = "bitaxe/home/reply/monitor/asker"
    properties.CorrelationData = b"1"
    client.publish(f"bitaxe/home/cmd/{service}/ping", b"{}", qos=1, properties=properties)
