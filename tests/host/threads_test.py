"""However many threads a host has, and however they end: nobody hangs, and each record is there whole and once."""

import unittest

from host import HEAVIER, SANITIZED, SLOWER, HostTest


class Threads(HostTest):
    program = "host_threads"

    def assert_lanes_count_up(self):
        """A lane's numbers never go back, whichever thread has it."""
        last = {}
        for record in self.log("app"):
            writer, lane, n = record["_rec"].split(".")
            self.assertGreater(int(n), last.get((writer, lane), 0))
            last[writer, lane] = int(n)

    def test_40_threads(self):
        self.assert_recorded(self.run_host("many", 40))
        self.assert_lanes_count_up()

    def test_200_threads(self):
        self.assert_recorded(self.run_host("many", 200))
        self.assert_lanes_count_up()

    def test_threads_that_are_replaced_5000_times(self):
        self.assert_recorded(self.run_host("replaced", 5000 * HEAVIER // SLOWER))
        self.assert_lanes_count_up()

    def test_threads_that_are_cancelled(self):
        self.assert_recorded(self.run_host("cancel", 3000 * HEAVIER // SLOWER), surplus=1)
        self.assert_lanes_count_up()

    def test_threads_that_are_cancelled_anywhere(self):
        if SANITIZED:
            self.skipTest("a sanitizer's run time must not be cancelled anywhere")
        self.assert_recorded(self.run_host("cancel-async", 4000 * HEAVIER), surplus=1)
        self.assert_lanes_count_up()

    def test_threads_that_are_cancelled_while_they_open(self):
        self.assert_recorded(self.run_host("cancel-opening", 300 * HEAVIER // SLOWER))

    def test_stacks_of_64_kib(self):
        self.assert_recorded(self.run_host("stack"))

    def test_a_thread_that_could_not_be_started_is_started_later(self):
        self.skip_forks()
        self.assert_recorded(self.run_host("no-thread", 4000))


if __name__ == "__main__":
    unittest.main(verbosity=2)
