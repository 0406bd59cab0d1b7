#!/bin/sh
# A user's first program, built by the one line that README.md gives: against the build tree and against an installed
# copy, shared and static, as C99 and as C++11, by pkg-config and by find_package; and every public header alone.
# The program is README.md's first C block; the line is README.md's first that calls cc with pkg-config.
set -eu

tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
export BURR_STORE="$tmp/store" BURR_NO_OPEN=1
unset BURR_DISABLED PKG_CONFIG_LIBDIR 2>/dev/null || true
cc=${CC:-cc}
cxx=${CXX:-c++}
strict="-pedantic -Wall -Wextra -Werror"

step() { echo "-- $*"; }
die() {
	echo "FAILED: $*"
	exit 1
}

# ---- the program and the line

[ ! -e "$BURR_SOURCE/README.md" ] || awk '/^```c$/ { on = 1; next } /^```/ { if (on) exit } on' "$BURR_SOURCE/README.md" >first.c
[ -s first.c ] || cp "$BURR_SOURCE/tests/packaging/smallest.c" first.c
line=$(sed -n 's/^ *\$\{0,1\} *\(cc .*pkg-config.*burr.*\)$/\1/p' "$BURR_SOURCE/README.md" 2>/dev/null | head -n 1)
# Where burr.pc lies is what this test varies.
line=$(printf '%s\n' "${line:-cc first.c -o first \$(pkg-config --cflags --libs burr)}" | sed 's/PKG_CONFIG_PATH=[^ ]* *//')
source=$(printf '%s\n' "$line" | grep -o '[A-Za-z0-9_./-]*\.c\b' | head -n 1)
program=$(printf '%s\n' "$line" | sed -n 's/.* -o \([^ ]*\).*/\1/p')
program=${program:-a.out}
case $source$program in */*) mkdir -p "$(dirname "$source")" "$(dirname "$program")" ;; esac
[ "$source" = first.c ] || cp first.c "$source"
step "the program has $(wc -l <first.c) lines; the line is: $line"

# ---- an installed copy, moved after it was installed: nothing in it may know its place

cmake --install "$BURR_BUILD" --prefix "$tmp/first-place" >install.log || die "cmake --install: $(cat install.log)"
mv first-place prefix
prefix=$tmp/prefix
libdir=$(dirname "$(find "$prefix" -name libburr.a)")
for file in include/burr/status.h include/burr/burr.h share/doc/burr/LICENSE; do
	[ -e "$prefix/$file" ] || die "$file is not installed"
done
[ -e "$libdir/libburr.so" ] || die "libburr.so is not installed beside libburr.a"
if [ -x "$BURR" ]; then
	"$prefix/bin/burr" --version || die "the installed program does not start"
	[ -s "$prefix/share/doc/burr/third-party.txt" ] || die "third-party.txt is not installed"
fi
# The library's own paths must not be in what a user builds with.
if grep -r -l -F -e "$BURR_BUILD" -e "$BURR_SOURCE" -e first-place "$prefix/include" "$libdir/cmake" "$libdir/pkgconfig"; then
	die "these files name the place they were built in"
fi

# ---- every public header alone, twice over

for header in "$BURR_SOURCE"/agent/include/burr/*.h; do
	name=burr/$(basename "$header")
	printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name" >header.c
	# shellcheck disable=SC2086 # a list of words
	$cc -std=c99 $strict -Wstrict-prototypes -fsyntax-only -I"$prefix/include" header.c || die "$name is no C99"
	# shellcheck disable=SC2086 # a list of words
	$cxx -x c++ -std=c++11 $strict -fsyntax-only -I"$prefix/include" header.c || die "$name is no C++11"
done
step "every public header compiles alone as C99 and C++11"

# ---- pkg-config

try() { # NAME COMMAND…: what the command builds as ./program must run
	name=$1
	shift
	rm -f "$program"
	"$@" || die "$name: does not build"
	"./$program" >out.log 2>&1 || die "$name: leaves with $?: $(cat out.log)"
	step "$name: $(head -n 1 out.log)"
}
shared_by_name() { readelf -d "$program" | grep -q 'NEEDED.*libburr\.so'; }

for place in build installed; do
	if [ $place = build ]; then
		PKG_CONFIG_PATH=$BURR_BUILD/lib/pkgconfig
	else
		PKG_CONFIG_PATH=$libdir/pkgconfig
		export LD_LIBRARY_PATH="$libdir"
	fi
	export PKG_CONFIG_PATH
	flags="$(pkg-config --cflags --libs burr)"
	static="$(pkg-config --static --cflags --libs burr)"
	try "$place, the README's line" sh -c "$line"
	shared_by_name || die "$place: the README's line does not link libburr.so"
	# shellcheck disable=SC2086 # lists of words
	{
		try "$place, C99" "$cc" -std=c99 $strict first.c -o "$program" $flags
		try "$place, C++11" "$cxx" -x c++ -std=c++11 $strict first.c -x none -o "$program" $flags
		try "$place, static" "$cc" -std=c99 $strict -static first.c -o "$program" $static
		try "$place, static C++11" "$cxx" -x c++ -std=c++11 $strict -static first.c -x none -o "$program" $static
	}
	! shared_by_name || die "$place: the static program links libburr.so"
done
[ "$(pkg-config --modversion burr)" = "$(sed -n 's/^project(burr VERSION \([0-9.]*\).*/\1/p' "$BURR_SOURCE/CMakeLists.txt")" ] ||
	die "burr.pc has another version than CMakeLists.txt"

# ---- find_package

mkdir user
cp first.c user/first.c
cp first.c user/first.cc
cat >user/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.16)
project(user C CXX)
find_package(burr 0.1 CONFIG REQUIRED)
foreach(kind IN ITEMS burr burr_static)
  foreach(language IN ITEMS c cc)
    add_executable(${kind}_${language} first.${language})
    target_link_libraries(${kind}_${language} PRIVATE burr::${kind})
  endforeach()
endforeach()
END
for place in build installed; do
	rm -rf made
	config=$libdir/cmake/burr
	[ $place = installed ] || config=$BURR_BUILD/lib/cmake/burr
	{ cmake -S user -B made -G Ninja -Dburr_DIR="$config" && ninja -C made; } >made.log 2>&1 ||
		die "find_package: $(cat made.log)"
	for kind in burr_c burr_cc burr_static_c burr_static_cc; do
		program=made/$kind
		"./$program" >out.log 2>&1 || die "find_package, $kind: leaves with $?: $(cat out.log)"
		if [ "${kind#burr_static}" = "$kind" ]; then
			shared_by_name || die "burr::burr is not the shared library"
		else
			! shared_by_name || die "burr::burr_static is not the static library"
		fi
	done
	step "$place, find_package: burr::burr and burr::burr_static, C and C++"
done
