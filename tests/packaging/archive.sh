#!/bin/sh
# The source archive of `./dev dist` builds where there is no npm, and its program has the web UI.
set -eu
if ! git -C "$BURR_SOURCE" rev-parse --git-dir >/dev/null 2>&1; then
	echo "SKIP: a source archive is made from a git checkout only"
	exit 77
fi
if [ ! -e "$BURR_BUILD/webui/stamp" ]; then
	echo "SKIP: no web UI in this build: $(cat "$BURR_BUILD/webui/missing" 2>/dev/null)"
	exit 77
fi

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
"$BURR_SOURCE/dev" --no-install dist
tar -xzf "$BURR_SOURCE"/build/burr-*.tar.gz -C "$tmp"
cd "$tmp"/burr-*
[ -e webui/dist/index.html ] && [ -s webui/dist-notices.txt ]
# Whoever calls npm or node here fails.
mkdir "$tmp/path"
for name in npm node; do
	printf '#!/bin/sh\necho "%s was called" >&2\nexit 1\n' $name >"$tmp/path/$name"
	chmod +x "$tmp/path/$name"
done
PATH=$tmp/path:$PATH
cmake --preset release >cmake.log || { cat cmake.log; exit 1; }
ninja -C build/release burr >ninja.log || { cat ninja.log; exit 1; }
build/release/bin/burr --version
build/release/bin/burr --licenses | grep '^react '
