"""Research that gives each topic to an application of its own, all at once, and joins what they found.

    python parallel.py

Shows sub-applications: each is a run of its own, knows the step that spawned it, and is recorded by a copy of its
parent's tracker. In the UI: project demo_python_parallel; the step `research` leads to its three runs and back.
"""

from typing import Any, Dict, Generator, List

from burr.core import Application, ApplicationBuilder, ApplicationContext, State, action, expr
from burr.core.graph import GraphBuilder
from burr.core.parallelism import MapStates, RunnableGraph

from burr_collector import CollectorTrackingClient

TOPICS = ["history", "farming", "chemistry"]


# ---- the application of one topic


@action(reads=["topic", "notes"], writes=["notes"])
def read(state: State) -> State:
    return state.append(notes=f"source {len(state['notes']) + 1} on the {state['topic']} of tea")


@action(reads=["topic", "notes"], writes=["finding"])
def write_up(state: State) -> State:
    return state.update(finding=f"{state['topic']}: {len(state['notes'])} sources agree")


ONE_TOPIC = RunnableGraph(
    GraphBuilder()
    .with_actions(read, write_up)
    .with_transitions(("read", "read", expr("len(notes) < 2")), ("read", "write_up"))
    .build(),
    entrypoint="read",
    halt_after=["write_up"],
)


# ---- all of them


class Research(MapStates):
    def action(self, state: State, inputs: Dict[str, Any]) -> RunnableGraph:
        return ONE_TOPIC

    def states(
        self, state: State, context: ApplicationContext, inputs: Dict[str, Any]
    ) -> Generator[State, None, None]:
        for topic in state["topics"]:
            yield state.update(topic=topic, notes=[])

    def reduce(self, state: State, states: Generator[State, None, None]) -> State:
        return state.update(findings=[of_topic["finding"] for of_topic in states])

    @property
    def reads(self) -> List[str]:
        return ["topics"]

    @property
    def writes(self) -> List[str]:
        return ["findings"]


@action(reads=["findings"], writes=["report"])
def report(state: State) -> State:
    return state.update(report="; ".join(state["findings"]))


def build() -> Application:
    return (
        ApplicationBuilder()
        .with_actions(report, research=Research())
        .with_transitions(("research", "report"))
        .with_entrypoint("research")
        .with_state(topics=TOPICS)
        .with_tracker(CollectorTrackingClient(project="demo_python_parallel"))
        .build()
    )


if __name__ == "__main__":
    app = build()
    _, _, state = app.run(halt_after=["report"])
    print(f"{state['report']}, recorded as {app.uid}")
