"""The tracking clients, synchronous and asynchronous: what Burr takes for trackers and for loaders of states."""

import asyncio
import functools
from typing import TYPE_CHECKING, Any, Coroutine, List, Optional

from burr.common.types import BaseCopyable
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

from burr_collector.recorder import Recorder

if TYPE_CHECKING:
    from concurrent.futures import Future


class CollectorTrackingClient(Recorder, SyncTrackingClient, BaseStateLoader):
    """In place of Burr's LocalTrackingClient, for applications that run synchronously or asynchronously.

    A hook keeps an event loop waiting no longer than a store that is busy takes, and not for an outage: records then
    wait in memory, in a thread of their own.

    Threads: any, several applications at once. A forked child goes on with the client it inherited; a pickled one
    opens the store anew where it is unpickled.
    """

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
    """Until the record is made, where it had to wait. It is made as well when the step is cancelled meanwhile, which
    asyncio.wrap_future would pass on to it."""
    if waiting is None:
        return
    loop = asyncio.get_running_loop()
    made = loop.create_future()

    def tell(_: "Future[None]") -> None:
        try:
            loop.call_soon_threadsafe(lambda: None if made.done() else made.set_result(None))
        except RuntimeError:
            pass  # the loop is closed, so nobody waits any more

    waiting.add_done_callback(tell)
    await made


class AsyncCollectorTrackingClient(
    Recorder,
    BaseCopyable,
    PostApplicationCreateHook,
    PreStartSpanHook,
    PostEndSpanHook,
    DoLogAttributeHook,
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
    out there. Burr makes a task of each asynchronous hook, which costs several times what the hook does.

    The hooks record when they are called, not when they are awaited: an exception is then still on its way. Spans and
    attributes have synchronous hooks here as well, as Burr calls those in asynchronous actions, too.
    """

    _is_awaited = True

    def pre_run_step(self, **kwargs: Any) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        return _wait(super().pre_run_step(**kwargs))

    def post_run_step(self, **kwargs: Any) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        return _wait(super().post_run_step(**kwargs))

    def pre_start_stream(self, **kwargs: Any) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        return _wait(super().pre_start_stream(**kwargs))

    def post_stream_item(self, **kwargs: Any) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        return _wait(super().post_stream_item(**kwargs))

    def post_end_stream(self, **kwargs: Any) -> Coroutine[Any, Any, None]:  # type: ignore[override]
        return _wait(super().post_end_stream(**kwargs))

    async def load(
        self, partition_key: Optional[str], app_id: Optional[str], sequence_id: Optional[int] = None, **kwargs: Any
    ) -> Optional[PersistedStateData]:
        """As CollectorTrackingClient.load."""
        load = functools.partial(self._load, partition_key, app_id, sequence_id)
        return await asyncio.get_running_loop().run_in_executor(None, load)

    async def list_app_ids(self, partition_key: Optional[str], **kwargs: Any) -> List[str]:
        """As CollectorTrackingClient.list_app_ids."""
        return await asyncio.get_running_loop().run_in_executor(None, self._list_app_ids, partition_key)
