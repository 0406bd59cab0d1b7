"""The tracking client: Burr's hooks, each of them a record call of libburr."""

import ctypes
import json
import traceback
from typing import Any, Dict, List, Optional

from burr.core import serde
from burr.core.persistence import BaseStateLoader, PersistedStateData
from burr.tracking.client import SyncTrackingClient

from burr_collector import _library


class CollectorTrackingClient(SyncTrackingClient, BaseStateLoader):
    """Records what Burr's LocalTrackingClient records, through libburr."""

    def __init__(self, project: str, storage_dir: str = "~/.burr", serde_kwargs: Optional[Dict[str, Any]] = None) -> None:
        self.project_id = project
        self.raw_storage_dir = storage_dir
        self.serde_kwargs = serde_kwargs or {}
        self._library = _library.load()
        self._tracker = ctypes.c_void_p()
        self._apps: Dict[str, ctypes.c_void_p] = {}
        error = _library.Error()
        options = _library.TrackerOptions(
            ctypes.sizeof(_library.TrackerOptions), project.encode(), storage_dir.encode(), 1000, 256 << 20
        )
        if self._library.burr_tracker_open(ctypes.byref(options), ctypes.byref(self._tracker), ctypes.byref(error)):
            raise OSError(error.message.decode())

    def copy(self) -> "CollectorTrackingClient":
        return CollectorTrackingClient(self.project_id, self.raw_storage_dir, self.serde_kwargs)

    def post_application_create(self, *, app_id, partition_key, application_graph, **future_kwargs):
        actions = (_library.ActionInfo * len(application_graph.actions))(
            *(
                _library.ActionInfo(
                    action.name.encode(), " ".join(action.reads).encode(), " ".join(action.writes).encode(),
                    " ".join(action.inputs[0] if isinstance(action.inputs, tuple) else action.inputs).encode(),
                    action.get_source().encode(),
                )
                for action in application_graph.actions
            )
        )
        transitions = (_library.TransitionInfo * len(application_graph.transitions))(
            *(
                _library.TransitionInfo(t.from_.name.encode(), t.to.name.encode(), t.condition.name.encode())
                for t in application_graph.transitions
            )
        )
        info = _library.AppInfo(
            size=ctypes.sizeof(_library.AppInfo), app_id=app_id.encode(),
            partition_key=partition_key.encode() if partition_key else None,
            entrypoint=application_graph.entrypoint.name.encode(),
            actions=actions, action_count=len(actions), transitions=transitions, transition_count=len(transitions),
        )
        app, error = ctypes.c_void_p(), _library.Error()
        if self._library.burr_tracker_create_app(
            self._tracker, ctypes.byref(info), ctypes.byref(app), ctypes.byref(error)
        ) not in (0, -9):
            raise OSError(error.message.decode())
        self._apps[app_id] = app

    def pre_run_step(self, *, app_id, action, inputs, sequence_id, **future_kwargs):
        shown = {key: value for key, value in inputs.items() if key != "__tracer"}
        self._library.burr_tracker_begin_step(
            self._apps[app_id], sequence_id, action.name.encode(), json.dumps(serde.serialize(shown)).encode(), None
        )

    def post_run_step(self, *, app_id, action, state, result, sequence_id, exception, **future_kwargs):
        self._library.burr_tracker_end_step(
            self._apps[app_id], sequence_id, action.name.encode(),
            None if result is None else json.dumps(serde.serialize(result)).encode(),
            None if exception is None
            else "".join(traceback.format_exception(type(exception), exception, exception.__traceback__)).encode(),
            json.dumps(state.serialize()).encode(),
        )

    def pre_start_span(self, **future_kwargs): pass
    def post_end_span(self, **future_kwargs): pass
    def do_log_attributes(self, **future_kwargs): pass
    def pre_start_stream(self, **future_kwargs): pass
    def post_stream_item(self, **future_kwargs): pass
    def post_end_stream(self, **future_kwargs): pass

    def list_app_ids(self, partition_key: str, **kwargs: Any) -> List[str]:
        return []

    def load(
        self, partition_key: str, app_id: Optional[str], sequence_id: Optional[int] = None, **kwargs: Any
    ) -> Optional[PersistedStateData]:
        return None
