"""A Burr application with Burr's own tracker: STORE PROJECT APP_ID new|APP_ID-to-fork. Prints its count."""

import sys
from burr.core import ApplicationBuilder, State, action, default, when
from burr.core.action import Condition
from burr.tracking import LocalTrackingClient

@action(reads=["count"], writes=["count"])
def count(state: State) -> State:
    return state.update(count=state["count"] + 1)

@action(reads=["count"], writes=[])
def done(state: State) -> State:
    return state

store, project, app_id, source = sys.argv[1:5]
tracker = LocalTrackingClient(project, storage_dir=store)
builder = (ApplicationBuilder().with_actions(count, done)
    .with_transitions(("count", "count", Condition.expr("count < 5")), ("count", "done", default))
    .with_tracker(tracker).with_identifiers(app_id=app_id))
if source == "new":
    builder = builder.with_state(count=0).with_entrypoint("count")
else:
    builder = builder.initialize_from(tracker, resume_at_next_action=True, default_state={"count": 100},
        default_entrypoint="count", fork_from_app_id=source)
action_, result, state = builder.build().run(halt_after=["done"])
print(state["count"])
