"""A chat whose answers come word by word, with spans around what it does for them. No network, no model: it knows three
facts.

    python chat.py

Shows a streaming action of an asynchronous application, spans in spans, attributes with OpenTelemetry's gen_ai.* names,
and a run that waits for its user between turns. In the UI: project demo_python_chat, the waterfall of an `answer`.
"""

import asyncio
from typing import AsyncGenerator, Optional, Tuple

from burr.core import Application, ApplicationBuilder, State, action
from burr.core.action import streaming_action
from burr.visibility import TracerFactory

from burr_collector import CollectorTrackingClient

FACTS = {
    "giraffe": "A giraffe sleeps less than two hours a day, and mostly on its feet.",
    "octopus": "An octopus has three hearts, and two of them stop while it swims.",
    "honey": "Honey keeps for thousands of years, as long as the jar stays closed.",
}
WORD_S = 0.005


@action(reads=["chat"], writes=["chat", "question"])
async def ask(state: State, question: str) -> State:
    return state.update(question=question).append(chat={"role": "user", "content": question})


@streaming_action(reads=["chat", "question"], writes=["chat"])
async def answer(state: State, __tracer: TracerFactory) -> AsyncGenerator[Tuple[dict, Optional[State]], None]:
    async with __tracer("retrieve") as retrieve:
        async with __tracer("rank"):
            about = [text for name, text in FACTS.items() if name in state["question"]]
        retrieve.log_attributes(found=len(about))
    text = about[0] if about else "I do not know that yet."
    said = ""
    async with __tracer("call_model") as call:
        for word in text.split(" "):
            await asyncio.sleep(WORD_S)
            said = f"{said} {word}".lstrip()
            yield {"content": word}, None
        call.log_attributes(
            **{"gen_ai.request.model": "three-facts", "gen_ai.usage.output_tokens": len(text.split(" "))}
        )
    yield {"content": said}, state.append(chat={"role": "assistant", "content": said})


async def build() -> Application:
    return await (
        ApplicationBuilder()
        .with_actions(ask, answer)
        .with_transitions(("ask", "answer"), ("answer", "ask"))
        .with_entrypoint("ask")
        .with_state(chat=[])
        .with_tracker(CollectorTrackingClient(project="demo_python_chat"))
        .abuild()
    )


async def main() -> None:
    app = await build()
    for question in ("How does a giraffe sleep?", "And an octopus?", "Why is the sky blue?"):
        print(f"> {question}\n ", end="", flush=True)
        _, stream = await app.astream_result(halt_after=["answer"], inputs={"question": question})
        async for item in stream:
            print(f" {item['content']}", end="", flush=True)
        await stream.get()
        print()
    print(f"recorded as {app.uid}")


if __name__ == "__main__":
    asyncio.run(main())
