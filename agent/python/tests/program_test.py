"""`burr-collector`: that it finds our program and never Burr's, and what it says where it cannot."""

import json
import os
import pathlib
import re
import shutil
import signal
import stat
import subprocess
import sys
import unittest

from harness import BURR, StoreTest

from burr_collector import __version__
from burr_collector.program import other_version

BURRS_OWN = """#!/usr/bin/env python3
raise SystemExit("Burr's own command was started")
"""


def script(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def says(version):
    return f'#!/bin/sh\n[ "$1" = --version ] && echo "burr {version}" || echo "{version} was given: $*"\n'


class Program(StoreTest):
    def setUp(self):
        super().setUp()
        self.root = pathlib.Path(self.folder)

    def run_it(self, *args, path=(), **variables):
        """`python -m burr_collector`, with a PATH of these folders."""
        kept = {k: v for k, v in os.environ.items() if k not in ("BURR_PROGRAM", "BURR_LIBRARY")}
        environment = {**kept, "PATH": os.pathsep.join(map(str, path)), **variables}
        command = [sys.executable, "-m", "burr_collector", *map(str, args)]
        return subprocess.run(command, env=environment, cwd=self.folder, capture_output=True, text=True, timeout=60)

    def install(self):
        """The package elsewhere, so that it does not lie in burr's tree."""
        source = pathlib.Path(os.environ["PYTHONPATH"].split(os.pathsep)[0]) / "burr_collector"
        shutil.copytree(source, self.root / "site" / "burr_collector", ignore=shutil.ignore_patterns("__pycache__"))
        return {"PYTHONPATH": str(self.root / "site")}

    def test_the_version_is_the_one_of_the_library_and_the_program(self):
        text = pathlib.Path(os.environ["BURR_SOURCE"], "CMakeLists.txt").read_text()
        self.assertEqual(re.search(r"project\(burr VERSION (\S+)", text)[1], __version__)

    def test_it_becomes_the_program(self):
        ran = self.run_it("status", "--store", self.store, BURR_PROGRAM=str(BURR))
        self.assertEqual((ran.returncode, ran.stderr), (3, ""))
        self.assertIn("burr is not running", ran.stdout)

    def test_burrs_own_command_is_passed_over(self):
        installed = self.install()
        venv = script(self.root / "venv" / "burr", BURRS_OWN)
        ours = self.root / "bin" / "burr"
        ours.parent.mkdir()
        ours.symlink_to(BURR)
        ran = self.run_it("--version", path=(venv.parent, ours.parent), **installed)
        self.assertEqual((ran.stdout, ran.stderr), (f"burr {__version__}\n", ""))
        # And one of another make that is no script.
        script(venv, "#!/bin/sh\necho 'No such option: --version' >&2; exit 2\n")
        ran = self.run_it("--version", path=(venv.parent, ours.parent), **installed)
        self.assertEqual((ran.stdout, ran.stderr), (f"burr {__version__}\n", ""))

    def test_no_program(self):
        installed = self.install()
        venv = script(self.root / "venv" / "burr", BURRS_OWN)
        ran = self.run_it("ls", path=(venv.parent,), **installed)
        self.assertEqual(ran.returncode, 1)
        for part in ("burr-collector: the program burr is not to be found", "./dev build", "BURR_PROGRAM="):
            self.assertIn(part, ran.stderr)

    def test_a_name_that_leads_to_another_program(self):
        ran = self.run_it("ls", BURR_PROGRAM="/bin/true")
        self.assertEqual(ran.returncode, 1)
        self.assertIn("BURR_PROGRAM names /bin/true, which is not the burr that collects", ran.stderr)

    def test_a_program_that_cannot_start(self):
        text = "#!/bin/sh\necho 'burr: error while loading shared libraries: libh2o-evloop.so.0.13: …' >&2; exit 127\n"
        ran = self.run_it("ls", BURR_PROGRAM=str(script(self.root / "burr", text)))
        self.assertEqual(ran.returncode, 1)
        self.assertIn("libh2o-evloop.so.0.13: …: install the package that holds it", ran.stderr)

    def test_beside_the_library_and_in_the_tree(self):
        installed = self.install()
        program = script(self.root / "prefix" / "bin" / "burr", says(__version__))
        library = program.parent.parent / "lib" / "x86_64-linux-gnu" / "libburr.so.0"
        library.parent.mkdir(parents=True)
        library.touch()
        ran = self.run_it("ls", "x", BURR_LIBRARY=str(library), **installed)
        self.assertEqual(ran.stdout, f"{__version__} was given: ls x\n")
        # Installed from a tree by pip, which notes where that is.
        tree = self.root / "tree of burr"
        script(tree / "build" / "release" / "bin" / "burr", says(__version__))
        header = tree / "agent" / "include" / "burr" / "tracker.h"
        header.parent.mkdir(parents=True)
        header.touch()
        note = self.root / "site" / "burr_collector-0.0.dist-info"
        note.mkdir()
        (note / "METADATA").write_text("Metadata-Version: 2.1\nName: burr-collector\nVersion: 0.0\n")
        (note / "direct_url.json").write_text(json.dumps({"url": (tree / "agent" / "python").as_uri(), "dir_info": {}}))
        ran = self.run_it("ls", "y", **installed)
        self.assertEqual(ran.stdout, f"{__version__} was given: ls y\n")

    def test_another_version(self):
        installed = self.install()
        older = script(self.root / "older" / "burr", says("0.0.9"))
        newer = script(self.root / "newer" / "burr", says("7.0.0"))
        same = script(self.root / "same" / "burr", says(__version__))
        ran = self.run_it("ls", path=(older.parent, newer.parent, same.parent), **installed)
        self.assertEqual((ran.stdout, ran.stderr), (f"{__version__} was given: ls\n", ""))
        for program, advice in ((older, "update the program and start it again"), (newer, "update this package")):
            ran = self.run_it("ls", path=(program.parent,), **installed)
            self.assertIn("was given: ls", ran.stdout)
            self.assertIn(f"the package burr_collector is {__version__}: {advice}", ran.stderr)
        self.assertIsNone(other_version("it", __version__))

    def test_ctrl_c_and_the_exit_code_are_the_programs(self):
        environment = {**os.environ, "BURR_PROGRAM": str(BURR)}
        process = subprocess.Popen(
            [sys.executable, "-m", "burr_collector", "--store", self.store, "--port", "0", "--no-open", "--no-demo"],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        self.assertTrue(any("UI  http://" in line for line in process.stdout), "it ended")
        process.send_signal(signal.SIGINT)
        self.assertEqual(process.wait(timeout=60), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
