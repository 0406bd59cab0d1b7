"""Redaction: what a pattern or a callable takes out is nowhere in the store."""

import collections
import dataclasses
import datetime
import functools
import json
import logging
import os
import pathlib
import re
import types
import typing
import unittest

import pydantic
from burr.core import ApplicationBuilder, State, action, expr
from burr.core.graph import GraphBuilder
from burr.core.parallelism import MapStates, RunnableGraph
from burr.integrations.serde import pydantic as burr_pydantic
from burr.visibility import TracerFactory
from burr_collector import CollectorTrackingClient
from burr_collector.redact import MARK
from harness import StoreTest

assert burr_pydantic  # registers pydantic models' serializer

SECRET = "hunter2-and-more"


@dataclasses.dataclass
class Account:
    name: str
    password: str


class Model(pydantic.BaseModel):
    api_key: str
    name: str
    made: datetime.datetime = datetime.datetime(2026, 1, 2, 3, 4)


class Login(typing.NamedTuple):
    password: str


class Slotted:
    __slots__ = ("__password",)

    def __init__(self, password):
        self.__password = password

    def __repr__(self):
        return f"Slotted({self.__password})"


class Holder:
    def __init__(self, held):
        self.held = held

    def __repr__(self):
        return f"Holder({self.held!r})"


# Of which Burr stores the repr, or what a serializer makes of it.
HOLDERS = {
    "a named tuple": Login(SECRET),
    "a tuple": (Account("Ada", SECRET), Slotted(SECRET), Model(api_key=SECRET, name="Ada")),
    "a pair": {("password", SECRET)},
    "a deque": collections.deque([{"password": SECRET}]),
    "a state": State({"password": SECRET}),
    "a mapping": types.MappingProxyType({"password": SECRET}),
    "a namespace": types.SimpleNamespace(inner=types.SimpleNamespace(password=SECRET)),
    "a call": functools.partial(print, password=SECRET),
    "an object in an object": Holder([Holder({"password": SECRET})]),
    "bytes": Holder({"password": SECRET.encode()}),
    "a number": Holder({"password": 12}),
    "a short text": Holder({"password": "a'b"}),
    "an object": Holder({"password": Holder(12)}),
}


@action(reads=[], writes=list(HOLDERS))
def hold(state: State) -> State:
    return state.update(**HOLDERS)


@action(reads=["password"], writes=[])
def fail_alone(state: State) -> State:
    raise PermissionError(f"{state['password']} is wrong")


@action(reads=[], writes=["told"])
def tell(state: State) -> State:
    return state.update(told="hunter2-and-more")


class Each(MapStates):
    """Its sub-application alone is given the password."""

    def action(self, state, inputs):
        graph = GraphBuilder().with_actions(fail_alone).build()
        return RunnableGraph(graph, entrypoint="fail_alone", halt_after=["fail_alone"])

    def states(self, state, context, inputs):
        yield state.update(password=SECRET)

    def reduce(self, state, states):
        return state.update(states=len(list(states)))

    @property
    def reads(self):
        return []

    @property
    def writes(self):
        return ["states"]


@action(reads=[], writes=["kept", "account", "model", "pair", "password"])
def login(state: State, password: str, __tracer: TracerFactory) -> tuple:
    with __tracer("session") as tracer:
        tracer.log_attributes(Password=password, options={"API_KEY": password, "retries": 3})
    secrets = {"password": password, "list": [{"nested": {"api_key": [password]}}]}
    return {"secrets": secrets}, state.update(
        kept="visible",
        account=Account("Ada", password),
        model=Model(api_key=password, name="Ada"),
        pair=({"password": password}, "seen"),
        password=password,
    )


@action(reads=["password"], writes=[])
def fail(state: State) -> State:
    raise PermissionError(f"{state['password']} is wrong")


def run(client):
    app = (
        ApplicationBuilder()
        .with_actions(login, fail)
        .with_transitions(("login", "fail"))
        .with_entrypoint("login")
        .with_state(password=SECRET)
        .with_identifiers(app_id="app")
        .with_tracker(client)
        .build()
    )
    app.step(inputs={"password": SECRET})
    try:
        app.step()
    except PermissionError:
        pass
    client.flush()


def setUpModule():
    logging.disable(logging.CRITICAL)  # Burr logs the exceptions that are raised on purpose


def tearDownModule():
    logging.disable(logging.NOTSET)


