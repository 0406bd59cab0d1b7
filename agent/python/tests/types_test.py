"""The package is typed: what it says of its own types holds, and so for who uses it (py.typed)."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

PACKAGE = pathlib.Path(__file__).resolve().parent.parent


class Types(unittest.TestCase):
    def test_mypy_finds_nothing(self):
        with tempfile.TemporaryDirectory() as cache:
            mypy = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, "burr_collector", "hatch_build.py"]
            ran = subprocess.run(mypy, cwd=PACKAGE, capture_output=True, text=True, timeout=300)
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
