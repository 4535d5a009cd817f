"""bxctl as a person uses it: transcripts of its commands, and the embedded run, `bxctl up`, with its end in every way.

The programs are copied to a folder that everybody can read, and run as nobody where the tests run as root: so a clone in
/root works, and what root does (become the user bitaxe) is one test of its own.
BX_ACCEPT=1 writes what the transcripts print instead of comparing it; read the diff.
"""

import glob
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.parse
import urllib.request

import pytest
from miner import Simulator
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from suite import BUILD, ROOT, Process, free_port, mqtt_client
from wait import wait_until

TRANSCRIPTS = sorted(glob.glob(os.path.join(ROOT, "services/bxctl/transcripts/*.txt")))
SERVICES = ["storage", "collector", "health", "gateway"]
NOBODY = pwd.getpwnam("nobody")


def as_nobody(path):
    if os.geteuid() == 0:
        os.chown(path, NOBODY.pw_uid, NOBODY.pw_gid)


def command_of(*arguments):
    if os.geteuid() != 0:
        return list(arguments)
    return ["setpriv", f"--reuid={NOBODY.pw_uid}", f"--regid={NOBODY.pw_gid}", "--clear-groups", "--", *arguments]


@pytest.fixture(scope="session")
def programs():
    """A folder with all programs, the simulator's bodies and the dashboard."""
    with tempfile.TemporaryDirectory(prefix="bx-programs-") as folder:
        os.chmod(folder, 0o755)
        files = [os.path.join(BUILD, f"services/{name}/bitaxe-{name}") for name in SERVICES]
        files += [os.path.join(BUILD, "services/bxctl/bxctl"), os.path.join(BUILD, "tests/simulator/bx-simulator")]
        for file in files:
            assert os.path.exists(file), f"{file} is not built"
            shutil.copy(file, folder)
        shutil.copytree(os.path.join(ROOT, "tests/simulator/bodies"), os.path.join(folder, "bodies"))
        shutil.copytree(os.path.join(ROOT, "web/dist"), os.path.join(folder, "dist"))
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        yield folder


class Place:
    """A home of its own, in which `bxctl up` may run; whatever still runs there is ended with its block."""

    def __init__(self, programs, demo=True, libexec=None):
        self.home = tempfile.mkdtemp(prefix="bx-home-")
        as_nobody(self.home)
        self.programs, self.demo, self.libexec = programs, demo, libexec or programs
        self.folder = os.path.join(self.home, ".local/state/bitaxe" + ("-demo" if demo else ""))
        self.environment = {k: v for k, v in os.environ.items() if k not in ("BITAXE_CONFIG", "BITAXE_WEB", "NO_COLOR")}
        self.environment["HOME"] = self.home
        self.process = None
        self.seen = set()

    def bxctl(self, *arguments, timeout=30):
        """The exit status, and all that it said."""
        done = subprocess.run(
            command_of(os.path.join(self.programs, "bxctl"), *arguments), env=self.environment, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout,
        )
        return done.returncode, done.stdout

    def configure(self, **keys):
        """monitoring.conf as `up` would make it, and these keys."""
        keys = {"STATE_DIR": self.folder, "BUS": f"{self.folder}/bus.sock", "BUS_PORT": free_port(),
                "WEB_LISTEN": f"127.0.0.1:{free_port()}", **keys}  # fmt: skip
        os.makedirs(self.folder, 0o700)
        config = os.path.join(self.folder, "monitoring.conf")
        pathlib.Path(config).write_text("".join(f"{key}={value}\n" for key, value in keys.items()))
        for path in (config, *[os.path.join(self.home, part) for part in (".local", ".local/state")], self.folder):
            as_nobody(path)

    def up(self, *more):
        arguments = ["up", "--libexec", self.libexec, *(["--demo"] if self.demo else []), *more]
        self.process = Process(
            ["setsid", *command_of(os.path.join(self.programs, "bxctl"), *arguments)], os.path.join(self.home, "log"),
            self.environment,
        )
        return self

    def log(self):
        return self.process.log()

    def wait_for(self, words, seconds=20, count=1):
        """Until a line has these words for the count-th time; that line."""

        def line():
            found = [line for line in self.log().splitlines() if words in line]
            assert len(found) >= count or self.process.is_running(), f"up ended without saying {words!r}:\n{self.log()}"
            return found[count - 1] if len(found) >= count else None

        return wait_until(line, seconds, lambda: f"{words!r} from up:\n{self.log()}")

    def children(self):
        """{name: pid} of what runs for this place, by its command line."""
        found = {}
        for path in glob.glob("/proc/[0-9]*/cmdline"):
            try:
                words = pathlib.Path(path).read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            name = os.path.basename(words[0])
            ours = any(word.startswith(self.folder) for word in words[1:])
            if ours or (name == "bx-simulator" and words[0].startswith(self.libexec) and self.is_child(path)):
                found[name.removeprefix("bitaxe-")] = int(path.split("/")[2])
        self.seen |= set(found.values())
        return found

    def is_child(self, path):
        with open(path.replace("cmdline", "stat"), encoding="utf-8", errors="replace") as stat:
            return int(stat.read().rsplit(")", 1)[1].split()[1]) == self.process.pid

    def nothing_runs(self):
        gone = [pid for pid in self.seen if is_gone(pid)]
        return len(gone) == len(self.seen) and not self.children()

    def close(self):
        if self.process:
            self.process.end()
            wait_until(self.nothing_runs, 10, lambda: f"the children of up to end: {self.children()}")
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        self.close()


