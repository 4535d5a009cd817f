"""The gateway as browsers, scripts and bad clients meet it: real broker, real program, real sockets.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/integration/test_gateway.py
"""

import asyncio
import contextlib
import json
import os
import re
import socket
import threading
import time

import jsonschema
import pytest
import requests
import websockets
import yaml
from gateway import ANSWERS_PACKETS, PAGES, UPGRADE, Gateway, connections_of, count_answers, exchange, requests_in_one_packet, status_of
from suite import ROOT, Broker, Service, free_port
from wait import wait_until

CONTRACT = os.path.join(ROOT, "libbus", "contract", "openapi.yaml")
NAME = "gamma-3"
STARTED = time.time() // 60 * 60
ENTRY = {"id": NAME, "name": "Gamma 3", "url": "http://10.0.0.7", "mac": "02:00:5E:10:00:12", "enabled": True}


def now_text(offset=0):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + offset))


@pytest.fixture(scope="module")
def broker():
    with Broker() as running:
        yield running


@pytest.fixture
def own_broker():
    """For a test that starts its own gateway."""
    with Broker() as running:
        yield running


@pytest.fixture(scope="module")
def gateway(broker):
    with Gateway(broker) as running:
        yield running


# --- the contract ---


class Contract:
    def __init__(self):
        with open(CONTRACT, encoding="utf-8") as file:
            self.document = yaml.safe_load(file)
        self.asked = set()
        self._resolver = jsonschema.RefResolver("file://" + CONTRACT, self.document)

    def check_schema(self, schema, value):
        jsonschema.Draft202012Validator(
            schema, resolver=self._resolver, format_checker=jsonschema.FormatChecker()
        ).validate(value)

    def check(self, path, answer):
        """Is this answer what the document says of the path?"""
        self.asked.add(path)
        responses = self.document["paths"][path]["get"]["responses"]
        assert str(answer.status_code) in responses, f"{path}: {answer.status_code} is not in the contract: {answer.text}"
        response = responses[str(answer.status_code)]
        if "$ref" in response:
            response = self.document["components"]["responses"][response["$ref"].rsplit("/", 1)[1]]
        content = response.get("content")
        if not content:
            assert answer.content == b""
            return
        kind = answer.headers["content-type"]
        assert kind in content, f"{path}: {kind} is not in the contract"
        if kind.endswith("json"):
            self.check_schema(content[kind]["schema"], answer.json())


@pytest.fixture(scope="module")
def contract():
    return Contract()


def say_everything(broker):
    broker.say(f"miner/{NAME}/config", ENTRY)
    broker.say(f"miner/{NAME}/availability", "online")
    broker.say(f"miner/{NAME}/info", {"model": "Gamma", "firmware": "v2.15.0", "asic_count": 1})
    broker.say(f"miner/{NAME}/telemetry", {"time": now_text(), "hashrate": 1234.5, "state": "mining", "asics": [{"hashrate": 1}]})
    broker.say("host/telemetry", {"time": now_text(), "cpu_usage": 12.5, "load_average": 0.75})
    broker.say("unit/bitaxe-web/state", {"state": "running"})
    broker.say("service/health/availability", "online")
    broker.say("service/health/stats", {"time": now_text(), "rss": 1000})
    broker.say("health/summary", {"overall_status": "OK", "sentence": "All 1 miners earn."})
    for minute in range(5):
        properties = {"topic": f"miner/{NAME}/telemetry", "session": "00000000000000aa", "number": str(minute + 1)}
        time_ = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(STARTED - 60 * minute))  # said again, it is the same record
        sample = {"time": time_, "hashrate": 1000 + minute}
        broker.say("record/collector", sample, retain=False, properties=properties)


def test_every_answer_is_as_the_contract_says(broker, gateway, contract):
    say_everything(broker)
    wait_until(lambda: gateway.get("/monitoring/api/health").json().get("sentence"), 10, "the summary")
    requests_ = [
        ("/", "/"),
        ("/healthz", "/healthz"),
        ("/monitoring", "/monitoring"),
        ("/monitoring/{file}", "/monitoring/live.js"),
        ("/monitoring/{file}", "/monitoring/nothing.js"),
        ("/monitoring/ws", "/monitoring/ws"),
        ("/monitoring/api/health", "/monitoring/api/health"),
        ("/monitoring/api/metrics", "/monitoring/api/metrics"),
        ("/monitoring/api/metrics", "/monitoring/api/metrics?hours=1&series=miner/*/hashrate&points=60"),
        ("/monitoring/api/metrics", "/monitoring/api/metrics?format=csv&series=miner/*"),
        ("/monitoring/api/metrics", "/monitoring/api/metrics?hours=no"),
        ("/monitoring/api/services", "/monitoring/api/services"),
        ("/monitoring/api/miners", "/monitoring/api/miners"),
        ("/monitoring/api/miners", "/monitoring/api/miners?limit=0"),
        ("/monitoring/api/miners/{id}", f"/monitoring/api/miners/{NAME}"),
        ("/monitoring/api/miners/{id}", "/monitoring/api/miners/nobody"),
        ("/monitoring/api/catalog", "/monitoring/api/catalog"),
    ]
    for path, url in requests_:
        contract.check(path, gateway.get(url))
    assert contract.asked == set(contract.document["paths"])


