#!/bin/sh
# suite.sh SCRIPT [ARGS]: run one of package.json's test scripts as an entry of the test suite; all but test need a browser, and
# pictures draws those of the README anew.
# Leaves with 77, its last line "SKIP: why", when it cannot run here.
set -eu
cd "$BURR_SOURCE/webui"

skip() {
	echo "SKIP: $1"
	exit 77
}

# The pages in a browser, over a fresh store with the sample projects in it, served by the program. More arguments for e2e/run.js
# may follow.
browse() {
	tmp=$(mktemp -d)
	server=
	trap '[ -z "$server" ] || kill "$server" 2>/dev/null || true; wait; rm -rf "$tmp"' EXIT
	"$BURR" serve --store "$tmp/.burr" --port 0 --no-open --no-demo >"$tmp/log" 2>&1 &
	server=$!
	tries=300
	until port=$(sed -n 's|.*http://localhost:\([0-9][0-9]*\).*|\1|p' "$tmp/log") && [ -n "$port" ]; do
		tries=$((tries - 1))
		if [ $tries = 0 ] || ! kill -0 "$server" 2>/dev/null; then
			echo "FAILED: the program does not serve:"
			cat "$tmp/log"
			exit 1
		fi
		sleep 0.1
	done
	"$BURR" demo --store "$tmp/.burr" >"$tmp/demo" || {
		echo "FAILED: the sample programs do not run:"
		cat "$tmp/demo"
		exit 1
	}
	npm run --silent e2e -- --url "http://127.0.0.1:$port" --out "$BURR_BUILD/e2e" "$@"
}

command -v npm >/dev/null || skip "npm is not installed"
[ ! -e dist-notices.txt ] || skip "the web UI came built with this source archive, without npm's packages"
[ -e "$BURR_BUILD/webui/stamp" ] || skip "no web UI in this build: $(cat "$BURR_BUILD/webui/missing" 2>/dev/null)"
[ "$1" != test ] || exec npm run --silent test
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
case $1 in
e2e) browse --shots ;;
pictures) browse --pictures pictures ;;
*)
	[ -x "$BURR_BUILD/tests/e2e_writer" ] || {
		echo "FAILED: tests/e2e_writer is not built"
		exit 1
	}
	# These start collectors and programs themselves; some have no pictures.
	script=$1
	shift
	case $script in
	live | load | tabs | measure) npm run --silent "$script" -- "$@" ;;
	*) npm run --silent "$script" -- --out "$BURR_BUILD/e2e" ;;
	esac
	;;
esac
