"""The program `burr`, found and started from Python: what `burr-collector`, `python -m burr_collector` and
`%burr_ui` share.

The wheel holds the library and not the program. The program is linked against the system's h2o, SQLite and OpenSSL,
whose security updates come from there; one of it serves all virtual environments of a machine; and applications
record without it.

Burr's own Python package has a command `burr` of its own, which a virtual environment puts first on PATH. So a `burr`
is taken for ours only when it says so.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import urllib.parse
from dataclasses import dataclass
from typing import Iterator, Optional

from burr_collector._version import __version__

ASK_S = 30  # for a command that ought to answer in milliseconds, on a machine that is busy
START_S = 30
LOOK_AGAIN_S = 0.05

GET_IT = (
    "build it in burr's tree (./dev build) and put build/release/bin on PATH, or install it "
    "(sudo cmake --install build/release), or name it: BURR_PROGRAM=/path/to/burr"
)


class ProgramError(Exception):
    """No program, or it does not start: a sentence that says what to do."""


@dataclass(frozen=True)
class Program:
    """Our program: where it is, and its version, as in "0.1.0"."""

    path: pathlib.Path
    version: str


@dataclass(frozen=True)
class Collector:
    """A collector that runs: the address of its UI, its version, the folder of its store."""

    url: str
    version: str
    store: str

    @property
    def port(self) -> int:
        return urllib.parse.urlsplit(self.url).port or 80


# ---- the program


def is_python_script(path: pathlib.Path) -> bool:
    """As Burr's own command is: there is no need to start it, which takes it a second."""
    with open(path, "rb") as file:
        return re.match(rb"#!.*python|#!/bin/sh\n'''exec' ", file.read(200)) is not None


def version_of(path: pathlib.Path) -> Optional[str]:
    """The version of a program that says that it is ours; None for any other.

    Raises ProgramError when it is ours and cannot start (a shared library that is missing)."""
    try:
        if is_python_script(path):
            return None
        ran = subprocess.run(
            [path, "--version"], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=ASK_S
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if ran.returncode == 127 and "shared libraries" in ran.stderr:
        raise ProgramError(f"{path} does not start: {ran.stderr.strip()}: install the package that holds it")
    found = re.fullmatch(r"burr (\d+\.\d+\.\d+\S*)\n", ran.stdout)
    return found[1] if found else None


def source_tree() -> Optional[pathlib.Path]:
    """burr's tree, when this package lies in it or was installed from it."""
    places = [pathlib.Path(__file__).resolve().parents[1]]
    try:
        origin = importlib.metadata.distribution("burr-collector").read_text("direct_url.json")
        if origin:
            places.append(pathlib.Path(urllib.parse.unquote(urllib.parse.urlsplit(json.loads(origin)["url"]).path)))
    except (importlib.metadata.PackageNotFoundError, ValueError, KeyError):
        pass
    for place in places:
        if (place.parent / "include" / "burr" / "tracker.h").exists():
            return place.parent.parent
    return None


def candidates() -> Iterator[pathlib.Path]:
    """Where a program may be, the likeliest first."""
    for folder in os.get_exec_path():
        yield pathlib.Path(folder) / "burr"
    library = os.environ.get("BURR_LIBRARY")
    if library:  # PREFIX/lib/libburr.so.0, PREFIX/lib/x86_64-linux-gnu/libburr.so.0
        for prefix in list(pathlib.Path(library).resolve().parents)[1:3]:
            yield prefix / "bin" / "burr"
    tree = source_tree()
    if tree:
        yield tree / "build" / "release" / "bin" / "burr"
        yield tree / "build" / "dev" / "bin" / "burr"
    yield pathlib.Path("/usr/local/bin/burr")


def find_program() -> Program:
    """Our program: what BURR_PROGRAM names, else the first of this package's version on PATH, beside BURR_LIBRARY and
    in burr's tree, else the first of any version.

    Raises ProgramError."""
    named = os.environ.get("BURR_PROGRAM")
    if named:
        found = shutil.which(named)
        version = version_of(pathlib.Path(found)) if found else None
        if not found or not version:
            raise ProgramError(f"BURR_PROGRAM names {named}, which is not the burr that collects: {GET_IT}")
        return Program(pathlib.Path(found), version)
    others = []
    for path in candidates():
        version = version_of(path) if os.access(path, os.X_OK) and path.is_file() else None
        if version == __version__:
            return Program(path, version)
        if version:
            others.append(Program(path, version))
    if not others:
        raise ProgramError(f"the program burr is not to be found: {GET_IT}")
    return others[0]


def other_version(what: str, version: str) -> Optional[str]:
    """What to do about a program or collector of another version; None when it is of this one.

    Nothing breaks by it: what goes over the socket and onto the disk has versions of its own."""
    if version == __version__:
        return None
    older = [int(part) for part in re.findall(r"\d+", version)[:3]] < [
        int(part) for part in re.findall(r"\d+", __version__)[:3]
    ]
    update = "update the program and start it again" if older else "update this package"
    return f"{what} is burr {version}, the package burr_collector is {__version__}: {update}"


# ---- its collector

_started: list[subprocess.Popen[bytes]] = []  # kept, so that Python waits for them when they have ended


def store_options(store: Optional[str]) -> list[str]:
    return ["--store", os.path.expanduser(store)] if store else []


def find_collector(program: Program, store: Optional[str] = None) -> Optional[Collector]:
    """The collector that runs on the store (None: the usual one) and has said where it is; None when there is none."""
    ran = subprocess.run(
        [program.path, "status", "--json", *store_options(store)], capture_output=True, text=True, timeout=ASK_S
    )
    try:
        told = json.loads(ran.stdout)
    except ValueError:
        raise ProgramError((ran.stderr or ran.stdout).strip()) from None
    if not told["running"] or not told["url"]:
        return None
    return Collector(told["url"], told["version"], told["store"])


def start_collector(program: Program, store: Optional[str] = None, port: Optional[int] = None) -> Collector:
    """A collector on the store that outlives this process (`burr-collector stop` ends it); the one that runs
    already, when there is one.

    Raises ProgramError with what the program said."""
    command = [str(program.path), "serve", "--no-open", *store_options(store)]
    command += [] if port is None else ["--port", str(port)]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=said, stderr=subprocess.STDOUT, start_new_session=True
        )
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            code = process.poll()  # asked first: one that has left may have found another, whose address comes next
            collector = find_collector(program, store)
            if collector:
                _started.append(process)
                return collector
            if code is not None:
                break
            time.sleep(LOOK_AGAIN_S)
        said.seek(0)
        told = said.read().strip()
    if process.poll() is None:
        raise ProgramError(f"{program.path} (process {process.pid}) has not said where it is for {START_S} s: {told}")
    raise ProgramError(told or f"{program.path} left with {process.returncode}")
