"""Run tests of this folder beside real Burr: run.py [NAME_test.py …], or all of them.

They run in a virtual environment of the build folder, on the package as it lies in the tree and on the library and
program of that build. Where Burr cannot be installed they are skipped, with the reason; under `./dev test-python` that
is a failure.
"""

import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
BUILD = pathlib.Path(os.environ["BURR_BUILD"])
SOURCE = pathlib.Path(os.environ["BURR_SOURCE"])
sys.path.insert(0, str(SOURCE / "tests" / "interop"))

from venv_of import virtual_environment  # noqa: E402

VENV = BUILD / "python{}.{}-venv".format(*sys.version_info)
REQUIREMENTS = ["burr==0.40.2", "pydantic>=2,<3", "ipython", "hatchling", "mypy", "opentelemetry-sdk"]
MODULES = ["burr", "pydantic", "IPython", "hatchling", "mypy", "opentelemetry.sdk"]


def environment(home):
    """That of the tests: nothing of it leads to the user's own store."""
    kept = {k: v for k, v in os.environ.items() if k not in ("BURR_STORE", "burr_path", "BURR_DISABLED")}
    paths = [HERE.parent, HERE, SOURCE / "tests" / "e2e"]
    return {
        **kept,
        "HOME": home,
        "PYTHONPATH": os.pathsep.join(map(str, paths)),
        "BURR_LIBRARY": str(BUILD / "lib" / "libburr.so.0"),
        "BURR_PROGRAM": os.environ["BURR"],
        "BURR_TELEMETRY_ENABLED": "false",  # Burr's own would call its maker, from a thread that forks must not meet
    }


def main():
    try:
        virtual_environment(VENV, MODULES, REQUIREMENTS)
    except unittest.SkipTest as why:
        print(f"SKIP: {why}")
        return 77
    modules = [pathlib.Path(name).stem for name in sys.argv[1:] or sorted(HERE.glob("*_test.py"))]
    with tempfile.TemporaryDirectory(prefix="burr-python-") as home:
        command = [VENV / "bin" / "python", "-m", "unittest", "-v", *modules]
        return subprocess.run(command, env=environment(home), cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
