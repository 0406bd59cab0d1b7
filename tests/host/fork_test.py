"""A host that forks, clones, spawns and execs loses no record, and its children inherit no lock of ours."""

import fcntl
import os
import unittest

from host import HEAVIER, SANITIZED, SLOWER, HostTest


class Fork(HostTest):
    program = "host_fork"

    def test_forks_while_threads_record(self):
        self.skip_forks()
        workers = self.run_host("fork", 150 * HEAVIER)
        self.recover()
        self.assert_recorded(workers)
        self.assertEqual(self.spools(), [])

    def test_a_fork_right_after_opening_stops_nothing(self):
        workers = self.run_host("at-once", 300 * HEAVIER // SLOWER)
        self.assert_recorded(workers)

    def test_vfork_and_posix_spawn_while_threads_record(self):
        self.assert_recorded(self.run_host("spawn", 60 * HEAVIER // SLOWER))

    def test_bare_clones(self):
        self.skip_forks()
        workers = self.run_host("clone", 40 * HEAVIER)
        self.recover()
        self.assert_recorded(workers)

    def test_children_of_children(self):
        self.skip_forks()
        workers = self.run_host("generations", 6)
        self.assertEqual(len(workers), 6)
        self.assert_recorded(workers)

    def test_a_childs_first_record_comes_out_of_a_handler(self):
        self.skip_forks()
        self.run_host("handler", 30 * HEAVIER)
        self.recover()

    def test_a_child_records_on_after_its_parents_kill(self):
        self.skip_forks()
        process = self.start("orphan", 300)
        workers = {}
        while not {"parent", "child0"} <= workers.keys():
            workers |= self.workers([process.stdout.readline()])
        process.kill()
        process.wait()
        self.recover()  # the parent's spool is anybody's, though its child lives
        self.assert_recorded({"parent": workers["parent"]})
        process.stdin.write("\n")
        process.stdin.flush()
        for line in process.stdout:
            if line == "flushed\n":
                break
            workers |= self.workers([line])
        workers.pop("pid", None)
        self.assertIn("child1", workers)
        self.assert_recorded(workers)

    def inherits_no_lock(self, forked):
        process = self.start("idle", int(forked))
        seen = set()
        while seen != {"child", "parent"}:
            seen.add(process.stdout.readline().strip())
        process.kill()
        process.wait()
        self.assertEqual(len(self.spools()), 1)
        for name in [".burr-append", *self.spools()]:
            with open(os.path.join(self.store, name), "r+b") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # fails where the child has it
        process.stdin.close()
        process.stdin = None

    def test_an_idle_child_holds_no_lock(self):
        self.inherits_no_lock(True)

    def test_nor_where_a_mapping_holds_none(self):
        self.mount_layers()
        self.inherits_no_lock(True)

    def test_nor_does_a_bare_clone(self):
        if "thread" in SANITIZED:
            self.skipTest("under the thread sanitizer the descriptors are the host's, and so the child's")
        self.inherits_no_lock(False)

    def test_what_returned_before_an_exec_is_kept(self):
        process = self.start("exec", 500)
        lines = []
        for line in process.stdout:
            if line == "done\n":
                break
            lines.append(line)
        self.recover()
        workers = self.workers(lines)
        self.assertEqual(len(workers), 5)
        self.assert_recorded(workers)


if __name__ == "__main__":
    unittest.main(verbosity=2)
