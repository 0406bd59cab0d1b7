"""The tracking clients: Burr's hooks, synchronous and asynchronous."""

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Coroutine, Dict, List, Optional, TypeVar

from burr.common.types import BaseCopyable, ParentPointer
from burr.core import Action, ApplicationGraph, State
from burr.core.persistence import AsyncBaseStateLoader, BaseStateLoader, PersistedStateData
from burr.lifecycle import PostApplicationCreateHook, PostEndSpanHook, PreStartSpanHook
from burr.lifecycle.base import (
    DoLogAttributeHook,
    PostEndStreamHookAsync,
    PostRunStepHookAsync,
    PostStreamItemHookAsync,
    PreRunStepHookAsync,
    PreStartStreamHookAsync,
)
from burr.tracking.client import SyncTrackingClient
from burr.visibility import ActionSpan

from burr_collector.recorder import Recorder

if TYPE_CHECKING:
    from concurrent.futures import Future


_Client = TypeVar("_Client", bound="_SyncHooks")


class _SyncHooks(
    Recorder, PostApplicationCreateHook, PreStartSpanHook, PostEndSpanHook, DoLogAttributeHook, BaseCopyable
):
    """The hooks that Burr calls without awaiting in asynchronous applications, too."""

    def copy(self: _Client) -> _Client:
        """A client with the same options."""
        return type(self)(**self._arguments)

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
        self._create_app(app_id, partition_key, state, application_graph, parent_pointer, spawning_parent_pointer)

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
    ) -> None:
        self._begin_span(app_id, partition_key, action_sequence_id, span, span_dependencies)

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
    ) -> None:
        self._end_span(app_id, partition_key, action_sequence_id, span)

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
        self._log_attributes(app_id, partition_key, action_sequence_id, span, attributes, tags)


class CollectorTrackingClient(_SyncHooks, SyncTrackingClient, BaseStateLoader):
    """In place of Burr's LocalTrackingClient, for applications that run synchronously or asynchronously.

    No hook keeps an event loop waiting: during an outage, records wait in a thread of their own.

    Threads: any, several applications at once. A forked child goes on with the client it inherited; a pickled one
    opens the store anew where it is unpickled.
    """

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
    ) -> None:
        self._begin_step(app_id, partition_key, sequence_id, state, action, inputs)

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
    ) -> None:
        self._end_step(app_id, partition_key, sequence_id, state, action, result, exception)

    def pre_start_stream(
        self, *, action: str, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> None:
        self._begin_stream(app_id, partition_key, sequence_id)

    def post_stream_item(
        self, *, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> None:
        self._take_item(app_id, partition_key, sequence_id)

    def post_end_stream(
        self, *, action: str, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> None:
        self._end_stream(app_id, partition_key, sequence_id)

    def load(
        self, partition_key: Optional[str], app_id: Optional[str], sequence_id: Optional[int] = None, **kwargs: Any
    ) -> Optional[PersistedStateData]:
        """The state after a step, for initialize_from.

        :param partition_key: None: of any partition.
        :param sequence_id: None: the last finished step.
        :return: None where there is no such application, or it has finished no step.
        :raises ValueError: It has no such step.
        """
        return self._load(partition_key, app_id, sequence_id)

    def list_app_ids(self, partition_key: Optional[str], **kwargs: Any) -> List[str]:
        """The project's applications of this partition (None: those without one), newest first."""
        return self._list_app_ids(partition_key)


async def _wait(waiting: "Optional[Future[None]]") -> None:
    """Until the record is made, where it had to wait."""
    if waiting is not None:
        await asyncio.wrap_future(waiting)


class AsyncCollectorTrackingClient(
    _SyncHooks,
    PreRunStepHookAsync,
    PostRunStepHookAsync,
    PreStartStreamHookAsync,
    PostStreamItemHookAsync,
    PostEndStreamHookAsync,
    AsyncBaseStateLoader,
):
    """CollectorTrackingClient for applications that run asynchronously only.

    Its loader is the one that initialize_from takes in an application built by abuild(). And during an outage a step
    waits for its records, as a synchronous one does, while the event loop goes on; so wait_ms holds it back instead of
    memory filling up. Applications that are run synchronously are not recorded by it: Burr leaves asynchronous hooks
    out there.

    Its hooks record when they are called, not when they are awaited: an exception is then still on its way.
    """

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
    ) -> Coroutine[Any, Any, None]:
        return _wait(self._begin_step(app_id, partition_key, sequence_id, state, action, inputs))

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
    ) -> Coroutine[Any, Any, None]:
        return _wait(self._end_step(app_id, partition_key, sequence_id, state, action, result, exception))

    def pre_start_stream(
        self, *, action: str, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> Coroutine[Any, Any, None]:
        return _wait(self._begin_stream(app_id, partition_key, sequence_id))

    def post_stream_item(
        self, *, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> Coroutine[Any, Any, None]:
        return _wait(self._take_item(app_id, partition_key, sequence_id))

    def post_end_stream(
        self, *, action: str, sequence_id: int, app_id: str, partition_key: Optional[str], **future_kwargs: Any
    ) -> Coroutine[Any, Any, None]:
        return _wait(self._end_stream(app_id, partition_key, sequence_id))

    async def load(
        self, partition_key: Optional[str], app_id: Optional[str], sequence_id: Optional[int] = None, **kwargs: Any
    ) -> Optional[PersistedStateData]:
        """As CollectorTrackingClient.load."""
        load = functools.partial(self._load, partition_key, app_id, sequence_id)
        return await asyncio.get_running_loop().run_in_executor(None, load)

    async def list_app_ids(self, partition_key: Optional[str], **kwargs: Any) -> List[str]:
        """As CollectorTrackingClient.list_app_ids."""
        return await asyncio.get_running_loop().run_in_executor(None, self._list_app_ids, partition_key)
