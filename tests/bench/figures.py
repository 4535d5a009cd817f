"""The figures, a function each: it starts what it measures and what it compares with, ends both, and yields its rows.

A row is (what, ours, baseline, ratio, goal or note), all text. Ratios are of one run; where a figure is noisy it is the median of
the pairs."""

import contextlib
import os
import random
import subprocess
import sys
import time

import samples
from bus import Bus
from machine import Disk, Written, cpu_s, median, programs_of, pss_kib
from miner import Simulator
from suite import BUILD, Broker, Service
from wait import wait_until
from websocket import WebSocket

HERE = os.path.dirname(os.path.abspath(__file__))
DAY_MINUTES = 1440
COMMIT_MINUTES = 5


def number(value):
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.1f}" if abs(value) >= 10 else f"{value:.2f}"


def ratio(ours, theirs):
    return f"{ours / theirs:.2f}" if theirs else "-"


def tool(name):
    return os.path.join(BUILD, "tests/bench", name)


@contextlib.contextmanager
def service(name, broker, **settings):
    """One that has said that it started and answers; ended with the block."""
    with Service(name, broker, settings) as running:
        running.wait_for_log("started")
        yield running


# --- throughput ---


class Load:
    """bench-publish and what hears it: one run is COUNT messages."""

    WINDOW = 8000  # records that storage may have without an acknowledgement; it holds 400,000 values

    def __init__(self, broker, count):
        self._broker, self.count = broker, count
        self._members = os.path.join(broker.folder, "members")
        fleet = samples.Fleet()
        with open(self._members, "w", encoding="ascii") as file:
            for _ in range(10):
                file.writelines(fleet.members(values) + "\n" for values in fleet.minute())
        self._first_second = int(time.time()) - 300 * 86400  # every run has times of its own, within the retention

    def _start(self, *arguments):
        command = [tool("bench-publish"), self._broker.socket, *map(str, arguments)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def run(self, how):
        """Seconds from the first message's going to the last one's coming."""
        receiver = None
        if how == "plain":
            receiver = self._start("receive", self.count)
            assert receiver.stdout.readline() == "ready\n"
        publisher = self._start(how, self.count, self.WINDOW, self._first_second, self._members)
        self._first_second += self.count // samples.MINERS * 60 + 60
        try:
            said, _ = publisher.communicate(timeout=150)
            began, ended = map(float, said.split("\n")[-2].split())
            if receiver:
                ended = float(receiver.communicate(timeout=150)[0].split()[-1])
            return ended - began
        finally:
            for process in filter(None, (publisher, receiver)):
                process.kill()
                process.wait()


def throughput(quick):
    count = 10000 if quick else 40000
    ours, theirs, ratios, cpu = [], [], [], []
    with Broker() as broker, service("storage", broker, STORAGE_COMMIT_INTERVAL=1) as storage:
        load = Load(broker, count)
        for _ in range(3 if quick else 5):
            before = cpu_s(storage.pid)
            seconds = load.run("recorded")
            cpu.append((cpu_s(storage.pid) - before) / count * 1e6)
            ours.append(count / seconds)
            theirs.append(count / load.run("plain"))
            ratios.append(ours[-1] / theirs[-1])
    how = f"{count:,} messages of {samples.METRICS} values, QoS 1; baseline: the broker and one subscriber"
    yield "publish to recorded, messages/s", number(median(ours)), number(median(theirs)), number(median(ratios)), how
    yield "publish to recorded, samples/s", number(median(ours) * samples.METRICS), "", "", ""
    yield "CPU of storage, us a message", number(median(cpu)), "", "", f"{number(median(cpu) / samples.METRICS)} us a sample"


def latency(quick):
    taken = []
    with Broker() as broker, service("storage", broker, STORAGE_COMMIT_INTERVAL=1):
        bus = Bus(broker)
        fleet, places = samples.Fleet(), random.Random(1)
        bus.ask_until("storage", "ping")
        for i in range(5 if quick else 20):
            payload = f'{{"time":"{moment(time.time() - 3600 + 60 * i)}",{fleet.members(fleet.minute()[0])}}}'
            began = time.monotonic()
            bus.record("miner/bench-0/telemetry", payload)
            bus.wait_recorded()
            taken.append((time.monotonic() - began) * 1000)
            time.sleep(places.random())  # another place in the interval each time
        bus.close()
    yield "publish to recorded, ms, one record", number(median(taken)), "1,000", ratio(max(taken), 1000), (
        f"most {number(max(taken))}; baseline: STORAGE_COMMIT_INTERVAL=1, which bounds it; the ratio is of the most"
    )


def moment(second):
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(second))


# --- what it costs to run ---


