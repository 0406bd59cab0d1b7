"""Rounds of drawn faults: `./dev faults` (see --help).

scenario.py draws what happens in a round, drive.py makes it happen, referee.py judges. A seed gives the same
scenario again, though not the same interleaving: a seed that failed is worth a few rounds.
"""

import argparse
import concurrent.futures
import os
import signal
import sys
import threading
import time
from collections import Counter

import drive
import scenario as scenarios
from referee import KINDS

SHOWN = 12  # problems of a round that are printed
NEVER_REACHED = 10**6  # more calls than a short run makes
CALLS_MORE = 3  # it does not always make the same number


def read_arguments():
    parser = argparse.ArgumentParser(
        prog="dev faults",
        description="Rounds of writers, collectors and disks that are killed, stopped and failed at drawn moments; "
        "afterwards every record whose call had returned must be there once, in order and whole.",
    )
    parser.add_argument("--rounds", type=int, metavar="N", help="so many (default: 100)")
    parser.add_argument("--seed", type=int, metavar="S", help="of the first round; the next ones count on")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="rounds at once, at most 2")
    themes = "only rounds that have this theme: " + ", ".join(scenarios.THEMES)
    parser.add_argument("--theme", choices=scenarios.THEMES, metavar="T", help=themes)
    parser.add_argument("--hand", type=int, metavar="N", help="instead: two processes hand one run over N times")
    fates = "how: an error's name (EIO, ENOSPC, EMFILE), short, cut, tear or die"
    parser.add_argument("--calls", metavar="HOW", help=f"instead: a short run, each of its calls failing once; {fates}")
    parser.add_argument("--keep", action="store_true", help="leave the folder of a round that failed")
    parser.add_argument("--show", action="store_true", help="print each scenario")
    return parser.parse_args()


class Tally:
    """Of all rounds; prints as they end."""

    def __init__(self, arguments):
        self.arguments = arguments
        self.lock = threading.Lock()
        self.rounds = 0  # this and what follows under lock
        self.records = 0
        self.counts = Counter()
        self.told = Counter()

    def add(self, scenario, verdict, folder, seconds):
        with self.lock:
            self.rounds += 1
            self.records += verdict.records
            self.counts += verdict.counts
            self.told += verdict.told
            if self.arguments.show or not verdict:
                print(f"seed {scenario.seed}: {seconds:.1f} s, {verdict.records} records\n{scenario.words()}")
            if not verdict:
                for problem in verdict.problems[:SHOWN]:
                    print(f"  ** {problem}")
                if len(verdict.problems) > SHOWN:
                    print(f"  ** and {len(verdict.problems) - SHOWN} more")
                if self.arguments.keep:
                    print(f"  kept: {folder}")
            if self.rounds % 50 == 0:
                print(f"{self.rounds} rounds", file=sys.stderr)
            sys.stdout.flush()

    def finish(self):
        print("told: " + ", ".join(f"{count} {what}" for what, count in self.told.most_common()))
        counts = " ".join(f"{kind}={self.counts[kind]}" for kind in KINDS)
        print(f"rounds={self.rounds} records={self.records} {counts}")
        return 1 if self.counts.total() else 0


def run_round(scenario, tally):
    began = time.monotonic()
    this = drive.Round(scenario)
    keep = False
    try:
        verdict = this.run()
        keep = not verdict and tally.arguments.keep
        tally.add(scenario, verdict, this.folder, time.monotonic() - began)
    finally:
        if not keep:
            this.remove()


def draw_rounds(arguments, without):
    """The scenarios to run: as many as asked for, of the theme asked for."""
    seed = arguments.seed if arguments.seed is not None else int.from_bytes(os.urandom(4), "big")
    count = arguments.rounds if arguments.rounds is not None else 100
    if arguments.rounds != 1:
        count = max(1, count // drive.SLOWER)
    while count:
        scenario = scenarios.draw(seed, without)
        seed += 1
        if not arguments.theme or arguments.theme in scenario.themes:
            yield scenario
            count -= 1


def hand_rounds(turns):
    """Without a collector, and with one."""
    turns = max(10, turns // drive.SLOWER)
    for collector in (False, True):
        yield scenarios.handing(turns // 2, collector)


def call_rounds(fate):
    """One for each call on the disk that the run makes when none fails."""
    counted = drive.Round(scenarios.short_run(NEVER_REACHED, fate))
    try:
        counted.run()
    finally:
        counted.remove()
    calls = NEVER_REACHED - counted.calls_to_go["writers"]
    for n in range(1, calls + CALLS_MORE + 1):
        yield scenarios.short_run(n, fate)


def find_limits():
    """What cannot be had here, said once."""
    without = set()
    sanitizers = os.environ.get("BURR_SANITIZED", "")
    if sanitizers:
        without.add("shim")
        print("left out: failing disks, calls that kill and jumping clocks, whose shim a sanitizer does not bear")
    if "thread" in sanitizers:
        without.add("fork")
        print("left out: forks, after which the thread sanitizer takes a child's threads for the parent's")
    if not drive.can_mount():
        without.add("tmpfs")
        print("left out: small disks that fill, which only root can mount")
    return without


def main():
    arguments = read_arguments()
    tally = Tally(arguments)
    if arguments.hand:
        rounds = hand_rounds(arguments.hand)
    elif arguments.calls:
        rounds = [] if "shim" in find_limits() else call_rounds(arguments.calls)
    else:
        rounds = draw_rounds(arguments, find_limits())
    with concurrent.futures.ThreadPoolExecutor(max(1, min(2, arguments.jobs))) as pool:
        try:
            for done in [pool.submit(run_round, scenario, tally) for scenario in rounds]:
                done.result()
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)  # the rounds at hand end, and what they started with them
            raise
    return tally.finish()


def interrupt(*_):
    raise KeyboardInterrupt


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, interrupt)
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
