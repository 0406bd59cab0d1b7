"""What the tracking clients do: each of Burr's hooks is a record call of libburr. See client.py for the classes that
Burr takes for trackers."""

import ctypes
import functools
import os
import re
import sys
import traceback
import weakref
from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional, Sequence, Tuple, TypeVar

from burr.common.types import ParentPointer
from burr.core import Action, ApplicationGraph, State
from burr.core.persistence import PersistedStateData
from burr.visibility import ActionSpan

from burr_collector import _library, reading
from burr_collector.redact import Redact, Redactor
from burr_collector.serialize import Serializer
from burr_collector.tracker import TrackedApp, encode, encode_name, find_tracker, get_tracker, logger

if TYPE_CHECKING:
    from concurrent.futures import Future

DEFAULT_STORAGE_DIR = "~/.burr"
PROJECT_NAME = re.compile(r"[a-zA-Z0-9_:-]{1,128}\Z")

# What Burr puts among the inputs of actions that ask for it.
INJECTED_INPUTS = ("__tracer", "__context")

# Burr's own keys of a state.
SEQUENCE_ID = "__SEQUENCE_ID"
PRIOR_STEP = "__PRIOR_STEP"

NAME_SEPARATOR = "\x1f"
EXCEPTION_MAX = 32 << 10  # characters
LOAD_WAIT_S = 2.0  # for records that wait for room, as long as libburr waits for a collector that stands still


def store_of(storage_dir: str) -> Optional[bytes]:
    """The store as libburr takes it. None: the usual place, which the environment may have moved."""
    if storage_dir == DEFAULT_STORAGE_DIR:
        return None
    return os.fsencode(os.path.abspath(os.path.expanduser(storage_dir)))


def _encode_optional(text: Optional[str]) -> Optional[bytes]:
    return None if text is None else encode(text)


