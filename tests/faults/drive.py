"""Make a scenario happen: real processes on a temporary store, each event at its moment, then everything at rest.

Only the drawn moments are waited for by the clock. Whatever else is waited for is an event: the end of a process,
or of a family of forked ones: the end of file on their standard error, and then each one's own, as
threads that a dying process has not ended yet still hold its locks. Every process is ended by the id that
it was started with; a writer leads a process group of its own, so its orphans end with it.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import pathlib
import select
import shutil
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import time

import referee

BUILD = pathlib.Path(os.environ.get("BURR_BUILD", "build/dev"))
BURR = pathlib.Path(os.environ.get("BURR", BUILD / "bin" / "burr"))
WRITER = BUILD / "tests" / "faults_writer"
SHIM = BUILD / "tests" / "libfaults_shim.so"
# Sanitizer builds are slower: moments, patience and the number of rounds are stretched by this.
SLOWER = int(os.environ.get("BURR_TEST_SLOWER", "1"))
PATIENCE_S = 40 * SLOWER  # for the end of a process whose troubles are over
FOREIGN_PAUSE_S = 0.002  # between two lines of Burr's own client


PR_SET_CHILD_SUBREAPER = 36
if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:  # orphans are ours to wait for
    raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def can_mount():
    """A small file system of our own: for root, where it may."""
    if os.geteuid() != 0:
        return False
    folder = tempfile.mkdtemp(prefix="burr-faults-")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True).returncode == 0
    if mounted:
        subprocess.run(["umount", "-l", folder], check=True)
    os.rmdir(folder)
    return mounted


def environment(**more):
    ours = ("BURR_", "burr_path", "DISPLAY", "SSH_CONNECTION", "LD_PRELOAD", "FAULTS_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(ours)}
    # A child of many threads has left their memory behind, which is no leak of ours.
    kept["ASAN_OPTIONS"] = kept.get("ASAN_OPTIONS", "") + ":detect_leaks=0"
    return dict(kept, **more)


class Disk:
    """The driver's end of shim.c's shared page."""

    MODE, COUNTDOWN, ONLY, FATE, ERROR, CLOCK_MS, CUT, PART = range(0, 32, 4)
    PART_BYTES = 36
    MODES = {"whole": 0, "full": 1, "failing": 2}
    OPS = {"any": 0, "write": 1, "sync": 2, "open": 3, "link": 4, "map": 5, "truncate": 6, "allocate": 7}
    FATES = {"short": 2, "cut": 3, "die": 4, "tear": 5}  # else the name of an error, to fail with

    def __init__(self, path, store):
        self.environment = {"LD_PRELOAD": str(SHIM.resolve()), "FAULTS_CONTROL": path, "FAULTS_STORE": store}
        with open(path, "wb") as file:
            file.write(bytes(mmap.PAGESIZE))
        with open(path, "r+b") as file:
            self.page = mmap.mmap(file.fileno(), mmap.PAGESIZE)

    def _set(self, field, value):
        struct.pack_into("=i", self.page, field, value)

    def become(self, mode):
        self._set(self.CUT, 0)
        self._set(self.COUNTDOWN, 0)
        self._set(self.MODE, self.MODES[mode])

    def meet_nth(self, n, only, part, fate):
        self._set(self.COUNTDOWN, 0)
        self._set(self.ONLY, self.OPS[only])
        self.page[self.PART : self.PART + self.PART_BYTES] = part.encode().ljust(self.PART_BYTES, b"\0")
        self._set(self.FATE, self.FATES.get(fate, 1))
        self._set(self.ERROR, getattr(errno, fate, errno.ENOSPC))
        self._set(self.COUNTDOWN, n)

    def to_go(self):
        """Calls until the one that meets its fate; 0: it has."""
        return struct.unpack_from("=i", self.page, self.COUNTDOWN)[0]

    def turn_clock(self, ms):
        self._set(self.CLOCK_MS, ms)


class Family:
    """A writer and the children that it forks."""

    def __init__(self, mode, store, name, told, orders, stdin=subprocess.DEVNULL, disk=None):
        self.name = name
        args = [f"{key}={value}" for key, value in orders.items()]
        with open(told, "ab") as file:
            self.process = subprocess.Popen(
                [WRITER, mode, store, name, *args],
                stdin=stdin,
                stdout=file,
                stderr=subprocess.PIPE,
                env=environment(**(disk.environment if disk else {})),
                start_new_session=True,
            )
        self.killed = False

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        self.killed = self.killed or number == signal.SIGKILL

    def end(self, verdict, patience_s=PATIENCE_S):
        """Wait for the last of them; what they printed and how the first one ended must be as it should."""
        said = b""
        deadline = time.monotonic() + patience_s
        while True:
            ready, _, _ = select.select([self.process.stderr], [], [], max(0, deadline - time.monotonic()))
            if not ready:
                self.signal(signal.SIGCONT)
                os.killpg(self.process.pid, signal.SIGKILL)
                verdict.add("damaged", f"{self.name} had not ended after {patience_s} s")
                break
            chunk = os.read(self.process.stderr.fileno(), 65536)
            if not chunk:
                break
            said += chunk
        self.process.stderr.close()
        code = self.process.wait()
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-self.process.pid, 0)
        if said:
            verdict.add("damaged", f"{self.name} said {said[-2000:].decode(errors='replace')!r}")
        if code not in (0, -signal.SIGKILL):
            verdict.add("damaged", f"{self.name} ended with {code}")


class Collector:
    def __init__(self, store, out, disk, codes):
        self.out = out
        self.codes = codes  # it may end with
        with open(out, "wb") as file:
            self.process = subprocess.Popen(
                [BURR, "serve", "--store", store, "--port", "0", "--no-open", "--no-demo"],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                env=environment(**(disk.environment if disk else {})),
            )

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def kill(self):
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, verdict):
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            verdict.add("damaged", f"the collector had not ended {PATIENCE_S} s after SIGTERM")
            return
        self.check(code, verdict)

    def check(self, code, verdict):
        if code not in self.codes:
            said = pathlib.Path(self.out).read_text(errors="replace")
            verdict.add("damaged", f"a collector ended with {code}: {said[-2000:]!r}")


class Foreign(threading.Thread):
    """Burr's own client on one application: append a line, flush, again. It tells as writer.c does."""

    def __init__(self, store, app, told):
        super().__init__()
        folder = os.path.join(store, "project", app)
        os.makedirs(folder, mode=0o700, exist_ok=True)
        self.name = f"foreign-{app}"
        self.app = app
        self.told = told
        self.ended = threading.Event()
        self.log = open(os.path.join(folder, "log.jsonl"), "a", encoding="utf-8")
        self.count = 0
        self.start()

    def run(self):
        with open(self.told, "w", encoding="utf-8") as told, self.log:
            while not self.ended.wait(FOREIGN_PAUSE_S):
                tag = f"{self.name}.0.{self.count}"
                told.write(f"B {time.monotonic_ns()} {tag} {self.app} begin {self.count} 0 .\n")
                self.append(tag)
                told.write(f"R {time.monotonic_ns()} {tag} BURR_OK .\n")
                self.count += 1

    def append(self, tag):
        inputs = {"tag": tag, "n": self.count, "fill": ""}
        record = {"type": "begin_entry", "start_time": "2024-08-27T11:57:10.123456", "action": "burr"}
        record.update(inputs=inputs, sequence_id=self.count)
        self.log.write(json.dumps(record) + "\n")
        self.log.flush()

    def end(self):
        self.ended.set()
        self.join()


