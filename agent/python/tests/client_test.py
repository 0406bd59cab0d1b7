"""What the tracking client does beyond recording: loading, listing, forking, threads and processes."""

import asyncio
import copy
import gc
import json
import logging
import multiprocessing
import os
import pathlib
import pickle
import signal
import subprocess
import sys
import threading
import unittest
import weakref
from typing import Any

from burr.core import ApplicationBuilder, State, action, expr
from burr.core.action import streaming_action
from burr.core.persistence import BaseStateLoader
from burr.tracking import LocalTrackingClient
from burr_collector import AsyncCollectorTrackingClient, CollectorTrackingClient
from harness import BUILD, StoreTest

TREE = pathlib.Path(__file__).resolve().parents[3]


@action(reads=["count"], writes=["count"])
def count(state: State, fail: bool = False) -> State:
    if fail:
        raise ValueError("asked to")
    return state.update(count=state["count"] + 1)


@action(reads=["count"], writes=["count"])
async def acount(state: State, begun: Any = None) -> State:
    if begun is not None:
        begun.set()
        await asyncio.sleep(60)
    return state.update(count=state["count"] + 1)


@streaming_action(reads=[], writes=["count"])
def stream(state: State):
    yield {"item": 1}, None
    yield {"item": 2}, None
    yield {"item": 3}, state.update(count=3)


@streaming_action(reads=[], writes=["count"])
async def astream(state: State):
    yield {"item": 1}, None
    yield {"item": 2}, None
    yield {"item": 3}, state.update(count=3)


def builder(client, app_id, act=count, partition_key=None):
    name = act.__name__
    return (
        ApplicationBuilder()
        .with_actions(**{name: act})
        .with_transitions((name, name))
        .with_identifiers(app_id=app_id, partition_key=partition_key)
        .with_tracker(client)
    )


def new(client, app_id, act=count, partition_key=None):
    name = act.__name__
    return builder(client, app_id, act, partition_key).with_state(count=0).with_entrypoint(name).build()


def resume(client, app_id, loader=None, **forked):
    return (
        builder(client, app_id)
        .initialize_from(
            loader or client,
            resume_at_next_action=True,
            default_state={"count": 0},
            default_entrypoint="count",
            **forked,
        )
        .build()
    )


def setUpModule():
    logging.disable(logging.CRITICAL)  # Burr logs the exceptions that are raised on purpose


def tearDownModule():
    logging.disable(logging.NOTSET)


class ClientTest(StoreTest):
    def setUp(self):
        super().setUp()
        self.client = CollectorTrackingClient("project", self.store)

    def steps(self, app_id, client=None):
        (client or self.client).flush()
        return [(r["type"], r["sequence_id"]) for r in self.log(app_id) if r["type"] in ("begin_entry", "end_entry")]

    def metadata(self, app_id):
        return json.loads(pathlib.Path(self.log_path(app_id)).with_name("metadata.json").read_text())


