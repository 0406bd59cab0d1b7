"""A host's handlers may record wherever they interrupt it, and leave as they like; its signals stay its own."""

import unittest

from host import HEAVIER, SANITIZED, SLOWER, HostTest


class Signals(HostTest):
    program = "host_signals"

    def test_a_timers_handler_records_in_the_midst_of_records(self):
        self.assert_recorded(self.run_host("timer", 300 * HEAVIER // SLOWER))

    def test_handlers_that_interrupt_handlers_on_another_stack(self):
        workers = self.run_host("nested", 500 * HEAVIER // SLOWER)
        self.assertEqual(set(workers), {"m", "h", "i"})
        self.assert_recorded(workers)

    def test_handlers_that_jump_out_of_a_record(self):
        if SANITIZED:
            self.skipTest("a jump out of a handler is none that a sanitizer follows")
        jumps = 1000 * HEAVIER
        workers = self.run_host("jump", jumps)
        begun = workers.pop("jumped")
        self.assert_recorded(workers)
        numbers = self.by_worker()["m"]
        self.assertEqual(sorted(set(numbers)), sorted(numbers))
        self.assertLessEqual(begun - len(numbers), jumps)

    def test_dispositions_and_masks_are_unchanged(self):
        self.assert_recorded(self.run_host("dispositions"))

    def test_10000_signals_never_meet_a_thread_of_ours(self):
        self.assert_recorded(self.run_host("directed", 10000 * HEAVIER // SLOWER))


if __name__ == "__main__":
    unittest.main(verbosity=2)
