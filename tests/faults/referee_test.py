"""The referee must see what is wrong: each test plants one thing in a round that is right. And a seed must repeat."""

import json
import unittest

import scenario
from referee import Facts, judge


def line(kind, tag, seq, rec, size=0):
    body = {"tag": tag, "n": seq, "fill": "x" * size}
    if kind == "begin":
        record = {"type": "begin_entry", "inputs": body, "sequence_id": seq}
    elif kind == "end":
        record = {"type": "end_entry", "sequence_id": seq, "state": body}
    elif kind == "span":
        record = {"type": "begin_span", "action_sequence_id": seq, "span_name": tag}
    else:
        record = {"type": "attribute", "action_sequence_id": seq, "value": body}
    if rec:
        record["_rec"] = rec
    return json.dumps(record).encode() + b"\n"


class Round:
    """Two processes that hand application `app` over: w0 records two steps, w1 takes it up and records one."""

    def __init__(self):
        self.told = [
            "B 100 w0.0.0 app create 0 0",
            "R 110 w0.0.0 BURR_OK",
            *self.call(120, "w0.0.1", "begin", 0),
            *self.call(140, "w0.0.2", "end", 0, size=3),
            *self.call(160, "w0.0.3", "attribute", 1),
            *self.call(180, "w0.0.4", "span", 1),
            *self.call(200, "w0.0.5", "end", 1),
            "L 300 310 w1 app BURR_OK 1 w0.0.5 32",
            "B 320 w1.0.0 app create 0 0",
            "R 330 w1.0.0 BURR_OK",
            *self.call(340, "w1.0.1", "end", 2),
            "E 400 w0 BURR_OK BURR_OK 6 6 0",
            "E 400 w1 BURR_OK BURR_OK 2 2 0",
            "L 500 510 last app BURR_OK 2 w1.0.1 32",
        ]
        self.log = [
            line("begin", "w0.0.1", 0, "a.0.1"),
            line("end", "w0.0.2", 0, "a.0.2", size=3),
            line("attribute", "w0.0.3", 1, "a.0.3"),
            line("span", "w0.0.4", 1, "a.0.4"),
            line("end", "w0.0.5", 1, "a.0.5"),
            line("end", "w1.0.1", 2, "b.0.1"),
        ]
        self.facts = Facts()

    @staticmethod
    def call(at, tag, kind, seq, size=0, status="BURR_OK", app="app"):
        return [f"B {at} {tag} {app} {kind} {seq} {size}", f"R {at + 10} {tag} {status}"]

    def change(self, old, new):
        at = next(i for i, text in enumerate(self.told) if old in text)
        self.told[at] = self.told[at].replace(old, new)

    def judge(self):
        return judge(["".join(f"\n{text} .\n" for text in self.told)], {"app": b"".join(self.log)}, self.facts)


