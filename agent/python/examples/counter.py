"""The smallest application: it counts to a limit and stops.

    python counter.py

Shows the one line that records it. In the UI: project demo_python_counter; the graph shows the loop, the steps their
state.
"""

from burr.core import Application, ApplicationBuilder, State, action, default, expr

from burr_collector import CollectorTrackingClient


@action(reads=["count"], writes=["count"])
def count(state: State, by: int = 1) -> State:
    return state.update(count=state["count"] + by)


@action(reads=["count"], writes=["said"])
def done(state: State) -> State:
    return state.update(said=f"counted to {state['count']}")


def build(limit: int) -> Application:
    return (
        ApplicationBuilder()
        .with_actions(count, done)
        .with_transitions(("count", "count", expr(f"count < {limit}")), ("count", "done", default))
        .with_entrypoint("count")
        .with_state(count=0)
        .with_tracker(CollectorTrackingClient(project="demo_python_counter"))
        .build()
    )


if __name__ == "__main__":
    app = build(limit=10)
    _, _, state = app.run(halt_after=["done"])
    print(f"{state['said']}, recorded as {app.uid}")
