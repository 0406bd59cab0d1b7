#!/bin/sh
# bundle.sh BUILD: npm's packages, then the web UI into BUILD/dist with its notices beside it.
#
# Leaves BUILD/stamp, new whenever the files are, and BUILD/inputs.d, what they depend on. Without npm, or with its
# registry out of reach, it says so, leaves no stamp and an empty BUILD/dist, and succeeds: the program is then built
# without a UI, and the missing stamp makes the next build try again. An error in our own sources fails the build.
set -eu
build=$1
out=$build/dist
log=$build/npm.log
missing=$build/missing

without_ui() {
	rm -rf "$out" "$build/stamp"
	mkdir -p "$out"
	: >"$build/notices.txt"
	said=$(cat "$missing" 2>/dev/null || true)
	printf '%s\n' "$1" >"$missing"
	[ "$said" = "$1" ] || printf 'The web UI is NOT in this build: %s\n(The program works without it; the next build tries again.)\n' "$1" >&2
	exit 0
}

# Everything the bundle is made of; directories stand for the files that may be added to them.
{
	printf '%s:' "$build/stamp"
	find . -path ./node_modules -prune -o -path ./dist -prune -o -path ./tests -prune -o -path ./e2e -prune -o \
		\( -path './src/*' -o -path './public/*' -o -name src -o -name '*.ts' -o -name '*.html' -o -name 'tsconfig*.json' \) \
		! -name '*.test.ts' ! -name '*.test.tsx' -print |
		sed "s|^\\./|$PWD/|; s/[ #\\\\]/\\\\&/g" | tr '\n' ' ' | sed 's/^/ /'
	echo
} >"$build/inputs.d"

# What is installed is right when every package of the lock file is there in its version, whoever put it there.
installed() {
	node -e '
		const fs = require("fs");
		const read = (path) => JSON.parse(fs.readFileSync(path, "utf8")).packages;
		const have = read("node_modules/.package-lock.json");
		for (const [path, entry] of Object.entries(read("package-lock.json")))
			if (path && !entry.optional && have[path]?.version !== entry.version) process.exit(1);
	' 2>/dev/null
}

# Quiet `./dev run` does not ask the registry again at every start.
if [ -n "${BURR_WEBUI_RETRY_MINUTES:-}" ] && [ -n "$(find "$missing" -mmin "-$BURR_WEBUI_RETRY_MINUTES" 2>/dev/null)" ]; then
	without_ui "$(cat "$missing")"
fi
command -v node >/dev/null || without_ui "node is not installed"
command -v npm >/dev/null || without_ui "npm is not installed"
mkdir -p "$build"

# Two builds of one tree may come here at once.
if command -v flock >/dev/null; then
	exec 9<package-lock.json
	flock 9
fi
if ! installed; then
	echo "Web UI: npm installs its packages into webui/node_modules"
	# A registry that does not answer must cost seconds: npm asks again and again, so one short question comes first.
	# A mirror that does not know the question answers with a status, and that will do.
	if ! timeout 30 npm ping --fetch-retries=0 --fetch-timeout=8000 >"$log" 2>&1; then
		error=$(sed -n 's/^npm [Ee][Rr][A-Za-z!]* code //p' "$log" | head -n 1)
		case $error in E[1-5][0-9][0-9]) ;; *) without_ui "npm's registry does not answer (${error:-no reply})" ;; esac
	fi
	if ! npm ci --no-audit --no-fund --fetch-retries=1 --fetch-timeout=20000 >"$log" 2>&1; then
		if grep -q EBADENGINE "$log"; then
			without_ui "node $(node --version) is too old, see webui/package.json"
		fi
		without_ui "npm ci failed: $(grep -i -m 1 'error' "$log" | sed 's/^npm [A-Za-z!.]* *//'), all of it in $log"
	fi
fi

echo "Web UI: vite builds it"
if ! npm run --silent build -- --outDir "$out" --emptyOutDir --sourcemap hidden --logLevel warn >"$log" 2>&1; then
	cat "$log" >&2
	exit 1
fi
node ../collector/notices/bundled.mjs . "$out" "$build/notices.txt"
find "$out" -name '*.map' -exec rm -f {} +
rm -f "$missing"
date >"$build/stamp"