def is_gone(pid):
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] in "ZX"
    except OSError:
        return True


@pytest.fixture()
def place(programs):
    with Place(programs) as made:
        yield made


# --- the embedded run ---


def test_first_number_and_page_within_ten_seconds_then_ctrl_c_ends_all_within_three(place):
    began = time.monotonic()
    place.up()
    number = place.wait_for("first number: ", 10)
    page = place.wait_for("the page: ", 10)
    assert time.monotonic() - began < 10
    assert re.search(r"first number: \w+, Hashrate [\d.]+ GH/s, [\d.]+ s after the start", number)
    url = re.search(r"the page: (http://127\.0\.0\.1:\d+/monitoring)$", page)[1]
    assert urllib.request.urlopen(url, timeout=5).status == 200
    for name in ("gamma", "ultra", "nerdqaxe"):
        place.wait_for(f"miner answers miner={name}")

    children = place.children()
    assert set(children) == {"mosquitto", "simulator", "bx-simulator", *SERVICES} - {"simulator"}
    groups = {name: os.getpgid(pid) for name, pid in children.items()}
    assert groups == children  # each leads a process group of its own: a terminal's Ctrl-C is for up alone

    began = time.monotonic()
    os.killpg(os.getpgid(place.process.pid), signal.SIGINT)
    assert place.process.wait(5) == 0
    assert time.monotonic() - began < 3
    assert place.nothing_runs()
    said = place.log()
    assert said.index("collector | ") and said.rindex("collector |") < said.rindex("storage   |")
    assert "ended (" not in said and "ERROR: AddressSanitizer" not in said


def test_starts_again_with_what_it_kept(place):
    place.up().wait_for("first number: ")
    assert place.bxctl("miner", "set", "gamma", "--group", "shelf")[0] == 0
    assert place.bxctl("down", "--demo")[0] == 0
    assert place.process.wait(5) == 0
    config = pathlib.Path(place.folder, "monitoring.conf").read_text()
    place.up().wait_for("first number: ", count=2)
    assert pathlib.Path(place.folder, "monitoring.conf").read_text() == config
    status, said = place.bxctl("status", "--json")
    miners = {miner["id"]: miner for miner in json.loads(said)["miners"]}
    assert status == 0 and set(miners) == {"gamma", "ultra", "nerdqaxe"} and miners["gamma"]["group"] == "shelf"


