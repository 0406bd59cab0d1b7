"""A collector that stands still while the overflow is full: what waits, what goes on, and that no order is lost.

The clients here would wait for a minute. So a test that comes to its end has shown that what must not wait does not.
"""

import asyncio
import logging
import os
import threading
import time
import unittest
import unittest.mock

from burr.core import ApplicationBuilder, State, action
from burr.core.action import streaming_action
from burr.visibility import TracerFactory
from burr_collector import (
    AsyncCollectorTrackingClient,
    CollectorTrackingClient,
    DroppedRecordsError,
    _library,
    reading,
    tracker,
)
from burr_collector.tracker import find_tracker
from harness import StoreTest

STEPS = 200  # of 4 KB: a lane and the overflow have room for some 60
MINUTE_MS = 60000
LITTLE = 4096  # bytes of the overflow


@action(reads=["count"], writes=["count"])
async def count(state: State, __tracer: TracerFactory) -> State:
    with __tracer("span") as tracer:
        tracer.log_attributes(count=state["count"])
    return state.update(count=state["count"] + 1)


@action(reads=["count"], writes=["count"])
def sync_count(state: State) -> State:
    return state.update(count=state["count"] + 1)


@streaming_action(reads=["count"], writes=["count"])
async def stream(state: State):
    yield {"item": 1}, None
    yield {"item": 2}, state.update(count=state["count"] + 1)


def new(client, app_id, act, text="x" * 4000):
    return (
        ApplicationBuilder()
        .with_actions(act=act)
        .with_transitions(("act", "act"))
        .with_entrypoint("act")
        .with_state(count=0, text=text)
        .with_identifiers(app_id=app_id)
        .with_tracker(client)
        .build()
    )


