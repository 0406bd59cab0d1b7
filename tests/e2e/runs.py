"""Runs as files of a store, and what is true of them: the test's own knowledge, to hold the program's answers to.

A Run is written line by line as Burr or libburr would write its log, and remembers what each line said.
"""

import json
import os

INT64_MAX = 2**63 - 1
DEAD = "00000000000000dd"  # a writer that has ended
STRANGE_IDS = ["a b", "50%25 +1&x=?#", "ünï·1", "quote\"'\\", "日本語 ✓", ".".join("abc"), "-", "a;b,c:d|e~"]
START_US = 1_767_225_600_000_000  # 2026-01-01T00:00:00Z
GRAPH = {
    "type": "application",
    "entrypoint": "hi",
    "actions": [
        {"type": "action", "name": name, "reads": [], "writes": ["n"], "code": "…", "inputs": [], "optional_inputs": []}
        for name in ("hi", "talk", "tool", "bye")
    ],
    "transitions": [
        {"type": "transition", "from_": a, "to": b, "condition": "default"}
        for a, b in (("hi", "talk"), ("talk", "talk"), ("talk", "tool"), ("tool", "talk"), ("talk", "bye"))
    ],
}
TIME_KEYS = {
    "begin_entry": "start_time",
    "end_entry": "end_time",
    "begin_span": "start_time",
    "end_span": "end_time",
    "attribute": "time_logged",
    "begin_stream": "stream_init_time",
    "first_item_stream": "first_item_time",
    "end_stream": "end_time",
    "end_application": "time",
}
PARTS_THAT_BEGIN = ("begin_span", "attribute", "begin_stream")


def stamp(us, zone="Z"):
    """UTC microseconds as RFC 3339, without datetime's floats."""
    seconds, rest = divmod(us, 1_000_000)
    days, second = divmod(seconds, 86400)
    era_day = days + 719468
    era, day = divmod(era_day, 146097)
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    month = (5 * day + 2) // 153
    date = day - (153 * month + 2) // 5 + 1
    month += 3 if month < 10 else -9
    year += era * 400 + (month <= 2)
    return f"{year:04}-{month:02}-{date:02}T{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}.{rest:06}{zone}"


def gist(exception):
    """What a list shows of a traceback: the lines behind its last indented one."""
    if not exception.startswith("Traceback (most recent call last)"):
        return exception
    lines = exception.splitlines(keepends=True)
    last = max(i for i, line in enumerate(lines) if line.startswith(" ") or i == 0)
    return "".join(lines[last + 1 :])


def pointer(app_id, sequence_id=0):
    return {"type": "parent_pointer", "app_id": app_id, "sequence_id": sequence_id, "partition_key": None}


