#!/bin/bash
# build.sh gcc|clang|sanitized|fuzz: one of the builds that the tests use, out of tree; what tests/run.sh prepared is the source.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$TOP/tests/lib/prepare.sh"
exec 8>&-
LAB_LOG=$AIC_TEST_DIR/${1:-}.log
: >"$LAB_LOG"
trap '[ $? = 0 ] || grep -aE "(warning|error):|Error |undefined|No rule" "$LAB_LOG" | head -n 40' EXIT

configure() { # NAME ARGS...
	BUILD=$AIC_TEST_DIR/$1
	shift
	build_configure "$AIC_LAB_SOURCE/aic" "$BUILD" --prefix="$AIC_TEST_USR" --with-slurm-source="$(source_tree)" \
		--with-libcbor-source="$(source_cbor_tree)" "$@"
}
# A warning is an error, and all of them are shown. One target after the other: they share objects.
compile() { # CFLAGS TARGET...
	local flags=$1 target status=0
	shift
	quietly make -C "$BUILD" -s Makefile # before the flags are there, which configure must not see
	for target; do quietly make -C "$BUILD" -s -k -j"$(nproc)" CFLAGS="$flags" "$target" || status=1; done
	return "$status"
}

case ${1:-} in
gcc) configure gcc CC=gcc && compile "-g -O2 -Werror" all check_programs install && touch "$AIC_TEST_USR/.prebuilt" ;;
# nvcc's part is built by gcc's builds; clang sees the host's side of it in the simulated one
clang) configure clang CC=clang --with-cuda=no && compile "-g -O1 -Werror" all check_programs ;;
sanitized) configure sanitized CC=gcc --enable-sanitize && compile "-g -O1" all check_programs ;;
fuzz) configure fuzz CC=clang --enable-fuzz --with-cuda=no && compile "-g -O1" fuzz_programs ;;
*) echo "build.sh gcc|clang|sanitized|fuzz" >&2; exit 2 ;;
esac
