"""At a host's limits, and on a store that takes nothing: nothing crashes, and what was kept comes out later."""

import fcntl
import os
import pwd
import subprocess
import unittest

from host import BUILD, HostTest


class Limits(HostTest):
    program = "host_limits"

    def test_no_descriptor_is_left(self):
        self.skip_forks()
        self.assert_recorded(self.run_host("descriptors"))

    def test_files_that_may_not_grow(self):
        self.skip_forks()
        self.assert_recorded(self.run_host("file-size", 0))

    def test_files_that_may_not_grow_beyond_a_limit(self):
        self.skip_forks()
        self.assert_recorded(self.run_host("file-size", 300 << 10))

    def test_a_tracker_is_opened_where_files_may_not_grow(self):
        self.run_host("opening-with-file-size", 0)
        self.assert_recorded(self.run_host("opening-with-file-size", 1 << 20))

    def test_no_memory_for_a_spool(self):
        self.skip_forks()
        self.assert_recorded(self.run_host("memory", 20))

    def test_calls_keep_errno_allocate_nothing_and_print_nothing(self):
        self.skip_forks()
        self.run_host("calls")


class Moved(HostTest):
    program = "host_limits"

    def moved_to(self, folder, kill, **options):
        os.mkdir(os.path.join(self.folder, "spools"))
        process = self.start("moved", int(kill), env={**os.environ, "BURR_SPOOL_DIR": folder}, **options)
        lines = []
        for line in process.stdout:
            if line == "recorded\n":
                break
            lines.append(line)
        [name] = self.spools()
        self.assertTrue(os.path.islink(os.path.join(self.store, name)))
        self.assertEqual(os.listdir(os.path.join(self.folder, "spools")), [name])
        if kill:
            process.kill()
            process.wait()
            self.recover()
        else:
            out, err = process.communicate("\n", timeout=60)
            self.assertEqual((out, err, process.returncode), ("", "", 0))
        self.assertEqual(os.listdir(os.path.join(self.folder, "spools")), [])
        self.assertEqual(self.spools(), [])
        self.assert_recorded(self.workers(lines))

    def test_a_spool_elsewhere_is_taken_away_at_the_end(self):
        self.moved_to(os.path.join(self.folder, "spools"), kill=False)

    def test_a_spool_elsewhere_is_recovered_after_a_kill(self):
        self.moved_to(os.path.join(self.folder, "spools"), kill=True)

    def test_its_folder_may_be_relative(self):
        self.moved_to("spools", kill=True, cwd=self.folder)


class Troubled(HostTest):
    """A store that takes nothing for a while."""

    program = "host_limits"

    def through(self, process, take_away, mend):
        self.assertEqual(process.stdout.readline(), "ready\n")
        take_away()
        process.stdin.write("\n")
        process.stdin.flush()
        lines = []
        for line in process.stdout:
            if line == "recorded\n":
                break
            lines.append(line)
        self.assertNotIn("FAIL", "".join(lines))
        mend()
        out, err = process.communicate("\n", timeout=60)
        self.assertEqual((out, err, process.returncode), ("", "", 0))
        self.assert_recorded(self.workers(lines))


class Unprivileged(Troubled):
    """Limits and permissions that root does not have: as root, by another user's process."""

    def setUp(self):
        super().setUp()
        os.mkdir(self.store, 0o700)
        self.user = {}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            self.user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
            for folder in (self.folder, self.store):
                os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            done = subprocess.run([BUILD / "tests" / self.program, "none", "-"], **self.user, capture_output=True)
            if done.returncode != 2:
                self.skipTest("user nobody cannot run what was built here")

    def test_no_more_processes(self):
        self.assert_recorded(self.run_host("processes", 50, **self.user))

    def test_a_store_that_may_not_be_written_for_a_while(self):
        self.skip_forks()
        process = self.start("forbidden", 50, **self.user)

        def forbid():
            for folder in (os.path.join(self.store, "project"), self.store):
                os.chmod(folder, 0o500)

        self.through(process, forbid, lambda: os.chmod(self.store, 0o700))


class Mounted(Troubled):
    def fill(self):
        with open(os.path.join(self.store, "filler"), "wb", buffering=0) as file:
            for size in (1 << 16, 4096, 1):
                try:
                    while True:
                        file.write(b"x" * size)
                except OSError:
                    pass

    def test_a_store_that_is_full_has_a_spool_in_memory(self):
        self.mount("tmpfs", "mode=700,size=400k")  # too small for a spool
        self.through(
            self.start("refused", 50), self.fill, lambda: os.unlink(os.path.join(self.store, "filler"))
        )

    def test_a_child_of_one_that_was_killed_with_the_making_of_the_run(self):
        self.skip_forks()
        self.mount("tmpfs", "mode=700,size=400k")  # too small for a spool
        process = self.start("orphaned", 50)

        def hold():
            self.held = open(os.path.join(self.store, ".burr-append"), "r+b")
            fcntl.flock(self.held, fcntl.LOCK_EX)

        self.through(process, hold, lambda: self.held.close())

    def test_a_store_that_is_read_only_for_a_while(self):
        self.skip_forks()
        self.mount("tmpfs", "mode=700,size=64m")

        def remount(how):
            subprocess.run(["mount", "-o", f"remount,{how}", self.store], check=True)

        process = self.start("forked", 50)
        self.through(process, lambda: remount("ro"), lambda: remount("rw"))

    def test_a_store_that_becomes_full_after_that(self):
        self.mount("tmpfs", "mode=700,size=70m")
        self.through(self.start("filled", 50), self.fill, lambda: os.unlink(os.path.join(self.store, "filler")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
