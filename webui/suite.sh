#!/bin/sh
# suite.sh SCRIPT: run one of package.json's test scripts as an entry of the test suite.
# Leaves with 77, its last line "SKIP: why", when it cannot run here.
set -eu
cd "$BURR_SOURCE/webui"

skip() {
	echo "SKIP: $1"
	exit 77
}

command -v npm >/dev/null || skip "npm is not installed"
[ -e "$BURR_BUILD/webui/stamp" ] || skip "no web UI in this build: $(cat "$BURR_BUILD/webui/missing" 2>/dev/null)"
if [ "$1" = e2e ]; then
	[ -e e2e/run.js ] || skip "webui/e2e/run.js is not there"
	[ -x "$BURR" ] || skip "the program is not built"
	if [ -z "${BURR_CHROME:-}" ]; then
		for name in chromium google-chrome google-chrome-stable chrome chromium-browser; do
			found=$(command -v "$name") || continue
			# Ubuntu's chromium package is a script that asks for the snap store.
			if [ "$(head -c 2 "$found")" = '#!' ] && grep -q -e '/snap/' -e 'snap install' "$found"; then
				[ -x /snap/bin/chromium ] || continue
			fi
			BURR_CHROME=$found
			break
		done
	fi
	[ -n "${BURR_CHROME:-}" ] || skip "no browser: install chromium or google-chrome, or set BURR_CHROME"
	export BURR_CHROME
fi
exec npm run --silent "$1"