def test_a_crashed_collector_comes_back(place):
    place.up().wait_for("first number: ")
    pid = place.children()["collector"]
    os.kill(pid, signal.SIGKILL)
    place.wait_for("collector ended (signal 9); again in 0.")
    wait_until(lambda: place.children().get("collector") not in (None, pid), 5, "a new collector")
    place.wait_for("miner answers miner=gamma", count=2)
    assert "storage ended" not in place.log()


def test_a_crashed_broker_comes_back_and_everybody_finds_it(place):
    place.up().wait_for("first number: ")
    os.kill(place.children()["mosquitto"], signal.SIGKILL)
    place.wait_for("broker ended (signal 9)")

    def all_run():
        status, said = place.bxctl("status", "--json")
        return status == 0 and [s["state"] for s in json.loads(said)["services"]] == ["runs"] * len(SERVICES)

    wait_until(all_run, 15, "all services to be on the new broker")


def test_a_second_up_of_the_folder_is_refused(place):
    place.up().wait_for("first number: ")
    status, said = place.bxctl("up", "--demo", "--libexec", place.libexec)
    assert status == 1
    assert f"another one runs already (process {place.process.pid} holds {place.folder}/up.lock)" in said
    assert place.process.is_running()


def test_a_taken_port_is_told_and_the_next_one_taken(place):
    taken = {}
    for port in (1883, 5000):
        try:
            taken[port] = socket.create_server(("127.0.0.1", port))
        except OSError:
            pass  # somebody has it already, which is as good
    try:
        place.up()
        page = place.wait_for("the page: ")
        for port in taken:
            line = place.wait_for(f"port {port} is taken by ")
            # another user's process is told only to root
            assert re.search(rf"port {port} is taken by .*; (BUS_PORT|WEB_LISTEN) is \S+ from now on", line)
        port = int(re.search(r":(\d+)/monitoring", page)[1])
        assert port > 5000
        config = pathlib.Path(place.folder, "monitoring.conf").read_text()
        assert f"WEB_LISTEN=127.0.0.1:{port}\n" in config and "BUS_PORT=1883" not in config
    finally:
        for server in taken.values():
            server.close()


def test_kill_9_of_up_leaves_nothing(place):
    place.up().wait_for("first number: ")
    assert len(place.children()) == 6
    os.kill(place.process.pid, signal.SIGKILL)
    wait_until(place.nothing_runs, 5, lambda: f"all children to end: {place.children()}")
    assert not place.bxctl("status")[0] == 0
    place.up().wait_for("first number: ", count=2)  # and nothing of it is in the way


def test_a_child_that_ignores_sigterm_is_killed_in_time(programs):
    with tempfile.TemporaryDirectory(prefix="bx-stubborn-") as folder:
        for name in os.listdir(programs):
            os.symlink(os.path.join(programs, name), os.path.join(folder, name))
        os.unlink(os.path.join(folder, "bitaxe-health"))
        stubborn = os.path.join(folder, "bitaxe-health")
        pathlib.Path(stubborn).write_text("#!/bin/sh\ntrap '' TERM\necho stubborn\nwhile :; do sleep 1000; done\n")
        os.chmod(stubborn, 0o755)
        os.chmod(folder, 0o755)
        with Place(programs, libexec=folder) as place:
            place.up().wait_for("stubborn")
            place.wait_for("first number: ")
            place.children()
            began = time.monotonic()
            place.process.signal(signal.SIGTERM)
            assert place.process.wait(5) == 0
            assert 1 < time.monotonic() - began < 3.2
            assert place.nothing_runs()
            assert "storage   | " in place.log().split("stopping")[1]  # storage had its turn all the same


