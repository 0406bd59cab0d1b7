"""What the tests that play a host share: a program that does the deed, and what must stand in the log after it.

A record's state names its worker and its number there; a worker that is done says both. The library prints nothing,
so all of standard error is a failure.
"""

import collections
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "e2e"))

from harness import BUILD, StoreTest  # noqa: E402

# Counts are multiplied by this; the tests' own are for a run of seconds.
HEAVIER = int(os.environ.get("BURR_TEST_HEAVIER", "1"))
SANITIZED = os.environ.get("BURR_SANITIZED", "")
SLOWER = int(os.environ.get("BURR_TEST_SLOWER", "1"))


class HostTest(StoreTest):
    program = None

    def start(self, mode, count=0, **options):
        process = subprocess.Popen(
            [BUILD / "tests" / self.program, mode, self.store, str(count)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # its children end with it
            **options,
        )
        self.addCleanup(self._end, process)
        return process

    @staticmethod
    def _end(process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=60)

    def run_host(self, mode, count=0, code=0, timeout=100, **options):
        """To its end; the workers that it named, and how many records of each have returned."""
        process = self.start(mode, count, **options)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.fail(f"{mode} hangs")
        self.assertNotIn("FAIL", out, out[-2000:])
        self.assertEqual(err, "", "something was printed")
        self.assertEqual(process.returncode, code, out[-2000:])
        return self.workers(out.splitlines())

    @staticmethod
    def workers(lines):
        """Lines "WORKER COUNT", added up over the processes that say them."""
        return {line.split()[0]: int(line.split()[1]) for line in lines if len(line.split()) == 2}

    def mount(self, kind, options):
        """A file system of the store's own."""
        if os.geteuid() != 0:
            self.skipTest("only root can mount a file system")
        os.makedirs(self.store)
        done = subprocess.run(["mount", "-t", kind, "-o", options, kind, self.store], capture_output=True, text=True)
        if done.returncode != 0:
            self.skipTest("no file system can be mounted here: " + done.stderr.strip())
        self.addCleanup(subprocess.run, ["umount", "-l", self.store], check=True)

    def mount_layers(self):
        """As a container's root is: what is mapped there is another file, and no mapping holds its lock."""
        folders = [os.path.join(self.folder, name) for name in ("lower", "upper", "work")]
        for folder in folders:
            os.mkdir(folder)
        self.mount("overlay", "lowerdir={},upperdir={},workdir={}".format(*folders))

    def skip_forks(self):
        """A sanitizer's run time keeps its locks over a fork, and the child waits for them for ever."""
        if SANITIZED:
            self.skipTest("a child of many threads cannot allocate under a sanitizer")

    def recover(self):
        done = self.burr("recover")
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def by_worker(self, app="app"):
        """Each worker's numbers, in the log's order. No record is there twice, none is torn."""
        numbers = collections.defaultdict(list)
        identities = set()
        for record in self.log(app):
            if record["type"] != "end_entry":
                continue
            self.assertNotIn(record["_rec"], identities)
            identities.add(record["_rec"])
            numbers[record["state"]["w"]].append(record["state"]["i"])
        return numbers

    def assert_recorded(self, workers, app="app", surplus=0):
        """Of each worker all that returned, in its order; `surplus` more, whose call may not have returned."""
        found = self.by_worker(app)
        self.assertTrue(workers)
        for worker, count in workers.items():
            self.assertEqual(found[worker], list(range(len(found[worker]))), worker)
            self.assertGreaterEqual(len(found[worker]), count, worker)
            self.assertLessEqual(len(found[worker]), count + surplus, worker)

    def spools(self):
        return [name for name in os.listdir(self.store) if re.fullmatch(r"\.burr-spool-[0-9a-f]{16}", name)]