class RefereeTest(unittest.TestCase):
    def setUp(self):
        self.round = Round()

    def expect(self, **counts):
        verdict = self.round.judge()
        self.assertEqual(dict(verdict.counts), counts, verdict.problems)
        self.assertEqual(bool(verdict), not counts)
        return verdict

    def test_a_right_round(self):
        self.assertEqual(self.expect().records, 6)

    def test_what_was_told_by_half_was_not_told(self):
        self.round.told.insert(0, "B 361 w1.0.3 app be\n\nB 360 w1.0.2 app begin 3 0")
        self.expect()

    # ---- lost

    def test_a_lost_record(self):
        del self.round.log[2]
        self.expect(lost=1)

    def test_a_lost_record_of_a_killed_process(self):
        del self.round.log[2]
        self.round.told.remove("E 400 w0 BURR_OK BURR_OK 6 6 0")
        self.expect(lost=1)

    def test_a_call_that_never_returned_may_be_missing_or_there(self):
        self.round.told.insert(0, "B 360 w1.0.2 app begin 3 0")
        self.expect()
        self.round.log.append(line("begin", "w1.0.2", 3, "b.0.2"))
        self.expect()

    def test_a_record_in_memory_is_lost_only_with_its_process(self):
        self.round.facts.later.add("w0")
        self.round.change("w0.0.3 BURR_OK", "w0.0.3 BURR_ELATER")
        del self.round.log[2]
        self.expect(lost=1)
        self.round.told.remove("E 400 w0 BURR_OK BURR_OK 6 6 0")
        self.expect()

    def test_later_for_no_reason(self):
        self.round.change("w0.0.3 BURR_OK", "w0.0.3 BURR_ELATER")
        self.expect(lost=1)

    def test_a_whole_log_is_lost(self):
        self.round.log.clear()
        self.round.told.pop()
        self.expect(lost=6)

    # ---- dropped and counted

    def drop(self):
        self.round.facts.drops.add("w0")
        self.round.change("w0.0.3 BURR_OK", "w0.0.3 BURR_EDROPPED")
        self.round.change("E 400 w0 BURR_OK BURR_OK 6 6 0", "E 400 w0 BURR_EDROPPED BURR_OK 5 5 1")

    def test_a_drop_that_is_counted(self):
        self.drop()
        del self.round.log[2]
        self.expect()

    def test_a_drop_that_the_policy_does_not_allow(self):
        self.drop()
        del self.round.log[2]
        self.round.facts.drops.clear()
        self.expect(lost=1)

    def test_a_dropped_record_that_is_there(self):
        self.drop()
        self.expect(lost=1)

    def test_a_drop_too_many_or_too_few_in_the_count(self):
        for count in (0, 2):
            self.setUp()
            self.drop()
            del self.round.log[2]
            flushed = "BURR_EDROPPED" if count else "BURR_OK"
            self.round.change("E 400 w0 BURR_EDROPPED BURR_OK 5 5 1", f"E 400 w0 {flushed} BURR_OK 5 5 {count}")
            self.expect(lost=1)

    def test_a_drop_that_flush_does_not_tell(self):
        self.drop()
        del self.round.log[2]
        self.round.change("E 400 w0 BURR_EDROPPED", "E 400 w0 BURR_OK")
        self.expect(lost=1)

    def test_an_end_that_leaves_records(self):
        self.round.change("E 400 w0 BURR_OK BURR_OK", "E 400 w0 BURR_ETIMEOUT BURR_EDROPPED")
        self.expect(lost=1)
        self.round.facts.broken.add("w0")
        self.expect()

    # ---- deleted

    def test_a_deleted_run_may_be_gone_and_is_counted(self):
        self.round.facts.deleted.add("app")
        self.round.log.clear()
        self.expect()
        self.round.change("w0.0.5 BURR_OK", "w0.0.5 BURR_ENOTFOUND")
        self.expect(lost=1)
        self.round.change("E 400 w0 BURR_OK BURR_OK 6 6 0", "E 400 w0 BURR_EDROPPED BURR_OK 6 5 1")
        self.expect()

    def test_not_found_without_a_deletion(self):
        self.drop()
        del self.round.log[2]
        self.round.change("w0.0.3 BURR_EDROPPED", "w0.0.3 BURR_ENOTFOUND")
        self.expect(lost=1)

    def test_an_application_that_was_never_made(self):
        self.round.facts.later.add("w2")
        self.round.told += ["B 350 w2.0.0 gone create 0 0", "R 355 w2.0.0 BURR_ELATER"]
        self.round.told += self.round.call(360, "w2f.0.0", "end", 0, status="BURR_ELATER", app="gone")
        self.round.told += ["E 400 w2f BURR_EDROPPED BURR_OK 1 0 1"]
        self.expect()
        self.round.told += ["E 401 w2 BURR_OK BURR_OK 1 1 0"]  # but its maker says that it was
        self.expect(lost=2)

    # ---- duplicated

    def test_a_duplicated_record(self):
        self.round.log.insert(3, self.round.log[2])
        self.expect(duplicated=2)  # the record and its identity

    def test_a_duplicate_with_an_identity_of_its_own(self):
        self.round.log.insert(3, line("attribute", "w0.0.3", 1, "c.0.1"))
        self.expect(duplicated=1)

    def test_an_identity_given_twice(self):
        self.round.log[3] = line("span", "w0.0.4", 1, "a.0.3")
        self.expect(duplicated=1)

    # ---- reordered

    def test_a_reordered_record(self):
        self.round.log[2:4] = reversed(self.round.log[2:4])
        self.expect(reordered=1)

    def test_overlapping_calls_come_in_either_order(self):
        self.round.change("B 180 w0.0.4", "B 169 w0.0.4")
        self.round.log[2:4] = reversed(self.round.log[2:4])
        self.expect()

    def test_a_reordered_record_of_another_process(self):
        log = self.round.log
        self.round.told.pop()
        log[3:] = [log[5], log[3], log[4]]
        self.expect(reordered=2)

    def test_processes_that_do_not_hand_over_come_in_either_order(self):
        log = self.round.log
        self.round.told.pop()
        self.round.told.remove("L 300 310 w1 app BURR_OK 1 w0.0.5 32")
        self.round.change("B 320 w1.0.0 app create", "B 90 w1.0.0 app create")
        log[3:] = [log[5], log[3], log[4]]
        self.expect()

    def test_a_forked_child_is_behind_what_its_parent_had_recorded(self):
        self.round.told += ["U 215 w0f app", *self.round.call(220, "w0f.0.0", "begin", 2)]
        self.round.log.insert(5, line("begin", "w0f.0.0", 2, "c.0.1"))
        self.expect()
        self.round.log[4:6] = reversed(self.round.log[4:6])
        self.expect(reordered=1)

    def test_a_third_process_does_not_hide_a_reordered_record(self):
        log = self.round.log
        self.round.told.pop()
        self.round.told += ["B 350 w2.0.0 app create 0 0", *self.round.call(360, "w2.0.1", "begin", 9)]
        log[4:] = [log[5], line("begin", "w2.0.1", 9, "c.0.1"), log[4]]
        self.expect(reordered=1)

    # ---- damaged

    def test_a_line_without_an_end(self):
        self.round.log[-1] = self.round.log[-1][:-1]
        self.assertIn("damaged", self.round.judge().counts)

    def test_half_a_line(self):
        self.round.log.insert(2, self.round.log[2][:30] + b"\n")
        self.expect(damaged=1)

    def test_lines_run_into_each_other(self):
        self.round.log[2] = self.round.log[2][:30]
        self.expect(damaged=1, lost=2)

    def test_leading_spaces_are_nothing(self):
        self.round.log[2] = b"   " + self.round.log[2]
        self.expect()

    def test_a_state_of_other_bytes(self):
        self.round.log[1] = line("end", "w0.0.2", 0, "a.0.2", size=2)
        self.expect(damaged=1)

    def test_a_record_that_nobody_made(self):
        self.round.log.append(line("begin", "w9.0.1", 0, "a.0.9"))
        self.expect(damaged=1)

    def test_a_record_without_identity(self):
        self.round.log[2] = line("attribute", "w0.0.3", 1, None)
        self.expect(damaged=1)

    # ---- beside Burr's own client

    def foreign(self, at, n):
        self.round.told += self.round.call(at, f"foreign-app.0.{n}", "begin", n)
        return line("begin", f"foreign-app.0.{n}", n, None)

    def test_foreign_records_are_held_to_their_own_order(self):
        first, second = self.foreign(130, 0), self.foreign(210, 1)
        self.round.log.insert(0, first)
        self.round.log.insert(3, second)
        self.expect()
        self.round.log.remove(second)
        self.round.log.insert(0, second)
        self.expect(reordered=1)
        self.round.log.remove(second)
        self.expect(lost=1)

    # ---- loading

    def test_a_load_that_finds_an_older_step(self):
        self.round.change("L 300 310 w1 app BURR_OK 1 w0.0.5 32", "L 300 310 w1 app BURR_OK 0 w0.0.2 35")
        self.expect(lost=1)

    def test_a_load_that_finds_nothing(self):
        self.round.change("L 300 310 w1 app BURR_OK 1 w0.0.5 32", "L 300 310 w1 app BURR_ENOTFOUND -1 - 0")
        self.expect(lost=1)

    def test_a_load_before_there_is_a_step(self):
        self.round.told.append("L 120 130 check app BURR_ENOTFOUND -1 - 0")
        self.expect()

    def test_a_load_that_fails(self):
        self.round.told.append("L 120 130 w2 app BURR_EIO -1 - 0")
        self.expect(lost=1)
        self.round.facts.failing.add("w2")
        self.expect()

    def test_a_load_of_half_a_state(self):
        self.round.change("L 300 310 w1 app BURR_OK 1 w0.0.5 32", "L 300 310 w1 app BURR_OK 1 w0.0.5 31")
        self.expect(damaged=1)

    def test_a_load_of_what_is_not_yet_recorded(self):
        self.round.change("L 300 310 w1 app BURR_OK 1 w0.0.5 32", "L 300 310 w1 app BURR_OK 2 w1.0.1 32")
        self.expect(damaged=1)

    def test_a_step_that_has_not_returned_may_be_found_or_not(self):
        self.round.told.append("L 205 206 check app BURR_OK 1 w0.0.5 32")
        self.round.told.append("L 205 206 check app BURR_OK 0 w0.0.2 35")
        self.expect()

    def test_the_last_load_is_the_log_s_last_step(self):
        self.round.told += ["B 345 w1.0.2 app end 3 0"]
        self.round.log.append(line("end", "w1.0.2", 3, "b.0.2"))
        self.expect(damaged=1)


class ScenarioTest(unittest.TestCase):
    def test_a_seed_gives_the_same_scenario_again(self):
        for seed in range(50):
            self.assertEqual(scenario.draw(seed), scenario.draw(seed))

    def test_every_theme_comes(self):
        themes = {theme for seed in range(200) for theme in scenario.draw(seed).themes}
        self.assertEqual(themes, set(scenario.THEMES))

    def test_what_cannot_be_had_is_left_out_and_nothing_else_changes(self):
        for seed in range(200):
            least = scenario.draw(seed, {"shim", "tmpfs", "fork"})
            self.assertFalse([event for event in least.events if event.whom.startswith("disk")])
            whole = [writer.name for writer in scenario.draw(seed).writers]
            self.assertEqual([writer.name for writer in least.writers], whole)

    def test_without_an_outage_nothing_may_be_dropped(self):
        calm = scenario.handing(10, collector=True).facts()
        self.assertEqual((calm.drops, calm.later, calm.deleted, calm.failing), (set(), set(), set(), set()))


if __name__ == "__main__":
    unittest.main(verbosity=1)
