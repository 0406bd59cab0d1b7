"""A server as gunicorn makes one: it loads the application and its tracker, then forks its workers:

    prefork.py STORE FD …

Each worker answers on one of the sockets. A line with an application's id asks for its next step: the worker takes the
application up where whoever had it last left it, runs one step and says what came of it, in JSON.
"""

import json
import os
import socket
import sys

from burr.core import ApplicationBuilder, State, action, expr
from burr_collector import CollectorTrackingClient


@action(reads=["count"], writes=["count"])
def count(state: State) -> State:
    return state.update(count=state["count"] + 1)


def step(tracker, app_id):
    app = (
        ApplicationBuilder()
        .with_actions(count)
        .with_transitions(("count", "count", expr("True")))
        .initialize_from(tracker, resume_at_next_action=True, default_state={"count": 0}, default_entrypoint="count")
        .with_identifiers(app_id=app_id)
        .with_tracker(tracker)
        .build()
    )
    _, _, state = app.step()
    return {"count": state["count"], "sequence_id": app.sequence_id, "pid": os.getpid()}


def work(tracker, fd):
    with socket.socket(fileno=fd) as asked, asked.makefile("rw") as file:
        for line in file:
            file.write(json.dumps(step(tracker, line.strip())))
            file.flush()


def main():
    tracker = CollectorTrackingClient(project="project", storage_dir=sys.argv[1])
    step(tracker, "warm-up")  # the parent's own use of it must not disturb its children
    fds = [int(text) for text in sys.argv[2:]]
    children = []
    for fd in fds:
        pid = os.fork()
        if pid == 0:
            for other in fds:
                if other != fd:
                    os.close(other)
            work(tracker, fd)
            return
        children.append(pid)
    for fd in fds:
        os.close(fd)
    for pid in children:
        if os.waitpid(pid, 0)[1] != 0:
            sys.exit(f"worker {pid} failed")


if __name__ == "__main__":
    main()
