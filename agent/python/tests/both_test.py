"""The same program through Burr's own client and through ours: what both have recorded is the same, record by record,
but for our keys and true times."""

import asyncio
import dataclasses
import datetime
import decimal
import enum
import json
import logging
import math
import os
import pathlib
import unittest
import uuid
from typing import Any, Dict

import pydantic
from burr.core import ApplicationBuilder, State, action, default, expr, when
from burr.core.action import streaming_action
from burr.core.parallelism import MapStates, RunnableGraph
from burr.core.state import register_field_serde
from burr.integrations.pydantic import PydanticTypingSystem
from burr.integrations.serde import pydantic as burr_pydantic
from burr.tracking import LocalTrackingClient
from burr.visibility import TracerFactory, trace
from burr_collector import AsyncCollectorTrackingClient, CollectorTrackingClient
from harness import StoreTest

assert burr_pydantic  # registers pydantic models' serializer

TIMES = {
    "begin_entry": "start_time",
    "end_entry": "end_time",
    "begin_span": "start_time",
    "end_span": "end_time",
    "attribute": "time_logged",
    "begin_stream": "stream_init_time",
    "first_item_stream": "first_item_time",
    "end_stream": "end_time",
    "child_application_data": "event_time",
}
OUR_KEYS = {"_rec", "via", "writer", "created", "initial_state"}


class Colour(str, enum.Enum):
    RED = "red"


class Plain(enum.Enum):
    ONE = 1


@dataclasses.dataclass
class Point:
    x: int = 1
    label: str = "p"


class User(pydantic.BaseModel):
    name: str
    born: datetime.date


class Kept(dict):
    """A subclass of a plain type."""


register_field_serde(
    "with_field_serde", lambda value, **kwargs: {"it": str(value)}, lambda value, **kwargs: value["it"]
)

VALUES: Dict[str, Any] = {
    "nothing": None,
    "yes": True,
    "whole": 2**70,
    "floats": [0.1, 1e22, 1e-7, 100.0, -0.0],
    "no_numbers": [math.nan, math.inf, -math.inf],
    "text": 'é\u2028\x00\x7f</script>"\\\n🦒',
    "keys": {1: "a", 1.5: "b", None: "c", True: "d", (1, 2): "e"},
    "tuple": (1, "two"),
    "in_a_list": [{"deep": [(1,)]}],
    "set": {1},
    "frozen": frozenset({2}),
    "colour": Colour.RED,
    "plain_enum": Plain.ONE,
    "int_enum": enum.IntEnum("Level", "LOW").LOW,  # type: ignore[attr-defined]
    "subclass": Kept(a=(1,)),
    "time": datetime.datetime(2024, 8, 27, 11, 58),
    "decimal": decimal.Decimal("1.10"),
    "path": pathlib.PurePosixPath("/tmp/x"),
    "id": uuid.UUID(int=7),
    "bytes": b"\xff\x00",
    "point": Point(),
    "user": User(name="Ada", born=datetime.date(1815, 12, 10)),
    "users": [User(name="Bob", born=datetime.date(1999, 1, 1))],
    "function": len,
    "empty": [{}, [], ""],
    "with_field_serde": 3,
}


@action(reads=["count"], writes=["count"])
def count(state: State, by: int, note: Any = None) -> State:
    if by == 3:
        raise ValueError("three is not allowed")
    return state.update(count=state["count"] + by)


@action(reads=["count"], writes=["done"])
def finish(state: State) -> tuple:  # type: ignore[type-arg]
    return {"count": state["count"], "pair": (1, 2)}, state.update(done=True)