def footprint(quick):
    window_s = 30 if quick else 120
    names = programs_of(BUILD)
    with contextlib.ExitStack() as stack:
        idle = stack.enter_context(Broker())
        broker = stack.enter_context(Broker())
        miners = stack.enter_context(
            Simulator(
                [f"127.1.0.{i}={sample}" for i, sample in enumerate(("gamma-602-v2.15.0", "gt-801-v2.15.0", "nerdqaxeplus2-v1.0.36"), 1)],
                binary=os.path.join(BUILD, "tests/simulator/bx-simulator"),
            )
        )
        pids = {"broker": broker.pid}
        for name in names:
            settings = {"WEB_LISTEN": "127.0.0.1:0"} if name == "gateway" else {}
            pids[name] = stack.enter_context(service(name, broker, **settings)).pid
        pids["simulator"] = miners.process.pid
        bus = Bus(broker)
        bus.ask_until("collector", "ping")
        for i in range(1, 4):
            bus.ask("collector", "miner-add", {"url": f"http://127.1.0.{i}:{miners.port}"})
        bus.close()
        time.sleep(window_s / 3)
        before = {name: cpu_s(pid) for name, pid in pids.items()}
        idle_before, began = cpu_s(idle.pid), time.monotonic()
        time.sleep(window_s)
        took = time.monotonic() - began
        percent = {name: (cpu_s(pid) - before[name]) / took * 100 for name, pid in pids.items()}
        idle_percent = (cpu_s(idle.pid) - idle_before) / took * 100
        memory = {name: pss_kib(pid) / 1024 for name, pid in pids.items()}
        idle_memory = pss_kib(idle.pid) / 1024
    suite = [name for name in pids if name != "simulator"]
    all_memory, all_percent = sum(memory[name] for name in suite), sum(percent[name] for name in suite)
    note = f"broker, {', '.join(names)}; three miners, default intervals, {window_s} s; baseline: a broker alone, idle; "
    note += "peers: minimoni 2.3, Netdata 56, Prometheus 64, HashHive 72"
    yield "PSS of the suite, MiB", number(all_memory), number(idle_memory), ratio(all_memory, idle_memory), note
    yield "CPU of the suite, % of a core", f"{all_percent:.3f}", f"{idle_percent:.3f}", ratio(all_percent, idle_percent), "peer: Netdata 0.9"
    for name in [*suite, "simulator"]:
        apart = "the miners, not of the suite" if name == "simulator" else ""
        yield f"  {name}", f"{memory[name]:.2f} MiB", f"{percent[name]:.3f} %", "", apart


# --- what is written ---


class OurStorage:
    """The same samples as PlainRows', minute after minute; commit() returns when five more are in the database."""

    def __init__(self, folder, stack):
        broker = stack.enter_context(Broker())
        self.database = os.path.join(folder, "bitaxe.db")
        settings = {"DATABASE": self.database, "STORAGE_COMMIT_INTERVAL": 3600, "METRICS_COLLECTION_INTERVAL": 86400}
        self.pid = stack.enter_context(service("storage", broker, **settings)).pid
        self._bus = Bus(broker)
        stack.callback(self._bus.close)
        self._bus.ask_until("storage", "ping")
        self._fleet, self._minute = samples.Fleet(), 0
        self._first_second = int(time.time()) // 60 * 60 - 30 * 86400

    def commit(self):
        for _ in range(COMMIT_MINUTES):
            time_text = moment(self._first_second + self._minute * 60)
            for miner, values in enumerate(self._fleet.minute()):
                self._bus.record(f"miner/bench-{miner}/telemetry", f'{{"time":"{time_text}",{self._fleet.members(values)}}}')
            self._minute += 1
        self._bus.ask("storage", "commit")
        self._bus.wait_recorded()


class PlainRows:
    def __init__(self, folder, stack):
        self.database = os.path.join(folder, "plain.db")
        command = [sys.executable, os.path.join(HERE, "plain.py"), self.database]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        stack.callback(self._end)
        self.pid = self._process.pid

    def commit(self):
        self._process.stdin.write(f"{COMMIT_MINUTES}\n")
        self._process.stdin.flush()
        assert self._process.stdout.readline() == "written\n", "plain.py ended"

    def _end(self):
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.kill()
        self._process.wait()


def fill_until_checkpoint(writer, disk, at_least):
    """Minutes written: `at_least`, and then until a commit brought the WAL into the database, so that no half is counted."""
    for minutes in range(COMMIT_MINUTES, at_least + 2 * DAY_MINUTES, COMMIT_MINUTES):
        before = os.stat(writer.database).st_mtime_ns if os.path.exists(writer.database) else 0
        writer.commit()
        disk.written()
        if minutes >= at_least and os.stat(writer.database).st_mtime_ns != before:
            return minutes
    raise AssertionError(f"two days without a checkpoint of {writer.database}")


def fill_and_count(kind, warm_up, at_least):
    """Bytes a sample: by write(2), on the device (None: no device), on disk; how the first was counted, over how long."""
    with contextlib.ExitStack() as stack:
        disk = Disk()
        stack.callback(disk.close)
        writer = kind(disk.folder, stack)
        fill_until_checkpoint(writer, disk, warm_up)
        written = Written(writer.pid, disk.folder)
        stack.callback(written.close)
        device, size = disk.written(), os.path.getsize(writer.database)
        written.start()
        minutes = fill_until_checkpoint(writer, disk, at_least)
        count = minutes * samples.MINERS * samples.METRICS
        on_device = (disk.written() - device) / count if device is not None else None
        return written.stop() / count, on_device, (os.path.getsize(writer.database) - size) / count, written.how, minutes


