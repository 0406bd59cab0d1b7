"""`%burr_ui`: the UI in a notebook.

    %load_ext burr_collector
    %burr_ui                  the collector of ~/.burr, started where none runs
    %burr_ui --store /tmp/x --height 800
    %burr_ui --no-iframe      only the link

It is Burr's magic with the same options, and takes its place when both are loaded. Where there is no browser (Colab, a
server) nothing tries to open one: a collector that is started from here says to nobody but us where it is. How the
notebook's page reaches the machine's loopback address differs by place:

- Colab forwards a port of the kernel's machine into a frame, and gives an address of its own for a link.
- Below JupyterHub jupyter-server-proxy shows it at …/proxy/PORT/.
- Elsewhere the browser runs on this machine or has the port forwarded (VS Code, ssh -L): the address as it is.

A frame is shown only when the collector lets the notebook's page have one. It knows the place by the environment it
was started in, so one that was started elsewhere may not; then there is the link.
"""

from __future__ import annotations

import argparse
import html
import os
import shlex
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any, Callable, Optional

from burr_collector.program import Collector, ProgramError, find_collector, find_program, other_version, start_collector

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

ASK_S = 5


class UsageError(Exception):
    """A line that makes no sense, with what it says about that."""


class LineParser(argparse.ArgumentParser):
    """Of a line in a notebook, which an error must not end."""

    def error(self, message: str) -> Any:
        raise UsageError(f"{message}\n{self.format_usage()}")


def parse(line: str) -> argparse.Namespace:
    parser = LineParser("%burr_ui", add_help=False, description="Show burr's UI.")
    parser.add_argument("--help", action="store_true", help="this text")
    parser.add_argument("--height", "-h", type=int, default=600, help="of the frame, in pixels")
    parser.add_argument("--no-iframe", action="store_true", help="only the link")
    parser.add_argument("--store", help="the folder; as burr knows it where it is left out")
    parser.add_argument("--port", type=int, help="of a collector that is started; 0: any")
    asked = parser.parse_args(shlex.split(line))
    asked.usage = parser.format_help()
    return asked


# ---- the place


def colab_output() -> Optional[Any]:
    """google.colab.output, in Colab."""
    try:
        from google.colab import output  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return output


def notebook_address(collector: Collector) -> str:
    """Where the notebook's reader finds the collector."""
    colab = colab_output()
    if colab:
        return str(colab.eval_js(f"google.colab.kernel.proxyPort({collector.port})"))
    base = os.environ.get("JUPYTERHUB_SERVICE_PREFIX")
    if base:
        return f"{base.rstrip('/')}/proxy/{collector.port}/"
    return collector.url


def frame_source() -> str:
    """How a Content-Security-Policy of a collector that may be framed here names the notebook's page."""
    if colab_output():
        return "https://colab.research.google.com"
    if any(os.environ.get(name) for name in ("VSCODE_PID", "VSCODE_IPC_HOOK_CLI", "VSCODE_PROXY_URI")):
        return "vscode-webview:"
    return "http://localhost:*"


def may_be_framed(collector: Collector) -> bool:
    """Whether the collector lets the notebook's page show it in a frame."""
    if os.environ.get("JUPYTERHUB_SERVICE_PREFIX"):  # behind the proxy it is of the page's own origin
        return True
    try:
        with urllib.request.urlopen(collector.url, timeout=ASK_S) as answer:
            policy = answer.headers["Content-Security-Policy"]
    except urllib.error.HTTPError as answer:  # it wants a token first
        policy = answer.headers["Content-Security-Policy"]
    except OSError:
        return False
    return frame_source() in (policy or "").split("frame-ancestors")[-1]


# ---- the magic


def find_or_start(store: Optional[str], port: Optional[int]) -> Collector:
    program = find_program()
    collector = find_collector(program, store) or start_collector(program, store, port)
    for remark in (
        other_version(str(program.path), program.version),
        other_version(f"the collector of {collector.store}", collector.version),
    ):
        if remark:
            print(remark)
            break  # the second would be the same about the one it has started
    return collector


def show(collector: Collector, height: int, frame: bool) -> None:
    import IPython.display

    publish: Callable[..., None] = IPython.display.publish_display_data
    address, store = notebook_address(collector), collector.store
    source = html.escape(address)
    link = f'burr: <a href="{source}" target="_blank">{source}</a>, store {html.escape(store)}'
    publish({"text/html": link, "text/plain": f"burr: {address}, store {store}"})
    if not frame or not may_be_framed(collector):
        return
    colab = colab_output()
    if colab:
        colab.serve_kernel_port_as_iframe(collector.port, height=str(height))
        return
    iframe = f'<iframe src="{source}" width="100%" height="{height}" style="border: 0"></iframe>'
    publish({"text/html": iframe, "text/plain": ""})


def burr_ui(line: str = "") -> None:
    """Show burr's UI in the notebook, and start a collector where none runs. %burr_ui --help tells the options."""
    try:
        asked = parse(line)
        if asked.help:
            print(asked.usage)
        else:
            show(find_or_start(asked.store, asked.port), asked.height, not asked.no_iframe)
    except (UsageError, ProgramError) as why:
        print(f"%burr_ui: {why}")


def load_ipython_extension(ipython: InteractiveShell) -> None:
    """What `%load_ext burr_collector` calls."""
    ipython.register_magic_function(burr_ui, "line", "burr_ui")  # type: ignore[arg-type,unused-ignore]
