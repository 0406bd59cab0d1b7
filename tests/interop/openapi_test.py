"""The program against its own OpenAPI file: Schemathesis makes up requests, valid and not, for every operation, and checks
each answer's status, type, headers and body.

Needs schemathesis from PyPI, in a virtual environment of the build folder; where it cannot be had, the test is skipped
with the reason. BURR_OPENAPI_EXAMPLES sets how many requests are made up for each operation and kind of run.
"""

import os
import pathlib
import subprocess
import sys
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "e2e"))

from harness import BUILD, StoreTest  # noqa: E402
from venv_of import virtual_environment  # noqa: E402

VENV = BUILD / "openapi-venv"
REQUIREMENT = "schemathesis==4.32.5"
EXAMPLES = os.environ.get("BURR_OPENAPI_EXAMPLES", "20")
SAMPLES = BUILD / "libexec" / "burr" / "examples"

# The event stream does not end by itself. What a cursor, a filter and a percent-encoding may hold no schema can say, so a
# refusal of what a schema allows is no finding.
# A refusal may be 414 or 431, too: no schema bounds a whole request.
OPTIONS = ["--exclude-path", "/api/v1/events", "--exclude-checks", "positive_data_acceptance"]
CONFIG = """
[checks.negative_data_rejection]
expected-statuses = [400, 404, 405, 414, 422, 431]
[parameters]
"path.project" = "{project}"
"path.app_id" = "{app}"
"""


def setUpModule():
    virtual_environment(VENV, ["schemathesis"], [REQUIREMENT])


class OpenApi(StoreTest):
    def run_sample(self, name):
        ran = subprocess.run(
            [SAMPLES / name], env={**os.environ, "BURR_STORE": self.store}, capture_output=True, text=True, timeout=60
        )
        self.assertEqual(ran.returncode, 0, ran.stderr)

    def ask_about(self, project, app):
        collector = self.collector()
        config = pathlib.Path(self.folder, "schemathesis.toml")
        config.write_text(CONFIG.format(project=project, app=app))
        ran = subprocess.run(
            [
                *(VENV / "bin" / "schemathesis", "--config-file", config, "run", collector.url + "/api/openapi.json"),
                *("--max-examples", EXAMPLES, "--seed", "1", "--phases", "coverage,fuzzing", "--no-color"),
                *("--continue-on-failure", "--request-timeout", "30", "--warnings", "off", *OPTIONS),
            ],
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=280,
        )
        said = "\n".join(line[:500] for line in (ran.stdout + ran.stderr).splitlines())
        self.assertEqual(ran.returncode, 0, said)
        self.assertRegex(ran.stdout, r"[1-9]\d+ generated, \d+ passed")
        self.assertEqual(collector.stop(), 0)

    def test_a_run_that_streams(self):
        self.run_sample("demo_chat")
        self.ask_about("demo_chat", "chat-3-sums")

    def test_a_run_that_failed(self):
        self.run_sample("demo_failure")
        self.ask_about("demo_failure", "order-1001")

    def test_a_damaged_run_that_spawned_others(self):
        self.run_sample("demo_parallel")
        with open(self.log_path("research-tea", "demo_parallel"), "ab") as log:
            log.write(b'{"type":"end_entry","sequence_id":"7"}\nno JSON\n{"type":"begin_entry","sequence_id":9,"act')
        self.ask_about("demo_parallel", "research-tea")


if __name__ == "__main__":
    unittest.main(verbosity=2)
