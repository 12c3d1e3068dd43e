#!/bin/bash
# manual.sh: every program has a man page, and man and mandoc read them all without a word.
set -uo pipefail
TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
status=0
for page in "$TOP"/doc/man/*.[1-8]; do
	words=$(mandoc -T lint -W warning "$page" 2>&1)
	[ -z "$words" ] || { echo "$words"; status=1; }
done
for program in $(cd "${AIC_TEST_USR:?}" && ls bin sbin | grep -v :); do
	[ -n "$(compgen -G "$TOP/doc/man/$program.[1-8]")" ] || { echo "doc/man has no page for $program"; status=1; }
done
exit "$status"
