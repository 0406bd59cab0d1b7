"""Redaction: what a pattern or a callable takes out is nowhere in the store."""

import dataclasses
import json
import logging
import os
import pathlib
import re
import unittest

import pydantic
from burr.core import ApplicationBuilder, State, action
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
                self.assertNotIn(SECRET.encode(), path.read_bytes(), path)

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

    def test_what_is_redacted_stays_so_in_copies(self):
        client = CollectorTrackingClient("project", self.store, redact=(p for p in ["*password*", "*api_key"]))
        run(client.copy())
        self.assert_nowhere()
        self.assertTrue(os.path.exists(self.log_path("app")))


if __name__ == "__main__":
    unittest.main()