class Run:
    def __init__(self, app_id, partition=None, parent=None, spawned_by=None, writer=None, zone="Z", initial=None):
        self.app_id = app_id
        self.partition = partition
        self.parent = parent
        self.spawned_by = spawned_by
        self.writer = writer  # 16 hex digits; None: Burr's own client
        self.zone = zone
        self.initial = initial
        self.held = False  # a process has the log open
        self.lines = []
        self.steps = []
        self.parts = []
        self.times = []
        self.damaged = 0
        self.ended = False
        self.last_error = None
        self.clock = START_US
        self.count = 0

    # ---- writing ----

    def line(self, kind, us, **values):
        record = {"type": kind}
        if us is not None:
            record[TIME_KEYS[kind]] = stamp(us, self.zone)
            self.times.append(us)
        text = json.dumps({**record, **{k: v for k, v in values.items() if k != "state"}})
        if "state" in values:  # as the text that it is
            text = text[:-1] + ', "state": ' + values["state"] + "}"
        if self.writer:
            text = text[:-1] + f',"_rec":"{self.writer}.0.{self.count}"}}'
        self.count += 1
        self.lines.append(text.encode())

    def at(self, us):
        if us is None:
            self.clock += 1000
            return self.clock
        self.clock = us
        return us

    def begin(self, seq, action, us=None, inputs=None, via=None):
        us = self.at(us)
        more = {"via": {"from": None, "condition": via, "values": {}, "rejected": []}} if via else {}
        self.line("begin_entry", us, action=action, inputs=inputs or {}, sequence_id=seq, **more)
        same = [step for step in self.steps if step["seq"] == seq]
        for step in same:
            step["superseded"] = True
        self.steps.append(
            {
                "number": len(self.steps),
                "seq": seq,
                "attempt": len(same) + 1,
                "superseded": False,
                "action": action,
                "start": us,
                "end": None,
                "exception": None,
                "state": None,
                "inputs": inputs or {},
                "via": via,
                "parts": 0,
            }
        )
        return self

    def end(self, seq, state, us=None, exception=None, result=None):
        """state: an object, or the JSON text as it shall stand in the log."""
        us = self.at(us)
        text = state if isinstance(state, str) else json.dumps(state)
        step = [step for step in self.steps if step["seq"] == seq][-1]
        self.line(
            "end_entry",
            us,
            action=step["action"],
            result=result,
            exception=exception,
            sequence_id=seq,
            state=text,
        )
        step.update(end=us, exception=exception, state=text)
        if exception is not None:
            self.last_error = gist(exception)[:300]
        return self

    def step(self, seq, action, state, exception=None, inputs=None, took=None, via=None):
        self.begin(seq, action, inputs=inputs, via=via)
        return self.end(seq, state, None if took is None else self.clock + took, exception)

    def part(self, kind, seq, **values):
        us = self.at(None)
        self.line(kind, us, action_sequence_id=seq, **values)
        step = [step for step in self.steps if step["seq"] == seq][-1]
        step["parts"] += kind in PARTS_THAT_BEGIN
        self.parts.append({"type": kind, "step": step["number"], "time": stamp(us), **values})
        return self

    def attribute(self, seq, key, value):
        return self.part("attribute", seq, span_id=None, key=key, value=value, tags={})

    def damage(self, text):
        self.lines.append(text)
        self.damaged += 1
        return self

    def finish(self):
        self.line("end_application", self.at(None))
        self.ended = True
        return self

    def write(self, store, project):
        folder = os.path.join(store, project, self.app_id)
        os.makedirs(folder)
        facts = {"type": "application_metadata", "partition_key": self.partition, "parent_pointer": self.parent}
        facts["spawning_parent_pointer"] = self.spawned_by
        if self.initial is not None:
            facts["initial_state"] = self.initial
        for name, content in (("graph.json", GRAPH), ("metadata.json", facts)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                json.dump(content, file)
        self.path = os.path.join(folder, "log.jsonl")
        with open(self.path, "wb") as file:
            file.write(b"".join(line + b"\n" for line in self.lines))
        for origin, kind in ((self.parent, "fork"), (self.spawned_by, "spawn_start")):
            if origin:
                child = {"child": pointer(self.app_id, None), "event_type": kind, "event_time": stamp(self.times[0])}
                child["sequence_id"] = origin["sequence_id"]
                os.makedirs(os.path.join(store, project, origin["app_id"]), exist_ok=True)
                path = os.path.join(store, project, origin["app_id"], "children.jsonl")
                with open(path, "a", encoding="utf-8") as file:
                    file.write(json.dumps(child) + "\n")

    # ---- what is true of it ----

    @property
    def status(self):
        last = self.steps[-1] if self.steps else None
        if last and last["end"] is None:
            return "running" if self.held else "lost" if self.writer else "unknown"
        if last and last["exception"] is not None:
            return "failed"
        return "ok" if self.ended or last and last["action"] == "bye" else "waiting"

    @property
    def first(self):
        return self.times[0]

    @property
    def last(self):
        return self.times[-1]

    @property
    def duration(self):
        return self.last - self.first

    @property
    def failed(self):
        return sum(step["exception"] is not None for step in self.steps)

    @property
    def actions(self):
        return {step["action"] for step in self.steps}

    @property
    def attributes(self):
        return [(part["key"], part["value"]) for part in self.parts if part["type"] == "attribute"]

    def tokens_of(self, *kinds):
        keys = {f"gen_ai.usage.{kind}_tokens" for kind in kinds}
        return sum(value for key, value in self.attributes if key in keys)

    @property
    def tokens(self):
        return self.tokens_of("input", "output", "prompt", "completion")

    @property
    def parent_app(self):
        origin = self.spawned_by or self.parent
        return origin["app_id"] if origin else None

    @property
    def state(self):
        """After the last step that ended, read as the program does; None: no step has."""
        texts = [step["state"] for step in self.steps if step["state"] is not None]
        return parsed(texts[-1]) if texts else None

    def state_values(self, *path):
        value = self.state
        for part in path:
            if isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            elif isinstance(value, dict) and part in value:
                value = value[part]
            else:
                return []
        return [value]

    def input_values(self, key):
        return [step["inputs"][key] for step in self.steps if key in step["inputs"]]

    def attribute_values(self, key):
        return [value for name, value in self.attributes if name == key]

    def contains(self, text):
        places = [self.app_id, self.partition or "", self.last_error or "", *self.actions]
        return any(text.lower() in place.lower() for place in places)

    def is_known_of_steps(self):
        """Each attempt as …/steps shows it."""
        before = self.initial
        last_seq = None
        for step in self.steps:
            changed = None
            state = parsed(step["state"]) if step["state"] is not None else None
            if step["state"] is not None:
                if last_seq is not None and step["seq"] != last_seq + 1:
                    before = None
                if isinstance(before, dict) and isinstance(state, dict):
                    changed = [k for k in state if k not in before or json.dumps(before[k]) != json.dumps(state[k])]
                    changed += [k for k in before if k not in state]
                    changed = [k for k in changed if not k.startswith("__")]
                before = state if isinstance(state, dict) else None
                last_seq = step["seq"]
            ended = step["end"] is not None
            yield {
                "number": step["number"],
                "sequence_id": step["seq"],
                "attempt": step["attempt"],
                "superseded": step["superseded"],
                "action": step["action"],
                "condition": step["via"],
                "changed": changed,
                "status": "open" if not ended else "ok" if step["exception"] is None else "failed",
                "started": stamp(step["start"]),
                "ended": stamp(step["end"]) if ended else None,
                "duration_us": step["end"] - step["start"] if ended else None,
                "record_count": step["parts"],
            }


def parsed(text):
    """JSON as the program reads it: Python's words for floats that JSON does not have are null."""
    return json.loads(text, parse_constant=lambda _: None)


# ---- a store of them ----


def make_runs():
    """Project p: one run for each thing that a filter or an answer tells apart."""
    runs = []

    def run(app_id, **options):
        made = Run(app_id, **options)
        made.clock = START_US + len(runs) * 60_000_000
        runs.append(made)
        return made

    digits = '{"z": 123456789012345678901234567890, "a": 0.1000000000000000055511151231257827, "m": 1E400, "n": -0, "b": 1.0}'
    run("nested").step(0, "hi", {"n": 0, "user": {"name": "ann", "tags": ["a", "b"]}, "gone": 1}).step(
        1, "talk", {"n": 1, "user": {"name": "ann", "tags": ["a", "b"], "age": 30}}
    ).step(2, "talk", {"n": 1, "user": {"name": "bob", "a/b": {"~": 1}}, "more": None}).step(
        3, "talk", {"n": 3, "user": None, "__private": 1}
    ).step(4, "talk", {"user": {"name": "ann"}, "n": "3"})
    run("ok-1", partition="ann").step(0, "hi", {"n": 0}).step(1, "talk", {"n": 5, "flag": True}, via="default").step(
        2, "bye", {"n": 5, "flag": True, "text": "a*b"}, took=3_000_000, via="n > 4"
    )
    run("failed-1", partition="bob").step(0, "hi", {"n": 0}).step(
        1, "tool", {"n": 0, "list": [1, 2, {"x": "5"}]}, exception="Traceback …\nValueError: No Such Key 'ä'", took=2500
    )
    run("recovered", partition="bob").step(0, "hi", {"n": 0}).step(
        1, "tool", {"n": 1}, exception="Error: timed out"
    ).step(2, "talk", {"n": 2})
    run("unknown-1").step(0, "hi", {"n": 7}).begin(1, "talk", inputs={"prompt": "hello there", "k": 5})
    run("lost-1", writer=DEAD).step(0, "hi", {"n": 8}).begin(1, "my act", inputs={"k": 2.5})
    run("held-1").step(0, "hi", {"n": 9}).begin(1, "talk").held = True
    for i in range(3):
        chat = run(f"chat-{i}", partition="käse brot")
        for n in range(i + 1):
            chat.begin(n, "talk", inputs={"prompt": f"q{n}", "k": n})
            chat.attribute(n, "gen_ai.usage.input_tokens", 100 * (n + 1)).attribute(n, "model", f"m-{i}")
            chat.attribute(n, "gen_ai.usage.completion_tokens", 7)
            chat.end(n, {"n": n, "price": 1.5 * n})
    run("fork-1", parent=pointer("chat-1", 0)).step(1, "talk", {"n": 1})
    run("spawn-1", spawned_by=pointer("chat-1", 1), partition="ann").step(0, "hi", {"n": 1}).step(1, "bye", {"n": 2})
    run("spawn-2", spawned_by=pointer("chat-2", 1)).step(0, "hi", {"n": 1}, exception="Error: no key")
    run("rewound").step(0, "hi", {"n": 0, "x": 1}).step(1, "talk", {"n": 1, "x": 2}).step(
        1, "talk", {"n": 1, "x": 1, "y": 1}
    ).step(2, "talk", {"n": 2, "x": 1, "y": 1}).step(1, "tool", {"n": 1, "x": 1}, exception="no").begin(2, "talk")
    damaged = run("damaged").step(0, "hi", {"n": 0}).damage(b'{"type": "begin_entry", "start_')
    damaged.step(1, "talk", {"n": 1}).damage(b"\xff\xfe no record").step(2, "talk", {"n": 2})
    for app_id in STRANGE_IDS:
        run(app_id).step(0, "hi", {"id": app_id})
    run("big").step(0, "hi", {"text": "x" * 300_000, "list": list(range(5000)), "$cut": {"$cut": 1}, "n": 1}).step(
        1, "talk", {"text": "x" * 300_000 + "y", "list": list(range(5001)), "$cut": {"$cut": 2}, "n": 2}
    )
    run("floats").step(0, "hi", '{"n": NaN, "list": [Infinity, -Infinity, 1e3], "text": "NaN"}')
    run("digits").step(0, "hi", digits).step(1, "talk", digits)
    run("ended").step(0, "hi", {"n": 0}).step(1, "talk", {"n": 1}).finish()
    long = run("long")
    for n in range(300):
        long.step(n, "tool" if n % 3 else "talk", {"n": n // 10, "m": n % 2}, took=1000 * (n % 50))
    local = run("local", zone="").begin(0, "hi")
    local.part("begin_span", 0, span_id="s1", span_name="outer", parent_span_id=None, span_dependencies=[])
    local.part("begin_span", 0, span_id="s2", span_name="inner", parent_span_id="s1", span_dependencies=["s0"])
    local.part("attribute", 0, span_id="s2", key="a.b", value={"x": ["y" * 9000]}, tags={"t": 1})
    local.part("end_span", 0, span_id="s2").part("end_span", 0, span_id="s1").end(0, {"n": 0}).begin(1, "talk")
    local.part("begin_stream", 1, span_id=None).part("first_item_stream", 1, span_id=None)
    local.part("end_stream", 1, span_id=None, items_streamed=12).end(1, {"n": 1})
    run("initial", initial={"n": -1, "old": 1}).step(0, "hi", {"n": 0}).step(5, "talk", {"n": 5})
    return runs


def make_strange_project(store):
    """Project strange: what no tracker writes. No answer may fail, whatever it says."""

    def put(app_id, *lines):
        folder = os.path.join(store, "strange", app_id)
        os.makedirs(folder)
        for name in ("graph.json", "metadata.json"):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write("{}" if lines else '{"partition_key": 5, "parent_pointer": {"app_id": 7}, "x": NaN')
        with open(os.path.join(folder, "log.jsonl"), "wb") as file:
            file.write(b"".join(line.encode("utf-8", "surrogateescape") + b"\n" for line in lines))

    def begin(time, seq=0, **more):
        return json.dumps(
            {"type": "begin_entry", "start_time": time, "action": "a", "inputs": {}, "sequence_id": seq, **more}
        )

    def end(time, seq=0, state=None, **more):
        record = {"type": "end_entry", "end_time": time, "action": "a", "result": None, "exception": None}
        return json.dumps({**record, "sequence_id": seq, "state": state, **more})

    put("empty")
    os.makedirs(os.path.join(store, "strange", "no-files"))
    put("years", begin("0001-01-01T00:00:00Z"), end("9999-12-31T23:59:59.999999Z"))
    for back_us in (1, 199, 200, 300, 1_000_000, 10**15):
        put(f"back-{back_us}", begin(stamp(START_US)), end(stamp(START_US - back_us)))
    put("no-times", begin(None), end("yesterday"), begin(5, 1), end([], 1, 5))
    put("kinds", begin("2026-01-01T00:00:00Z", inputs=5, via=7), end("2026-01-01T00:00:01Z", exception=5, result={}))
    put(
        "no-state",
        begin("2026-01-01T00:00:00Z"),
        end("2026-01-01T00:00:01Z", state="text"),
        end("2026-01-01T00:00:02Z", 1),
    )
    put("end-alone", end("2026-01-01T00:00:01Z", 3, {"a": 1}), end("2026-01-01T00:00:02Z", 3, [1]))
    part = {"action_sequence_id": 9, "span_id": 5, "span_name": {}, "parent_span_id": [], "span_dependencies": "x"}
    put(
        "parts",
        json.dumps({"type": "begin_span", "start_time": "2026-01-01T00:00:00", **part}),
        json.dumps({"type": "attribute", "action_sequence_id": -1, "key": {}, "value": None, "tags": 1}),
        json.dumps({"type": "end_stream", "action_sequence_id": 0, "items_streamed": "many"}),
    )
    put("numbers", begin("2026-01-01T00:00:00Z", -5), end("2026-01-01T00:00:00Z", INT64_MAX - 1), begin(None, 2**70))
    put("names", begin("2026-01-01T00:00:00Z", action="x" * 3000), end("2026-01-01T00:00:01Z", action=None))
    deep = "[" * 120 + "]" * 120
    put("deep", begin("2026-01-01T00:00:00Z"), end("2026-01-01T00:00:01Z").replace('"state": null', '"state": ' + deep))
    children = os.path.join(store, "strange", "years", "children.jsonl")
    with open(children, "wb") as file:
        file.write(b'{"child": 5}\nno json\n[1]\n{"child": {"app_id": "x"}, "a": Infinity}\n{"torn": ')