def test_secrets_are_their_owners_alone_and_nowhere_else(place):
    place.up().wait_for("first number: ")
    secrets = {}
    for path in pathlib.Path(place.folder, "broker/secrets").iterdir():
        secrets[path.name] = path.read_text().strip()
        assert path.stat().st_mode & 0o777 == 0o600
    assert set(secrets) == {"suite", "gateway", "bxctl", "homeassistant", "monitor"}
    assert len(set(secrets.values())) == 5 and all(re.fullmatch(r"[0-9a-f]{32,}", secret) for secret in secrets.values())
    for path in (place.folder, f"{place.folder}/broker", f"{place.folder}/broker/secrets"):
        assert os.stat(path).st_mode & 0o777 == 0o700
    hashed = pathlib.Path(place.folder, "broker/passwd")
    assert hashed.stat().st_mode & 0o777 == 0o600 and hashed.read_text().count(":$7$") == 5
    assert not os.path.exists(f"{place.folder}/broker/passwd.plain")

    seen = place.log() + hashed.read_text()
    for path in glob.glob("/proc/[0-9]*/cmdline") + [f"/proc/{pid}/environ" for pid in place.children().values()]:
        try:
            seen += pathlib.Path(path).read_bytes().decode(errors="replace")
        except OSError:
            pass
    assert not [role for role, secret in secrets.items() if secret in seen]

    assert place.bxctl("down", "--demo")[0] == 0
    place.process.wait(5)
    place.up().wait_for("first number: ", count=2)
    assert pathlib.Path(place.folder, "broker/secrets/suite").read_text().strip() == secrets["suite"]  # made once


def test_doctor_finds_every_problem_at_once(place):
    place.up().wait_for("the page: ")
    place.wait_for("first number: ")
    status, said = place.bxctl("test")
    assert status == 0, said
    assert said.count("ok ") == 6 + len(SERVICES) and "problem" not in said

    os.chmod(f"{place.folder}/broker/secrets/monitor", 0o644)
    os.kill(place.children()["health"], signal.SIGSTOP)
    try:
        status, said = place.bxctl("test", "--json")
        found = json.loads(said)
        problems = [finding for finding in found["findings"] if not finding["ok"]]
        assert status == 1 and found["problems"] == 2 and len(problems) == 2, said
        assert "monitor may be read by others (mode 644)" in problems[0]["what"] and "chmod 600" in problems[0]["remedy"]
        assert problems[1]["what"] == "health: does not answer"
    finally:
        os.kill(place.children()["health"], signal.SIGCONT)

    # an ACL that lets everybody say everything
    pathlib.Path(place.folder, "broker/acl").write_text("pattern readwrite bitaxe/#\n")
    os.kill(place.children()["mosquitto"], signal.SIGHUP)
    status, said = place.bxctl("test")
    assert status == 1 and "its ACL is not in force" in said


def test_doctor_lists_all_lines_of_a_wrong_configuration(place):
    config = os.path.join(place.home, "own.conf")
    pathlib.Path(config).write_text("MINER_POL_INTERVAL=5\nCPU_WARNING_THRESHOLD=101\nnonsense\n")
    as_nobody(config)
    status, said = place.bxctl("test", "--config", config)
    assert status == 1 and said.count("problem  configuration") == 3
    assert f"{config}:1: there is no key MINER_POL_INTERVAL; did you mean MINER_POLL_INTERVAL?" in said