def bytes_written(quick):
    lengths = (120, 720) if quick else (DAY_MINUTES, 3 * DAY_MINUTES)
    ours, theirs = fill_and_count(OurStorage, *lengths), fill_and_count(PlainRows, *lengths)
    note = f"{ours[4] / 60:.0f} h of ten miners x forty, 5 min a commit, to a checkpoint; by {ours[3]}; goal 15 sealed; baseline: "
    note += "a row a sample and an index, WAL"
    yield "write(2) bytes a sample", number(ours[0]), number(theirs[0]), ratio(ours[0], theirs[0]), note
    if ours[1] is None:
        yield "device bytes a sample", "-", "-", "-", "needs root, mkfs.ext4 and a loop device"
    else:
        note = "sectors of a loop device with ext4, syncfs after each commit; sealed it was 24.6"
        yield "device bytes a sample", number(ours[1]), number(theirs[1]), ratio(ours[1], theirs[1]), note
    note = "the database's growth; goal 1.5 sealed, and these rows are open"
    yield "disk bytes a sample", number(ours[2]), number(theirs[2]), ratio(ours[2], theirs[2]), note


# --- to the browser ---


def browser(quick):
    if "gateway" not in programs_of(BUILD):
        return
    ours, theirs = [], []
    with Broker() as broker, service("gateway", broker, WEB_LISTEN="127.0.0.1:0") as gateway:
        port = int(gateway.wait_for_log("listens").split("url=")[1].split()[0].rstrip('"/').rsplit(":", 1)[1])
        came = {}
        listener = broker.client("bench-listener")
        listener.on_message = lambda client, state, message: came.update({message.payload: time.monotonic()})
        listener.subscribe("bitaxe/home/miner/bench/telemetry", qos=1)
        bus = Bus(broker)
        with contextlib.closing(WebSocket("127.0.0.1", port, "/monitoring/ws")) as socket:
            socket.read_until(b'"state"')
            time.sleep(0.5)
            for i in range(50 if quick else 200):
                payload = f'{{"time":"{moment(time.time())}","uptime":{1000000 + i}}}'.encode()
                began = time.monotonic()
                bus.publish("miner/bench/telemetry", payload, retain=True)
                socket.read_until(f'"uptime":{1000000 + i}'.encode())
                ours.append((time.monotonic() - began) * 1000)
                wait_until(lambda payload=payload: payload in came, 5, "the listener")
                theirs.append((came[payload] - began) * 1000)
                time.sleep(0.01)
        listener.loop_stop()
        listener.disconnect()
        bus.close()
    note = f"{len(ours)} messages; the most {number(max(ours))}; baseline: the same messages to a bare subscriber"
    yield "publish to the WebSocket, ms", number(median(ours)), number(median(theirs)), ratio(median(ours), median(theirs)), note


# --- the miners ---


def polling(quick):
    """200 miners, each every two seconds, so that a short window has many polls."""
    interval_s, window_s, connections = 2, 6 if quick else 10, 64
    miners_count, ours, theirs = 200, [], []
    simulator = Simulator(
        fleets=[f"{miners_count}=gamma-602-v2.13.2@127.2.0.1"], binary=os.path.join(BUILD, "tests/simulator/bx-simulator")
    )
    with simulator as miners, Broker() as broker, service("collector", broker, MINER_POLL_INTERVAL=interval_s) as collector:
        urls = [f"http://127.2.0.{i}:{miners.port}/api/system/info\n" for i in range(1, miners_count + 1)]
        bus = Bus(broker)
        bus.ask_until("collector", "ping")
        for _ in range(3 if quick else 5):  # the baseline first, while the collector knows no miner
            command = [tool("bench-fetch"), "3", str(connections)]
            said = subprocess.run(command, input="".join(urls), check=True, capture_output=True, text=True, timeout=150)
            requests, failures, seconds = map(float, said.stdout.split())
            assert failures == 0, f"{failures:.0f} of {requests:.0f} bare requests failed"
            theirs.append(seconds / requests * 1e6)
        for url in urls:
            bus.ask("collector", "miner-add", {"url": url.removesuffix("/api/system/info\n")})
        bus.close()
        time.sleep(2 * interval_s)
        for _ in range(3 if quick else 5):
            before, asked = cpu_s(collector.pid), polled(miners)
            time.sleep(window_s)
            polls = polled(miners) - asked
            ours.append((cpu_s(collector.pid) - before) / polls * 1e6)
    ours_us, theirs_us = median(ours), median(theirs)
    rate = polls / window_s
    note = f"{miners_count} miners, {rate:.0f} polls/s; fetched, read, told on the bus; baseline: libcurl fetches and drops"
    yield "CPU of a poll, us", number(ours_us), number(theirs_us), ratio(ours_us, theirs_us), note
    whole = miners_count / 1e6
    yield f"CPU of a round of {miners_count}, s", f"{ours_us * whole:.3f}", f"{theirs_us * whole:.3f}", "", ""


def polled(miners):
    return sum(device["requests"] for device in miners.stats().values())


ALL = (throughput, latency, footprint, bytes_written, browser, polling)
