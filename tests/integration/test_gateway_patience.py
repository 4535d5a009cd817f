"""The gateway's patience with bad clients, and its end: what takes its deadlines to see. Beside test_gateway.py, so that both
run at once."""

import contextlib
import socket
import subprocess
import sys
import threading
import time

import pytest
from gateway import (
    ANSWERS_PACKETS,
    UPGRADE,
    Gateway,
    connections_of,
    count_answers,
    exchange,
    read_all,
    requests_in_one_packet,
    status_of,
)
from suite import Broker
from wait import wait_until


@pytest.fixture
def own_broker():
    with Broker() as running:
        yield running


@pytest.fixture(scope="module")
def gateway():
    with Broker() as broker, Gateway(broker) as running:
        yield running


def test_dripping_requests_meet_our_deadline(gateway):
    """A byte a second: lws would begin its timeouts anew with each."""
    ended = {}

    def drip(what, first):
        started = time.monotonic()
        with gateway.raw() as connection, contextlib.suppress(ConnectionError):
            connection.sendall(first)
            connection.settimeout(1)
            while time.monotonic() - started < 40:
                connection.sendall(b"x")
                with contextlib.suppress(socket.timeout):
                    if connection.recv(4096) == b"":
                        break
        ended[what] = time.monotonic() - started

    keep_alive = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    threads = [
        threading.Thread(target=drip, args=case)
        for case in (
            ("head", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nx-drip: "),
            ("body", b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"),
            ("a second one's body", keep_alive + b"POST /healthz HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"),
        )
        if ANSWERS_PACKETS or not case[0].startswith("a second")
    ]
    for thread in threads:
        thread.start()
    closing = keep_alive.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    # others are answered meanwhile
    assert count_answers(exchange(gateway, keep_alive + closing if ANSWERS_PACKETS else closing)) == (2 if ANSWERS_PACKETS else 1)
    for thread in threads:
        thread.join()
    assert all(8 < seconds < 14 for seconds in ended.values()), ended


def read_answer(connection):
    """One answer with its body, in however many pieces it comes."""
    answer = b""
    while True:
        head, end, body = answer.partition(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        if end and length and len(body) >= int(length[0].split(b":")[1]):
            return answer
        piece = connection.recv(4096)
        assert piece, f"the connection ended behind {answer!r}"
        answer += piece


def test_a_kept_connection_may_rest(gateway):
    request = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with gateway.raw() as connection:
        connection.sendall(request)
        assert status_of(read_answer(connection)) == 200
        time.sleep(12)  # longer than a request may take
        connection.sendall(request)
        assert status_of(read_answer(connection)) == 200


def test_silent_connections_are_closed(gateway):
    started = time.monotonic()
    with gateway.raw() as connection:
        assert read_all(connection, 30) == b""
    assert time.monotonic() - started < 14


@requests_in_one_packet
def test_a_reader_that_stops_is_closed(own_broker):
    """It asks for megabytes and takes none: its answer is not kept for ever."""
    with Gateway(own_broker) as gateway, gateway.raw() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        started = time.monotonic()
        connection.sendall(b"GET /monitoring/api/catalog HTTP/1.1\r\nHost: localhost\r\n\r\n" * 400)
        time.sleep(1)
        assert connections_of(gateway.pid) == 1
        assert gateway.get("/healthz").status_code == 200
        wait_until(lambda: connections_of(gateway.pid) == 0, 30, "the connection to be closed")
        assert 8 < time.monotonic() - started < 25


def test_a_dead_client_is_let_go(own_broker):
    """Its machine is gone: no FIN, no answer to our ping. It never reads again."""
    with Gateway(own_broker) as gateway:
        program = (
            "import socket, sys, time\n"
            f"s = socket.create_connection(('127.0.0.1', {gateway.port}))\n"
            f"s.sendall({UPGRADE % (b'/monitoring/ws', b'localhost', b'websocket', b'')!r})\n"
            "s.recv(100); print('on', flush=True); time.sleep(300)\n"
        )
        with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as dead:
            try:
                assert dead.stdout.readline() == b"on\n"
                assert connections_of(gateway.pid) == 1
                wait_until(lambda: connections_of(gateway.pid) == 0, 60, "the dead client to be let go")
            finally:
                dead.kill()