class Outage(StoreTest):
    def client(self, kind=CollectorTrackingClient, wait_ms=MINUTE_MS):
        self.running = self.collector()
        client = kind("project", self.store, wait_ms=wait_ms, queue_bytes=LITTLE)
        self.addCleanup(logging.disable, logging.NOTSET)
        logging.disable(logging.CRITICAL)  # ours says that records were dropped
        return client

    def line(self, client):
        return find_tracker(*client._tracker_key).line

    def goes_on(self):
        self.running.signal(18)  # SIGCONT

    def assert_recorded(self, client, app_id, steps):
        client.flush(60)
        records = self.log(app_id)
        found = [(r["type"], r["sequence_id"]) for r in records if "sequence_id" in r]
        self.assertEqual(found, [(kind, n) for n in range(steps) for kind in ("begin_entry", "end_entry")])
        self.assertEqual([r["state"]["count"] for r in records if r["type"] == "end_entry"], list(range(1, steps + 1)))
        return [r["type"] for r in records]

    def test_an_event_loop_goes_on_and_records_wait_in_line(self):
        client = self.client()

        async def main():
            app = new(client, "app", count)
            await app.astep()
            self.running.pause()
            for _ in range(STEPS - 1):
                await app.astep()
            self.assertTrue(self.line(client).apps)
            self.goes_on()

        asyncio.run(main())
        one = ["begin_entry", "begin_span", "attribute", "end_span", "end_entry"]
        self.assertEqual(self.assert_recorded(client, "app", STEPS), one * STEPS)

    def test_what_an_event_loop_recorded_in_large_is_there_at_once(self):
        """Without an outage, nothing is in memory only when a step has ended: a kill would take it."""
        client = CollectorTrackingClient("project", self.store)

        async def main():
            app = new(client, "app", count, "x" * 200_000)
            for n in range(200):
                await app.astep()
                loaded = reading.load(os.fsencode(self.store), "project", "app", None, -1)
                self.assertEqual((n, n + 1), loaded and (loaded.sequence_id, loaded.state["count"]))

        asyncio.run(main())

    def test_a_line_that_moves_is_waited_for(self):
        """A store that is slow holds an event loop back; the line would grow without end else."""
        client = CollectorTrackingClient("project", self.store)
        call = tracker.TrackedApp._call

        def call_slowly(*args):
            time.sleep(0.005)
            call(*args)

        async def main():
            app = new(client, "app", count)
            for _ in range(20):
                await app.astep()
                self.assertLessEqual(sum(self.line(client).apps.values()), 1)

        with unittest.mock.patch.object(_library.get(), "would_wait", lambda *_: True):
            with unittest.mock.patch.object(tracker.TrackedApp, "_call", call_slowly):
                asyncio.run(main())
        self.assert_recorded(client, "app", 20)

    def test_an_asynchronous_client_holds_no_loop_back(self):
        client = AsyncCollectorTrackingClient("project", self.store)

        async def main():
            app = new(client, "app", count)
            for _ in range(20):
                await app.astep()
                self.assertFalse(self.line(client).apps)

        with unittest.mock.patch.object(_library.get(), "would_wait", lambda *_: True):
            with unittest.mock.patch.object(tracker.time, "sleep", lambda _: self.fail("it waits")):
                with unittest.mock.patch.object(tracker.WaitingLine, "drain", lambda *_: self.fail("it waits")):
                    asyncio.run(main())
        self.assert_recorded(client, "app", 20)

    def test_an_application_is_made_meanwhile(self):
        client = self.client()

        async def main():
            await new(client, "app", count).astep()
            self.running.pause()
            made = new(client, "made", count)
            await made.astep()
            await made.astep()
            self.assertTrue(self.line(client).apps)
            self.goes_on()

        asyncio.run(main())
        self.assert_recorded(client, "made", 2)

    def test_a_loader_sees_what_waits_in_line(self):
        client = self.client()

        async def main():
            app = new(client, "app", count)
            await app.astep()
            self.running.pause()
            for _ in range(STEPS):
                await app.astep()
            self.assertTrue(self.line(client).apps)
            self.goes_on()
            loaded = await asyncio.get_running_loop().run_in_executor(None, client.load, None, "app")
            self.assertEqual(loaded["sequence_id"], STEPS)

        asyncio.run(main())

    async def work_until_it_waits(self, client, app):
        """The task that steps until then."""
        await app.astep()
        self.running.pause()

        async def work():
            for _ in range(STEPS - 1):
                await app.astep()

        working = asyncio.ensure_future(work())
        deadline = time.monotonic() + 30
        seen = -1
        while not self.line(client).apps or app.sequence_id != seen:  # until it waits, and the same step still does
            seen = app.sequence_id
            self.assertLess(time.monotonic(), deadline)
            await asyncio.sleep(0.05)
        self.assertLess(app.sequence_id, STEPS - 1)
        return working

    def test_an_asynchronous_client_waits_and_its_loop_goes_on(self):
        client = self.client(AsyncCollectorTrackingClient)

        async def main():
            working = await self.work_until_it_waits(client, new(client, "app", count))
            self.goes_on()
            await working

        asyncio.run(main())
        self.assert_recorded(client, "app", STEPS)

    def test_a_record_that_waits_is_made_although_its_step_is_cancelled(self):
        client = self.client(AsyncCollectorTrackingClient)

        async def main():
            app = new(client, "app", count)
            working = await self.work_until_it_waits(client, app)
            waiting = sum(self.line(client).apps.values())
            working.cancel()
            with self.assertRaises(asyncio.CancelledError):
                await working
            self.assertGreaterEqual(sum(self.line(client).apps.values()), waiting)
            self.goes_on()
            return app.sequence_id

        cancelled = asyncio.run(main())
        client.flush(60)
        self.assertEqual(self.line(client).apps, {})
        self.assertEqual(self.log("app")[-1]["sequence_id"], cancelled)

    def test_streams_keep_their_order(self):
        client = self.client()

        async def main():
            app = new(client, "app", stream)
            for n in range(STEPS // 2):
                if n == 1:
                    self.running.pause()
                _, container = await app.astream_result(halt_after=["act"])
                await container.get()
            self.assertTrue(self.line(client).apps)
            self.goes_on()

        asyncio.run(main())
        one = ["begin_entry", "begin_stream", "first_item_stream", "end_entry", "end_stream"]
        self.assertEqual(self.assert_recorded(client, "app", STEPS // 2), one * (STEPS // 2))

    def test_a_thread_that_waits_does_not_hold_the_others(self):
        client = self.client()
        app = new(client, "app", sync_count)
        app.step()
        self.running.pause()

        def work():
            for _ in range(STEPS - 1):
                app.step()

        working = threading.Thread(target=work)
        working.start()
        deadline, seen = time.monotonic() + 30, -1
        while app.sequence_id != seen:  # it stands still: it waits without the interpreter's lock
            seen = app.sequence_id
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)
        self.assertLess(app.sequence_id, STEPS - 1)
        self.goes_on()
        working.join(60)
        self.assert_recorded(client, "app", STEPS)

    def test_a_child_that_is_forked_meanwhile_has_no_line(self):
        client = self.client()
        read, write = os.pipe()

        async def main():
            app = new(client, "app", count)
            await app.astep()
            self.running.pause()
            for _ in range(STEPS):
                await app.astep()
            self.assertTrue(self.line(client).apps)
            child = os.fork()
            if child == 0:
                os.write(write, b"empty" if not self.line(client).apps else b"not empty")
                os._exit(0)
            os.waitpid(child, 0)
            self.goes_on()

        asyncio.run(main())
        self.assertEqual(os.read(read, 100), b"empty")
        os.close(read)
        os.close(write)
        self.assert_recorded(client, "app", STEPS + 1)

    def test_a_forked_childs_loop_goes_on_while_its_spool_is_made(self):
        client = CollectorTrackingClient("project", self.store)
        app = new(client, "app", count)
        asyncio.run(app.astep())
        child = os.fork()
        if child == 0:
            with unittest.mock.patch.object(tracker.time, "sleep", lambda _: os._exit(1)):
                asyncio.run(app.astep())
                client.flush(60)
            os._exit(0)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        self.assertEqual([r["sequence_id"] for r in self.log("app") if r["type"] == "end_entry"], [0, 1])

    def test_what_is_dropped_is_counted(self):
        client = self.client(wait_ms=50)
        app = new(client, "app", sync_count)
        app.step()
        self.running.pause()
        for _ in range(STEPS):
            app.step()
        self.goes_on()
        with self.assertRaisesRegex(DroppedRecordsError, r"^\d+ records were dropped"):
            client.flush(60)
        client.flush(60)  # it is told once


if __name__ == "__main__":
    unittest.main()