class Round:
    """One scenario on one temporary store."""

    def __init__(self, scenario, parent=None):
        self.scenario = scenario
        self.folder = tempfile.mkdtemp(prefix=f"burr-faults-{scenario.seed}-", dir=parent)
        self.store = os.path.join(self.folder, "store")
        self.verdict = referee.Verdict()  # of what processes did; the referee's comes to it
        self.families = {}
        self.collectors = []
        self.collector_count = 0
        self.foreign = []
        self.sockets = {}
        self.disks = {}
        self.calls_to_go = {}  # of each disk, when all was over
        self.mounted = False

    def path(self, name):
        return os.path.join(self.folder, name)

    def run(self):
        try:
            self._prepare()
            self._happen()
            self._rest()
            self._recover()
            return self._judge()
        finally:
            self._end_all()

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)

    # ---- before

    def _prepare(self):
        if self.scenario.tmpfs_kib:
            os.mkdir(self.store, 0o700)
            options = f"size={self.scenario.tmpfs_kib}k,mode=700"
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.store], check=True)
            self.mounted = True
        for which in sorted(self.scenario.shimmed):
            self.disks[which] = Disk(self.path(f"disk-{which}"), self.store)
        os.mkdir(self.path("told"))
        for app in self.scenario.foreign:
            self.foreign.append(Foreign(self.store, app, self.path(f"told/foreign-{app}")))

    # ---- the events, each at its moment

    def _happen(self):
        plan = [(writer.start_ms, self._start_writer, writer) for writer in self.scenario.writers]
        plan += [(event.at_ms, self._meet, event) for event in self.scenario.events]
        plan.sort(key=lambda item: item[0])
        if self.scenario.checked:
            self._start_checker()
        began = time.monotonic()
        for at_ms, act, what in plan:
            time.sleep(max(0, began + at_ms * SLOWER / 1000 - time.monotonic()))  # the scenario's drawn moment
            act(what)

    def _start_writer(self, writer):
        stdin = subprocess.DEVNULL
        if writer.partner:
            if writer.name not in self.sockets:
                self.sockets[writer.name], self.sockets[writer.partner] = socket.socketpair()
            stdin = self.sockets[writer.name]
        orders = dict(writer.orders, apps=",".join(writer.apps))
        told = self.path(f"told/{writer.name}")
        disk = self.disks.get("writers")
        self.families[writer.name] = Family(writer.mode, self.store, writer.name, told, orders, stdin, disk)
        if writer.partner:
            stdin.close()

    def _start_checker(self):
        orders = {"apps": ",".join(self.scenario.apps[:8]), "pace_us": 5000}
        told = self.path("told/check")
        self.checker = Family("check", self.store, "check", told, orders, subprocess.PIPE)

    def _meet(self, event):
        if event.whom in self.families:
            numbers = {"kill": signal.SIGKILL, "pause": signal.SIGSTOP, "continue": signal.SIGCONT}
            self.families[event.whom].signal(numbers[event.what])
        elif event.whom == "collector":
            self._meet_collector(event.what)
        elif event.whom == "disk":
            self._fill() if event.what == "fill" else self._empty()
        elif event.whom.startswith("disk of "):
            self._meet_disk(self.disks[event.whom.removeprefix("disk of ")], event)
        elif event.what == "delete":
            self._delete(event.whom)

    def _meet_collector(self, what):
        if what in ("start", "start two"):
            for _ in range(2 if what == "start two" else 1):
                self.collector_count += 1
                out = self.path(f"collector-{self.collector_count}")
                disk = self.disks.get("collector")
                self.collectors.append(Collector(self.store, out, disk, self._collector_codes()))
            return
        for collector in self.collectors:
            if what == "kill":
                collector.kill()
            elif what == "stop":
                collector.stop(self.verdict)
            else:
                collector.signal(signal.SIGSTOP if what == "pause" else signal.SIGCONT)
        if what in ("kill", "stop"):
            self.collectors.clear()

    def _collector_codes(self):
        codes = {0, -signal.SIGTERM}  # the latter before it has set up its signals, as any program
        if self.mounted or "collector" in self.disks:
            codes.add(1)  # on a disk that fails it may refuse to start
        if self.scenario.collectors_die:
            codes.add(-signal.SIGKILL)
        return codes

    @staticmethod
    def _meet_disk(disk, event):
        if event.what == "nth":
            disk.meet_nth(**event.detail)
        elif event.what == "clock":
            disk.turn_clock(event.detail["ms"])
        else:
            disk.become(event.what)

    def _fill(self):
        with open(os.path.join(self.store, ".filler"), "wb", buffering=0) as file:
            for piece in (65536, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(piece))

    def _empty(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(os.path.join(self.store, ".filler"))

    def _delete(self, app):
        """As `rm -r` does: what is made in it meanwhile may keep it."""
        folder = os.path.join(self.store, "project", app)
        for _ in range(10):
            shutil.rmtree(folder, ignore_errors=True)
            if not os.path.exists(folder):
                return

    # ---- after

    def _rest(self):
        """No outage, no process, and nothing in a spool."""
        for foreign in self.foreign:
            foreign.end()
        self.foreign.clear()
        if self.scenario.lasting:
            self._end_families()
        self.calls_to_go = {which: disk.to_go() for which, disk in self.disks.items()}
        for disk in self.disks.values():
            disk.become("whole")
        for who in (*self.families.values(), *self.collectors):
            who.signal(signal.SIGCONT)
        self._end_families()
        if self.scenario.checked:
            self.checker.process.stdin.close()
            self.checker.end(self.verdict)
        for collector in self.collectors:
            if self.scenario.last_collector == "kill":
                collector.kill()
            else:
                collector.stop(self.verdict)
        self.collectors.clear()

    def _end_families(self):
        for family in self.families.values():
            family.end(self.verdict)
        self.families.clear()

    def _recover(self):
        if subprocess.run([BURR, "help", "recover"], capture_output=True, env=environment()).returncode == 0:
            done = subprocess.run([BURR, "recover", "--store", self.store], capture_output=True, env=environment())
            deleted = self.scenario.facts().deleted  # what is left of their records is lost, and it says so
            if done.returncode != 0 and not (done.returncode == 1 and deleted):
                self.verdict.add("damaged", f"burr recover ended with {done.returncode}: {done.stderr!r}")
        else:
            Family("touch", self.store, "touch", self.path("told/touch"), {}).end(self.verdict)
        self._mend()
        orders = {"apps": ",".join(self.scenario.apps)}
        Family("last", self.store, "last", self.path("told/last"), orders).end(self.verdict)

    def _mend(self):
        """Half a line at the end of a log is of a process that died in the middle: the next record must mend it."""
        torn = [path.parent.name for path in self._logs() if not (b"\n" + path.read_bytes()).endswith(b"\n")]
        if torn:
            orders = {"apps": ",".join(torn), "threads": min(64, len(torn)), "steps": 1}
            Family("record", self.store, "mend", self.path("told/mend"), orders).end(self.verdict)

    def _logs(self):
        return sorted(pathlib.Path(self.store).glob("project/*/log.jsonl"))

    def _judge(self):
        told = [path.read_text() for path in sorted(pathlib.Path(self.path("told")).iterdir())]
        logs = {path.parent.name: path.read_bytes() for path in self._logs()}
        verdict = referee.judge(told, logs, self.scenario.facts())
        verdict.counts += self.verdict.counts
        verdict.problems += self.verdict.problems
        return verdict

    def _end_all(self):
        """Also on the way out of a failure: nothing of ours stays."""
        families = [*self.families.values(), *([self.checker] if hasattr(self, "checker") else [])]
        for family in families:
            with contextlib.suppress(ProcessLookupError):
                if family.process.poll() is None:
                    os.killpg(family.process.pid, signal.SIGKILL)
                    family.process.wait()
        for collector in self.collectors:
            collector.kill()
        for foreign in self.foreign:
            foreign.end()
        if self.mounted:
            subprocess.run(["cp", "-r", self.store, self.store + ".kept"], check=False)
            subprocess.run(["umount", "-l", self.store], check=True)
            os.rmdir(self.store)
            os.rename(self.store + ".kept", self.store)