def test_answers_say_what_the_bus_said(broker, gateway):
    say_everything(broker)
    wait_until(lambda: gateway.get("/monitoring/api/health").json().get("sentence"), 10, "the summary")
    health = gateway.get("/monitoring/api/health").json()
    assert list(health)[:4] == ["timestamp", "overall_status", "system_metrics", "services"]
    assert health["overall_status"] == "OK"
    assert health["system_metrics"] == {
        "cpu_usage": 12.5, "memory_usage": "N/A", "disk_usage": "N/A", "temperature": "N/A", "load_average": "0.75",
    }  # fmt: skip
    assert health["services"]["bitaxe-web"] == "running"
    assert health["services"]["bitaxe-gateway"] == "running"
    miner = gateway.get(f"/monitoring/api/miners/{NAME}").json()
    assert miner["config"] == ENTRY
    assert miner["availability"] == "online"
    history = gateway.get("/monitoring/api/metrics?hours=1&step=60&series=miner/*/hashrate").json()
    assert list(history["series"]) == [f"miner/{NAME}/hashrate"]
    series = history["series"][f"miner/{NAME}/hashrate"]
    assert series["unit"] == "GH/s"
    assert [value for value in series["mean"] if value is not None] == [1004, 1003, 1002, 1001, 1000]
    assert len(series["mean"]) == len(history["times"])
    csv = gateway.get("/monitoring/api/metrics?hours=1&step=60&series=miner/*/hashrate&format=csv")
    assert csv.text.splitlines()[0] == (
        f'time,"miner/{NAME}/hashrate min (GH/s)","miner/{NAME}/hashrate mean (GH/s)","miner/{NAME}/hashrate max (GH/s)"'
    )
    assert csv.headers["content-disposition"] == 'attachment; filename="metrics.csv"'


def test_every_answer_carries_the_guards(gateway):
    for path in ("/monitoring", "/monitoring/live.js", "/monitoring/api/health", "/nothing", "/"):
        headers = gateway.get(path).headers
        assert "default-src 'self'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"


def test_pages_are_not_sent_twice(gateway):
    for path in ("/monitoring", "/monitoring/live.css", "/monitoring/api/catalog"):
        first = gateway.get(path)
        assert first.headers["cache-control"] == "no-cache"
        again = gateway.get(path, headers={"If-None-Match": f'"other", {first.headers["etag"]}'})
        assert (again.status_code, again.content) == (304, b"")
        assert gateway.get(path, headers={"If-None-Match": '"other"'}).status_code == 200
    assert gateway.get("/monitoring/api/health").headers["cache-control"] == "no-store"


