"""A process that runs Burr applications one after the other until it is told to end (a line on stdin) or killed:

    worker.py CLIENT STORE PROJECT NAME STEPS

CLIENT is `collector` or `burr` (Burr's own). Each application, NAME-0, NAME-1, …, counts up to STEPS. After each step
that has returned the worker says "APP_ID SEQUENCE_ID COUNT" on stdout. It waits for nothing.
"""

import os
import select
import sys

from burr.core import ApplicationBuilder, State, action, expr


@action(reads=["count"], writes=["count", "of"])
def count(state: State, of: str) -> State:
    return state.update(count=state["count"] + 1, of=of)


def tracker(client, store, project):
    if client == "burr":
        from burr.tracking import LocalTrackingClient

        return LocalTrackingClient(project=project, storage_dir=store)
    from burr_collector import CollectorTrackingClient

    return CollectorTrackingClient(project=project, storage_dir=store)


def told_to_end():
    return bool(select.select([sys.stdin], [], [], 0)[0])


def main():
    client, store, project, name, steps = sys.argv[1:6]
    number = 0
    while not told_to_end():
        app = (
            ApplicationBuilder()
            .with_actions(count)
            .with_transitions(("count", "count", expr("True")))
            .with_entrypoint("count")
            .with_state(count=0)
            .with_identifiers(app_id=f"{name}-{number}")
            .with_tracker(tracker(client, store, project))
            .build()
        )
        for _ in range(int(steps)):
            _, _, state = app.step(inputs={"of": name})
            # One write a line: a kill leaves it whole or not at all.
            os.write(1, f"{app.uid} {app.sequence_id} {state['count']}\n".encode())
        number += 1


if __name__ == "__main__":
    main()
