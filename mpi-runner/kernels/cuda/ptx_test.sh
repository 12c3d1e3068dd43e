#!/bin/bash
# ptx_test.sh: what nvcc makes of the kernels keeps D0's rules: every float operation is rounded to nearest and stays alone, nothing
# is flushed to zero or approximated. Prints TAP lines. Needs nvcc, no GPU.
set -u
SOURCE=$(cd "$(dirname "${BASH_SOURCE[0]}")/../../.." && pwd)
BUILD=$(cd "${AIC_BUILD:-.}" && pwd)
NVCC=$(sed -n 's/^NVCC = //p' "$BUILD/Makefile")
FLAGS=$(sed -n 's/^NVCC_FLAGS = //p' "$BUILD/Makefile")
if [ ! -x "$NVCC" ]; then
	printf "1..1\nok 1 - D0 in what nvcc makes of the kernels # SKIP this build has no nvcc\n"
	exit 0
fi
DIR=$(mktemp -d /tmp/aic-ptx-XXXXXX)
trap 'rm -rf "$DIR"' EXIT
count=0 failed=0
OPERATION='(add|sub|mul|mad|fma|div|rcp|sqrt|rsqrt|ex2|lg2|sin|cos|tanh)(\.[a-z0-9]+)*\.f32'

check() { # check NAME: the status before decides
	local status=$?
	count=$((count + 1))
	if [ $status = 0 ]; then echo "ok $count - $1"; else failed=$((failed + 1)); echo "not ok $count - $1"; fi
}
# keeps FILE: there are operations, and all of them keep the rules
keeps() {
	grep -qE "$OPERATION" "$1" || return 1
	! grep -oE "$OPERATION" "$1" | grep -vE '^(add|sub|mul|fma|div|rcp|sqrt)\.rn\.f32$' | sort | uniq -c | sed 's/^/#/' | grep .
}

for kernels in "$SOURCE"/mpi-runner/kernels/cuda/*.cu; do
	name=$(basename "$kernels" .cu)
	# shellcheck disable=SC2086
	"$NVCC" $FLAGS -arch=compute_80 -ptx -I"$SOURCE" "$kernels" -o "$DIR/$name.ptx" >"$DIR/log" 2>&1 || sed 's/^/# /' "$DIR/log"
	keeps "$DIR/$name.ptx"
	check "$name.cu: every float operation is rounded to nearest, by itself"
done
# the test would notice: nvcc's own ways contract and approximate
"$NVCC" -O3 -std=c++17 -use_fast_math -arch=compute_80 -ptx -I"$SOURCE" "$SOURCE/mpi-runner/kernels/cuda/rows.cu" -o "$DIR/fast.ptx" >"$DIR/log" 2>&1
[ -s "$DIR/fast.ptx" ] && ! keeps "$DIR/fast.ptx" >/dev/null
check "fast mathematics would be noticed"
echo "1..$count"
[ $failed = 0 ]