class Loading(ClientTest):
    def test_what_was_just_recorded(self):
        app = new(self.client, "app", partition_key="somebody")
        for n in range(3):
            app.step()
            loaded = self.client.load("somebody", "app")
            self.assertEqual((loaded["sequence_id"], loaded["state"]["count"]), (n, n + 1))
        self.assertEqual(loaded["position"], "count")
        self.assertEqual(loaded["status"], "completed")
        self.assertEqual((loaded["partition_key"], loaded["app_id"]), ("somebody", "app"))
        self.assertEqual(loaded["state"].get_all(), {"count": 3, "__SEQUENCE_ID": 2})
        self.assertRegex(loaded["created_at"], r"^\d{4}-.*Z$")

    def test_by_number(self):
        app = new(self.client, "app")
        for _ in range(3):
            app.step()
        self.assertEqual(self.client.load(None, "app", 1)["state"]["count"], 2)
        with self.assertRaisesRegex(ValueError, "project/app has no finished step 7"):
            self.client.load(None, "app", 7)

    def test_what_is_not_there(self):
        self.assertIsNone(self.client.load(None, None))
        self.assertIsNone(self.client.load(None, "nobody"))
        self.assertIsNone(self.client.load(None, "nobody", 3))
        new(self.client, "fresh")
        self.assertIsNone(self.client.load(None, "fresh"))
        app = new(self.client, "app", partition_key="a")
        app.step()
        self.assertIsNone(self.client.load("b", "app"))
        self.assertIsNotNone(self.client.load(None, "app"))

    def test_a_failed_step_is_run_again(self):
        app = new(self.client, "app")
        app.step()
        with self.assertRaises(ValueError):
            app.step(inputs={"fail": True})
        self.assertEqual(self.client.load(None, "app")["status"], "failed")
        app = resume(self.client, "app")
        app.step()
        self.assertEqual((app.state["count"], app.sequence_id), (2, 2))

    def test_load_state(self):
        app = new(self.client, "app")
        for _ in range(3):
            app.step()
        load_state = CollectorTrackingClient.load_state
        last = load_state("project", "app", storage_dir=self.store)
        self.assertEqual(last, ({"count": 3, "__SEQUENCE_ID": 2}, "count"))
        self.assertEqual(load_state("project", "app", 0, self.store), ({"count": 1, "__SEQUENCE_ID": 0}, "count"))
        self.client.flush()
        burrs = LocalTrackingClient.load_state("project", "app", 1, self.store)
        self.assertEqual(load_state("project", "app", 1, self.store), burrs)
        for app_id, sequence_id in (("app", 9), ("nobody", -1)):
            with self.assertRaisesRegex(ValueError, app_id):
                load_state("project", app_id, sequence_id, self.store)

    def test_app_log_exists(self):
        exists = CollectorTrackingClient.app_log_exists
        self.assertFalse(exists("project", "app", self.store))
        app = new(self.client, "app")
        self.assertFalse(exists("project", "app", self.store))
        app.step()
        self.assertTrue(exists("project", "app", self.store))
        self.assertFalse(exists("project", "../project/app", self.store))

    def test_list_app_ids(self):
        for app_id, partition_key in (("one", "a"), ("two", "a"), ("three", "b"), ("four", None)):
            new(self.client, app_id, partition_key=partition_key).step()
        self.assertEqual(self.client.list_app_ids("a"), ["two", "one"])
        self.assertEqual(self.client.list_app_ids("b"), ["three"])
        self.assertEqual(self.client.list_app_ids(None), ["four"])
        self.assertEqual(self.client.list_app_ids("c"), [])
        self.assertEqual(CollectorTrackingClient("another", self.store).list_app_ids(None), [])

    def test_an_application_whose_name_is_no_text(self):
        for name in ("half\ud800", "nul\0byte"):
            new(self.client, name).step()
            self.assertEqual(self.client.load(None, name)["state"]["count"], 1)
            self.assertEqual(CollectorTrackingClient.load_state("project", name, 0, self.store)[1], "count")
            self.assertTrue(CollectorTrackingClient.app_log_exists("project", name, self.store))

    def test_what_burrs_own_client_recorded(self):
        new(LocalTrackingClient("project", self.store), "app").step()
        self.assertEqual(self.client.load(None, "app")["state"]["count"], 1)
        app = resume(self.client, "app")
        app.step()
        self.assertEqual((app.state["count"], app.sequence_id), (2, 1))
        self.client.flush()
        app = resume(self.client, "fork", loader=LocalTrackingClient("project", self.store), fork_from_app_id="app")
        app.step()
        self.client.flush()
        self.assertEqual(LocalTrackingClient("project", self.store).load(None, "fork")["state"]["count"], 3)

    def test_a_fork_names_the_step_that_was_meant(self):
        app = new(self.client, "app")
        for _ in range(3):
            app.step()
        resume(self.client, "last", fork_from_app_id="app").step()
        resume(self.client, "first", fork_from_app_id="app", fork_from_sequence_id=0).step()
        self.assertEqual(self.metadata("last")["parent_pointer"]["sequence_id"], 2)
        self.assertEqual(self.metadata("first")["parent_pointer"]["sequence_id"], 0)
        self.assertEqual(self.steps("first"), [("begin_entry", 1), ("end_entry", 1)])

    def test_asynchronous_loading(self):
        client = AsyncCollectorTrackingClient("project", self.store)

        async def main():
            for _ in range(2):
                app = await (
                    builder(client, "app", acount)
                    .initialize_from(
                        client, resume_at_next_action=True, default_state={"count": 0}, default_entrypoint="acount"
                    )
                    .abuild()
                )
                await app.astep()
            self.assertEqual((app.state["count"], app.sequence_id), (2, 1))
            self.assertEqual(await client.list_app_ids(None), ["app"])
            with self.assertRaisesRegex(ValueError, "no finished step 5"):
                await client.load(None, "app", 5)

        asyncio.run(main())