def test_head_is_get_without_its_body(gateway):
    for path in ("/monitoring", "/monitoring/api/catalog", "/healthz", "/nothing"):
        head = requests.head(gateway.url + path, timeout=10)
        got = gateway.get(path)
        assert (head.status_code, head.content) == (got.status_code, b"")
        assert head.headers["content-length"] == got.headers["content-length"]
    if not ANSWERS_PACKETS:
        return
    with gateway.raw() as connection:  # and the next answer stands where it should
        connection.sendall(b"HEAD /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: connection.recv(65536, socket.MSG_PEEK).count(b'{"ok"') == 1, 5, "one body")
        assert count_answers(connection.recv(65536)) == 2


# --- bad and odd clients ---


def test_other_methods_are_refused(gateway):
    for method in ("POST", "PUT", "PATCH", "DELETE", "OPTIONS"):
        answer = requests.request(method, gateway.url + "/monitoring/api/health", timeout=10)
        assert answer.status_code == 405, method
        assert answer.headers["allow"] == "GET, HEAD"
        assert answer.headers["content-type"] == "application/problem+json"
        assert "close" in answer.headers["connection"]
    received = exchange(gateway, b"BREW /pot HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert status_of(received) in (None, 403, 405)  # lws' own business
    assert gateway.get("/healthz").status_code == 200


POSTS = {
    "a byte behind": b"Content-Length: 2\r\n\r\nab" + b"c",
    "much behind": b"Content-Length: 2\r\n\r\nab" + b"c" * 5000,
    "a request behind": b"Content-Length: 2\r\n\r\nabGET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "another post behind": b"Content-Length: 2\r\n\r\nabPOST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nab",
    "an empty body and a byte": b"Content-Length: 0\r\n\r\nx",
    "two lengths": b"Content-Length: 2\r\nContent-Length: 5\r\n\r\nabcde",
}


@requests_in_one_packet
@pytest.mark.parametrize("what", POSTS)
def test_bytes_behind_a_body_bring_one_answer_and_no_storm(gateway, what):
    cpu = gateway.cpu_seconds()
    started = time.monotonic()
    received = exchange(gateway, b"POST /monitoring/api/health HTTP/1.1\r\nHost: localhost\r\n" + POSTS[what])
    assert count_answers(received) == 1, received[:2000]
    assert status_of(received) in (400, 405)
    assert time.monotonic() - started < 8
    assert gateway.cpu_seconds() - cpu < 0.5


def test_odd_lengths_are_told_and_closed(gateway):
    head = b"POST /monitoring/api/health HTTP/1.1\r\nHost: localhost\r\n"
    for more, status in (
        (b"\r\n", 411),
        (b"Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", 411),
        (b"Content-Length: -1\r\n\r\n", 400),
        (b"Content-Length: 2x\r\n\r\nab", 400),
        (b"Content-Length: 999999999999\r\n\r\n", 413),
        (b"Content-Length: 65537\r\n\r\n", 413),
    ):
        received = exchange(gateway, head + more)
        assert (status_of(received), count_answers(received)) == (status, 1), more
    assert status_of(exchange(gateway, head + b"Content-Length: 65536\r\n\r\n" + b"x" * 65536)) == 405


@requests_in_one_packet
def test_a_get_with_a_body_is_answered_once(gateway):
    received = exchange(gateway, b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nabc")
    assert (status_of(received), count_answers(received)) == (200, 1)


@requests_in_one_packet
def test_pipelined_requests_are_all_answered(gateway):
    one = b"GET /monitoring/api/catalog HTTP/1.1\r\nHost: localhost\r\n\r\n"
    last = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    received = exchange(gateway, one * 40 + last)
    assert count_answers(received) == 41
    assert received.count(b'{"metrics":') == 40
    assert received.endswith(b'"settled":true}')


def test_http_1_0_is_answered_and_closed(gateway):
    for more in (b"", b"Connection: keep-alive\r\n", b"Host: localhost\r\n"):
        received = exchange(gateway, b"GET /healthz HTTP/1.0\r\n" + more + b"\r\n", 5)
        assert (status_of(received), count_answers(received)) == (200, 1)
        assert received.endswith(b'"settled":true}')


def test_http_1_1_needs_a_host(gateway):
    assert status_of(exchange(gateway, b"GET /healthz HTTP/1.1\r\n\r\n")) == 421


def test_too_much_head_is_closed(gateway):
    # lws: some are answered, some are closed; none is kept, and the others are served
    many = b"".join(b"x-%d: 1\r\n" % i for i in range(3000))
    for request in (
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nCookie: " + b"x" * 8000 + b"\r\n\r\n",
        b"GET /" + b"x" * 8000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz?" + b"a=1&" * 2000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: " + b"x" * 2000 + b"\r\n\r\n",
        b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n" + many + b"\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"\r\n\r\n\r\n",
    ):
        started = time.monotonic()
        received = exchange(gateway, request, 20)
        assert count_answers(received) <= 1
        assert status_of(received) in (None, 400, 403, 404, 421), received[:200]
        assert time.monotonic() - started < 15
    assert gateway.get("/healthz").status_code == 200


def test_paths_do_not_lead_out(gateway):
    for path in ("/monitoring/../../../etc/passwd", "/monitoring/%2e%2e/%2e%2e/etc/passwd", "/monitoring/..%2fREADME.md",
                 "/monitoring/%00", "/monitoring//etc/passwd", "/monitoring/live.js%00.html"):  # fmt: skip
        received = exchange(gateway, b"GET " + path.encode() + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        assert status_of(received) in (None, 307, 403, 404), path
        assert b"root:" not in received


# --- Host and Origin ---


def test_foreign_names_are_misdirected(gateway):
    """DNS rebinding: a page of evil.example that has its name lead here."""
    for host in ("evil.example", f"evil.example:{gateway.port}", "localhost.evil.example", "192.168.77.77"):
        answer = gateway.get("/monitoring/api/miners", headers={"Host": host})
        assert answer.status_code == 421
        assert answer.headers["content-type"] == "application/problem+json"
        assert "miners" not in answer.json()
    for host in ("localhost", f"localhost:{gateway.port}", "127.0.0.1:1", "[::1]", socket.gethostname()):
        assert gateway.get("/monitoring/api/miners", headers={"Host": host}).status_code == 200, host


@pytest.mark.parametrize(
    "path, host, protocol, more, status",
    [
        (b"/monitoring/ws", b"localhost:5000", b"websocket", b"Origin: http://evil.example\r\n", 403),
        (b"/monitoring/ws", b"localhost:5000", b"websocket", b"Origin: http://localhost:5001\r\n", 403),
        (b"/monitoring/ws", b"localhost:5000", b"websocket", b"Origin: null\r\n", 403),
        (b"/monitoring/ws", b"evil.example", b"websocket", b"Origin: http://evil.example\r\n", 421),
        (b"/monitoring/other", b"localhost:5000", b"websocket", b"", 404),
        (b"/", b"localhost:5000", b"websocket", b"", 404),
        (b"/monitoring/ws", b"localhost:5000", b"h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__\r\n", 400),
    ],
)
def test_upgrades_that_are_refused(gateway, path, host, protocol, more, status):
    received = exchange(gateway, UPGRADE % (path, host, protocol, more))
    assert status_of(received) == status, received
    assert b"application/problem+json" in received
    assert received.endswith(b"}")


def test_upgrades_that_are_fine(gateway):
    for more in (b"", b"Origin: http://localhost:5000\r\n", b"Origin: https://localhost:5000\r\n"):
        with gateway.raw() as connection:
            connection.sendall(UPGRADE % (b"/monitoring/ws", b"localhost:5000", b"websocket", more))
            assert status_of(connection.recv(4096)) == 101


# --- watching ---


async def next_message(client, contract=None, seconds=10):
    message = json.loads(await asyncio.wait_for(client.recv(), seconds))
    if contract:
        contract.check_schema({"$ref": "#/components/schemas/Live"}, message)
    return message


async def message_with(client, topic, seconds=10, contract=None):
    """The payload of the next message that has this topic; others pass."""
    deadline = time.monotonic() + seconds
    while True:
        message = await next_message(client, contract, max(0.1, deadline - time.monotonic()))
        if topic in message["state"]:
            return message["state"][topic]


def test_a_browser_gets_all_state_then_changes(broker, gateway, contract):
    say_everything(broker)

    async def watch():
        async with gateway.watch(origin=gateway.url) as client:
            snapshot = await next_message(client, contract)
            assert snapshot["snapshot"] is True
            assert snapshot["connected"] is True
            assert snapshot["state"][f"miner/{NAME}/config"] == ENTRY
            assert snapshot["state"][f"miner/{NAME}/availability"] == "online"
            said = time.monotonic()
            broker.say("miner/new/telemetry", {"hashrate": 7})
            assert await message_with(client, "miner/new/telemetry", contract=contract) == {"hashrate": 7}
            assert time.monotonic() - said < 1
            broker.say("miner/new/telemetry", None)
            assert await message_with(client, "miner/new/telemetry", contract=contract) is None
            await client.send(json.dumps({"filter": ["miner/+/availability"]}))
            while "snapshot" not in (snapshot := await next_message(client, contract)):
                pass
            assert set(snapshot["state"]) == {f"miner/{NAME}/availability"}

    asyncio.run(watch())


@pytest.mark.parametrize(
    "said, code",
    [("{", 1008), ("[]", 1008), ('{"filter": "x"}', 1008), ("x" * 5000, 1009), (json.dumps({"filter": ["x" * 300]}), 1008)],
)
def test_nonsense_from_a_client_ends_it_with_the_reason(gateway, said, code):
    async def watch():
        async with gateway.watch() as client:
            await client.send(said)
            with pytest.raises(websockets.ConnectionClosed):
                while True:
                    await asyncio.wait_for(client.recv(), 5)
            assert client.close_code == code
            assert client.close_reason or code == 1009

    asyncio.run(watch())


def test_a_slow_client_costs_little_and_the_others_go_on(own_broker):
    """One reads nothing, one reads all; hundreds of kilobytes a second for some seconds."""
    with Gateway(own_broker) as gateway:
        slow = gateway.raw()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.sendall(UPGRADE % (b"/monitoring/ws", b"localhost", b"websocket", b""))

        async def watch():
            async with gateway.watch() as client:
                await next_message(client)
                before, latest, padding = gateway.memory_kb(), -1, "x" * 1000
                for number in range(2500):
                    own_broker.say("custom/load/telemetry", {"number": number, "padding": padding}, retain=False)
                    if number % 50 == 0:  # whatever has come: numbers only rise
                        with contextlib.suppress(asyncio.TimeoutError):
                            while True:
                                message = json.loads(await asyncio.wait_for(client.recv(), 0.01))
                                got = message["state"].get("custom/load/telemetry", {"number": latest})["number"]
                                assert got >= latest
                                latest = got
                while latest < 2499:
                    latest = (await message_with(client, "custom/load/telemetry"))["number"]
                return gateway.memory_kb() - before

        grown = asyncio.run(watch())
        assert grown < 3000, f"{grown} kB for a client that reads nothing"

        # it reads at last: what the sockets held, then the newest state, and nothing of all that was between
        slow.settimeout(5)
        received = b""
        while b'"number": 2499' not in received:
            received += slow.recv(65536)
        numbers = [int(number) for number in re.findall(rb'"number": (\d+)', received)]
        assert numbers == sorted(numbers)
        assert numbers[-1] == 2499
        assert len(numbers) < 1000
        slow.close()


def test_a_large_snapshot_arrives_whole(own_broker):
    count = 1500
    for number in range(count):
        own_broker.say(f"custom/n{number}/telemetry", {"number": number, "padding": "y" * 200})
    try:
        with Gateway(own_broker) as gateway:

            async def watch():
                async with gateway.watch() as client:
                    snapshot = await next_message(client)
                    return {topic for topic in snapshot["state"] if topic.startswith("custom/n")}

            assert len(asyncio.run(watch())) == count
    finally:
        for number in range(count):
            own_broker.say(f"custom/n{number}/telemetry", None)


def test_a_client_hears_that_the_bus_is_gone_and_back():
    with Broker() as broker, Gateway(broker) as gateway:
        broker.say("host/telemetry", {"cpu_usage": 1})

        async def watch():
            async with gateway.watch() as client:
                await next_message(client)
                broker.kill()
                while (await next_message(client))["connected"]:
                    pass
                assert gateway.get("/healthz").json()["connected"] is False
                assert gateway.get("/monitoring/api/health").status_code == 200
                broker.start()
                while not (await next_message(client, seconds=20))["connected"]:
                    pass

        asyncio.run(watch())


# --- where it listens ---


def test_a_taken_port_is_told_with_its_owner_and_a_free_one(own_broker):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with Service("gateway", own_broker, {"WEB_LISTEN": f"127.0.0.1:{port}"}, PAGES) as service:
            assert service.wait(10) == 1
            assert f"port {port} of 127.0.0.1 is taken by " in service.log()
            assert f"(pid {os.getpid()})" in service.log()
            free = int(re.search(r"WEB_LISTEN=127\.0\.0\.1:(\d+)", service.log()).group(1))
            assert free > port
    with Gateway(own_broker, {"WEB_LISTEN": f"127.0.0.1:{free}"}) as gateway:
        assert gateway.port == free


def test_it_does_not_show_itself_to_others_unless_told_to(own_broker):
    with Service("gateway", own_broker, {"WEB_LISTEN": "0.0.0.0:0"}, PAGES) as service:
        assert service.wait(10) == 1
        assert "WEB_ANONYMOUS=read" in service.log()
    with Gateway(own_broker, {"WEB_LISTEN": f"0.0.0.0:{free_port('0.0.0.0')}", "WEB_ANONYMOUS": "read"}) as gateway:
        assert gateway.url.startswith("http://127.0.0.1:")
        assert gateway.get("/healthz").status_code == 200


def own_address():
    """An address of this machine that is not loopback; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
            return probe.getsockname()[0]
        except OSError:
            return None


def test_one_other_machine_gets_so_many_connections_and_no_more(own_broker):
    address = own_address()
    if not address or address.startswith("127."):
        pytest.skip("this machine has no address but loopback")
    with Gateway(own_broker, {"WEB_LISTEN": f"0.0.0.0:{free_port('0.0.0.0')}", "WEB_ANONYMOUS": "read"}) as gateway:
        with contextlib.ExitStack() as held:
            open_ = [held.enter_context(gateway.raw(address)) for _ in range(80)]
            request = b"GET /healthz HTTP/1.1\r\nHost: %s\r\n\r\n" % address.encode()
            answered = 0
            for connection in open_:
                with contextlib.suppress(ConnectionError):
                    connection.sendall(request)
                    answered += connection.recv(4096).startswith(b"HTTP/1.1 200")
            assert answered == 64
            assert gateway.get("/healthz").status_code == 200  # loopback is not bounded
        wait_until(lambda: connections_of(gateway.pid) == 0, 10, "all to be gone")
        assert requests.get(f"http://{address}:{gateway.port}/healthz", timeout=10).status_code == 200


def test_ipv6_loopback(own_broker):
    try:
        port = free_port_six()
    except OSError:
        pytest.skip("no IPv6 here")
    with Gateway(own_broker, {"WEB_LISTEN": f"[::1]:{port}"}) as gateway:
        assert gateway.url == f"http://[::1]:{port}"
        assert gateway.get("/monitoring/api/health").status_code == 200


def free_port_six():
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
        return probe.getsockname()[1]


def test_a_base_path_is_taken_off(own_broker):
    with Gateway(own_broker, {"WEB_BASE_PATH": "/rigs"}) as gateway:
        assert gateway.get("/rigs/healthz").status_code == 200
        assert gateway.get("/rigs/monitoring/api/miners").status_code == 200
        assert gateway.get("/rigs/monitoring/live.js").status_code == 200
        assert gateway.get("/rigsmonitoring").status_code == 404
        assert gateway.get("/rigs").headers["location"] == "/rigs/monitoring"
        assert gateway.get("/monitoring").status_code == 200  # a proxy that takes it off itself

        async def watch():
            async with gateway.watch("/rigs/monitoring/ws") as client:
                return (await next_message(client))["snapshot"]

        assert asyncio.run(watch())
    for wrong in ("rigs", "/rigs/", "//rigs", "/ri gs", "/" + "x" * 200):
        with Service("gateway", own_broker, {"WEB_LISTEN": "127.0.0.1:0", "WEB_BASE_PATH": wrong}, PAGES) as service:
            assert service.wait(10) == 1
            assert "WEB_BASE_PATH" in service.log()


def test_without_pages_the_api_serves(own_broker):
    with Service("gateway", own_broker, {"WEB_LISTEN": "127.0.0.1:0"}, {"BITAXE_WEB": "/nowhere"}) as service:
        url = service.wait_for_log("listens").split("url=")[1].split()[0]
        assert requests.get(url + "/monitoring", timeout=10).status_code == 404
        assert requests.get(url + "/monitoring/api/health", timeout=10).status_code == 200


# --- the end ---


def test_it_stops_within_a_second_under_load_and_leaks_nothing(own_broker):
    """Browsers, downloads, drips and stuck readers; the exit status is LeakSanitizer's, too, in a dev build."""
    gateway = Gateway(own_broker)
    stop = threading.Event()

    def ask():
        while not stop.is_set():
            with contextlib.suppress(requests.RequestException):
                gateway.get("/monitoring/api/metrics?hours=1")

    async def watch():
        with contextlib.suppress(Exception):
            async with gateway.watch() as client:
                while True:
                    await client.recv()

    def watch_many():
        async def all_of_them():
            await asyncio.gather(*(watch() for _ in range(50)))

        asyncio.run(all_of_them())

    def publish():
        number = 0
        while not stop.is_set():
            own_broker.say("custom/load/telemetry", {"number": number}, retain=False)
            number += 1

    try:
        threads = [threading.Thread(target=target) for target in (ask, ask, watch_many, publish)]
        for thread in threads:
            thread.start()
        stuck = [gateway.raw() for _ in range(3)]
        stuck[0].sendall(b"GET /monitoring/api/catalog HTTP/1.1\r\nHost: localhost\r\n\r\n" * 30)
        stuck[1].sendall(UPGRADE % (b"/monitoring/ws", b"localhost", b"websocket", b""))
        stuck[2].sendall(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nx")
        time.sleep(2)
        started = time.monotonic()
        status = gateway.stop(5)
        took = time.monotonic() - started
        assert status == 0, gateway.log()
        assert took < 1, f"stopped in {took:.2f} s"
        assert "ERROR" not in gateway.log()
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for connection in stuck:
            connection.close()
        gateway.close()
