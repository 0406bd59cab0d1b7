#!/bin/sh
# notices.sh [BUILD]: the notices name all that is in the program, and nothing under a licence that is not allowed.
set -eu
build=${1:-$BURR_BUILD}
here=$(dirname "$0")/../../collector/notices
text=$build/third-party.txt
bad=0

if [ ! -e "$text" ]; then
	echo "SKIP: the notices are not built: $text"
	exit 77
fi

# ---- the table `name version licence`, between the text's first and second empty line

allowed() { # an SPDX expression without brackets inside: one of its OR parts, or all of its AND parts
	expression=$(echo "$1" | tr '_' ' ' | tr -d '()')
	case $expression in
	*' AND '*' OR '* | *' OR '*' AND '*) return 1 ;;
	*' OR '*)
		for licence in $(echo "$expression" | sed 's/ OR / /g'); do
			if grep -q -x -F -e "$licence" "$here/allowed.txt"; then return 0; fi
		done
		return 1
		;;
	*)
		for licence in $(echo "$expression" | sed 's/ AND / /g'); do
			grep -q -x -F -e "$licence" "$here/allowed.txt" || return 1
		done
		;;
	esac
}
count=0
table=$(awk '/^$/ { part++; next } part == 1' "$text")
[ -n "$table" ] || { echo "FAILED: $text has no table"; exit 1; }
while read -r name version licence; do
	count=$((count + 1))
	if ! allowed "$licence"; then
		echo "FAILED: $name $version is under $licence, which collector/notices/allowed.txt does not have"
		bad=1
	fi
	grep -q -F -e "---- $name " "$text" || { echo "FAILED: the text of $name is missing"; bad=1; }
done <<END
$table
END

# ---- the program's shared libraries against the table of libraries

if [ -x "$build/bin/burr" ]; then
	needed=$(readelf -d "$build/bin/burr" | sed -n 's/.*(NEEDED).*\[\(.*\)\].*/\1/p' |
		grep -v -E '^(libc|libm|libpthread|libdl|librt|libgcc_s|libasan|libubsan|libtsan|ld-linux.*)\.so' || true)
	for library in $needed; do
		grep -q "^${library%%.so*}\.so " "$here/libraries.txt" ||
			{ echo "FAILED: the program needs $library, which collector/notices/libraries.txt does not have"; bad=1; }
	done
	libraries=$(sed -n 's/^\(lib[^ ]*\.so\) .*/\1/p' "$here/libraries.txt")
	for library in $libraries; do
		echo "$needed" | grep -q "^${library%.so}\.so" ||
			{ echo "FAILED: collector/notices/libraries.txt has $library, which the program does not need"; bad=1; }
	done
fi
[ $bad = 0 ] && echo "$count third-party parts, all under allowed licences"
