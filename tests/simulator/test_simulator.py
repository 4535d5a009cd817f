"""bx-simulator: the manners of each firmware, each fault, living values, and the log of what it was asked.

Run: BX_BUILD=build/dev /usr/bin/python3 -m pytest tests/simulator
"""

import glob
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time

import pytest
import requests

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))

from miner import PROGRAM, Simulator  # noqa: E402
from wait import wait_until  # noqa: E402

BODIES = os.path.join(HERE, "bodies")
A = "127.31.0.1"
B = "127.31.0.2"
OLD, MIDDLE, NEW, NERD = "gamma-601-v2.4.5", "gt-800-v2.9.0", "gamma-602-v2.15.0", "nerdqaxeplus2-v1.0.36"
INFO, RESTART = "/api/system/info", "/api/system/restart"

SAMPLES = sorted(
    os.path.relpath(path, BODIES)[: -len(".json")]
    for path in glob.glob(BODIES + "/*.json") + glob.glob(BODIES + "/faults/*.json")
)


def soon(condition, what, seconds=10):
    return wait_until(condition, seconds, what)


def sample(name):
    with open(f"{BODIES}/{name}.json", encoding="utf-8") as file:
        return file.read().rstrip()


def simulate(*names, **options):
    """Devices at 127.31.0.1, .2 and so on."""
    return Simulator([f"127.31.0.{i}={name}" for i, name in enumerate(names, 1)], bodies=BODIES, **options)


def get(miners, address=A, path=INFO, timeout=5, **options):
    return requests.get(miners.url(address, path), timeout=timeout, allow_redirects=False, **options)


def info(miners, address=A):
    return get(miners, address).json()


def post(miners, path=RESTART, address=A, **options):
    return requests.post(miners.url(address, path), timeout=5, allow_redirects=False, **options)


def connect(miners, address=A, timeout=5):
    return socket.create_connection((address, miners.port), timeout=timeout)


def ask(miners, address=A, timeout=5, headers=""):
    """A connection that has sent a request and has not read the answer."""
    connection = connect(miners, address, timeout)
    connection.sendall(f"GET {INFO} HTTP/1.1\r\nHost: {address}\r\n{headers}\r\n".encode())
    return connection


def read_answer(connection):
    """Reads one answer with Content-Length."""
    data = b""
    while b"\r\n\r\n" not in data:
        part = connection.recv(4096)
        if not part:
            return data
        data += part
    head, _, body = data.partition(b"\r\n\r\n")
    length = int(re.search(rb"Content-Length: (\d+)", head).group(1))
    while len(body) < length:
        part = connection.recv(4096)
        assert part, "the body ended early"
        body += part
    return head + b"\r\n\r\n" + body


def run(*arguments):
    command = [PROGRAM, "--bodies", BODIES, *arguments]
    return subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=10)


# ---- arguments and ends


@pytest.mark.parametrize(
    "arguments, says",
    [
        ([], "--port and a --device"),
        (["--port", "0"], "--device or --fleet"),
        (["--port", "x", "--device", f"{A}={NEW}"], "--port 'x'"),
        (["--port", "0", "--device", f"192.168.1.5={NEW}"], "not a loopback"),
        (["--port", "0", "--device", f"0.0.0.0={NEW}"], "not a loopback"),
        (["--port", "0", "--device", f"somewhere={NEW}"], "no IPv4 address"),
        (["--port", "0", "--device", f"{A}=no-such-sample"], "cannot read"),
        (["--port", "0", "--device", f"{A}=../body"], "no name of a sample"),
        (["--port", "0", "--device", f"{A}={NEW},mac=1"], "neither mac="),
        (["--port", "0", "--device", f"{A}={NEW},uptime=-1"], "uptime"),
        (["--port", "0", "--device", f"{A}={NEW}", "--device", f"{A}={OLD}"], "two devices"),
        (["--port", "0", "--fleet", f"3={NEW}"], "N=SAMPLE@FIRST_ADDRESS"),
        (["--port", "0", "--fleet", f"9={NEW}@127.255.255.250"], "leaves 127.0.0.0/8"),
        (["--port", "0", "--device", f"{A}={NEW}", "--log", "/no/such/folder/log"], "cannot write the log"),
        (["--wrong"], "--help"),
    ],
)
def test_refuses_bad_arguments_with_a_line(arguments, says):
    result = run(*arguments)
    assert result.returncode == 2
    assert says in result.stderr
    assert result.stdout == ""


