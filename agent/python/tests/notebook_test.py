"""`%burr_ui`, in a real IPython: that it finds or starts a collector, and what a notebook is shown of it."""

import json
import os
import pathlib
import re
import stat
import subprocess
import sys
import types
import unittest
import unittest.mock
import urllib.request

from harness import BURR, StoreTest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from burr_collector import __version__

# What a place sets for the kernel, and with that for a collector that is started from it.
NOTEBOOK = {"JPY_PARENT_PID": "1"}
HUB = {"JUPYTERHUB_SERVICE_PREFIX": "/user/ada/"}
COLAB = {"COLAB_RELEASE_TAG": "release-colab_20250909", "COLAB_JUPYTER_IP": "172.28.0.12", "JPY_PARENT_PID": "80"}
VSCODE = ("VSCODE_PID", "VSCODE_IPC_HOOK_CLI", "VSCODE_PROXY_URI")
COLAB_ADDRESS = "https://x1-496f-{port}-colab.googleusercontent.com"


class Colab(types.ModuleType):
    """Colab's own module as far as it is called: its browser is not to be had here."""

    def __init__(self):
        super().__init__("google.colab.output")
        self.framed = []

    def eval_js(self, script):
        port = re.fullmatch(r"google\.colab\.kernel\.proxyPort\((\d+)\)", script)[1]
        return COLAB_ADDRESS.format(port=port)

    def serve_kernel_port_as_iframe(self, port, path="/", width="100%", height="400"):
        self.framed.append((port, height))


