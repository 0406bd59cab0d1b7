"""However a host ends, what had returned is kept; what it does with descriptors and with the library harms neither."""

import fcntl
import os
import signal
import unittest

from host import BUILD, SANITIZED, HostTest


class Ends(HostTest):
    program = "host_ends"

    def ends(self, mode, code=0, stays=False):
        """Ways that run handlers store all before the end; the others leave it to whoever comes next."""
        workers = self.run_host(mode, 500, code=code)
        if stays:
            self.recover()
        self.assert_recorded(workers)
        self.assertEqual(self.spools(), [])

    def test_main_returns(self):
        self.ends("return")

    def test_exit(self):
        self.ends("exit")

    def test_a_threads_first_record_comes_too_late(self):
        self.ends("exit-while-taking")

    def test_exit_without_handlers(self):
        self.ends("_exit", stays=True)

    def test_quick_exit(self):
        self.ends("quick_exit", stays=True)

    def test_abort(self):
        self.ends("abort", code=-signal.SIGABRT, stays=True)

    def test_exit_in_a_handler_of_exit_that_records(self):
        self.ends("exit-in-exit")

    def test_exit_while_threads_record(self):
        for _ in range(5):
            self.setUp()
            workers = self.run_host("exit-with-threads")
            self.recover()
            self.assert_recorded(workers, surplus=1 << 30)


class Descriptors(HostTest):
    program = "host_ends"

    def setUp(self):
        super().setUp()
        if "thread" in SANITIZED:
            self.skipTest("the thread sanitizer takes two tables of descriptors for one")

    def test_a_host_that_closes_all_and_opens_its_own(self):
        self.assert_recorded(self.run_host("close-all", 4))

    def test_on_a_kernel_without_close_range(self):
        if SANITIZED:
            self.skipTest("a sanitizer's run time needs calls of its own")
        self.assert_recorded(self.run_host("close-all-on-older-kernel", 4))

    def test_the_spools_lock_is_not_the_hosts_to_close(self):
        self.mount_layers()
        process = self.start("closed", 100)
        for line in process.stdout:
            if line == "closed\n":
                break
        [name] = self.spools()
        with open(os.path.join(self.store, name), "r+b") as file, self.assertRaises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self.recover()  # leaves it alone
        out, err = process.communicate("\n", timeout=60)
        self.assertEqual((err, process.returncode), ("", 0))
        self.assert_recorded(self.workers(out.splitlines()))


class Library(HostTest):
    program = "host_ends"

    def test_it_is_loaded_and_unloaded_50_times(self):
        if SANITIZED:
            self.skipTest("a sanitizer's run time comes with the program, which has the library as well")
        library = BUILD / "lib" / "libburr.so"
        if not library.exists():
            self.skipTest("the shared library is not built")
        self.assert_recorded(self.run_host("load", 50, env={**os.environ, "HOST_LIBRARY": str(library)}))


if __name__ == "__main__":
    unittest.main(verbosity=2)