def test_listens_at_its_own_address_only():
    with simulate(NEW) as miners:
        assert get(miners).status_code == 200
        with pytest.raises(ConnectionRefusedError):
            connect(miners, "127.31.0.9")
        with pytest.raises(ConnectionRefusedError):
            connect(miners, "127.0.0.1")


def test_takes_the_port_it_is_told():
    with simulate(NEW) as first:
        result = run("--port", str(first.port), "--device", f"{A}={NEW}")
        assert result.returncode == 2 and "--port" in result.stderr
        with Simulator([f"{B}={NEW}"], port=first.port) as second:
            assert second.port == first.port


def test_end_of_stdin_is_not_its_end():
    with simulate(NEW) as miners:
        miners.process.stdin.close()
        assert get(miners).status_code == 200
        assert get(miners).status_code == 200


def test_runs_without_anybody_at_stdin():
    command = [PROGRAM, "--bodies", BODIES, "--port", "0", "--device", f"{A}={NEW}"]
    with open("/dev/null", "rb") as nothing:
        process = subprocess.Popen(command, stdin=nothing, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout.readline().startswith("ready ")
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


def test_ends_at_once_although_clients_wait():
    miners = simulate(NEW, NEW)
    miners.fault(A, "silent")
    waiting = [ask(miners), ask(miners), connect(miners, B)]
    soon(lambda: miners.stats()[A]["held"] == 2, "the requests")
    started = time.monotonic()
    miners.close(good_manners=False)
    assert time.monotonic() - started < 2
    for connection in waiting:
        connection.close()


# ---- bodies and what is around them


def shape(text):
    """The text without what may live: numbers, difficulties, MAC."""
    text = re.sub(r'"\d[\d.]*(e\+\d+)? ?[kKMGTPE]?"', '"difficulty"', text)
    return re.sub(r"(?<=[\s:\[,])-?\d+(\.\d+)?(e[+-]\d+)?(?=[\s,\]}])", "0", text)


@pytest.fixture(scope="module")
def every_sample():
    with simulate(*SAMPLES) as miners:
        yield miners


@pytest.mark.parametrize("number, name", enumerate(SAMPLES, 1))
def test_body_keeps_layout_key_order_and_types(every_sample, number, name):
    answer = get(every_sample, f"127.31.0.{number}")
    assert answer.headers["Content-Type"] == "application/json"
    answer.encoding = "utf-8"
    assert shape(answer.text) == shape(sample(name))


@pytest.mark.parametrize("number, name", enumerate(SAMPLES, 1))
def test_values_stay_near_the_sample(every_sample, number, name):
    def compare(value, wanted, path):
        if isinstance(wanted, dict):
            assert list(value) == list(wanted), path
            for key in wanted:
                compare(value[key], wanted[key], f"{path}.{key}")
        elif isinstance(wanted, list):
            assert len(value) == len(wanted), path
            for i, member in enumerate(wanted):
                compare(value[i], member, f"{path}[{i}]")
        elif isinstance(wanted, float) or type(wanted) is int and wanted > 1:
            assert value == pytest.approx(wanted, rel=0.35), path

    compare(get(every_sample, f"127.31.0.{number}").json(), json.loads(sample(name)), name)


@pytest.mark.parametrize(
    "name, is_chunked, closes",
    [(OLD, False, False), (NEW, False, False), ("nerdqaxeplus2-v1.0.30", False, False), (NERD, True, True)],
)
def test_framing_is_that_of_the_version(name, is_chunked, closes):
    with simulate(name) as miners:
        headers = get(miners).headers
        assert (headers.get("Transfer-Encoding") == "chunked") == is_chunked
        assert ("Content-Length" in headers) != is_chunked
        assert (headers.get("Connection") == "close") == closes
        assert "Date" not in headers and "Server" not in headers


def test_cors_headers_by_version():
    with simulate("max-2.2-v2.0.3", NEW) as miners:
        first, second = get(miners, A).headers, get(miners, B).headers
        for headers in (first, second):
            assert headers["Access-Control-Allow-Origin"] == "*"
            assert headers["Access-Control-Allow-Headers"] == "Content-Type"
        assert first["Access-Control-Allow-Credentials"] == "true"
        assert "Access-Control-Allow-Credentials" not in second


@pytest.mark.parametrize(
    "name, origin, status",
    [
        (OLD, "http://evil.example", 200),  # 2.4: no check yet
        ("supra-402-v2.6.5", "http://192.168.1.5", 200),
        ("supra-402-v2.6.5", "http://192.168.1.5:5000", 401),
        ("supra-402-v2.6.5", "https://192.168.1.5", 401),
        ("supra-402-v2.6.5", "http://bitaxe", 401),
        ("gamma-602-v2.13.2", "http://evil.example", 401),
        ("gamma-602-v2.13.2", "http://172.31.1.1", 200),
        ("gamma-602-v2.13.2", "http://172.32.1.1", 401),
        (NEW, "http://dash.local:3000", 200),
        (NEW, "http://bitaxe-desk", 200),
        (NEW, "http://10.1.2.3", 200),
        (NEW, "http://10.1.2.3:80", 401),
        (NEW, "http://evil.example", 401),
        (NERD, "http://10.1.2.3:80", 200),
        (NERD, "http://localhost:3000", 200),
        (NERD, "http://evil.example", 401),
        ("nerdqaxeplus-v1.0.14", "http://evil.example", 200),
        ("fork-nmaxe-v3.0.21-nested", "http://evil.example", 200),
    ],
)
def test_foreign_origins_are_refused_by_version(name, origin, status):
    miners = simulate(name)
    answer = get(miners, headers={"Origin": origin})
    assert answer.status_code == status
    if status == 401:
        assert answer.text == "Unauthorized"
        assert answer.headers["Content-Type"] == "text/html"
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert miners.requests()[0]["origin"] == origin
    assert miners.close(good_manners=False) == 3


@pytest.mark.parametrize(
    "name, path, status",
    [
        ("gamma-602-v2.8.1", "/api/nothing", 302),
        ("gamma-602-v2.8.1", "/nothing", 302),
        (MIDDLE, "/api/nothing", 404),
        (MIDDLE, "/nothing", 302),
        (NEW, "/api/nothing", 404),
        (NERD, "/api/nothing", 302),
        (OLD, "/api/system/asic", 302),  # 2.7+
        (NEW, "/", 200),
    ],
)
def test_unknown_routes_by_version(name, path, status):
    with simulate(name) as miners:
        answer = get(miners, path=path)
        assert answer.status_code == status
        if status == 302:
            assert answer.headers["Location"] == "/" and "captive portal" in answer.text
        if status == 404:
            assert answer.text == '{"error":"unknown route"}'


@pytest.mark.parametrize(
    "name, count, model",
    [
        ("gamma-602-v2.8.1", None, None),
        (NEW, 1, "Gamma"),
        ("gt-801-v2.15.0", 2, "GammaTurbo"),
        ("hex-302-v2.12.2", 6, "Hex"),
        ("luckyminer-lv07-v2.15.0", 2, "LV07"),
        ("gammaduo-650-v2.15.0", 2, "GammaDuo"),
        ("suprahex-701-v2.14.2", 6, "SupraHex"),
        (NERD, 4, "NerdQAxe++"),
    ],
)
def test_asic_route_tells_the_board(name, count, model):
    with simulate(name) as miners:
        facts = get(miners, path="/api/system/asic").json()
        assert (facts.get("asicCount"), facts.get("deviceModel")) == (count, model)


@pytest.mark.parametrize("name, limit", [(MIDDLE, 512), (NEW, 1024)])
def test_too_many_headers_are_refused(name, limit):
    with simulate(name) as miners:
        assert get(miners, headers={"X": "x" * (limit - 250)}).status_code == 200
        assert get(miners, headers={"X": "x" * limit}).status_code == 431


def test_head_and_options():
    with simulate(NEW) as miners:
        assert requests.head(miners.url(A), timeout=5).status_code == 405
        assert requests.options(miners.url(A), timeout=5).headers["Access-Control-Allow-Origin"] == "*"


# ---- sockets


def test_one_request_at_a_time_over_all_sockets():
    miners = simulate(NEW)
    miners.fault(A, "slow", 300)
    started = time.monotonic()
    first = ask(miners)
    soon(lambda: miners.stats()[A]["held"], "the first request")
    second = ask(miners)
    read_answer(first)
    between = time.monotonic()
    read_answer(second)
    assert between - started >= 0.3
    assert time.monotonic() - started >= 0.6
    assert [entry["overlap"] for entry in miners.requests()] == [False, True]
    assert "while another was under way" in miners.manners()
    assert miners.close(good_manners=False) == 3


def test_other_devices_do_not_wait_for_a_slow_one():
    with simulate(NEW, NEW) as miners:
        miners.fault(A, "slow", 20000)
        with ask(miners, A):
            soon(lambda: miners.stats()[A]["held"], "the request")
            started = time.monotonic()
            assert get(miners, B).status_code == 200
            assert time.monotonic() - started < 2


def test_up_to_2_9_a_connection_too_many_waits_unanswered():
    miners = simulate(OLD)
    idle = [connect(miners) for _ in range(10)]
    late = ask(miners, timeout=0.5)
    with pytest.raises(socket.timeout):
        late.recv(1)
    idle.pop().close()
    late.settimeout(5)
    assert read_answer(late).startswith(b"HTTP/1.1 200")
    for connection in [*idle, late]:
        connection.close()
    miners.close(good_manners=False)


def test_from_2_10_the_least_recently_used_connection_is_closed():
    miners = simulate(NEW)
    held = []
    for _ in range(20):
        held.append(ask(miners))
        read_answer(held[-1])
    held[0].sendall(f"GET {INFO} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    read_answer(held[0])  # the first is the latest used now, so the second goes
    late = ask(miners)
    assert read_answer(late).startswith(b"HTTP/1.1 200")
    assert held[1].recv(1) == b""
    held[0].sendall(f"GET {INFO} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert read_answer(held[0]).startswith(b"HTTP/1.1 200")
    for connection in [*held, late]:
        connection.close()
    assert miners.manners() == "ok"  # idle kept-alive connections are no overlap
    miners.close()


def test_keeps_connections_open_and_idle_ones_do_no_harm():
    with simulate(NEW) as miners:
        with requests.Session() as session:
            for _ in range(3):
                assert session.get(miners.url(A), timeout=5).status_code == 200
            assert get(miners).status_code == 200
        assert miners.stats()[A] == {"requests": 4, "overlaps": 0, "origins": 0, "writes": 0, "held": 0}


def test_a_connection_without_a_request_counts_as_under_way():
    miners = simulate(NEW)
    with connect(miners):
        soon(lambda: get(miners).status_code == 200, "an answer")
    entries = miners.wait_for_requests(2)
    assert [(entry["method"], entry["overlap"]) for entry in entries] == [("GET", True), ("", False)]
    miners.close(good_manners=False)


# ---- restart


@pytest.mark.parametrize(
    "name, text",
    [
        ("max-2.2-v2.0.3", None),
        ("ultra-204-v2.1.8", "System will restart shortly."),
        ("hex-302-v2.12.2", "System will restart shortly."),
        ("gamma-602-v2.13.2", '{"message":"System will restart shortly."}'),
        (NERD, "System will restart shortly."),
        ("fork-nmaxe-v3.0.21-nested", "System will restart shortly."),
    ],
)
def test_restart_answers_by_version_and_reboots(name, text):
    with simulate(name, reboot_ms=400) as miners:
        miners.expect(A)
        if text is None:
            with pytest.raises(requests.ConnectionError):
                post(miners)
        else:
            assert post(miners).text == text
        with pytest.raises(requests.Timeout):
            get(miners, timeout=0.1)
        after = info(miners)
        after = after.get("miner", after)
        assert after["uptimeSeconds"] <= 2
        assert after.get("sharesAccepted", after.get("sAccepted")) < 10
        assert after.get("sharesRejected", after.get("sRejected")) < 2


def test_restart_begins_counters_anew():
    with simulate(NEW, NERD, reboot_ms=0) as miners:
        for address in (A, B):
            miners.expect(address)
            post(miners, address=address)
        first = soon(lambda: info(miners, A), "the reboot")
        assert first["workReceived"] <= 1
        assert first["bestSessionDiff"] < 349118220 and first["bestDiff"] >= 1882004119
        assert first["sharesRejectedReasons"] == []
        assert first["resetReason"] == "Software reset via esp_restart"
        assert first["totalUptimeSeconds"] >= 4031223
        second = info(miners, B)
        assert second["lastResetReason"] == "SYSTEM.RESET_SOFTWARE"
        assert second["hashRateTimestamp"] < 5000
        assert second["stratum"]["pools"][0]["accepted"] < 10


def test_restart_by_order_breaks_connections():
    with simulate(NEW, reboot_ms=100) as miners:
        with connect(miners) as connection:
            miners.restart(A)
            assert connection.recv(1) == b""
        assert info(miners)["uptimeSeconds"] <= 1
        assert miners.requests()[0]["method"] == ""


def test_who_left_during_a_reboot_is_in_nobodys_way():
    with simulate(NEW, reboot_ms=500) as miners:
        miners.fault(A, "slow", 50)
        miners.restart(A)
        for _ in range(3):
            with pytest.raises(requests.Timeout):
                get(miners, timeout=0.05)
        assert get(miners).status_code == 200
        assert miners.wait_for_requests(4)
        assert miners.manners() == "ok"


def test_a_write_is_seen_although_its_client_left_at_once():
    miners = simulate(NEW, reboot_ms=100)
    miners.restart(A)
    with connect(miners) as connection:
        connection.sendall(b"PATCH /api/system HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}")
    assert miners.wait_for_requests(1)[0]["write"] is True
    miners.close(good_manners=False)


# ---- living values


def test_hashrate_wobbles_at_each_poll_and_averages_less():
    with simulate(NEW) as miners:
        polls = [info(miners) for _ in range(40)]
    rates = [poll["hashRate"] for poll in polls]
    assert len(set(rates)) == 40
    assert all(abs(rate / 1072.31 - 1) < 0.05 for rate in rates)
    assert max(rates) - min(rates) > 10
    hours = [poll["hashRate_1h"] for poll in polls]
    assert max(hours) - min(hours) < 5
    for poll in polls:
        asic = poll["hashrateMonitor"]["asics"][0]
        assert asic["total"] == pytest.approx(poll["hashRate"], rel=1e-5)
        assert sum(asic["domains"]) == pytest.approx(asic["total"], rel=1e-3)


def test_same_seed_same_first_reading():
    def first(seed):
        with simulate(NEW, seed=seed) as miners:
            return info(miners)["hashRate"]

    assert first(7) == first(7) != first(8)


def test_nested_shape_lives_too():
    with simulate("fork-nmaxe-v3.0.21-nested") as miners:
        polls = []

        def has_moved():
            """An average of three minutes: two polls of one millisecond may see the same."""
            polls.append(info(miners))
            return len({poll["miner"]["hashRate"] for poll in polls}) >= 5

        soon(has_moved, "five different hashrates")
    assert len(polls) < 50
    assert all(abs(poll["temps"]["asic"] - 58) < 4 for poll in polls)


def test_uptime_advances_with_real_time():
    with Simulator([f"{A}={NEW},uptime=100"], bodies=BODIES) as miners:
        started = time.monotonic()
        assert info(miners)["uptimeSeconds"] == 100
        soon(lambda: info(miners)["uptimeSeconds"] >= 102, "two seconds of uptime")
        assert 1.9 <= time.monotonic() - started < 5


def test_shares_come_at_the_rate_of_the_hashrate():
    with Simulator(fleets=[f"100=suprahex-701-v2.14.2@{A}"], bodies=BODIES) as miners:
        addresses = [f"127.31.0.{i}" for i in range(1, 101)]
        before = sum(info(miners, address)["sharesAccepted"] for address in addresses)
        started = time.monotonic()
        soon(lambda: time.monotonic() - started > 2, "two seconds")
        after = [info(miners, address) for address in addresses]
        seconds = time.monotonic() - started
        expected = 100 * seconds * 3742.1e9 / (1000 * 2**32)
        gained = sum(poll["sharesAccepted"] for poll in after) - before
        assert abs(gained - expected) < 7 * expected**0.5 + 30  # polls of the two rounds differ in time


@pytest.mark.parametrize(
    "name, zero, form",
    [
        ("gamma-601-v2.4.5", "0", r"\d{1,3}(\.\d{1,2})?[kMG]|1e\+03[kMG]"),
        ("gt-800-v2.9.0", "0", r"\d{1,3}\.\d\d[kMG]"),
        ("gt-800-v2.10.1", "0 ", r"\d{1,3}\.\d\d [kMG]"),
        ("nerdqaxeplus2-v1.0.30", "0", r"(\d\.\d\d|\d\d\.\d|\d{3})[kMG]"),
        ("gamma-602-v2.13.2", 0, None),
    ],
)
def test_best_difficulty_rises_in_the_form_of_the_version(name, zero, form):
    with Simulator(fleets=[f"40={name}@{A}"], bodies=BODIES, reboot_ms=0) as miners:
        addresses = [f"127.31.0.{i}" for i in range(1, 41)]
        for address in addresses:
            miners.restart(address)

        def risen():
            bests = [info(miners, address)["bestSessionDiff"] for address in addresses]
            return [best for best in bests if best != zero]

        for best in soon(risen, "a share", 60):
            assert re.fullmatch(form, best) if form else type(best) is int and best >= 1000


def test_fault_samples_keep_what_is_frozen():
    with simulate("faults/power-fault-v2.11.0", "faults/asic-not-detected-v2.15.0") as miners:
        first = info(miners)
        later = soon(
            lambda: (poll := info(miners))["uptimeSeconds"] > first["uptimeSeconds"] and poll, "uptime to advance"
        )
        assert {**later, "uptimeSeconds": 0} == {**first, "uptimeSeconds": 0}
        assert get(miners, B).text == sample("faults/asic-not-detected-v2.15.0")


def test_mac_is_the_samples_the_ordered_or_the_fleets():
    with Simulator(
        [f"{A}={NEW}", f"{B}={NEW},mac=02:AA:BB:CC:DD:EE"], [f"2={NEW}@127.31.1.1"], bodies=BODIES
    ) as miners:
        addresses = [A, B, "127.31.1.1", "127.31.1.2"]
        macs = [info(miners, address)["macAddr"] for address in addresses]
    assert macs[:2] == ["02:00:5E:10:00:0E", "02:AA:BB:CC:DD:EE"]
    assert len(set(macs)) == 4


# ---- faults


def test_dead_refuses_and_comes_back():
    with simulate(NEW) as miners:
        with connect(miners) as connection:
            miners.fault(A, "dead")
            assert connection.recv(1) == b""
        with pytest.raises(ConnectionRefusedError):
            connect(miners)
        miners.fault(A, "none")
        assert get(miners).status_code == 200


def test_silent_accepts_and_never_answers():
    with simulate(NEW) as miners:
        miners.fault(A, "silent")
        for _ in range(3):  # one after the other, each given up: good manners
            with pytest.raises(requests.ReadTimeout):
                get(miners, timeout=0.2)
        with ask(miners) as held:
            soon(lambda: miners.stats()[A]["held"], "the request")
            miners.fault(A, "none")
            assert held.recv(1) == b""
        assert get(miners).status_code == 200
        assert [entry["status"] for entry in miners.requests()] == [0, 0, 0, 0, 200]


def test_slow_answers_late():
    with simulate(NEW) as miners:
        miners.fault(A, "slow", 400)
        started = time.monotonic()
        assert get(miners).json()["ASICModel"] == "BM1370"
        assert 0.4 <= time.monotonic() - started < 3


def test_slow_one_given_up_is_no_overlap():
    with simulate(NEW) as miners:
        miners.fault(A, "slow", 60000)
        with pytest.raises(requests.ReadTimeout):
            get(miners, timeout=0.2)
        miners.fault(A, "none")
        assert get(miners).status_code == 200


def test_frozen_moves_nothing_but_uptime():
    with simulate(NEW) as miners:
        before = info(miners)
        miners.fault(A, "frozen")
        first = info(miners)
        assert first["hashRate"] == before["hashRate"]
        later = soon(
            lambda: (poll := info(miners))["uptimeSeconds"] > first["uptimeSeconds"] and poll, "uptime to advance"
        )
        assert {**later, "uptimeSeconds": 0} == {**first, "uptimeSeconds": 0}
        miners.fault(A, "none")
        assert info(miners)["hashRate"] != first["hashRate"]


def test_null_makes_every_number_null():
    with simulate(MIDDLE) as miners:
        miners.fault(A, "null")
        before, after = json.loads(sample(MIDDLE)), info(miners)
        assert list(after) == list(before)
        for key, value in before.items():
            if type(value) in (int, float):
                assert after[key] is None
            elif isinstance(value, str):
                assert isinstance(after[key], str)
        assert after["sharesRejectedReasons"][0]["count"] is None


def test_status_faults():
    with simulate(NEW) as miners:
        for kind, status, text in [
            ("http500", 500, "Server has encountered an unexpected error"),
            ("http401", 401, "Unauthorized"),
            ("redirect", 302, "Redirect to the captive portal"),
            ("empty", 200, ""),
        ]:
            miners.fault(A, kind)
            answer = get(miners)
            assert (answer.status_code, answer.text) == (status, text)
        assert [entry["status"] for entry in miners.requests()] == [500, 401, 302, 200]


@pytest.mark.parametrize("name", [NEW, NERD])
def test_cut_breaks_in_the_middle(name):
    with simulate(name) as miners:
        miners.fault(A, "cut")
        with ask(miners) as connection:
            data = b"".join(iter(lambda: connection.recv(65536), b""))
        head, _, body = data.partition(b"\r\n\r\n")
        assert b"200 OK" in head and not body.endswith(b"\r\n0\r\n\r\n")
        assert 100 < len(body) < len(sample(name)) * 0.6


def test_garbage_is_not_json():
    with simulate(NEW) as miners:
        miners.fault(A, "garbage")
        answer = get(miners)
        assert answer.status_code == 200
        with pytest.raises(ValueError):
            json.loads(answer.content.decode("latin-1"))


@pytest.mark.parametrize("name", [NEW, OLD, NERD])
def test_huge_is_a_megabyte_of_right_json(name):
    with simulate(name) as miners:
        miners.fault(A, "huge")
        answer = get(miners)
        assert len(answer.content) > 1 << 20
        assert answer.json()["ASICModel"]


def test_drip_sends_a_byte_a_second():
    with simulate(NEW) as miners:
        miners.fault(A, "drip")
        started = time.monotonic()
        with ask(miners) as connection:
            data = b""
            while not data.partition(b"\r\n\r\n")[2][1:]:
                data += connection.recv(4096)
        assert data.partition(b"\r\n\r\n")[2] == b'{"'
        assert 1.5 < time.monotonic() - started < 6
        miners.fault(A, "none")
        assert get(miners).status_code == 200


def test_moved_shows_another_mac():
    with simulate(NEW) as miners:
        before = info(miners)["macAddr"]
        miners.fault(A, "moved", "02:00:00:99:99:99")
        assert info(miners)["macAddr"] == "02:00:00:99:99:99"
        miners.fault(A, "none")
        assert info(miners)["macAddr"] == before


# ---- orders


@pytest.mark.parametrize("name", [NEW, OLD])
def test_set_and_unset_values(name):
    with simulate(name) as miners:
        miners.set(A, "temp", 91.5)
        miners.set(A, "wifiStatus", "Connecting... \u00e9")
        miners.set(A, "power_fault", "Power Fault Detected.")  # not in the sample: added
        poll = info(miners)
        assert (poll["temp"], poll["power_fault"]) == (91.5, "Power Fault Detected.")
        assert poll["wifiStatus"] == "Connecting... \u00e9"
        for key in ("temp", "wifiStatus", "power_fault"):
            miners.unset(A, key)
        poll = info(miners)
        assert poll["temp"] < 70 and "power_fault" not in poll and poll["wifiStatus"] == "Connected!"


def test_set_by_path_and_whole_objects():
    with simulate(NERD) as miners:
        miners.set(A, "stratum.pools[0].connected", False)
        assert info(miners)["stratum"]["pools"][0]["connected"] is False
        miners.set(A, "stratum", {"pools": []})
        assert info(miners)["stratum"] == {"pools": []}


def test_monitor_and_shares_follow_an_ordered_hashrate():
    with simulate(NEW) as miners:
        miners.set(A, "hashRate", 0)
        poll = info(miners)
        assert poll["hashRate"] == 0 and poll["hashrateMonitor"]["asics"][0]["total"] == 0


@pytest.mark.parametrize(
    "line, says",
    [
        ("", "no order"),
        ("jump 127.31.0.1", "no order"),
        ("fault 127.31.0.7 dead", "no device"),
        ("fault somewhere dead", "no device"),
        ("fault 127.31.0.1 broken", "no fault"),
        ("fault 127.31.0.1 slow", "milliseconds"),
        ("fault 127.31.0.1 slow -5", "milliseconds"),
        ("fault 127.31.0.1 moved 12", "MAC"),
        ("set 127.31.0.1 temp", "not JSON"),
        ("set 127.31.0.1 temp {", "not JSON"),
        ("set 127.31.0.1 no.such 5", "no key"),
        ("unset 127.31.0.1 temp", "not set"),
        ("expect 127.31.0.1 PATCH /api/system", "only POST"),
        ("set 127.31.0.1 temp " + "9" * 10000, "no order"),
    ],
)
def test_wrong_orders_are_told_and_harmless(line, says):
    with simulate(NEW) as miners:
        with pytest.raises(AssertionError, match=says):
            miners.order(line)
        assert miners.manners() == "ok"
        assert info(miners)["temp"] < 70


# ---- log and manners


def test_log_has_a_line_for_each_request():
    with simulate(NEW) as miners:
        before = time.time() * 1000
        get(miners)
        get(miners, path="/api/system/statistics?columns=power")
        entries = miners.requests(A)
        assert [(entry["method"], entry["path"], entry["status"]) for entry in entries] == [
            ("GET", INFO, 200),
            ("GET", "/api/system/statistics?columns=power", 200),
        ]
        assert before - 1000 <= entries[0]["time"] <= entries[1]["time"] <= time.time() * 1000 + 1000
        assert all("origin" not in entry and not entry["overlap"] and not entry["write"] for entry in entries)


def test_hostile_requests_are_logged_as_ascii():
    with simulate(NEW) as miners:
        with connect(miners) as connection:
            connection.sendall(b'GET /api/"\xff\x01%00 HTTP/1.1\r\nHost: a\r\n\r\n')
            connection.recv(100)
        with connect(miners) as connection:
            connection.sendall(b"\x16\x03\x01 what\r\n\r\n" * 50)
            connection.recv(100)
        assert miners.wait_for_requests(2)
        assert get(miners).status_code == 200


@pytest.mark.parametrize(
    "method, path, status",
    [
        ("PATCH", "/api/system", 400),
        ("POST", "/api/system/OTA", 404),
        ("POST", "/api/system/OTAWWW", 404),
        ("DELETE", "/api/system/pools/1", 404),
        ("POST", "/api/system/pause", 404),
    ],
)
def test_writes_are_refused_and_recorded(method, path, status):
    miners = simulate(NEW)
    answer = requests.request(method, miners.url(A, path), data=b"x" * 100000, timeout=5)
    assert answer.status_code == status
    entry = miners.requests()[0]
    assert entry["write"] is True and entry["method"] == method
    assert "unasked" in miners.manners()
    assert miners.close(good_manners=False) == 3


def test_a_restart_must_be_expected_each_time():
    miners = simulate(NEW, reboot_ms=0)
    miners.expect(A)
    post(miners)
    assert miners.manners() == "ok"
    post(miners)
    assert [entry["write"] for entry in miners.requests()] == [False, True]
    with pytest.raises(AssertionError, match="unasked"):
        miners.close()


def test_overlap_is_by_device():
    with simulate(NEW, NEW) as miners:
        for address in (A, B):
            miners.fault(address, "slow", 200)
        threads = [threading.Thread(target=get, args=(miners, address)) for address in (A, B)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10)
        assert miners.manners() == "ok"


def test_stats_count_by_device():
    miners = simulate(NEW, NEW)
    get(miners, headers={"Origin": "http://x.example"})
    get(miners)
    assert miners.stats() == {
        A: {"requests": 2, "overlaps": 0, "origins": 1, "writes": 0, "held": 0},
        B: {"requests": 0, "overlaps": 0, "origins": 0, "writes": 0, "held": 0},
    }
    miners.close(good_manners=False)


def test_two_thousand_devices_listen_and_answer():
    with Simulator(fleets=[f"2000={NEW}@127.32.0.1"], bodies=BODIES) as miners:
        for number in (1, 255, 256, 2000):
            address = f"127.32.{number >> 8}.{number & 255}"
            assert info(miners, address)["version"] == "v2.15.0"