class Notebook(StoreTest):
    def setUp(self):
        super().setUp()
        self.shell = InteractiveShell.instance()
        self.shell.run_line_magic("reload_ext", "burr_collector")
        self.addCleanup(subprocess.run, [BURR, "stop", "--store", self.store], capture_output=True)

    def burr_ui(self, line="", place=None):
        """The magic; what it displayed (as MIME bundles) and what it printed."""
        places = {name: "" for name in (*NOTEBOOK, *HUB, *COLAB, *VSCODE)}
        with unittest.mock.patch.dict(os.environ, {**places, **(place or {})}), capture_output() as captured:
            self.shell.run_line_magic("burr_ui", f"--store {self.store} {line}")
        return [output.data for output in captured.outputs], captured.stdout

    def running(self):
        told = subprocess.run([BURR, "status", "--json", "--store", self.store], capture_output=True, text=True)
        return json.loads(told.stdout)

    def link(self, shown):
        return re.search(r'href="([^"]+)"', shown[0]["text/html"])[1]

    def test_it_starts_a_collector_and_finds_it_again(self):
        shown, said = self.burr_ui("--port 0 --height 321", NOTEBOOK)
        self.assertEqual(said, "")
        self.assertTrue(self.running()["running"])
        self.assertEqual(self.link(shown), self.running()["url"])
        self.assertIn(self.store, shown[0]["text/html"])
        with urllib.request.urlopen(self.link(shown), timeout=30) as answer:
            self.assertIn("frame-ancestors 'self' http://localhost:*", answer.headers["Content-Security-Policy"])
        frame = shown[1]["text/html"]
        self.assertIn(f'src="{self.link(shown)}', frame)
        self.assertIn('height="321"', frame)
        pid = self.running()["pid"]
        self.assertEqual(self.link(self.burr_ui(place=NOTEBOOK)[0]), self.link(shown))
        self.assertEqual(self.running()["pid"], pid)

    def test_one_that_may_not_be_framed_here_is_a_link(self):
        collector = self.collector()  # started in no VS Code
        self.assertEqual(len(self.burr_ui(place=NOTEBOOK)[0]), 2)
        shown, said = self.burr_ui(place={**NOTEBOOK, "VSCODE_PID": "1"})
        self.assertEqual((len(shown), said), (1, ""))
        self.assertEqual(self.link(shown).replace("localhost", "127.0.0.1"), collector.url)

    def test_no_iframe(self):
        shown, _ = self.burr_ui("--no-iframe --port 0", NOTEBOOK)
        self.assertEqual(len(shown), 1)

    def test_below_a_hub(self):
        shown, _ = self.burr_ui("--port 0", HUB)
        port = self.running()["url"].rsplit(":", 1)[1].rstrip("/")
        self.assertEqual(self.link(shown), f"/user/ada/proxy/{port}/")
        self.assertIn(f'src="/user/ada/proxy/{port}/"', shown[1]["text/html"])

    def test_colab(self):
        output = Colab()
        google, colab = types.ModuleType("google"), types.ModuleType("google.colab")
        colab.output = output
        modules = {"google": google, "google.colab": colab, "google.colab.output": output}
        with unittest.mock.patch.dict(sys.modules, modules):
            shown, said = self.burr_ui("--port 0", COLAB)
        port = int(self.running()["url"].rsplit(":", 1)[1].rstrip("/"))
        self.assertEqual((len(shown), said), (1, ""))
        self.assertEqual(self.link(shown), COLAB_ADDRESS.format(port=port))
        self.assertEqual(output.framed, [(port, "600")])
        # The collector that was started answers to the name that Colab's proxy asks by, and may be framed there.
        request = urllib.request.Request(f"http://127.0.0.1:{port}/", headers={"Host": self.link(shown)[len("https://") :]})
        with urllib.request.urlopen(request, timeout=30) as answer:
            self.assertIn("https://colab.research.google.com", answer.headers["Content-Security-Policy"])

    def test_a_port_that_is_taken(self):
        other = self.collector(store=os.path.join(self.folder, "other"))
        port = other.url.rsplit(":", 1)[1]
        shown, said = self.burr_ui(f"--port {port}", NOTEBOOK)
        self.assertEqual(shown, [])
        self.assertRegex(said, f"%burr_ui: .*port {port} is taken by .*choose another with --port")

    def test_no_program(self):
        with unittest.mock.patch.dict(os.environ, {"BURR_PROGRAM": "/nowhere/burr"}):
            shown, said = self.burr_ui()
        self.assertEqual(shown, [])
        self.assertIn("%burr_ui: BURR_PROGRAM names /nowhere/burr", said)

    def test_a_collector_of_another_version(self):
        program = pathlib.Path(self.folder, "burr")
        url = self.collector().url
        told = json.dumps({"running": True, "url": url, "version": "0.0.9", "store": self.store})
        program.write_text(f"#!/bin/sh\n[ \"$1\" = --version ] && echo 'burr {__version__}' || echo '{told}'\n")
        program.chmod(program.stat().st_mode | stat.S_IXUSR)
        with unittest.mock.patch.dict(os.environ, {"BURR_PROGRAM": str(program)}):
            shown, said = self.burr_ui()
        self.assertEqual(self.link(shown), url)
        self.assertIn(f"the collector of {self.store} is burr 0.0.9", said)
        self.assertIn("update the program and start it again", said)

    def test_a_line_that_makes_no_sense(self):
        shown, said = self.burr_ui("--height tall")
        self.assertEqual(shown, [])
        self.assertIn("%burr_ui: argument --height/-h: invalid int value: 'tall'\nusage: %burr_ui", said)
        self.assertIn("--no-iframe", self.burr_ui("--help")[1])


class WithoutIPython(unittest.TestCase):
    def test_the_package_loads_and_the_line_is_read(self):
        code = (
            "import sys; sys.modules['IPython'] = None\n"
            "import burr_collector, burr_collector.notebook as notebook\n"
            "asked = notebook.parse('--height 7 --store \"/tmp/a b\"')\n"
            "print(asked.height, asked.store, asked.port)\n"
            "notebook.burr_ui('--heigth 7')\n"
        )
        ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
        self.assertEqual(ran.stderr, "")
        self.assertIn("7 /tmp/a b None\n%burr_ui: unrecognized arguments: --heigth 7", ran.stdout)


if __name__ == "__main__":
    unittest.main(verbosity=2)