class Applications(ClientTest):
    def test_it_is_what_burr_takes_for_a_tracker(self):
        self.assertIsInstance(self.client, BaseStateLoader)
        app = new(self.client, "app")
        self.assertIs(app.context.tracker, self.client)

    def test_names_that_a_store_cannot_hold(self):
        for project in ("", "a b", "a/b", "x" * 129, "a\n"):
            with self.assertRaisesRegex(ValueError, "project name"):
                CollectorTrackingClient(project, self.store)
        for app_id in ("a/b", ".hidden", "", "x" * 201):
            with self.assertRaises(ValueError):
                new(self.client, app_id)

    def test_another_partition_key_is_an_error_that_names_both(self):
        new(self.client, "app", partition_key="one")
        with self.assertRaisesRegex(ValueError, '"one".*"two"'):
            new(self.client, "app", partition_key="two")

    def test_one_client_for_several_applications(self):
        one, two = new(self.client, "one"), new(self.client, "two")
        one.step()
        two.step()
        one.step()
        self.assertEqual(self.steps("one"), [(kind, n) for n in (0, 1) for kind in ("begin_entry", "end_entry")])
        self.assertEqual(len(self.steps("two")), 2)

    def test_an_application_that_is_gone_is_closed(self):
        app = new(self.client, "app")
        app.step()
        self.assertEqual(list(self.client._apps), ["app"])
        gone = weakref.ref(app)
        del app
        gc.collect()
        self.assertIsNone(gone())
        self.assertEqual(list(self.client._apps), [])

    def test_names_with_blanks_and_an_action_without_source(self):
        namespace = {"State": State}
        exec("def made(state, given=None): return state.update(**{'a key': 1})", namespace)
        made = action(reads=["another, key"], writes=["a key"])(namespace["made"])
        app = (
            ApplicationBuilder()
            .with_actions(**{"an action": made})
            .with_transitions(("an action", "an action", expr("1 < 2")))
            .with_entrypoint("an action")
            .with_state(**{"another, key": 0})
            .with_identifiers(app_id="named")
            .with_tracker(self.client)
            .build()
        )
        app.step()
        app.step()
        self.client.flush()
        graph = json.loads(pathlib.Path(self.log_path("named")).with_name("graph.json").read_text())
        described = graph["actions"][0]
        self.assertEqual((described["name"], described["code"]), ("an action", ""))
        self.assertEqual((described["reads"], described["writes"]), (["another, key"], ["a key"]))
        self.assertEqual((described["inputs"], described["optional_inputs"]), (["given"], []))  # as Burr's own has it
        via = self.log("named")[2]["via"]
        self.assertEqual((via["from"], via["condition"]), ("an action", "1 < 2"))

    def test_a_store_that_was_removed(self):
        new(self.client, "app").step()
        self.client.flush()
        subprocess.run(["rm", "-rf", self.store], check=True)
        new(self.client, "app").step()
        self.assertEqual(len(self.steps("app")), 2)

    def test_disabled(self):
        os.environ["BURR_DISABLED"] = "1"
        self.addCleanup(os.environ.pop, "BURR_DISABLED")
        client = CollectorTrackingClient("disabled", self.store)
        new(client, "app").step()
        client.flush()
        self.assertFalse(os.path.exists(os.path.join(self.store, "disabled")))

    def test_the_usual_place(self):
        os.environ["BURR_STORE"] = self.store
        self.addCleanup(os.environ.pop, "BURR_STORE")
        client = CollectorTrackingClient("usual")
        self.assertEqual(client.storage_dir, os.path.join(self.store, "usual"))
        new(client, "app").step()
        self.assertEqual(client.list_app_ids(None), ["app"])
        self.assertTrue(CollectorTrackingClient.app_log_exists("usual", "app"))

    def test_a_relative_store_is_where_it_was_when_the_client_was_made(self):
        """Copies are made for sub-applications, whenever they come."""
        self.addCleanup(os.chdir, os.getcwd())
        os.chdir(os.path.dirname(self.store))
        client = CollectorTrackingClient("project", os.path.basename(self.store))
        new(client, "first").step()
        os.chdir("/")
        new(client.copy(), "copied").step()
        new(pickle.loads(pickle.dumps(client)), "pickled").step()
        self.assertEqual(sorted(self.client.list_app_ids(None)), ["copied", "first", "pickled"])

    def test_options(self):
        with self.assertRaisesRegex(ValueError, "unserializable"):
            CollectorTrackingClient("project", self.store, unserializable="ignore")

    def test_a_value_that_cannot_be_stored_raises_where_that_is_asked_for(self):
        class Broken:
            def __repr__(self):
                raise RuntimeError("no text of me")

        @action(reads=[], writes=["bad"])
        def bad(state: State) -> State:
            return state.update(bad=Broken())

        new(self.client, "goes-on", bad).step()
        self.client.flush()
        self.assertIn("__burr_invalid", self.log("goes-on")[1]["state"]["bad"])
        strict = CollectorTrackingClient("project", self.store, unserializable="raise")
        with self.assertRaisesRegex(ValueError, "state bad: .*no text of me"):
            new(strict, "stops", bad).step()