def test_watch_shows_the_bus_cleaned_and_ends_with_0(place):
    place.up().wait_for("first number: ")
    secret = pathlib.Path(place.folder, "broker/secrets/suite").read_text().strip()
    port = int(re.search(r"BUS_PORT=(\d+)", pathlib.Path(place.folder, "monitoring.conf").read_text())[1])
    client = mqtt_client("tests")
    client.username_pw_set("suite", secret)
    client.connect("127.0.0.1", port)
    client.loop_start()
    log = os.path.join(place.home, "watch")
    watch = Process(command_of(os.path.join(place.programs, "bxctl"), "watch", "event/#"), log, place.environment)
    try:

        def shown():
            client.publish("bitaxe/home/event/miner/x", b"\x1b[31mred\xff\x00 end", qos=1)
            return re.search(r" event/miner/x \[31mred +end$", watch.log(), re.MULTILINE)

        wait_until(shown, 10, lambda: f"the cleaned bytes:\n{watch.log()}")
        assert "\x1b" not in watch.log() and "telemetry" not in watch.log()
        watch.signal(signal.SIGINT)
        assert watch.wait(5) == 0
    finally:
        watch.end()
        client.loop_stop()


def test_output_that_nobody_takes_stops_nobody(place):
    """A terminal that is stopped (Ctrl-S), here a pipe that is not read."""
    reader, writer = os.pipe()
    process = subprocess.Popen(
        ["setsid", *command_of(os.path.join(place.programs, "bxctl"), "up", "--demo", "--libexec", place.libexec)],
        stdin=subprocess.DEVNULL, stdout=writer, stderr=writer, env=place.environment,
    )
    os.close(writer)
    place.process = type("Up", (), {"pid": process.pid, "end": lambda self: (process.kill(), process.wait())})()
    try:

        def miners():
            status, said = place.bxctl("status", "--json")
            return status == 0 and [m["state"] for m in json.loads(said)["miners"]] == ["online"] * 3

        wait_until(miners, 20, "the three miners")
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
    finally:
        os.close(reader)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")
def test_root_becomes_the_user_bitaxe(programs):
    try:
        user = pwd.getpwnam("bitaxe")
    except KeyError:
        pytest.skip("there is no user bitaxe; deploy/up makes it")
    with tempfile.TemporaryDirectory(prefix="bx-root-") as home:
        os.chmod(home, 0o755)
        config = os.path.join(home, "own.conf")
        pathlib.Path(config).write_text(
            f"STATE_DIR={home}/state\nBUS={home}/state/bus.sock\nBUS_PORT={free_port()}\nWEB_LISTEN=127.0.0.1:{free_port()}\n"
        )
        os.chmod(config, 0o644)
        up = Process([os.path.join(programs, "bxctl"), "up", "--libexec", programs, "--config", config], f"{home}/log")
        try:
            wait_until(lambda: "the page: " in up.log(), 15, lambda: f"the page:\n{up.log()}")
            assert os.stat(f"{home}/state").st_uid == user.pw_uid and os.stat(f"{home}/state").st_mode & 0o777 == 0o700
            with open(f"/proc/{up.pid}/status", encoding="utf-8") as status:
                assert re.search(rf"Uid:\s+{user.pw_uid}\s+{user.pw_uid}\s+{user.pw_uid}", status.read())
            for path in pathlib.Path(home, "state").rglob("*"):
                assert path.lstat().st_uid == user.pw_uid, path
            done = subprocess.run([os.path.join(programs, "bxctl"), "test", "--config", config], capture_output=True, text=True)
            assert done.returncode == 0, done.stdout
            done = subprocess.run([os.path.join(programs, "bxctl"), "down", "--config", config], capture_output=True, text=True)
            assert done.returncode == 0 and up.wait(5) == 0
        finally:
            up.end()


# --- history ---