def steps(client, app_id):
    """Inputs, results, conditions, an exception, a resumed run."""

    def build():
        return (
            ApplicationBuilder()
            .with_actions(count=count, finish=finish)
            .with_transitions(
                ("count", "finish", when(count=4)), ("count", "count", expr("count < 4")), ("count", "finish", default)
            )
            .with_identifiers(app_id=app_id, partition_key="somebody é")
            .initialize_from(
                client, resume_at_next_action=True, default_state={"count": 0}, default_entrypoint="count"
            )
            .with_tracker(client)
            .build()
        )

    app = build()
    app.step(inputs={"by": 1, "note": {"text": "hello", "pair": (1, 2)}})
    try:
        app.step(inputs={"by": 3})
    except ValueError:
        pass
    app = build()
    app.step(inputs={"by": 1})
    app.run(halt_after=["finish"], inputs={"by": 2})


@action(reads=[], writes=list(VALUES))
def keep(state: State) -> tuple:  # type: ignore[type-arg]
    return dict(VALUES), state.update(**VALUES)


def values(client, app_id):
    """Whatever may lie in a state, a result, an attribute."""

    @action(reads=[], writes=[])
    def log(state: State, __tracer: TracerFactory, given: Any) -> State:
        with __tracer("values") as tracer:
            tracer.log_attributes(**VALUES)
        return state

    app = (
        ApplicationBuilder()
        .with_actions(keep=keep, log=log)
        .with_transitions(("keep", "log"))
        .with_entrypoint("keep")
        .with_identifiers(app_id=app_id)
        .with_tracker(client)
        .build()
    )
    app.run(halt_after=["log"], inputs={"given": {"of": VALUES["point"], "more": [VALUES["user"]]}})


@trace()
def traced(question: str, pair: tuple) -> str:  # type: ignore[type-arg]
    return question.upper()


@action(reads=[], writes=["answer"])
def ask(state: State, __tracer: TracerFactory) -> State:
    with __tracer("outer") as outer:
        outer.log_attributes(tokens=3, model="m", parts=["a", {"b": None}])
        with __tracer("inner", span_dependencies=["0:0"]):
            answer = traced("why", (1, 2))
        with __tracer("second"):
            pass
    __tracer.log_attributes(at_the_step=True)
    return state.update(answer=answer)


def spans(client, app_id):
    app = (
        ApplicationBuilder()
        .with_actions(ask)
        .with_transitions(("ask", "ask"))
        .with_entrypoint("ask")
        .with_identifiers(app_id=app_id)
        .with_tracker(client)
        .build()
    )
    app.step()
    app.step()


@streaming_action(reads=[], writes=["answer"])
def stream(state: State, items: int, fail: bool = False):
    for i in range(items):
        yield {"answer": f"item {i}"}, None
    if fail:
        raise RuntimeError("the stream broke")
    yield {"answer": "all"}, state.update(answer="all")


@streaming_action(reads=[], writes=["answer"])
async def astream(state: State, items: int):
    for i in range(items):
        yield {"answer": f"item {i}"}, None
    yield {"answer": "all"}, state.update(answer="all")


def streams(client, app_id):
    app = (
        ApplicationBuilder()
        .with_actions(stream)
        .with_transitions(("stream", "stream"))
        .with_entrypoint("stream")
        .with_identifiers(app_id=app_id)
        .with_tracker(client)
        .build()
    )
    for items in (3, 1, 0):
        _, container = app.stream_result(halt_after=["stream"], inputs={"items": items})
        container.get()
    _, container = app.stream_result(halt_after=["stream"], inputs={"items": 2, "fail": True})
    try:
        list(container)
    except RuntimeError:
        pass
    _, container = app.stream_result(halt_after=["stream"], inputs={"items": 2})
    for _ in container:
        break  # and nobody reads on
    del container


@action(reads=[], writes=["answer"])
async def think(state: State, __tracer: TracerFactory) -> State:
    async with __tracer("thinking") as tracer:
        await asyncio.sleep(0)
        tracer.log_attributes(depth=1)
    return state.update(answer=42)


