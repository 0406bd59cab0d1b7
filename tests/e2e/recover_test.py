"""What ended programs leave, and who tells of it: burr recover, burr doctor, and runs that are lost."""

import contextlib
import fcntl
import json
import os
import pty
import re
import shutil
import signal
import struct
import subprocess
import time
import unittest

from harness import BURR, StoreTest

LEFT = ".burr-spool-00000000000000"  # and two digits more
STRANGE = {
    LEFT + "aa": b"these bytes are no spool\n" * 40,
    LEFT + "bb": b"",
    LEFT + "cc": b"burrspl\n" + struct.pack("=I", 99) + bytes(9000),
}


class Case(StoreTest):
    maxDiff = None

    def burr(self, *args, code=0, error="^$"):
        result = subprocess.run(
            [BURR, "--store", self.store, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(result.returncode, code, result)
        self.assertRegex(result.stderr, error)
        return result.stdout

    @staticmethod
    def await_status(collector, is_so):
        """Ask until it is so, as the collector counts at the end of what it does."""
        deadline = time.monotonic() + 30
        while not is_so(status := collector.get("/api/v1/status")):
            if time.monotonic() > deadline:
                raise AssertionError(status)
        return status

    def json(self, *args, code=0):
        return json.loads(self.burr(*args, "--json", code=code))

    def leave_spools(self, count, steps):
        """Writers that were killed with all of their steps in their spools."""
        writers = self.holders(count, steps)
        with self.nobody_appends():
            self.go(writers)
            for writer in writers:
                writer.kill()
                writer.wait()

    def assert_recovered(self, count, steps):
        """Each record is there once and in order: the steps, and the begin of the one that was open."""
        for i in range(count):
            records = self.log(f"app{i}")
            expected = [(kind, n) for n in range(steps) for kind in ("begin_entry", "end_entry")]
            expected.append(("begin_entry", steps))
            self.assertEqual([(r["type"], r["sequence_id"]) for r in records], expected)
            self.assertEqual(len({r["_rec"] for r in records}), len(records))

    def put(self, name, content):
        os.makedirs(self.store, mode=0o700, exist_ok=True)
        with open(os.path.join(self.store, name), "wb") as file:
            file.write(content)

    def put_strange(self):
        for name, content in STRANGE.items():
            self.put(name, content)

    def names(self, beginning):
        return sorted(name for name in os.listdir(self.store) if name.startswith(beginning))

    def assert_set_aside(self):
        self.assertEqual(self.names(".burr-spool-"), [])
        for name, content in STRANGE.items():
            with open(os.path.join(self.store, name.replace("spool", "aside")), "rb") as file:
                self.assertEqual(file.read(), content)

    def doctor(self, code=0):
        """Findings by check: [(level, text, advice)]."""
        answer = self.json("doctor", code=code)
        found = {}
        for finding in answer["findings"]:
            found.setdefault(finding["check"], []).append((finding["level"], finding["text"], finding["advice"]))
        problems = sum(level == "problem" for check in found.values() for level, _, _ in check)
        self.assertEqual(answer["problem_count"], problems)
        self.assertEqual(code, 1 if problems else 0)
        return found

    def check(self, found, check, level, text, advice=None):
        for finding in found.get(check, []):
            if finding[0] == level and re.search(text, finding[1]):
                if advice:
                    self.assertRegex(finding[2], advice)
                return
        self.fail(f"no {level} of {check} like {text!r} in {found}")


class Recover(Case):
    def test_no_store_and_nothing_to_do(self):
        self.burr("recover", code=3, error="no store at .* yet")
        self.assertFalse(os.path.exists(self.store))
        os.mkdir(self.store, 0o700)
        self.assertRegex(self.burr("recover"), "^There is nothing to recover on ")
        self.assertEqual(os.listdir(self.store), [])

    def test_without_a_collector(self):
        self.leave_spools(3, 50)
        self.assertEqual(len(self.names(".burr-spool-")), 3)
        self.assertEqual(self.burr("recover"), "Took in 303 records that 3 ended programs had left.\n")
        self.assertEqual(self.names(".burr-spool-"), [])
        self.assert_recovered(3, 50)
        self.assertIn("nothing to recover", self.burr("recover"))

    def test_json(self):
        self.leave_spools(1, 5)
        self.put_strange()
        answer = self.json("recover")
        self.assertEqual(
            answer,
            {
                "store": self.store,
                "by_collector": False,
                "spool_count": 1,
                "record_count": 11,
                "lost_count": 0,
                "dropped_count": 0,
                "kept_count": 0,
                "aside": answer["aside"],
                "trouble": answer["trouble"],
            },
        )
        self.assertEqual(sorted(answer["aside"]), [name.replace("spool", "aside") for name in STRANGE])

    def test_of_programs_that_had_nothing_left(self):
        writers = self.holders(2, 5)
        for writer in writers:
            writer.kill()
            writer.wait()
        self.assertEqual(self.burr("recover"), "Removed 2 spools of ended programs: nothing was left in them.\n")
        self.assertEqual(self.names(".burr-spool-"), [])

    def test_a_living_program_keeps_its_spool(self):
        writers = self.holders(1, 5)
        self.assertIn("nothing to recover", self.burr("recover"))
        self.go(writers)
        writers[0].communicate("end\n")
        self.assertEqual(writers[0].returncode, 0)
        self.assertEqual(len(self.log("app0")), 12)

    def test_eight_at_once(self):
        self.leave_spools(4, 200)
        burrs = [
            subprocess.Popen(
                [BURR, "--store", self.store, "recover"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
            )
            for _ in range(8)
        ]
        said = [burr.communicate(timeout=60)[0] for burr in burrs]
        self.assertEqual([burr.returncode for burr in burrs], [0] * 8, said)
        self.assertEqual(self.names(".burr-spool-"), [])
        self.assert_recovered(4, 200)
        taken = [re.search(r"Took in ([\d,]+) records", text) for text in said]
        self.assertEqual(sum(int(t.group(1).replace(",", "")) for t in taken if t), 4 * 401)

    def test_what_is_none_is_set_aside(self):
        self.put_strange()
        text = self.burr("recover")
        self.assertEqual(text.count("Set aside as "), 3)
        self.assert_set_aside()
        self.assertIn("nothing to recover", self.burr("recover"))
        self.assert_set_aside()

    def test_one_that_was_cut_off_is_set_aside(self):
        self.leave_spools(2, 3)
        (cut, _) = self.names(".burr-spool-")
        os.truncate(os.path.join(self.store, cut), 20000)
        text = self.burr("recover")
        self.assertIn("Took in 7 records that 1 ended program had left.\n", text)
        self.assertIn(f"Set aside as {cut.replace('spool', 'aside')} in the store", text)
        self.assertEqual(self.names(".burr-spool-"), [])

    def test_a_refusal_is_a_loss(self):
        self.leave_spools(1, 3)
        shutil.rmtree(os.path.join(self.store, "project", "app0"))
        text = self.burr("recover", code=1, error=r"^burr: 7 records could not be taken in and are lost: .*project/app0")
        self.assertEqual(text, "Took in 0 records that 1 ended program had left.\n")
        self.assertEqual(self.names(".burr-spool-"), [])

    def test_losses_are_counted_by_record(self):
        self.leave_spools(2, 3)
        self.put(LEFT + "dd.spill", b"")  # of nobody
        shutil.rmtree(os.path.join(self.store, "project", "app1"))
        answer = self.json("recover", code=1)
        self.assertEqual((answer["spool_count"], answer["record_count"], answer["lost_count"]), (2, 7, 7))
        self.assertIn("project/app1", answer["trouble"])

    def test_a_log_that_ends_in_half_a_line_is_mended(self):
        self.leave_spools(1, 3)
        with open(self.log_path("app0"), "ab") as log:
            log.write(b'{"type":"begin_entry","start_ti')
        self.assertEqual(self.burr("recover"), "Took in 7 records that 1 ended program had left.\n")
        self.assert_recovered(1, 3)
        with open(self.log_path("app0") + ".torn", "rb") as saved:
            self.assertEqual(saved.read(), b'{"type":"begin_entry","start_ti\n')

    def test_while_somebody_else_holds_the_right_to_append(self):
        self.leave_spools(2, 3)
        with self.nobody_appends():
            self.burr("recover", code=1, error=r"^burr: \d spools? stays? to be tried again: ")
        self.assertEqual(len(self.names(".burr-spool-")), 2)
        self.burr("recover")
        self.assert_recovered(2, 3)


    def test_a_spool_without_its_name_is_removed_when_it_is_old(self):
        for age, digits in ((0, "aa"), (3600, "bb")):
            name = LEFT + digits + ".new"
            self.put(name, b"")
            path = os.path.join(self.store, name)
            then = os.stat(path).st_mtime - age
            os.utime(path, (then, then))
        self.put(LEFT + "cc", b"")
        self.burr("recover")
        self.assertEqual(self.names(".burr-spool-"), [LEFT + "aa.new"])

    def test_programs_that_start_at_once_each_get_a_spool(self):
        # Each one's shipper recovers what it finds, also while others make theirs. Without a file of its own a
        # program's calls tell BURR_ELATER, and it ends with 1.
        for _ in range(10):
            writers = [self.writer("hold", f"app{i}", 1) for i in range(8)]
            for writer in writers:
                writer.stdin.write("go\nend\n")
                writer.stdin.flush()
            for writer in writers:
                writer.communicate()
                self.assertEqual(writer.returncode, 0)
            shutil.rmtree(self.store)


class WithACollector(Case):
    def test_it_recovers_by_itself(self):
        collector = self.collector()
        self.assertRegex(self.burr("recover"), "nothing to recover on .*: its collector takes in")
        writers = self.holders(2, 20)
        collector.pause()
        self.go(writers)
        for writer in writers:
            writer.kill()
            writer.wait()
        waiting = subprocess.Popen(
            [BURR, "--store", self.store, "recover"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        self.assertRegex(waiting.stdout.readline(), "^The collector of .* takes in what programs leave; waiting")
        collector.signal(signal.SIGCONT)
        rest = waiting.communicate(timeout=60)[0]
        self.assertEqual((waiting.returncode, rest), (0, "The collector has done with what 2 ended programs had left.\n"))
        self.assert_recovered(2, 20)
        status = self.await_status(collector, lambda s: s["spools"] == 0)
        self.assertEqual((status["aside"], status["later_apps"]), (0, []))
        text = self.burr("status")
        if status["recovered"]:
            self.assertRegex(text, r"spools +\d+ records taken in")

    def test_one_that_stands_still_is_not_waited_for_without_end(self):
        collector = self.collector()
        writers = self.holders(1, 2)
        collector.pause()
        self.go(writers)
        writers[0].kill()
        writers[0].wait()
        self.burr("recover", code=1, error="^burr: the collector has not taken in 1 spool in 10 s")

    def test_it_starts_whatever_lies_there(self):
        self.leave_spools(2, 10)
        self.put_strange()
        collector = self.collector()
        self.burr("recover")
        self.await_status(collector, lambda s: (s["recovered"], s["aside"]) == (42, 3))
        self.assert_set_aside()
        self.assert_recovered(2, 10)
        self.assertRegex(self.burr("status"), r"spools +42 records taken in .*, 3 set aside\n")
        self.assertEqual(collector.stop(), 0)

    def test_what_it_cannot_store_now_is_told(self):
        if os.geteuid() != 0:
            self.skipTest("only root can make a file system that is full")
        disk = os.path.join(self.folder, "disk")
        os.mkdir(disk)
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=20M", "tmpfs", disk], capture_output=True).returncode:
            self.skipTest("no mount here")
        self.addCleanup(subprocess.run, ["umount", "-l", disk])
        self.store = os.path.join(disk, "store")
        collector = self.collector()
        self.addCleanup(self._end_collector, collector)  # before its disk goes
        writers = self.holders(1, 30)
        fill = os.path.join(disk, "fill")
        with contextlib.suppress(OSError), open(fill, "wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        self.go(writers)
        later = self.await_status(collector, lambda s: s["later_apps"])["later_apps"]
        self.assertEqual((later[0]["project"], later[0]["app_id"]), ("project", "app0"))
        self.assertIn("No space left", later[0]["reason"])
        self.assertRegex(later[0]["since"], r"^\d{4}-.*Z$")
        text = self.burr("status")
        self.assertRegex(text, r"waits +project/app0: .*No space left on device, since \d\d:")
        self.assertNotIn("trouble", text)
        found = self.doctor(code=1)
        self.check(found, "waits", "problem", "^project/app0: .*No space left")
        self.check(found, "disk", "problem", "free", "free some")
        os.remove(fill)
        self.await_status(collector, lambda s: not s["later_apps"])
        writers[0].communicate("end\n")
        self.assertEqual(writers[0].returncode, 0)
        self.assertEqual(len(self.log("app0")), 62)
        self.assertNotIn("waits", self.doctor(code=1))  # a disk of 20 MB stays a problem


class Lost(Case):
    def show(self):
        return self.burr("show", "project", "app0")

    def check_killed(self):
        writers = self.holders(1, 2)
        self.go(writers)
        self.assertRegex(self.show(), r"status +running\n")
        self.assertRegex(self.show(), r"(?m)^ +2  \S+  work +open$")
        self.assertRegex(self.burr("ls", "project"), r"(?m)^app0 .* running$")
        self.assertEqual(self.json("show", "project", "app0")["status"], "running")
        writers[0].kill()
        writers[0].wait()
        deadline = time.monotonic() + 30  # with a collector it is its look at writers, once a second, that tells
        while self.json("show", "project", "app0")["status"] == "running":
            self.assertLess(time.monotonic(), deadline)
        self.check_lost()
        self.burr("recover")
        self.check_lost()
        self.assertEqual(len(self.log("app0")), 5)

    def check_lost(self):
        self.assertRegex(self.show(), r"status +lost, last seen \d\d:\d\d:\d\d\n")
        self.assertRegex(self.show(), r"(?m)^ +2  \S+  work +lost$")
        self.assertRegex(self.burr("ls", "project"), r"(?m)^app0 .* lost$")
        answer = self.json("show", "project", "app0")
        self.assertEqual((answer["status"], answer["steps"][2]["status"]), ("lost", "open"))
        self.assertEqual(answer["last_activity"], answer["steps"][2]["started"])
        self.assertEqual(self.json("ls", "project")["runs"][0]["status"], "lost")

    def test_killed_in_a_step(self):
        self.check_killed()

    def test_killed_in_a_step_with_a_collector(self):
        self.collector()
        self.check_killed()

    def test_a_step_that_ended(self):
        writers = self.holders(1, 2)
        self.go(writers)
        writers[0].communicate("end\n")
        self.assertEqual(writers[0].returncode, 0)
        self.assertRegex(self.show(), r"status +waiting\n")
        self.assertRegex(self.burr("ls", "project"), r"(?m)^app0 .* waiting$")
        self.assertEqual(self.json("show", "project", "app0")["status"], "waiting")

    def test_of_burr_s_own_client_nobody_can_know(self):
        folder = os.path.join(self.store, "project", "app0")
        os.makedirs(folder)
        with open(os.path.join(folder, "log.jsonl"), "w", encoding="utf-8") as log:
            log.write('{"type":"begin_entry","start_time":"2024-05-01T10:00:00.0Z","action":"a","inputs":{},"sequence_id":0}\n')
        self.assertRegex(self.show(), r"status +unknown, last seen 2024-05-01")
        self.assertRegex(self.burr("ls", "project"), r"(?m)^app0 .* unknown$")


class Doctor(Case):
    def test_a_healthy_store(self):
        writers = self.holders(1, 3)
        self.go(writers)
        text = self.burr("doctor")
        lines = text.splitlines()
        self.assertEqual(lines[-2:], ["", "The store is well."])
        for line in lines[:-2]:
            self.assertRegex(line, r"^(ok     |note   )  [a-z]{4,9} {2,7}\S")
            self.assertEqual(line[18:20].strip(), "")
        self.assertRegex(text, r"(?m)^ok       store      \S+, format 1, durability os$")
        self.assertRegex(text, r"(?m)^ok       access     belongs to \S+, mode 0700$")
        self.assertRegex(text, r"(?m)^ok       collector  none runs")
        self.assertRegex(text, rf"(?m)^ok       writers    e2e_writer, process {writers[0].pid} on \S+, holds ")
        self.assertRegex(text, r"(?m)^ok       logs       1, ends whole$")

    def test_a_healthy_collector(self):
        collector = self.collector()
        self.await_status(collector, lambda s: s["appending"])
        found = self.doctor()
        self.check(found, "collector", "ok", rf"runs at \S+, process {collector.process.pid}, .*holds the right to append")
        self.check(found, "socket", "ok", "mode 0600")
        self.check(found, "writers", "ok", "no program records")

    def test_spools_that_programs_left(self):
        self.leave_spools(2, 3)
        self.put_strange()
        found = self.doctor(code=1)
        self.check(found, "spools", "problem", r"e2e_writer, process \d+ on \S+ ended and left \d", "burr recover")
        self.check(found, "spools", "note", "version 99", "sets it aside")
        self.assertRegex(self.burr("doctor", code=1), r"\n\n2 problems\.\n$")
        self.burr("recover")
        found = self.doctor()
        self.assertNotIn("spools", found)
        self.check(found, "aside", "note", "^3 set aside")

    def test_many_are_not_all_named(self):
        for i in range(20):
            self.put(f"{LEFT}{i:02x}", b"")
        found = self.doctor()["spools"]
        self.assertEqual(len(found), 13)
        self.assertIn("8 more", found[-1][1])
        self.burr("recover")
        self.assertNotIn("spools", self.doctor())

    def test_more_logs_than_are_looked_at(self):
        for i in range(5001):
            folder = os.path.join(self.store, "project", f"app{i}")
            os.makedirs(folder)
            with open(os.path.join(folder, "log.jsonl"), "wb"):
                pass
        self.check(self.doctor(), "logs", "note", "^looked at the ends of 5,000 only$", "burr verify")
        self.assertRegex(self.burr("doctor"), r"\n\nNothing is wrong with what was looked at\.\n$")

    def test_a_stale_socket(self):
        self.collector().kill()
        self.check(self.doctor(), "socket", "note", "stale", "the next burr")

    def test_a_socket_that_others_may_write(self):
        self.collector()
        path = os.path.join(self.store, ".burr-socket")
        os.chmod(path, 0o666)
        self.check(self.doctor(code=1), "socket", "problem", "mode 0666", "chmod 600")
        os.remove(path)
        self.check(self.doctor(code=1), "socket", "problem", "gone")
        self.put(".burr-socket", b"")
        self.check(self.doctor(code=1), "socket", "problem", "not a socket")

    def test_a_collector_that_does_not_answer(self):
        collector = self.collector()
        collector.pause()
        self.check(self.doctor(code=1), "collector", "problem", "does not answer")

    def test_a_torn_tail(self):
        writers = self.holders(2, 3)
        self.go(writers)
        for writer in writers:
            writer.communicate("end\n")
        with open(self.log_path("app0"), "ab") as log:
            log.write(b'{"type":"begin_entry","start_ti')
        self.check(self.doctor(), "logs", "note", r"^1 ends in half a line \(project/app0\)", "mends it")
        with open(self.log_path("app0") + ".torn", "wb") as saved:
            saved.write(b"{\n")
        self.check(self.doctor(), "logs", "note", "saved in log.jsonl.torn")
        # What was blanked is no torn tail.
        with open(self.log_path("app1"), "ab") as log:
            log.write(b" " * 40)
        self.check(self.doctor(), "logs", "note", "^1 ends")

    def test_a_wrong_mode(self):
        os.mkdir(self.store)
        os.chmod(self.store, 0o755)
        self.check(self.doctor(), "access", "note", "mode 0755: others can look", "chmod 700")
        os.chmod(self.store, 0o777)
        self.check(self.doctor(code=1), "access", "problem", "mode 0777: others can write", "chmod 700")

    def test_somebody_else_s_store(self):
        if os.geteuid() != 0:
            self.skipTest("only root can give a folder away")
        os.mkdir(self.store)
        os.chown(self.store, 12345, -1)
        self.check(self.doctor(code=1), "access", "problem", "belongs to user 12345")

    def test_files_without_a_spool(self):
        self.put(LEFT + "aa.spill", b"x" * 100)
        self.put(LEFT + "aa.3.17", b"x" * 100)
        found = self.doctor(code=1)
        self.check(found, "spill", "problem", "1 spilled without a spool")
        self.check(found, "side", "note", "1 without a spool")

    def test_a_spool_that_leads_nowhere(self):
        os.mkdir(self.store, 0o700)
        os.symlink("/nonexistent/spool", os.path.join(self.store, LEFT + "aa"))
        self.check(self.doctor(code=1), "spools", "problem", "No such file")

    def test_on_a_terminal_lines_are_set_in(self):
        self.put_strange()
        leader, follower = pty.openpty()
        fcntl.ioctl(leader, 0x5414, struct.pack("HHHH", 24, 70, 0, 0))  # TIOCSWINSZ
        env = dict(os.environ, TERM="xterm", BURR_STORE=self.store)
        process = subprocess.Popen([BURR, "doctor"], stdin=follower, stdout=follower, stderr=follower, env=env)
        os.close(follower)
        text = b""
        with contextlib.suppress(OSError):
            while block := os.read(leader, 4096):
                text += block
        os.close(leader)
        self.assertEqual(process.wait(timeout=60), 0)
        lines = re.sub(r"\x1b\[[0-9;]*m", "", text.decode()).split("\r\n")
        self.assertGreater(len([line for line in lines if line.startswith(" " * 20)]), 2)
        for line in lines:
            self.assertLessEqual(len(line), 70, line)
        self.assertIn(b"\x1b[32mok", text)


if __name__ == "__main__":
    unittest.main(verbosity=2)
