"""A virtual environment of the build folder with packages of PyPI in it."""

import fcntl
import os
import shutil
import subprocess
import sys
import unittest


def virtual_environment(folder, modules, requirements):
    """Made where it is not there yet. Where it cannot be had the tests are skipped, with the reason, or fail by it with
    BURR_PYTHON_REQUIRED=1 (`./dev test-python`). Several tests may ask for one at the same time."""
    with open(folder.with_name(folder.name + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        make(folder, modules, requirements)


def cannot(why):
    return RuntimeError(why) if os.environ.get("BURR_PYTHON_REQUIRED") else unittest.SkipTest(why)


def make(folder, modules, requirements):
    python = folder / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import " + ", ".join(modules)], capture_output=True).returncode == 0:
        return
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode != 0:
        raise cannot("no virtual environment can be made: " + (made.stderr or made.stdout).strip()[-200:])
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], capture_output=True, text=True)
    if installed.returncode != 0:
        shutil.rmtree(folder)
        lines = installed.stderr.strip().splitlines() or ["pip failed"]
        raise cannot(f"{', '.join(requirements)} cannot be installed: {lines[-1]}")