class Interrupted(ClientTest):
    """What ends a step that is no Exception: Burr tells its hooks of none, and the step is not completed."""

    def assert_interrupted(self, app_id, by):
        self.client.flush()
        record = self.log(app_id)[-1]
        ends = [r for r in self.log(app_id) if r["type"] == "end_entry"]
        self.assertIn(by, ends[-1]["exception"], record)
        self.assertEqual(self.client.load(None, app_id)["status"], "failed")

    def test_a_cancelled_task(self):
        for client in (self.client, AsyncCollectorTrackingClient("project", self.store)):
            app_id = type(client).__name__

            async def main():
                app = new(client, app_id, acount)
                await app.astep()
                begun = asyncio.Event()
                step = asyncio.ensure_future(app.astep(inputs={"begun": begun}))
                await begun.wait()
                step.cancel()
                with self.assertRaises(asyncio.CancelledError):
                    await step

            asyncio.run(main())
            self.assert_interrupted(app_id, "CancelledError")

    def test_ctrl_c(self):
        @action(reads=[], writes=[])
        def interrupted(state: State) -> State:
            raise KeyboardInterrupt

        with self.assertRaises(KeyboardInterrupt):
            new(self.client, "app", interrupted).step()
        self.assert_interrupted("app", "KeyboardInterrupt")

    def test_an_exception_that_is_handled_meanwhile_is_not_the_steps(self):
        try:
            raise KeyboardInterrupt
        except KeyboardInterrupt:
            new(self.client, "app").step()
        self.client.flush()
        self.assertIsNone(self.log("app")[-1]["exception"])

    def test_an_abandoned_stream(self):
        app = new(self.client, "app", stream)
        _, container = app.stream_result(halt_after=["stream"])
        for _ in container:
            break
        del container, _
        gc.collect()
        self.assert_interrupted("app", "GeneratorExit")
        self.assertEqual([r["type"] for r in self.log("app")][-1], "end_stream")