class Redacted(StoreTest):
    def run_with(self, redact):
        client = CollectorTrackingClient("project", self.store, redact=redact)
        run(client)
        return client

    def assert_nowhere(self):
        for path in pathlib.Path(self.store).rglob("*"):
            if path.is_file():
                self.assertFalse(SECRET.encode() in path.read_bytes(), path)

    def assert_kept(self):
        records = self.log("app")
        state = records[-1]["state"]
        self.assertEqual((state["kept"], state["model"]["name"]), ("visible", "Ada"))
        self.assertIn("Account(name='Ada'", state["account"])
        self.assertIn("seen", state["pair"])
        self.assertIn("PermissionError", records[-1]["exception"])
        self.assertEqual(records[0]["inputs"], {"password": MARK})
        options = next(r["value"] for r in records if r["type"] == "attribute" and r["key"] == "options")
        self.assertEqual(options, {"API_KEY": MARK, "retries": 3})

    def test_patterns(self):
        self.run_with(["*password*", re.compile("^api_key$", re.IGNORECASE)])
        self.assert_kept()
        self.assert_nowhere()

    def test_a_callable(self):
        def redact(key, value):
            return MARK if key.lower() in ("password", "api_key") else value

        self.run_with(redact)
        self.assert_kept()
        self.assert_nowhere()

    def test_a_callable_that_fails_shows_nothing(self):
        def redact(key, value):
            if key in ("password", "exception"):
                raise KeyError(value)
            return value

        self.run_with(redact)
        self.assertRegex(self.log("app")[-1]["exception"], "^PermissionError, whose text could not be redacted$")
        state = self.log("app")[-1]["state"]
        self.assertIn("__burr_invalid", state["password"])
        self.assertNotIn(SECRET, json.dumps(state["password"]))

    def run_one(self, app_id, made, **state):
        client = CollectorTrackingClient("project", self.store, redact="*password*")
        app = (
            ApplicationBuilder()
            .with_actions(**{app_id: made})
            .with_entrypoint(app_id)
            .with_state(**state)
            .with_identifiers(app_id=app_id)
            .with_tracker(client)
            .build()
        )
        try:
            app.step()
        except PermissionError:
            pass
        client.flush()

    def test_what_an_object_holds_at_any_depth_is_looked_through(self):
        self.run_one("hold", hold)
        self.assert_nowhere()
        state = self.log("hold")[-1]["state"]
        for name in HOLDERS:
            self.assertIn(MARK, json.dumps(state[name]), name)
        self.assertEqual(state["a named tuple"], f"Login(password='{MARK}')")
        self.assertEqual(state["a number"], f"Holder({{'password': {MARK}}})")
        self.assertEqual(state["a short text"], f"Holder({{'password': \"{MARK}\"}})")
        self.assertEqual(state["an object"], f"Holder({{'password': {MARK}}})")

    def test_what_holds_too_much_to_be_looked_through_is_not_shown(self):
        many = Holder([{"n": n} for n in range(10_000)] + [{"password": SECRET}])
        self.run_one("many", action(reads=[], writes=["many"])(lambda state: state.update(many=many)))
        self.assert_nowhere()
        self.assertIn("__burr_invalid", self.log("many")[-1]["state"]["many"])

    def test_whatever_is_taken_out_becomes_a_mark(self):
        """However much it is, and though it has no text."""

        class Silent:
            def __repr__(self):
                raise RuntimeError("no text of me")

        passwords = {"many_passwords": list(range(100_000)), "silent_password": Silent(), "no_password": float("nan")}
        self.run_one("all", action(reads=[], writes=list(passwords))(lambda state: state.update(**passwords)))
        state = self.log("all")[-1]["state"]
        self.assertEqual([state[key] for key in passwords], [MARK] * len(passwords))

    def test_what_a_serializer_gives_is_kept_but_for_what_is_taken_out(self):
        model = Model(api_key="shown", name="Ada")
        self.run_one("model", action(reads=[], writes=["model"])(lambda state: state.update(model=model)))
        self.assertEqual(self.log("model")[-1]["state"]["model"]["made"], "2026-01-02T03:04:00")

    def test_an_exception_of_a_sub_application(self):
        self.run_one("each", Each())
        self.assert_nowhere()

    def test_an_exception_of_an_application_that_goes_on_elsewhere(self):
        """Where it was not made, its state is first seen when a step has ended."""
        graph = GraphBuilder().with_actions(fail_alone).build()
        secret = "another-" + SECRET
        client = CollectorTrackingClient("project", self.store, redact="*password*")
        error = PermissionError(f"{secret} is wrong")
        given = {"app_id": "elsewhere", "partition_key": None, "sequence_id": 0, "state": State({"password": secret})}
        client.pre_run_step(action=graph.actions[0], inputs={}, **given)
        client.post_run_step(action=graph.actions[0], result=None, exception=error, **given)
        client.flush()
        self.assertIn(f"PermissionError: {MARK} is wrong", self.log("elsewhere")[-1]["exception"])

    def test_the_source_and_conditions(self):
        client = CollectorTrackingClient("project", self.store, redact="*password*")
        app = (
            ApplicationBuilder()
            .with_actions(one=tell, two=hold)
            .with_transitions(("one", "two", expr(f"password == '{SECRET}'")))
            .with_entrypoint("one")
            .with_state(password=SECRET)
            .with_identifiers(app_id="app")
            .with_tracker(client)
            .build()
        )
        client.flush()
        graph = json.loads((pathlib.Path(self.store) / "project" / "app" / "graph.json").read_text())
        self.assertIn(MARK, graph["actions"][0]["code"])
        self.assertEqual(graph["transitions"][0]["condition"], f"password == '{MARK}'")
        self.assertEqual(app.uid, "app")

    def test_what_is_redacted_stays_so_in_copies(self):
        client = CollectorTrackingClient("project", self.store, redact=(p for p in ["*password*", "*api_key"]))
        run(client.copy())
        self.assert_nowhere()
        self.assertTrue(os.path.exists(self.log_path("app")))


if __name__ == "__main__":
    unittest.main()
