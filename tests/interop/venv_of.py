"""A virtual environment of the build folder with packages of PyPI in it."""

import shutil
import subprocess
import sys
import unittest


def virtual_environment(folder, modules, requirements):
    """Made where it is not there yet; the tests are skipped, with the reason, where it cannot be had."""
    python = folder / "bin" / "python"
    if python.exists() and subprocess.run([python, "-c", "import " + ", ".join(modules)], capture_output=True).returncode == 0:
        return
    shutil.rmtree(folder, ignore_errors=True)
    made = subprocess.run([sys.executable, "-m", "venv", folder], capture_output=True, text=True)
    if made.returncode != 0:
        raise unittest.SkipTest("no virtual environment can be made: " + (made.stderr or made.stdout).strip()[-200:])
    installed = subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements], capture_output=True, text=True)
    if installed.returncode != 0:
        shutil.rmtree(folder)
        lines = installed.stderr.strip().splitlines() or ["pip failed"]
        raise unittest.SkipTest(f"{', '.join(requirements)} cannot be installed: {lines[-1]}")
