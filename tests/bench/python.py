"""bench/python.py: what a tracker adds to a step of a Burr application, on Burr's own loop: CollectorTrackingClient
beside Burr's LocalTrackingClient, against no tracker at all.

`./dev bench python`. The trackers take turns in one process, round by round, as two runs on a shared machine differ by
more than most changes do, and each step is timed by itself. Read the ratios. See bench.h for the form of the output.
"""

import argparse
import asyncio
import contextlib
import functools
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = 60
TARGET_S = 0.005  # of a round of one tracker: short, so that most rounds are not interrupted
LEAST_STEPS = 10
PACED_STEPS = 300
PACE_S = 0.002

ABOUT = (
    "Tracking Burr's Python applications: time that a tracker adds to a step. The state holds a text of the size that "
    "the column names, which a step leaves as it is and counts beside; in `fresh` each step makes a new one; in `tree` "
    "it is 1,000 messages of a chat, 100 KB of JSON."
)


# ---- the application: Burr's own loop


def text_of(size, seed=0):
    return (f"{seed:08d} It is no text that says anything. " * (size // 40 + 1))[:size]


def messages():
    return [{"role": "user", "content": text_of(60, seed)} for seed in range(1000)]


SHAPES = {
    "tiny": lambda: "",
    "4 KB": lambda: text_of(4 << 10),
    "100 KB": lambda: text_of(100 << 10),
    "fresh": lambda: text_of(100 << 10),
    "tree": messages,
}


def make_actions(fresh):
    from burr.core import State, action

    def advanced(state):
        count = state["count"] + 1
        return state.update(count=count, load=text_of(100 << 10, count)) if fresh else state.update(count=count)

    @action(reads=["count"], writes=["count", "load"] if fresh else ["count"])
    def count(state: State) -> State:
        return advanced(state)

    @action(reads=["count"], writes=["count", "load"] if fresh else ["count"])
    async def count_async(state: State) -> State:
        return advanced(state)

    @action(reads=[], writes=[])
    def done(state: State) -> State:
        return state

    return count, count_async, done


def make_app(shape, tracker, is_async):
    from burr.core import ApplicationBuilder, default, expr

    count, count_async, done = make_actions(shape == "fresh")
    builder = (
        ApplicationBuilder()
        .with_actions(count=count_async if is_async else count, done=done)
        .with_transitions(("count", "count", expr("count >= 0")), ("count", "done", default))
        .with_entrypoint("count")
        .with_state(count=0, load=SHAPES[shape]())
    )
    if tracker is not None:
        builder = builder.with_tracker(tracker)
    return builder.build()


def times_of(app, steps, is_async):
    """How long each of that many steps of one run took, but for the first, which starts the loop: in µs."""
    last = steps - 1 if app.sequence_id is None else app.sequence_id + steps
    ends = [time.perf_counter()]

    def take():
        ends.append(time.perf_counter())
        return app.sequence_id >= last

    async def run_async():
        async for _ in app.aiterate(halt_after=["done"]):
            if take():
                break

    if is_async:
        asyncio.run(run_async())
    else:
        for _ in app.iterate(halt_after=["done"]):
            if take():
                break
    return [(end - began) * 1e6 for began, end in zip(ends[1:], ends[2:])]


def make_idle_client():
    """A client whose hooks do nothing: what Burr's own calling of them costs, whoever the tracker is."""
    from burr.tracking.client import SyncTrackingClient

    def do_nothing(self, **future_kwargs):
        pass

    hooks = SyncTrackingClient.__abstractmethods__
    return type("IdleClient", (SyncTrackingClient,), {name: do_nothing for name in hooks})()


# ---- measuring


class Trackers:
    """Those that take turns. Each has a store of its own."""

    NAMES = ["no tracker", "hooks that do nothing", "Burr's client", "ours", "ours, with a collector"]

    def __init__(self, folder, build):
        from burr.tracking import LocalTrackingClient
        from burr_collector import CollectorTrackingClient

        self.folder = folder
        self._stack = contextlib.ExitStack()
        collected = str(folder / "collected")
        self._stack.enter_context(collector(build / "bin" / "burr", collected))
        self._makers = [
            lambda: None,
            make_idle_client,
            lambda: LocalTrackingClient("bench", storage_dir=str(folder / "burrs")),
            lambda: CollectorTrackingClient("bench", storage_dir=str(folder / "ours")),
            lambda: CollectorTrackingClient("bench", storage_dir=collected),
        ]

    def make(self, name):
        return self._makers[self.NAMES.index(name)]()

    def rest(self, tracker):
        """What a round has left to do in the background is not the next one's."""
        if hasattr(tracker, "flush"):
            tracker.flush(60)

    def remove_runs(self):
        for run in self.folder.glob("*/bench/*"):
            shutil.rmtree(run)

    def close(self):
        self._stack.close()


@contextlib.contextmanager
def collector(program, store):
    command = [program, "serve", "--store", store, "--port", "0", "--no-open", "--no-demo"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        if not any("http://" in line for line in process.stdout):
            sys.exit("bench: the collector did not start")
        yield
    finally:
        process.terminate()
        process.communicate(timeout=60)


def steps_for(shape, is_async):
    took = statistics.median(times_of(make_app(shape, None, is_async), 100, is_async))
    return max(LEAST_STEPS, int(TARGET_S / took * 1e6))


def measure(trackers, shape, is_async):
    """{tracker: µs of each step}"""
    steps = steps_for(shape, is_async)
    clients = {name: trackers.make(name) for name in trackers.NAMES}
    apps = {name: make_app(shape, client, is_async) for name, client in clients.items()}
    times = {name: [] for name in trackers.NAMES}
    for number in range(-2, ROUNDS):  # the first two are not counted
        for name, app in apps.items():
            taken = times_of(app, steps, is_async)
            trackers.rest(clients[name])
            if number >= 0:
                times[name] += taken
    apps.clear()
    trackers.remove_runs()
    return times


def added(times, name, average=statistics.median):
    """What it adds to a step."""
    return average(times[name]) - average(times["no tracker"])


def time_in_hooks(trackers, shape, name):
    """What a step spends in the tracker's hooks when it takes a while itself, as steps do: µs, the median."""
    client = trackers.make(name)
    app = make_app(shape, client, False)
    action, state = app.graph.actions[0], app.state
    names = {"app_id": app.uid, "partition_key": None, "action": action, "state": state}
    taken = []
    for number in range(PACED_STEPS):
        began = time.perf_counter()
        client.pre_run_step(sequence_id=number, inputs={}, **names)
        between = time.perf_counter()
        time.sleep(PACE_S)
        went_on = time.perf_counter()
        client.post_run_step(sequence_id=number, result={}, exception=None, **names)
        taken.append((between - began + time.perf_counter() - went_on) * 1e6)
    trackers.rest(client)
    del app
    trackers.remove_runs()
    return statistics.median(taken)


# ---- where the time goes


def time_of(function, rest):
    """µs of a call: the median of rounds."""
    rounds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        for _ in range(LEAST_STEPS):
            function()
        rounds.append((time.perf_counter() - began) / LEAST_STEPS * 1e6)
        rest()
    return statistics.median(rounds)


def parts_of_ours(trackers, shape):
    """The calls that our client is made of, one by one, in µs."""
    from burr_collector.tracker import encode_name

    client = trackers.make("ours")
    app = make_app(shape, client, False)
    times_of(app, 5, False)  # its state has Burr's own keys then
    action, state = app.graph.actions[0], app.state
    names = {"app_id": app.uid, "partition_key": None, "sequence_id": 0, "action": action}
    written, result = client._serializer.step(state, {})
    tracked = client._apps[app.uid]
    library, pointer, name = tracked.tracker.library, tracked.pointer, encode_name(action.name)
    begin = functools.partial(client.pre_run_step, state=state, inputs={}, **names)
    end = functools.partial(client.post_run_step, state=state, result={}, exception=None, **names)
    calls = {
        "begin: the hook": begin,
        "  the call that begins": lambda: library.begin_step.now(pointer, 0, name, b"{}", None),
        "end: the hook": end,
        "  writing state as JSON": lambda: client._serializer.step(state, {}),
        "  the call that ends": lambda: library.end_step.now(pointer, 0, name, result, None, written),
    }
    parts = {part: time_of(call, lambda: trackers.rest(client)) for part, call in calls.items()}
    del begin, end, calls, tracked, app
    trackers.rest(client)
    trackers.remove_runs()
    return parts


# ---- output


class Output:
    def __init__(self, as_json):
        self.as_json = as_json
        self.rows = []
        if not as_json:
            print(f"burr_bench_python\n{ABOUT}")

    def table(self, title, columns):
        self.title, self.columns = title, columns
        if not self.as_json:
            print(f"\n{title}\n  {'':30}" + "".join(f" {c:>8}" for c in columns) + " |" + "".join(f" {c:>9}" for c in columns))
            print(f"  {'':30} {'as times Burr’s':>{9 * len(columns) - 1}} | {'us':>{10 * len(columns) - 1}}")

    def row(self, what, values, base=None):
        for column, value, peer in zip(self.columns, values, base or values):
            row = {"table": self.title, "what": what.strip(), "column": column, "value": value, "unit": "us"}
            self.rows.append({**row, "ratio": value / peer, "peer": "Burr's client"} if base else row)
        if not self.as_json:
            ratios = [f" {v / b:7.2f}x" for v, b in zip(values, base)] if base else [f" {'-':>8}" for _ in values]
            print(f"  {what:30}" + "".join(ratios) + " |" + "".join(f" {v:9.2f}" for v in values), flush=True)

    def end(self, skipped):
        if self.as_json:
            print(json.dumps({"bench": "burr_bench_python", "rows": self.rows, "skipped": skipped}))
        else:
            for item in skipped:
                print(f"  skipped: {item['what']} ({item['why']})")


def run(output, trackers):
    for is_async in (False, True):
        shapes = list(SHAPES)
        kind = "asynchronous" if is_async else "synchronous"
        output.table(f"Added to a step, {kind} application, one step right after the other: medians", shapes)
        measured = [measure(trackers, shape, is_async) for shape in shapes]
        output.row("the step, no tracker", [statistics.median(times["no tracker"]) for times in measured])
        for average in (statistics.median, statistics.fmean):
            of = ", mean" if average is statistics.fmean else ""
            idle = [added(times, "hooks that do nothing", average) for times in measured]
            output.row(f"hooks that do nothing{of}", idle)
            burrs = [added(times, "Burr's client", average) for times in measured]
            output.row(f"Burr's client{of}", burrs)
            for name in trackers.NAMES[3:]:
                output.row(f"{name}{of}", [added(times, name, average) for times in measured], burrs)
    shapes = [shape for shape in SHAPES if shape != "fresh"]
    output.table(f"In the hooks of a step that takes {PACE_S * 1000:g} ms itself: medians", shapes)
    burrs = [time_in_hooks(trackers, shape, "Burr's client") for shape in shapes]
    output.row("Burr's client", burrs)
    for name in trackers.NAMES[3:]:
        output.row(name, [time_in_hooks(trackers, shape, name) for shape in shapes], burrs)
    output.table("Where it goes, ours without a collector", shapes)
    parts = [parts_of_ours(trackers, shape) for shape in shapes]
    for part in parts[0]:
        output.row(part, [of_shape[part] for of_shape in parts])


def main():
    parser = argparse.ArgumentParser("burr_bench_python", description=ABOUT)
    parser.add_argument("--build", type=pathlib.Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--long", action="store_true", help="as without: it has no longer ones")
    asked = parser.parse_args()
    os.environ["BURR_LIBRARY"] = str(asked.build / "lib" / "libburr.so.0")
    os.environ["BURR_TELEMETRY_ENABLED"] = "false"
    sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "agent" / "python"))
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # and nothing is left behind
    output = Output(asked.json)
    skipped = []
    try:
        import burr.tracking  # noqa: F401
    except ImportError as why:
        skipped.append({"what": "all of it", "why": f"{why}: Burr could not be had from PyPI"})
    else:
        folder = pathlib.Path(tempfile.mkdtemp(prefix="burr-bench-"))
        try:
            with contextlib.closing(Trackers(folder, asked.build)) as trackers:
                run(output, trackers)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
    output.end(skipped)


if __name__ == "__main__":
    main()