def _encode_exception(text: str) -> bytes:
    """Cut in the middle if it is very long."""
    if len(text) > EXCEPTION_MAX:
        text = text[: EXCEPTION_MAX // 2] + "\n…\n" + text[-EXCEPTION_MAX // 2 :]
    return encode(text)


def _interruption() -> Optional[BaseException]:
    """What ended a step that Burr calls neither failed nor has a result of: a cancelled task, Ctrl-C, a generator
    that nobody reads on. Burr's hooks are told of no exception then, but run while it is on its way."""
    exception = sys.exc_info()[1]
    return None if isinstance(exception, Exception) else exception


def _transitions(graph: ApplicationGraph, shown: Callable[[str], str]) -> Dict[str, List[Tuple[str, bytes]]]:
    transitions: Dict[str, List[Tuple[str, bytes]]] = {}
    for transition in graph.transitions:
        condition = encode(shown(transition.condition.name))
        transitions.setdefault(transition.from_.name, []).append((transition.to.name, condition))
    return transitions


def _names(names: Sequence[str]) -> bytes:
    return encode(NAME_SEPARATOR.join(names))


def _source(action: Action) -> str:
    try:
        return action.get_source()
    except (OSError, TypeError):  # typed into a shell, or made at run time
        return ""


def _describe_action(action: Action, shown: Callable[[str], str]) -> _library.ActionInfo:
    # It gives the required ones first. Burr's own client takes them for the optional ones; so it is in all its stores.
    optional, required = action.optional_and_required_inputs
    return _library.ActionInfo(
        encode(action.name),
        _names(action.reads),
        _names(action.writes),
        _names(sorted(required) + [name + "?" for name in sorted(optional)]),
        encode(shown(_source(action))),
    )


def _describe(graph: ApplicationGraph, shown: Callable[[str], str]) -> _library.AppInfo:
    """The graph, as Burr's own client would store it.

    shown  what is to be seen of a text: of an action's source, of a condition
    """
    actions = [_describe_action(action, shown) for action in graph.actions]
    transitions = [
        _library.TransitionInfo(
            encode(transition.from_.name), encode(transition.to.name), encode(shown(transition.condition.name))
        )
        for transition in graph.transitions
    ]
    return _library.AppInfo(
        size=ctypes.sizeof(_library.AppInfo),
        entrypoint=encode(graph.entrypoint.name),
        actions=(_library.ActionInfo * len(actions))(*actions),
        action_count=len(actions),
        transitions=(_library.TransitionInfo * len(transitions))(*transitions),
        transition_count=len(transitions),
        name_separators=NAME_SEPARATOR.encode(),
    )


def _pointer(pointer: Optional[ParentPointer], resolved: Optional[int]) -> Any:
    """resolved  the step that was meant where the pointer says none"""
    if pointer is None or pointer.app_id is None:  # Burr gives one of no application where a run is resumed
        return None
    sequence_id = resolved if pointer.sequence_id is None else pointer.sequence_id
    return ctypes.pointer(
        _library.Pointer(
            encode(pointer.app_id),
            _library.NO_SEQUENCE_ID if sequence_id is None else sequence_id,
            _encode_optional(pointer.partition_key),
        )
    )


def _forget(apps: Dict[str, TrackedApp], app_id: str, app: TrackedApp) -> None:
    """The application is gone; another one of the same id may have taken its place."""
    if apps.get(app_id) is app:
        del apps[app_id]


_Client = TypeVar("_Client", bound="Recorder")


class Recorder:
    """What both clients do. A hook gives a future where its record has to wait and the calling thread must not
    (tracker.py)."""

    _is_awaited = False  # whether Burr awaits what the hooks of steps give

    def __init__(
        self,
        project: str,
        storage_dir: str = DEFAULT_STORAGE_DIR,
        serde_kwargs: Optional[Dict[str, Any]] = None,
        *,
        unserializable: str = "placeholder",
        redact: Optional[Redact] = None,
        wait_ms: int = 1000,
        queue_bytes: int = 256 << 20,
    ) -> None:
        """
        :param project: The project's name: 1 to 128 of A-Z a-z 0-9 _ : -
        :param storage_dir: The store. ~/.burr stands for the usual place: the environment's BURR_STORE or burr_path
            where they are set, else that.
        :param serde_kwargs: Given to Burr's serializers and deserializers.
        :param unserializable: What becomes of a value that cannot be stored: "placeholder" stores an object in its
            place that says so and why ({"__burr_invalid": …}), and the application goes on, as tracking must not be
            what stops it; "raise" raises UnserializableError in the step.
        :param redact: What is not to leave the process: patterns of keys, or a callable. See redact.py.
        :param wait_ms: How long the record calls of one outage wait for room, together, before they drop.
        :param queue_bytes: Of records kept on disk during an outage, before calls wait.
        """
        if not PROJECT_NAME.match(project):
            raise ValueError(f'project name "{project}": 1 to 128 of A-Z a-z 0-9 _ : - are allowed')
        if unserializable not in ("placeholder", "raise"):
            raise ValueError(f'unserializable="{unserializable}": "placeholder" or "raise"')
        if storage_dir != DEFAULT_STORAGE_DIR:  # the working folder may be another one when a copy is made
            storage_dir = os.path.abspath(os.path.expanduser(storage_dir))
        self.project_id = project
        self.raw_storage_dir = storage_dir
        self.storage_dir = self.get_storage_path(project, storage_dir)
        self.serde_kwargs = {} if serde_kwargs is None else serde_kwargs
        if redact is not None and not callable(redact) and not isinstance(redact, (str, re.Pattern)):
            redact = list(redact)
        self._arguments: Dict[str, Any] = {
            "project": project,
            "storage_dir": storage_dir,
            "serde_kwargs": serde_kwargs,
            "unserializable": unserializable,
            "redact": redact,
            "wait_ms": wait_ms,
            "queue_bytes": queue_bytes,
        }
        _library.get()  # a missing library is told of here, not in the first step
        self._store = store_of(storage_dir)
        self._tracker_key = (self._store, project, wait_ms, queue_bytes)
        self._redactor = None if redact is None else Redactor(redact)
        self._serializer = Serializer(self.serde_kwargs, self._redactor, unserializable == "raise")
        self._apps: Dict[str, TrackedApp] = {}  # one goes with its application (_forget), but for adopted ones

    def __reduce__(self) -> Tuple[Any, ...]:
        return functools.partial(type(self), **self._arguments), ()

    @classmethod
    def get_storage_path(cls, project: str, storage_dir: str) -> str:
        """The project's folder."""
        if storage_dir == DEFAULT_STORAGE_DIR:
            storage_dir = os.environ.get("BURR_STORE") or os.environ.get("burr_path") or storage_dir
        return os.path.join(os.path.expanduser(storage_dir), project)

    # ---- the store ----

    def flush(self, timeout: float = 5.0) -> None:
        """Wait until everything that was recorded is in the store's logs. Not needed for others to load it, nor at the
        program's end.

        :param timeout: In seconds.
        :raises TimeoutError: With how much still waits, and why.
        :raises DroppedRecordsError: Records were dropped since the last flush: how many, and why.
        """
        tracker = find_tracker(*self._tracker_key)
        if tracker is not None:
            tracker.flush(timeout)

    def _take_in(self) -> None:
        """What waits in line is no other process's to see yet, nor ours."""
        tracker = find_tracker(*self._tracker_key)
        if tracker is not None and tracker.line.apps:
            try:
                tracker.line.drain(LOAD_WAIT_S)
            except TimeoutError:
                pass  # what is there, is loaded

    def _load(
        self, partition_key: Optional[str], app_id: Optional[str], sequence_id: Optional[int]
    ) -> Optional[PersistedStateData]:
        if app_id is None:
            return None
        self._take_in()
        wanted = _library.LAST_STEP if sequence_id is None else sequence_id
        step = reading.load(self._store, self.project_id, app_id, partition_key, wanted)
        if step is None:
            if sequence_id is not None and reading.load(self._store, self.project_id, app_id, partition_key, -1):
                raise ValueError(f"{self.project_id}/{app_id} has no finished step {sequence_id}")
            return None
        return PersistedStateData(
            partition_key=step.partition_key,  # type: ignore[typeddict-item] # Burr gives None for none, too
            app_id=app_id,
            sequence_id=step.sequence_id,
            position=step.position,
            state=State.deserialize({**step.state, SEQUENCE_ID: step.sequence_id}, **self.serde_kwargs),
            created_at=step.created_at,
            status="completed" if step.is_completed else "failed",
        )

    def _list_app_ids(self, partition_key: Optional[str]) -> List[str]:
        self._take_in()
        apps = reading.list_apps(self._store, self.project_id)
        return [app_id for app_id, partition in apps if partition == partition_key]

    @classmethod
    def app_log_exists(cls, project: str, app_id: str, storage_dir: str = DEFAULT_STORAGE_DIR) -> bool:
        """Whether the application has recorded a step."""
        return reading.has_steps(store_of(storage_dir), project, app_id)

    @classmethod
    def load_state(
        cls, project: str, app_id: str, sequence_id: Optional[int] = -1, storage_dir: str = DEFAULT_STORAGE_DIR
    ) -> Tuple[Dict[str, Any], str]:
        """The state after a step, and the step's action as entry point: for looking into a step. To go on with a run
        use initialize_from.

        :param sequence_id: The step's; negative numbers count from the end.
        :raises ValueError: There is no such application, or it has no such finished step.
        """
        wanted = _library.LAST_STEP if sequence_id is None else sequence_id
        return reading.load_state(store_of(storage_dir), project, app_id, wanted)

    # ---- applications ----

    def _make(self, info: _library.AppInfo, transitions: Dict[str, List[Tuple[str, bytes]]]) -> TrackedApp:
        app = TrackedApp(get_tracker(*self._tracker_key), transitions, self._is_awaited)
        try:
            app.create(info)
        except FileNotFoundError:  # the store's folder was removed since it was opened
            stale = app.tracker
            app = TrackedApp(get_tracker(*self._tracker_key, stale=stale), transitions, self._is_awaited)
            app.create(info)
        return app

    def _adopt(self, app_id: str, partition_key: Optional[str]) -> TrackedApp:
        """An application that was made elsewhere and goes on here, as one does that was pickled into a worker."""
        info = _library.AppInfo(ctypes.sizeof(_library.AppInfo), encode(app_id), _encode_optional(partition_key))
        try:
            app = self._make(info, {})
        except (OSError, ValueError) as error:  # a step is under way, which is not to fail by it
            logger.error("application %s is not recorded: %s", app_id, error)
            app = TrackedApp(get_tracker(*self._tracker_key), {}, self._is_awaited)
        self._apps[app_id] = app
        return app

    def copy(self: _Client) -> _Client:
        """A client with the same options."""
        return type(self)(**self._arguments)

    # ---- Burr's hooks ----

    def post_application_create(
        self,
        *,
        app_id: str,
        partition_key: Optional[str],
        state: "State[Any]",
        application_graph: ApplicationGraph,
        parent_pointer: Optional[ParentPointer],
        spawning_parent_pointer: Optional[ParentPointer],
        **future_kwargs: Any,
    ) -> None:
        self._serializer.look_at_registry()
        initial_state = self._serializer.step(state, None)[0]  # before the graph, as with exceptions
        info = _describe(application_graph, self._shown)
        info.app_id = encode(app_id)
        info.partition_key = _encode_optional(partition_key)
        info.parent = _pointer(parent_pointer, state.get(SEQUENCE_ID))
        info.spawning_parent = _pointer(spawning_parent_pointer, None)
        info.initial_state_json = initial_state
        app = self._make(info, _transitions(application_graph, self._shown))
        self._apps[app_id] = app
        weakref.finalize(application_graph, _forget, self._apps, app_id, app).atexit = False

    def pre_run_step(
        self,
        *,
        app_id: str,
        partition_key: Optional[str],
        sequence_id: int,
        state: "State[Any]",
        action: Action,
        inputs: Dict[str, Any],
        **future_kwargs: Any,
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        name = action.name
        written = b"{}"
        if inputs:
            shown = {key: value for key, value in inputs.items() if key not in INJECTED_INPUTS}
            written = self._serializer.fields("input", shown)
        prior = state.get(PRIOR_STEP)
        try:
            via = app.vias[prior, name]
        except KeyError:
            via = app.find_via(prior, name)
        return app.record(app.library.begin_step, len(written), sequence_id, encode_name(name), written, via)

    def post_run_step(
        self,
        *,
        app_id: str,
        partition_key: Optional[str],
        sequence_id: int,
        state: "State[Any]",
        action: Action,
        result: Optional[Dict[str, Any]],
        exception: Optional[BaseException],
        **future_kwargs: Any,
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        if exception is None and result is None:
            exception = _interruption()
        # The state first: what is redacted in it is then taken out of the exception's text as well.
        written, written_result = self._serializer.step(state, result)
        failure = None if exception is None else self._exception(exception)
        size = len(written) + len(written_result or b"") + len(failure or b"")
        name = encode_name(action.name)
        return app.record(app.library.end_step, size, sequence_id, name, written_result, failure, written)

    def pre_start_span(
        self,
        *,
        action: str,
        action_sequence_id: int,
        span: ActionSpan,
        span_dependencies: List[str],
        app_id: str,
        partition_key: Optional[str],
        **future_kwargs: Any,
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        span_id, name = encode(span.uid), encode(span.name)
        parent = None if span.parent is None else encode(span.parent.uid)
        count = len(span_dependencies)
        array = (ctypes.c_char_p * count)(*map(encode, span_dependencies)) if count else None
        size = len(name) + 4 * sum(map(len, span_dependencies))
        return app.record(app.library.begin_span, size, action_sequence_id, span_id, name, parent, array, count)

    def post_end_span(
        self,
        *,
        action: str,
        action_sequence_id: int,
        span: ActionSpan,
        span_dependencies: List[str],
        app_id: str,
        partition_key: Optional[str],
        **future_kwargs: Any,
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        return app.record(app.library.end_span, 0, action_sequence_id, encode(span.uid))

    def do_log_attributes(
        self,
        *,
        attributes: Dict[str, Any],
        action: str,
        action_sequence_id: int,
        span: Optional[ActionSpan],
        tags: Dict[str, str],
        app_id: str,
        partition_key: Optional[str],
        **future_kwargs: Any,
    ) -> None:
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        call, span_id = app.library.log_attribute, None if span is None else encode(span.uid)
        pairs = [_library.Tag(encode(str(key)), encode(str(value))) for key, value in (tags or {}).items()]
        count = len(pairs)
        array = (_library.Tag * count)(*pairs) if count else None
        tags_size = sum(len(pair.key) + len(pair.value) for pair in pairs)
        for key, value in attributes.items():
            written = self._serializer.value("attribute", key, value)
            size = len(written) + tags_size
            app.record(call, size, action_sequence_id, span_id, encode_name(key), written, array, count)

    def pre_start_stream(
        self, *, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        app.stream_counts[sequence_id] = 0
        return app.record(app.library.begin_stream, 0, sequence_id)

    def post_stream_item(
        self, *, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        count = app.stream_counts.get(sequence_id, 0)
        app.stream_counts[sequence_id] = count + 1
        return app.record(app.library.first_item, 0, sequence_id) if count == 0 else None

    def post_end_stream(
        self, *, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> "Optional[Future[None]]":
        app = self._apps.get(app_id) or self._adopt(app_id, partition_key)
        return app.record(app.library.end_stream, 0, sequence_id, app.stream_counts.pop(sequence_id, 0))

    def _shown(self, text: str) -> str:
        return text if self._redactor is None else self._redactor.text(text)

    def _exception(self, exception: BaseException) -> bytes:
        text = "".join(traceback.format_exception(type(exception), exception, exception.__traceback__))
        if self._redactor is not None:
            try:
                text = self._redactor.exception(text)
            except Exception:  # a callable of the application's
                text = f"{type(exception).__name__}, whose text could not be redacted"
        return _encode_exception(text)
