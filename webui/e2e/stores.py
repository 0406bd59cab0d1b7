"""Stores with runs of unusual size, in Burr's own file format, for looking at and measuring the pages.

    python3 stores.py DIR [KIND …]      all kinds without one; a kind is a project of that name
    python3 stores.py DIR live SECONDS  a run of project live that is being written, 20 records a millisecond; prints each second
                                        how many steps there are and when, in milliseconds since 1970

Every run is written as Burr 0.40 or libburr would write it; proto/DISK.md says what the files mean.
"""

import base64
import json
import math
import pathlib
import random
import struct
import sys
import time
import zlib

START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
RTL = "שלום עולם, هذا نص"


def stamp(us):
    days, rest = divmod(us, 86_400_000_000)
    seconds, micros = divmod(rest, 1_000_000)
    return f"{date(days)}T{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}.{micros:06}Z"


def date(days, known={}):  # noqa: B006 - the cache is meant to stay
    if days not in known:
        import datetime

        known[days] = (datetime.date(1970, 1, 1) + datetime.timedelta(days=days)).isoformat()
    return known[days]


def action(name, reads=(), writes=(), code="def act(state): ...", inputs=()):
    return {
        "type": "action",
        "name": name,
        "reads": list(reads),
        "writes": list(writes),
        "code": code,
        "inputs": list(inputs),
        "optional_inputs": [],
    }


def transition(a, b, condition="default"):
    return {"type": "transition", "from_": a, "to": b, "condition": condition}


class Run:
    """One run, written line by line; its clock goes on by what its steps take."""

    def __init__(self, store, project, app_id, actions, transitions, parent=None, spawned_by=None):
        self.folder = pathlib.Path(store, project, app_id)
        self.folder.mkdir(parents=True)
        graph = {"type": "application", "entrypoint": actions[0]["name"], "actions": actions, "transitions": transitions}
        self.file("graph.json", graph)
        facts = {"type": "application_metadata", "partition_key": None}
        self.file("metadata.json", {**facts, "parent_pointer": parent, "spawning_parent_pointer": spawned_by})
        self.log = open(self.folder / "log.jsonl", "w", encoding="utf-8")
        self.us = START_US

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.log.close()

    def file(self, name, content):
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")

    def line(self, text):
        self.log.write(text)
        self.log.write("\n")

    def put(self, **record):
        self.line(json.dumps(record, ensure_ascii=False))

    def begin(self, number, name, inputs="{}", via=None):
        more = f', "via": {json.dumps(via)}' if via else ""
        self.line(
            f'{{"type": "begin_entry", "start_time": "{stamp(self.us)}", "action": {json.dumps(name)}, '
            f'"inputs": {inputs}, "sequence_id": {number}{more}}}'
        )

    def end(self, number, name, state, took_us, exception=None, result="null"):
        self.us += took_us
        self.line(
            f'{{"type": "end_entry", "end_time": "{stamp(self.us)}", "action": {json.dumps(name)}, "result": {result}, '
            f'"exception": {json.dumps(exception)}, "sequence_id": {number}, "state": {state}}}'
        )
        self.us += 40


def steps(store, project, count, pause_every=0):
    """A loop of three actions with a tool that fails now and then."""
    names = ["plan", "call_tool", "judge"]
    actions = [action(name, ["n"], ["n", "score"]) for name in names]
    transitions = [
        transition("plan", "call_tool"),
        transition("call_tool", "judge", "ok"),
        transition("call_tool", "plan"),
        transition("judge", "plan", "score < 1"),
    ]
    draw = random.Random(7)
    with Run(store, project, f"{count}-steps", actions, transitions) as run:
        for n in range(count):
            name = names[n % 3]
            run.begin(n, name)
            failed = name == "call_tool" and n % 997 == 1
            trace = 'Traceback (most recent call last):\n  File "tool.py", line 12, in call\n    reply()\nTimeoutError: tool'
            score = round(math.sin(n / 300) * 10, 3)
            run.end(
                n,
                name,
                f'{{"n": {n}, "score": {score}, "__SEQUENCE_ID": {n}}}',
                draw.randrange(200, 4000),
                trace if failed else None,
            )
            if pause_every and n % pause_every == pause_every - 1:
                run.us += draw.randrange(2, 40) * 1_000_000