class History:
    """Records of a publisher of our own on the bus of an `up` that runs, and what the gateway gives of them over HTTP."""

    def __init__(self, place):
        config = pathlib.Path(place.folder, "monitoring.conf").read_text()
        self._url = re.search(r"the page: (\S+)$", place.wait_for("the page: "))[1]
        self._client = mqtt_client("history")
        self._client.username_pw_set("suite", pathlib.Path(place.folder, "broker/secrets/suite").read_text().strip())
        self._client.on_message = self._heard
        self._client.on_connect = lambda *unused: self._client.subscribe("bitaxe/home/recorded/history", qos=1)
        self._client.connect("127.0.0.1", int(re.search(r"BUS_PORT=(\d+)", config)[1]) if "BUS_PORT" in config else 1883)
        self._client.loop_start()
        self._number, self.recorded = 0, 0

    def _heard(self, client, userdata, message):
        self.recorded = max(last for first, last in json.loads(message.payload)["ranges"])

    def record(self, miner, second, **values):
        self._number += 1
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [
            ("topic", f"miner/{miner}/telemetry"), ("session", "00000000000000aa"), ("number", str(self._number)),
        ]  # fmt: skip
        moment = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(second))
        payload = json.dumps({"time": moment, **values})
        self._client.publish("bitaxe/home/record/history", payload, qos=1, properties=properties).wait_for_publish(5)

    def get(self, **query):
        url = f"{self._url}/api/metrics?{urllib.parse.urlencode(query)}"
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.read().decode()

    def wait_until_recorded(self):
        wait_until(lambda: self.recorded == self._number, 90, lambda: f"{self.recorded} of {self._number} to be recorded")

    def close(self):
        self._client.loop_stop()
        self._client.disconnect()


@pytest.fixture()
def history(place):
    place.up().wait_for("first number: ")
    made = History(place)
    yield made
    made.close()


def test_history_is_the_same_as_table_json_csv_and_over_http_before_and_after_it_is_in_the_database(place, history):
    now = int(time.time())
    for second, hashrate in ((now - 3000, 1000), (now - 1500, 1200.25), (now - 10, 1100)):
        history.record("told", second, hashrate=hashrate, asic_temperature=58.04)
    wish = ("metrics", "--hours", "1", "--series", "miner/told/*")

    def look():
        status, table = place.bxctl(*wish)
        head, temperature, hashrate = table.splitlines()
        assert status == 0 and re.fullmatch(r"Series +Newest +Min +Mean +Max +1 h", head)
        assert re.fullmatch(r"miner/told/asic_temperature +°C +58\.0 +58\.0 +58\.0 +58\.0  .*▅.*", temperature)
        assert re.fullmatch(r"miner/told/hashrate +GH/s +1100\.00 +1000\.00 +1100\.08 +1200\.25  .*▁.*█.*▄", hashrate)
        query = {"hours": 1, "series": "miner/told/*", "points": 60}
        for options, convert in ((["--json"], json.loads), (["--csv"], str)):

            def the_same():
                form = "csv" if convert is str else "json"
                before, (status, said), after = history.get(format=form, **query), place.bxctl(*wish, *options), None
                after = history.get(format=form, **query)  # a step may begin in between
                said, before, after = (convert(text.replace("\r\n", "\n")) for text in (said, before, after))
                return status == 0 and said in (before, after)

            wait_until(the_same, 5, f"bxctl {options} to say what the gateway says over HTTP")

    wait_until(lambda: place.bxctl(*wish)[1].count("told") == 2, 10, "the records to be heard")
    look()
    history.wait_until_recorded()
    look()


def test_history_of_more_series_than_fit_has_fewer_steps(place, history):
    now = int(time.time())
    values = {"hashrate": 1000.25, "power": 17.5, "efficiency": 16.1, "asic_temperature": 58, "fan_speed": 40}
    for miner in range(80):
        history.record(f"many-{miner:02}", now - 60, **values)

    def all_are_there():
        status, said = place.bxctl("metrics", "--hours", "2", "--series", "miner/many-*", "--json")
        answer = json.loads(said)
        return status == 0 and len(answer["series"]) == 80 * len(values) and answer

    answer = wait_until(all_are_there, 10, "all series")
    assert 8 <= len(answer["times"]) <= 30
    status, said = place.bxctl("metrics", "--hours", "2", "--series", "miner/many-07/*")
    assert status == 0 and said.count("\n") == 1 + len(values)


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--hours", "0"], "hours is a number over 0"),
        (["--hours", "x"], "hours is a number over 0"),
        (["--hours", "1", "--series", "miner/nobody/*"], "there is no history of 'miner/nobody/*' within the last 1 hours"),
        (["--hours", "1", "--series", "x" * 5000], "arguments of over 4096 bytes"),
    ],
)
def test_history_that_is_refused(running, arguments, words):
    status, said = running.bxctl("metrics", *arguments)
    assert status == 1 and said.startswith("bxctl: ") and words in said


