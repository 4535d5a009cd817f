"""What a figure is taken with: CPU time, memory, bytes given to write(2), a block device of one's own; and a loop's output."""

import contextlib
import ctypes
import glob
import os
import platform
import re
import shutil
import signal
import statistics
import subprocess
import tempfile
import time


def cpu_s(pid):
    """CPU time of a process, all its threads, in nanoseconds' steps: clock_getcpuclockid(3) of Linux."""
    return time.clock_gettime((~pid << 3) | 2)


def pss_kib(pid):
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
        return int(re.search(r"^Pss:\s+(\d+)", rollup.read(), re.MULTILINE)[1])


def median(values):
    return statistics.median(values)


class Written:
    """Bytes that a process gives to write(2) and pwrite(2) for the files of a folder, counted by strace from start() on; without
    strace /proc/PID/io's wchar, which has sockets and logs in it, too."""

    def __init__(self, pid, folder):
        self.pid, self.folder = pid, folder
        self.how = "strace" if shutil.which("strace") else "wchar"
        self._trace = tempfile.NamedTemporaryFile(prefix="bx-strace-")
        self._strace = None

    def start(self):
        if self.how == "strace":
            command = ["strace", "-f", "-y", "-s", "0", "-e", "trace=write,pwrite64,writev,pwritev", "-o", self._trace.name]
            self._strace = subprocess.Popen([*command, "-p", str(self.pid)], stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 10
            while not self._is_attached():
                assert time.monotonic() < deadline and self._strace.poll() is None, "strace does not attach"
                time.sleep(0.02)
        self._before = self._wchar()

    def stop(self):
        """The bytes since start()."""
        if self.how == "wchar":
            return self._wchar() - self._before
        self._strace.send_signal(signal.SIGINT)
        self._strace.wait(10)
        return self._sum()

    def close(self):
        if self._strace and self._strace.poll() is None:
            self._strace.kill()
            self._strace.wait()
        self._trace.close()

    def _is_attached(self):
        with open(f"/proc/{self.pid}/status", encoding="ascii") as status:
            return not re.search(r"^TracerPid:\s+0$", status.read(), re.MULTILINE)

    def _wchar(self):
        with open(f"/proc/{self.pid}/io", encoding="ascii") as io:
            return int(re.search(r"^wchar: (\d+)", io.read(), re.MULTILINE)[1])

    def _sum(self):
        """`4711 pwrite64(5</x/y.db-wal>, ""..., 2048, 0) = 2048`, or in two lines where threads run side by side."""
        total, unfinished = 0, {}
        with open(self._trace.name, encoding="utf-8", errors="replace") as trace:
            for line in trace:
                match = re.match(r"(\d+)\s+p?writev?(?:64)?\(\d+<([^>]*)>", line)
                resumed = re.match(r"(\d+)\s+<\.\.\. p?writev?(?:64)? resumed>", line)
                thread = (match or resumed)[1] if match or resumed else None
                path = match[2] if match else unfinished.pop(thread, "")
                if match and "<unfinished" in line:
                    unfinished[thread] = path
                result = re.search(r"\) += (\d+)$", line.rstrip())
                if result and path.startswith(self.folder):
                    total += int(result[1])
        return total


class Disk:
    """A folder on a block device of its own: a loop device with ext4, as root. Without: a plain folder, and no device bytes."""

    def __init__(self, megabytes=512):
        self.folder = tempfile.mkdtemp(prefix="bx-disk-")
        self._image, self._loop = self.folder + ".image", None
        if os.geteuid() != 0 or not shutil.which("mkfs.ext4"):
            return
        with open(self._image, "wb") as image:
            image.truncate(megabytes * 1024 * 1024)
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        made = subprocess.run(["mkfs.ext4", "-q", "-F", self._image], check=False, **quiet)
        found = subprocess.run(["losetup", "-f", "--show", self._image], check=False, capture_output=True, text=True)
        if made.returncode == 0 and found.returncode == 0:
            self._loop = found.stdout.strip()
            if subprocess.run(["mount", "-o", "noatime", self._loop, self.folder], check=False, **quiet).returncode != 0:
                self._release_loop()

    def written(self):
        """Bytes that the device was given so far, all of the folder's on it; None: there is no device."""
        if not self._loop:
            return None
        folder = os.open(self.folder, os.O_RDONLY)
        ctypes.CDLL(None, use_errno=True).syncfs(folder)
        os.close(folder)
        with open(f"/sys/block/{os.path.basename(self._loop)}/stat", encoding="ascii") as stat:
            return int(stat.read().split()[6]) * 512

    def close(self):
        if self._loop:
            subprocess.run(["umount", self.folder], check=False)
            self._release_loop()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._image)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _release_loop(self):
        subprocess.run(["losetup", "-d", self._loop], check=False)
        self._loop = None


def describe(root, build):
    """The machine and what runs on it, as lines."""

    def first(command, pattern=r"(.*)"):
        try:
            said = subprocess.run(command, check=False, capture_output=True, text=True, cwd=root, timeout=10)
        except FileNotFoundError:
            return "none"
        found = re.search(pattern, said.stdout + said.stderr)
        return found[1] if found else "none"

    with open("/proc/cpuinfo", encoding="utf-8") as info:
        model = re.search(r"(?:model name|Model)\s*: (.*)", info.read())
    with open("/proc/meminfo", encoding="ascii") as info:
        memory = int(re.search(r"MemTotal:\s+(\d+)", info.read())[1]) / 1024 / 1024
    pretty = first(["cat", "/etc/os-release"], r'PRETTY_NAME="([^"]*)"')
    changed = "" if first(["git", "status", "--porcelain"], r"(\S)") == "none" else ", changed"
    compiler = first(["cat", os.path.join(build, "CMakeCache.txt")], r"CMAKE_C_COMPILER:\w+=(.*)")
    return [
        f"{os.cpu_count()} x {model[1] if model else platform.machine()}, {memory:.1f} GiB, load {os.getloadavg()[0]:.1f}",
        f"{pretty}, Linux {platform.release()}, {first([compiler, '--version'])}",
        f"mosquitto {first(['/usr/sbin/mosquitto', '-h'], r'version (.*)')}, SQLite {_sqlite()}",
        f"commit {first(['git', 'rev-parse', '--short', 'HEAD'])}{changed}, build {build}",
    ]


def _sqlite():
    import sqlite3

    return sqlite3.sqlite_version


def programs_of(build):
    """The services that were built, by name, collector and storage first."""
    found = glob.glob(os.path.join(build, "services/*/bitaxe-*"))
    names = {os.path.basename(path).removeprefix("bitaxe-") for path in found if os.access(path, os.X_OK)}
    return sorted(names, key=lambda name: (name not in ("collector", "storage"), name))