def asynchronous(client, app_id):
    async def main():
        app = await (
            ApplicationBuilder()
            .with_actions(think, astream)
            .with_transitions(("think", "astream"), ("astream", "think"))
            .with_entrypoint("think")
            .with_state(answer=None)
            .with_identifiers(app_id=app_id)
            .with_tracker(client)
            .abuild()
        )
        await app.astep()
        _, container = await app.astream_result(halt_after=["astream"], inputs={"items": 2})
        await container.get()
        await app.arun(halt_after=["think"])

    asyncio.run(main())


@action(reads=["number"], writes=["square"])
def square(state: State) -> State:
    return state.update(square=state["number"] ** 2)


class Squares(MapStates):
    """One sub-application a number."""

    def action(self, state, inputs):
        return square

    def states(self, state, context, inputs):
        for number in state["numbers"]:
            yield state.update(number=number)

    def reduce(self, state, results):
        return state.update(squares=[result["square"] for result in results])

    @property
    def reads(self):
        return ["numbers"]

    @property
    def writes(self):
        return ["squares"]


def sub_applications(client, app_id):
    app = (
        ApplicationBuilder()
        .with_actions(squares=Squares())
        .with_entrypoint("squares")
        .with_state(numbers=[1, 2, 3])
        .with_identifiers(app_id=app_id, partition_key="k")
        .with_tracker(client)
        .build()
    )
    app.run(halt_after=["squares"])


@action(reads=["number"], writes=["square"])
async def asquare(state: State) -> State:
    await asyncio.sleep(0)
    return state.update(square=state["number"] ** 2)


class AsyncSquares(Squares):
    def action(self, state, inputs):
        return asquare

    async def states(self, state, context, inputs):
        for number in state["numbers"]:
            yield state.update(number=number)

    async def reduce(self, state, results):
        return state.update(squares=[result["square"] async for result in results])

    def is_async(self):
        return True


def asynchronous_sub_applications(client, app_id):
    async def main():
        app = await (
            ApplicationBuilder()
            .with_actions(squares=AsyncSquares())
            .with_entrypoint("squares")
            .with_state(numbers=[1, 2, 3])
            .with_identifiers(app_id=app_id, partition_key="k")
            .with_tracker(client)
            .abuild()
        )
        _, _, state = await app.arun(halt_after=["squares"])
        assert state["squares"] == [1, 4, 9], state

    asyncio.run(main())


def forks(client, app_id):
    steps(client, app_id)
    for name, sequence_id in (("fork-0", 0), ("fork-1", 2)):
        app = (
            ApplicationBuilder()
            .with_actions(count=count, finish=finish)
            .with_transitions(("count", "count", expr("count < 4")), ("count", "finish"))
            .with_identifiers(app_id=f"{app_id}-{name}", partition_key="somebody é")
            .initialize_from(
                client,
                resume_at_next_action=True,
                default_state={"count": 0},
                default_entrypoint="count",
                fork_from_app_id=app_id,
                fork_from_partition_key="somebody é",
                fork_from_sequence_id=sequence_id,
            )
            .with_tracker(client)
            .build()
        )
        app.run(halt_after=["count", "finish"], inputs={"by": 4})


class Typed(pydantic.BaseModel):
    name: str = ""
    born: datetime.date = datetime.date(2000, 1, 1)
    tags: list = []  # type: ignore[type-arg]


@action.pydantic(reads=["name"], writes=["tags"])
def tag(state: Typed) -> Typed:
    state.tags = ["a", "b"]
    return state


def typed_state(client, app_id):
    app = (
        ApplicationBuilder()
        .with_actions(tag=tag)
        .with_entrypoint("tag")
        .with_transitions(("tag", "tag"))
        .with_typing(PydanticTypingSystem(Typed))
        .with_state(Typed(name="Ada"))
        .with_identifiers(app_id=app_id)
        .with_tracker(client)
        .build()
    )
    app.step()