@pytest.fixture(scope="module")
def running(programs):
    with Place(programs) as made:
        made.up().wait_for("first number: ")
        yield made


# --- transcripts ---


@pytest.fixture(scope="module")
def collecting(programs):
    """A broker and the collector, nobody else, of the configuration that bxctl finds by itself; and a simulated miner."""
    with tempfile.TemporaryDirectory(prefix="bx-libexec-") as folder:
        os.symlink(os.path.join(programs, "bitaxe-collector"), os.path.join(folder, "bitaxe-collector"))
        os.chmod(folder, 0o755)
        simulator = os.path.join(programs, "bx-simulator")
        with Simulator(devices=["127.1.7.1=gamma-602-v2.15.0"], binary=simulator) as miners:
            with Place(programs, demo=False, libexec=folder) as place:
                place.configure(CLOCK_WAIT=0, MINER_POLL_INTERVAL=1)
                place.up().wait_for("collector | ")
                wait_until(lambda: place.bxctl("collect")[0] == 0, 10, "the collector")
                place.miner = f"127.1.7.1:{miners.port}"
                yield place


@pytest.fixture()
def absent(programs):
    with Place(programs, demo=False) as place:
        place.miner = "127.1.7.1:1"
        yield place


# What differs from run to run, and what stands for it in a transcript.
VARIES = [
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "MOMENT"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "DATE TIME"),
    (r"\b\d+ (?:s|min)$", "AGE"),
    (r"after \d+ ms", "after N ms"),
    (r"Could not connect", "Couldn't connect"),  # curl 8
    (r"\d+\.\d\d GH/s", "N GH/s"),
    (r"\d+\.\d J/TH", "N J/TH"),
    (r"\d+\.\d °C", "N °C"),
    (r"process \d+", "process PID"),
    (r"bxctl/bxctl-\d+", "bxctl/bxctl-PID"),
]


def normal(text, place):
    """Where something stands for something else, columns are no longer where they were: two blanks stand for any number."""
    before = text
    for value, name in ((place.folder, "{FOLDER}"), (place.home, "{HOME}"), (place.miner, "{MINER}")):
        text = text.replace(value, name)
    for pattern, name in VARIES:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    text = text if text == before else re.sub(r"  +", "  ", text)
    return re.sub(r" +$", "", text, flags=re.MULTILINE)


def transcript(path):
    """[(command, what it prints, its exit code)], and the comment before them."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    head, *steps = re.split(r"^\$ ", text, flags=re.MULTILINE)
    parsed = []
    for step in steps:
        command, _, rest = step.partition("\n")
        said, _, code = rest.rpartition("= ")
        parsed.append((command, said, code.strip()))
    return head, parsed


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=os.path.basename)
def test_transcript(path, request):
    head, steps = transcript(path)
    place = request.getfixturevalue("collecting" if "with a collector" in head else "absent")
    result = head
    for command, _, _ in steps:
        words = [word.replace("{MINER}", place.miner).replace("{FOLDER}", place.folder) for word in command.split()[1:]]
        status, said = place.bxctl(*words)
        result += f"$ {command}\n{normal(said, place)}= {status}\n\n"
    result = result.rstrip("\n") + "\n"
    if os.environ.get("BX_ACCEPT"):
        pathlib.Path(path).write_text(result, encoding="utf-8")
    assert result == pathlib.Path(path).read_text(encoding="utf-8")
