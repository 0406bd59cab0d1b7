"""What a browser makes of who gets in: the page that asks for the token, a refused name, and a notebook's frame.

A headless Chromium (webui/e2e/visit.js) visits a real burr. The notebook's page and Colab's proxy are one server here, to
which Chromium is told that their names lead. Pictures of the pages land in $BURR_BUILD/e2e.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from cli_test import write_app
from edge_test import COLAB, EdgeCase, colab_host

SOURCE = pathlib.Path(os.environ.get("BURR_SOURCE", pathlib.Path(__file__).parents[2]))
BUILD = pathlib.Path(os.environ.get("BURR_BUILD", "."))
WEBUI = SOURCE / "webui"
CHROME = os.environ.get("BURR_CHROME") or next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), "")
TOKEN = "0123456789abcdef0123"
NOTEBOOK = "colab.research.google.com"


def why_not():
    if not shutil.which("node") or not (WEBUI / "node_modules/playwright-core").exists():
        return "npm's packages are not there"
    if not (BUILD / "webui/stamp").exists():
        return "no web UI in this build"
    if not CHROME:
        return "no browser: install chromium or google-chrome, or set BURR_CHROME"
    return None


class Browser(EdgeCase):
    def setUp(self):
        super().setUp()
        write_app(self.store, "demo", "run", [("count", {"n": 1}, None)])

    def visit(self, url, **order):
        if "shot" in order:
            os.makedirs(BUILD / "e2e", exist_ok=True)
            order["shot"] = str(BUILD / "e2e" / order["shot"])
        result = subprocess.run(
            ["node", "e2e/visit.js", json.dumps({"url": url, **order})],
            cwd=WEBUI,
            env={**os.environ, "BURR_CHROME": CHROME},
            capture_output=True,
            text=True,
            timeout=90,
            check=False,
        )
        self.assertEqual(result.returncode, 0, result.stderr)
        return json.loads(result.stdout)

    def assert_no_complaints(self, seen, but="401"):
        """But for the answer that asked for the token, which Chromium reports, too."""
        self.assertEqual([c for c in seen["complaints"] if but not in c], [])

    def start_with_token(self, env=None):
        self.start("--token-file", self.write("token", TOKEN), env=env)

    def test_the_token_is_traded_for_a_cookie(self):
        self.start_with_token()
        url = f"http://localhost:{self.port}/p/demo?tab=x"
        wrong = self.visit(url, type="0123456789abcdef9999", wait="That is not the token", shot="token")
        self.assertEqual((wrong["status"], wrong["cookies"]), (401, []))
        entered = self.visit(url, type=TOKEN, wait="demo", reload=True)
        self.assertEqual(entered["url"], url)
        self.assertEqual(
            entered["cookies"], [{"name": f"burr-token-{self.port}", "httpOnly": True, "sameSite": "Lax", "path": "/"}]
        )
        self.assert_no_complaints(entered)

    def test_the_link_needs_no_typing(self):
        self.start_with_token()
        seen = self.visit(self.link, wait="demo")
        self.assertEqual(seen["url"], f"http://localhost:{self.port}/")
        self.assert_no_complaints(seen)

    def test_a_refused_name(self):
        self.start()
        flags = ["--host-resolver-rules=MAP burr.lab.test 127.0.0.1"]
        seen = self.visit(f"http://burr.lab.test:{self.port}/p/demo", flags=flags, shot="host")
        self.assertEqual(seen["status"], 403)
        self.assertIn("burr --allowed-host burr.lab.test", seen["text"])

    def colab(self, parent=NOTEBOOK):
        """The flags for a Chromium to which the proxy is Colab; the notebook's address."""
        cert, key = self.path("cert.pem"), self.path("key.pem")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=colab"]
            + ["-keyout", key, "-out", cert],
            check=True,
            capture_output=True,
        )
        frame = f'<!doctype html><title>a notebook</title><iframe src="https://{colab_host(self.port)}/" width=1200 height=700></iframe>'
        proxy = self.proxy(host=f"localhost:{self.port}", pages={parent: frame}, certificate=(cert, key), buffer=64)
        rules = ", ".join(f"MAP {name}:443 127.0.0.1:{proxy.port}" for name in (parent, colab_host(self.port)))
        return [f"--host-resolver-rules={rules}", "--ignore-certificate-errors", "--disable-features=LocalNetworkAccessChecks"]

    def test_colab_shows_it_in_a_window_and_in_a_frame(self):
        self.start(env=COLAB)
        flags = self.colab()
        seen = self.visit(f"https://{colab_host(self.port)}/", flags=flags, wait="demo")
        self.assertEqual(seen["complaints"], [])
        seen = self.visit(f"https://{NOTEBOOK}/", flags=flags, frame=True, wait="demo", shot="colab")
        self.assertEqual(seen["frame"], f"https://{colab_host(self.port)}/")
        self.assertEqual(seen["complaints"], [])

    def test_no_other_site_may_show_it_in_a_frame(self):
        self.start(env=COLAB)
        flags = self.colab(parent="evil.test")
        seen = self.visit("https://evil.test/", flags=flags, frame=True)
        self.assertNotIn("demo", seen["text"])
        self.assertTrue(any("frame-ancestors" in c for c in seen["complaints"]), seen)

    def test_a_frame_without_cookies_keeps_the_token_itself(self):
        self.start_with_token(env=COLAB)
        flags = [*self.colab(), "--test-third-party-cookie-phaseout"]
        seen = self.visit(f"https://{NOTEBOOK}/", flags=flags, frame=True, type=TOKEN, wait="demo", reload=True)
        self.assertEqual(seen["cookies"], [])
        self.assert_no_complaints(seen)


if __name__ == "__main__":
    reason = why_not()
    if reason:
        print(f"SKIP: {reason}")
        sys.exit(77)
    unittest.main(verbosity=2)