def with_otel(client, app_id):
    from opentelemetry import trace as otel

    @action(reads=[], writes=["done"])
    def work(state: State) -> State:
        tracer = otel.get_tracer("test")
        with tracer.start_as_current_span("outside") as span:
            span.set_attribute("tokens", 3)
            with tracer.start_as_current_span("inside"):
                pass
        return state.update(done=True)

    app = (
        ApplicationBuilder()
        .with_actions(work)
        .with_entrypoint("work")
        .with_identifiers(app_id=app_id)
        .with_tracker(client, use_otel_tracing=True)
        .build()
    )
    app.run(halt_after=["work"])


def read_lines(path):
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def setUpModule():
    logging.disable(logging.CRITICAL)  # Burr logs the exceptions that are raised on purpose


def tearDownModule():
    logging.disable(logging.NOTSET)


class Both(StoreTest):
    maxDiff = 8000

    def recorded(self, folder, project):
        """What lies in a project's folder, without what is ours and without times; times are checked."""
        found = {}
        for path in sorted(pathlib.Path(folder, project).glob("*/*.json*")):
            records = read_lines(path)
            for record in records:
                self.check_time(record, ours=folder == self.ours)
            compared = [self.comparable(record) for record in records]
            if path.name == "children.jsonl":  # in the order in which parallel ones came
                compared.sort(key=lambda record: record["child"]["app_id"])
            found[str(path.relative_to(folder))] = compared
        return found

    def check_time(self, record, ours):
        time = record.pop(TIMES.get(record["type"], ""), None)
        if ours and record["type"] in TIMES:
            stamp = datetime.datetime.fromisoformat(time.replace("Z", "+00:00"))
            self.assertTrue(time.endswith("Z"))
            now = datetime.datetime.now(datetime.timezone.utc)
            self.assertLess(abs((now - stamp).total_seconds()), 120)

    @staticmethod
    def comparable(record):
        kept = {key: value for key, value in record.items() if key not in OUR_KEYS}
        if "inputs" in kept and isinstance(kept["inputs"], dict):
            kept["inputs"].pop("__context", None)  # Burr's own object, as its repr
        if "child" in kept:
            del kept["child"]["partition_key"]  # Burr's own client leaves it null
        for action_ in kept.get("actions", []):  # Burr's own are in a set's order
            for key in ("inputs", "optional_inputs"):
                action_[key].sort()
        return kept

    def compare(self, program, make_ours=CollectorTrackingClient):
        self.ours, burrs = os.path.join(self.folder, "ours"), os.path.join(self.folder, "burrs")
        client = make_ours("project", self.ours)
        program(client, "app")
        program(LocalTrackingClient("project", burrs), "app")
        client.flush()
        ours = self.recorded(self.ours, "project")
        self.assertEqual(list(ours), list(self.recorded(burrs, "project")))
        for name, records in self.recorded(burrs, "project").items():
            self.assertEqual([r["type"] for r in ours[name]], [r["type"] for r in records], name)
            for mine, burr_s in zip(ours[name], records):
                self.assertEqual(mine, burr_s, name)
        return ours

    def test_steps(self):
        self.compare(steps)

    def test_values(self):
        self.compare(values)

    def test_spans(self):
        self.compare(spans)

    def test_streams(self):
        self.compare(streams)

    def test_asynchronous(self):
        self.compare(asynchronous)

    def test_asynchronous_client(self):
        self.compare(asynchronous, AsyncCollectorTrackingClient)

    def test_sub_applications(self):
        self.compare(sub_applications)

    def test_asynchronous_sub_applications(self):
        self.compare(asynchronous_sub_applications)

    def test_asynchronous_sub_applications_and_client(self):
        self.compare(asynchronous_sub_applications, AsyncCollectorTrackingClient)

    def test_forks(self):
        self.compare(forks)

    def test_typed_state(self):
        self.compare(typed_state)

    def test_open_telemetry(self):
        self.compare(with_otel)


if __name__ == "__main__":
    unittest.main()
