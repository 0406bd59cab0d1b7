"""The wheel's build step: libburr goes into it, compiled from the sources of this tree.

Where it cannot be compiled, one that is installed is copied; where there is none either, the build ends with a
sentence that says what to install. BURR_LIBRARY=/path/to/libburr.so.0 takes that file and compiles nothing.

The wheel is for one platform and any Python: the library is reached by ctypes, so no line of it knows Python.
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from typing import Any, Dict, List

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

LIBRARY = "libburr.so.0"
CMAKE_NEEDED = (3, 25)


class CannotBuild(Exception):
    """Why the library cannot be had in one way, and what to do."""


def cmake_is_there() -> bool:
    """Whether PATH has a CMake that is new enough."""
    try:
        told = subprocess.run(["cmake", "--version"], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        return False
    found = re.search(r"version (\d+)\.(\d+)", told)
    return found is not None and (int(found[1]), int(found[2])) >= CMAKE_NEEDED


def sources(here: pathlib.Path) -> pathlib.Path:
    """The folder with libburr's CMakeLists.txt: beside this one in the tree, in it in a source distribution."""
    for folder in (here / "libburr", here.parent.parent):
        if (folder / "agent" / "include" / "burr" / "tracker.h").exists():
            return folder
    raise CannotBuild("libburr's sources are not there: build from burr's tree or from a source distribution")


def compile_library(source: pathlib.Path, into: pathlib.Path) -> pathlib.Path:
    """libburr, compiled by CMake in the folder `into`."""
    if not os.environ.get("CC") and not any(map(shutil.which, ("cc", "gcc", "clang"))):
        raise CannotBuild("there is no C compiler (Debian, Ubuntu: apt-get install gcc libc6-dev make)")
    if not any(map(shutil.which, ("ninja", "make"))):
        raise CannotBuild("there is neither ninja nor make (Debian, Ubuntu: apt-get install ninja-build)")
    generator = ["-G", "Ninja"] if shutil.which("ninja") else []
    options = ["-DCMAKE_BUILD_TYPE=Release", "-DBURR_PROGRAM=OFF"]
    configure = ["cmake", "-S", str(source), "-B", str(into), *generator, *options]
    for command in (configure, ["cmake", "--build", str(into), "--target", "burr_shared", "--parallel"]):
        ran = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ran.returncode != 0:
            raise CannotBuild(f"{' '.join(command[:2])} failed:\n{ran.stdout[-3000:]}")
    return into / "lib" / LIBRARY


def installed_library() -> pathlib.Path:
    """libburr as pkg-config or the usual folders know it."""
    folders = ["/usr/local/lib", "/usr/lib", f"/usr/lib/{sysconfig.get_config_var('MULTIARCH') or ''}"]
    if shutil.which("pkg-config"):
        told = subprocess.run(["pkg-config", "--variable=libdir", "burr"], capture_output=True, text=True)
        folders.insert(0, told.stdout.strip())
    for folder in filter(None, folders):
        if (pathlib.Path(folder) / LIBRARY).exists():
            return pathlib.Path(folder) / LIBRARY
    raise CannotBuild(f"no installed {LIBRARY} is found by pkg-config or below /usr either")


def find_library(here: pathlib.Path, scratch: pathlib.Path) -> pathlib.Path:
    """The library to put into the wheel."""
    named = os.environ.get("BURR_LIBRARY")
    if named:
        if pathlib.Path(named).is_file():
            return pathlib.Path(named).resolve()
        raise CannotBuild(f"BURR_LIBRARY names {named}, and there is no such file")
    try:
        return compile_library(sources(here), scratch)
    except CannotBuild as why:
        try:
            found = installed_library()
        except CannotBuild as why_not:
            raise CannotBuild(f"{why}\n{why_not}; BURR_LIBRARY=/path/to/{LIBRARY} names one elsewhere") from None
        print(f"burr-collector: {str(why).splitlines()[0]}: takes {found}", file=sys.stderr)
        return found


class LibraryHook(BuildHookInterface):  # type: ignore[type-arg]
    """What hatchling calls around a wheel."""

    def dependencies(self) -> List[str]:
        """CMake and Ninja from PyPI, where the machine has none that will do."""
        if os.environ.get("BURR_LIBRARY") or cmake_is_there():
            return []
        return [f"cmake>={'.'.join(map(str, CMAKE_NEEDED))}", "ninja"]

    def initialize(self, version: str, build_data: Dict[str, Any]) -> None:
        """Compile, and name the wheel after the platform."""
        if version == "editable":  # finds the library in the tree's build folder
            return
        self.scratch = tempfile.TemporaryDirectory(prefix="burr-collector-")
        try:
            library = find_library(pathlib.Path(self.root), pathlib.Path(self.scratch.name))
        except CannotBuild as why:
            self.scratch.cleanup()
            sys.exit(f"burr-collector: libburr cannot be built: {why}")
        build_data["force_include"][str(library)] = f"burr_collector/lib/{LIBRARY}"
        build_data["pure_python"] = False
        build_data["tag"] = "py3-none-" + re.sub(r"[-.]", "_", sysconfig.get_platform())

    def finalize(self, version: str, build_data: Dict[str, Any], artifact_path: str) -> None:
        """Nothing is left of the build."""
        if version != "editable":
            self.scratch.cleanup()