def big_state(store, project):
    """States of 5 MB that change in one place."""
    text = "The quick brown fox jumps over the lazy dog. " * 20
    items = [{"id": n, "text": text, "tags": ["a", "b"], "score": n / 7} for n in range(5200)]
    with Run(store, project, "5-mb", [action("grow", ["items"], ["items"])], [transition("grow", "grow")]) as run:
        for n in range(4):
            items[n * 3]["score"] = -n
            run.begin(n, "grow")
            run.end(n, "grow", json.dumps({"turn": n, "items": items}), 90_000)


def spans(store, project):
    """2,000 spans in one step, nested five deep, with attributes."""
    with Run(store, project, "2000-spans", [action("fan_out")], [transition("fan_out", "fan_out")]) as run:
        for n in range(3):
            run.begin(n, "fan_out")
            for s in range(2000):
                parts = [s // 400, s // 80 % 5, s // 16 % 5, s // 4 % 4, s % 4]
                while parts and parts[-1] == 0:
                    parts.pop()
                span, parent = f"{n}:0.{s}", None if s % 5 == 0 else f"{n}:0.{s - s % 5}"
                run.put(
                    type="begin_span",
                    start_time=stamp(run.us),
                    action_sequence_id=n,
                    span_id=span,
                    span_name=f"call {s}",
                    parent_span_id=parent,
                    span_dependencies=[],
                )
                if s % 40 == 0:
                    run.put(
                        type="attribute",
                        key="gen_ai.usage.input_tokens",
                        action_sequence_id=n,
                        span_id=span,
                        value=s,
                        tags={},
                        time_logged=stamp(run.us),
                    )
                run.us += 300
                run.put(type="end_span", end_time=stamp(run.us), action_sequence_id=n, span_id=span)
            run.end(n, "fan_out", f'{{"n": {n}}}', 500)


def graph(store, project):
    """150 actions, each with two ways on."""
    names = [f"action_{n:03}" for n in range(150)]
    ways = [transition(names[n], names[(n * 7 + 3) % 150], f"x % {n + 2} == 0") for n in range(150)]
    ways += [transition(names[n], names[n + 1]) for n in range(149)]
    with Run(store, project, "150-actions", [action(name, inputs=["x"]) for name in names], ways) as run:
        for n in range(150):
            run.begin(n, names[n])
            run.end(n, names[n], f'{{"n": {n}}}', 3000 + n * 20)


def spawned(store, project):
    """A run that spawned 200 others, from a few of its steps."""
    act = [action("spawn_all")]
    with Run(store, project, "parent", act, [transition("spawn_all", "spawn_all")]) as run:
        for n in range(4):
            run.begin(n, "spawn_all")
            run.end(n, "spawn_all", f'{{"n": {n}}}', 2_000_000)
    for n in range(200):
        origin = {"type": "pointer_data", "app_id": "parent", "sequence_id": n % 4, "partition_key": None}
        with Run(store, project, f"child-{n:03}", act, [], spawned_by=origin) as run:
            run.begin(0, "spawn_all")
            run.end(0, "spawn_all", "{}", 5000)
        child = {"type": "pointer_data", "app_id": f"child-{n:03}", "sequence_id": None, "partition_key": None}
        record = {"type": "child_application_data", "child": child, "event_time": stamp(START_US + n * 30_000)}
        with open(run.folder.parent / "parent" / "children.jsonl", "a", encoding="utf-8") as file:
            file.write(json.dumps({**record, "event_type": "spawn_start", "sequence_id": n % 4}) + "\n")


def taken_back(store, project, count=600, tries=3):
    """Runs that were taken back: all but the first 100 steps, twice; each step by itself; and one that was not."""
    act = [action(name, ["n"], ["n"]) for name in ("ask", "work", "check")]
    ways = [transition(a, b) for a, b in (("ask", "work"), ("work", "check"), ("check", "ask"))]
    with Run(store, project, f"{count}-by-{tries}", act, ways) as run:
        for attempt in range(tries):
            for n in range(100 if attempt else 0, count):
                name = act[n % 3]["name"]
                run.begin(n, name)
                failed = n == count - 1 and attempt < tries - 1
                run.end(n, name, f'{{"n": {n}, "attempt": {attempt}}}', 900 + n % 7 * 100, "ValueError: no" if failed else None)
    with Run(store, project, "each-again", act, ways) as run:
        for n in range(60):
            for attempt in range(2):
                name = act[n % 3]["name"]
                run.begin(n, name)
                span = f"{n}:0.0"
                put = {"action_sequence_id": n, "span_id": span}
                run.put(type="begin_span", start_time=stamp(run.us), span_name="try", parent_span_id=None, span_dependencies=[], **put)
                run.us += 400
                run.put(type="end_span", end_time=stamp(run.us), **put)
                run.end(n, name, f'{{"n": {n}, "attempt": {attempt}}}', 900)


def nested(store, project):
    """A run that spawned two, one of which spawned another, each within the time of the step that did."""

    def spawn(parent, number, app_id, steps, us, then=None):
        act = [action("search"), action("read")]
        origin = {"type": "pointer_data", "app_id": parent, "sequence_id": number, "partition_key": None}
        with Run(store, project, app_id, act, [transition("search", "read"), transition("read", "search")], spawned_by=origin) as run:
            run.us = us
            for n in range(steps):
                name = act[n % 2]["name"]
                run.begin(n, name)
                put = {"action_sequence_id": n, "span_id": f"{n}:0.0"}
                run.put(type="begin_span", start_time=stamp(run.us), span_name="fetch", parent_span_id=None, span_dependencies=[], **put)
                run.us += 60_000
                run.put(type="end_span", end_time=stamp(run.us), **put)
                if then and n == 1:
                    then(run.us)
                run.end(n, name, f'{{"n": {n}}}', 100_000)
        child = {"type": "pointer_data", "app_id": app_id, "sequence_id": None, "partition_key": None}
        record = {"type": "child_application_data", "child": child, "event_time": stamp(us)}
        with open(pathlib.Path(store, project, parent, "children.jsonl"), "a", encoding="utf-8") as file:
            file.write(json.dumps({**record, "event_type": "spawn_start", "sequence_id": number}) + "\n")

    act = [action("plan"), action("delegate"), action("answer")]
    with Run(store, project, "top", act, [transition("plan", "delegate"), transition("delegate", "answer")]) as run:
        run.begin(0, "plan")
        run.end(0, "plan", "{}", 200_000)
        run.begin(1, "delegate")
        spawn("top", 1, "left", 5, run.us + 30_000, lambda us: spawn("left", 1, "deep", 3, us))
        spawn("top", 1, "right", 400, run.us + 50_000)
        run.end(1, "delegate", "{}", 1_500_000)
        run.begin(2, "answer")
        run.end(2, "answer", "{}", 300_000)


def png():
    """A picture of 32 by 32, red to blue."""
    rows = b"".join(b"\0" + bytes(v for x in range(32) for v in (x * 8, 40, y * 8)) for y in range(32))

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 32, 32, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def values(store, project):
    """Values of every kind, long names, emoji, right-to-left text, deep JSON, a rewound run, reasons, a stream, a slow pause."""
    long_name = "a_very_long_action_name_" + "x" * 176
    names = ["receive", "answer", long_name, "🚀 " + RTL]
    actions = [action(name, ["messages"], ["messages"], inputs=["prompt"]) for name in names]
    ways = [transition(a, b, c) for a, b, c in zip(names, names[1:], ["len(messages) < limit", "is_long", "default"])]
    deep = 1
    for level in range(60):
        deep = {f"level_{level}": deep} if level % 2 else [deep]
    markdown = "# Result\n\n- **one** of `two`\n- three\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```py\nprint('hi')\n```\n" * 6
    state = {
        "messages": [
            {"role": "user", "content": "Where is Paris? " + RTL},
            {"role": "assistant", "content": markdown},
            {"role": "user", "content": "data:image/png;base64," + base64.b64encode(png()).decode()},
        ],
        "table": [{"city": f"City {n}", "population": n * 12345, "capital": n == 3} for n in range(30)],
        "long": "word " * 3000,
        "deep": deep,
        "big": 12345678901234567890,
        "limit": 10,
        "emoji 😀": RTL,
    }
    with Run(store, project, "kinds-" + "n" * 180, actions, ways) as run:
        order = [0, 1, 2, 3, 0, 1, 2, 1, 2, 3]
        numbers = [0, 1, 2, 3, 4, 5, 6, 5, 6, 7]
        for at, (number, which) in enumerate(zip(numbers, order)):
            via = {
                "from": names[order[at - 1]],
                "condition": "len(messages) < limit",
                "values": {"limit": 10, "messages": 3},
                "rejected": [{"to": "answer", "condition": "done", "values": {"done": False}}],
            }
            run.begin(number, names[which], json.dumps({"prompt": "hi", "number": at}), via if at else None)
            if at == 1:
                run.put(type="begin_stream", action_sequence_id=number, span_id=None, stream_init_time=stamp(run.us))
                run.us += 200_000
                run.put(type="first_item_stream", action_sequence_id=number, span_id=None, first_item_time=stamp(run.us))
                run.us += 600_000
                ended = {"end_time": stamp(run.us), "items_streamed": 120}
                run.put(type="end_stream", action_sequence_id=number, span_id=None, **ended)
            state["turn"] = at
            failed = at == 6
            error = "ValueError: the answer is too long: " + "x" * 40 if failed else None
            run.end(number, names[which], json.dumps(state), 150_000 + at * 30_000, error, json.dumps({"ok": not failed}))
            if at == 3:
                run.us += 90_000_000


def live(store, seconds):
    per_batch = 100  # steps, of two records, each 10 ms
    with Run(store, "live", "live", [action("tick", ["n"], ["n"])], [transition("tick", "tick")]) as run:
        run.us = int(time.time() * 1e6)
        started = time.monotonic()
        n = 0
        for batch in range(seconds * 100):
            run.us = max(run.us, int(time.time() * 1e6))
            for _ in range(per_batch):
                run.begin(n, "tick")
                run.end(n, "tick", f'{{"n": {n}}}', 20)
                n += 1
            run.log.flush()
            if batch % 100 == 99:
                print(n, int(time.time() * 1000), flush=True)
            time.sleep(max(started + (batch + 1) / 100 - time.monotonic(), 0))


KINDS = {
    "steps_50k": lambda store, name: steps(store, name, 50_000, 500),
    "steps_1m": lambda store, name: steps(store, name, 1_000_000),
    "state_5mb": big_state,
    "spans_2000": spans,
    "graph_150": graph,
    "spawned_200": spawned,
    "values": values,
    "taken_back": taken_back,
    "taken_back_1m": lambda store, name: taken_back(store, name, 550_000, 2),
    "nested": nested,
    "steps_700k": lambda store, name: steps(store, name, 700_000),
    "steps_5m": lambda store, name: steps(store, name, 5_000_000),
}

# Those that take long to make are asked for by name.
LARGE = ("taken_back_1m", "steps_700k", "steps_5m")


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    store, *kinds = sys.argv[1:]
    if kinds[:1] == ["live"]:
        live(store, int(kinds[1]))
        return
    for kind in kinds or [kind for kind in KINDS if kind not in LARGE]:
        KINDS[kind](store, kind)
        print(kind, flush=True)


if __name__ == "__main__":
    main()