class Threads(ClientTest):
    def test_several_at_once(self):
        apps = [new(self.client, f"app{i}") for i in range(4)]

        def work(app):
            for _ in range(50):
                app.step()

        threads = [threading.Thread(target=work, args=(app,)) for app in apps]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        expected = [(kind, n) for n in range(50) for kind in ("begin_entry", "end_entry")]
        for i in range(4):
            self.assertEqual(self.steps(f"app{i}"), expected)

    def test_more_than_there_are_lanes(self):
        app = new(self.client, "app")
        client, act = self.client, app.graph.actions[0]
        told = {"app_id": "app", "partition_key": None, "state": app.state, "action": act, "inputs": {}}
        barrier = threading.Barrier(60)
        failures = []

        def work(n):
            try:
                barrier.wait(30)
                client.pre_run_step(**told, sequence_id=n)
                barrier.wait(30)
            except Exception as error:
                failures.append(error)

        threads = [threading.Thread(target=work, args=(n,)) for n in range(60)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        self.assertEqual(sorted(self.steps("app")), [("begin_entry", n) for n in range(60)])


def work_in_child(client, app_id):
    new(client, app_id).step()


def go_on_in_child(app, answers):
    app.step()
    answers.put(app.state["count"])


class Processes(ClientTest):
    def test_pickled(self):
        client = CollectorTrackingClient("project", self.store, {"some": 1}, redact=["*secret*"], wait_ms=5)
        new(client, "app").step()
        for other in (pickle.loads(pickle.dumps(client)), copy.deepcopy(client), client.copy()):
            self.assertEqual(other._arguments, client._arguments)
            self.assertIsNot(other, client)
            self.assertEqual(other.load(None, "app")["state"]["count"], 1)

    def test_multiprocessing(self):
        new(self.client, "parent").step()
        for method in ("fork", "spawn"):
            child = multiprocessing.get_context(method).Process(target=work_in_child, args=(self.client, method))
            child.start()
            child.join(60)
            self.assertEqual(child.exitcode, 0)
            self.assertEqual(self.client.load(None, method)["state"]["count"], 1)
        self.assertEqual(set(self.client.list_app_ids(None)), {"parent", "fork", "spawn"})

    def test_an_application_goes_on_in_a_forked_child(self):
        context = multiprocessing.get_context("fork")
        answers = context.Queue()
        app = new(self.client, "app")
        app.step()
        child = context.Process(target=go_on_in_child, args=(app, answers))
        child.start()
        self.assertEqual(answers.get(timeout=60), 2)
        child.join(60)
        self.assertEqual(self.client.load(None, "app")["sequence_id"], 1)
        self.assertEqual(self.burr("recover").returncode, 0)  # the child ended without bringing in its last record
        expected = [(kind, n) for n in (0, 1) for kind in ("begin_entry", "end_entry")]
        self.assertEqual(self.steps("app"), expected)

    def test_a_fork_in_the_middle_of_a_step(self):
        @action(reads=[], writes=["pid"])
        def forks(state: State) -> State:
            pid = os.fork()
            if pid == 0:
                try:
                    new(self.client, "grandchild").step()
                finally:
                    os._exit(0)
            os.waitpid(pid, 0)
            return state.update(pid=pid)

        new(self.client, "app", forks).step()
        self.assertEqual(self.steps("app"), [("begin_entry", 0), ("end_entry", 0)])
        self.assertEqual(self.client.load(None, "grandchild")["state"]["count"], 1)

    def test_an_application_that_was_pickled_into_a_worker(self):
        """As Ray does: its client comes with it, and post_application_create is not called again."""
        new(self.client, "app").step()
        other = pickle.loads(pickle.dumps(self.client))
        state = State({"count": 2, "__SEQUENCE_ID": 1, "__PRIOR_STEP": "count"})
        told = {"app_id": "app", "partition_key": None, "sequence_id": 1, "state": state}
        act = new(self.client, "other").graph.actions[0]
        other.pre_run_step(**told, action=act, inputs={})
        other.post_run_step(**told, action=act, result={}, exception=None)
        expected = [(kind, n) for n in (0, 1) for kind in ("begin_entry", "end_entry")]
        self.assertEqual(self.steps("app", other), expected)
        graph = json.loads(pathlib.Path(self.log_path("app")).with_name("graph.json").read_text())
        self.assertEqual([a["name"] for a in graph["actions"]], ["count"])

    def test_one_that_cannot_be_recorded_goes_on_all_the_same(self):
        app = new(self.client, "app", partition_key="one")
        other = pickle.loads(pickle.dumps(self.client))
        act = app.graph.actions[0]
        told = {"app_id": "app", "partition_key": "two", "sequence_id": 0, "state": app.state, "action": act}
        logging.disable(logging.NOTSET)
        self.addCleanup(logging.disable, logging.CRITICAL)
        with self.assertLogs("burr_collector", "ERROR") as logs:
            other.pre_run_step(**told, inputs={})
            other.post_run_step(**told, result={}, exception=None)
        self.assertRegex(logs.output[0], 'app is not recorded: .*"one".*"two"')
        self.assertEqual(len(logs.output), 1)

    def test_killed(self):
        source = """
import os, signal, sys
sys.path.insert(0, sys.argv[2])
import client_test
from burr_collector import CollectorTrackingClient
app = client_test.new(CollectorTrackingClient("project", sys.argv[1]), "killed")
for _ in range(5):
    app.step()
os.kill(os.getpid(), signal.SIGKILL)
"""
        ended = subprocess.run([sys.executable, "-c", source, self.store, os.path.dirname(os.path.abspath(__file__))])
        self.assertEqual(ended.returncode, -signal.SIGKILL)
        self.assertEqual(self.client.load(None, "killed")["sequence_id"], 4)
        app = resume(self.client, "killed")
        app.step()
        expected = [(kind, n) for n in range(6) for kind in ("begin_entry", "end_entry")]
        self.assertEqual(self.steps("killed"), expected)


class Library(unittest.TestCase):
    """Where libburr is looked for, and what is said when it is not there."""

    def fail_with(self, library):
        source = "import burr_collector; burr_collector.CollectorTrackingClient('project', '/tmp/never-made')"
        environment = {**os.environ, "BURR_LIBRARY": library}
        failed = subprocess.run([sys.executable, "-c", source], env=environment, capture_output=True, text=True)
        self.assertEqual(failed.returncode, 1)
        return failed.stderr.splitlines()[-1]

    def test_missing(self):
        message = self.fail_with("/nowhere/libburr.so.0")
        self.assertRegex(message, "LibraryError: libburr.* cannot be loaded.*BURR_LIBRARY.*/nowhere/libburr.so.0: ")

    def test_too_old(self):
        message = self.fail_with("libc.so.6")  # it has none of the functions
        self.assertRegex(message, "LibraryError: libburr at .* is older than this package needs")

    def test_found_beside_the_package_and_in_the_tree_it_lies_in(self):
        from burr_collector import _library

        named = os.environ.pop("BURR_LIBRARY")
        self.addCleanup(os.environ.__setitem__, "BURR_LIBRARY", named)
        package = pathlib.Path(_library.__file__).parent
        folders = [package / "lib", *(TREE / "build" / kind / "lib" for kind in ("release", "dev"))]
        expected = [str(folder / "libburr.so.0") for folder in folders]
        self.assertEqual(_library.candidates(), [*expected, "libburr.so.0"])
        self.assertTrue((BUILD / "lib" / "libburr.so.0").exists())


if __name__ == "__main__":
    unittest.main()
