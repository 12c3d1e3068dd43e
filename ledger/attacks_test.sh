#!/bin/bash
# attacks_test.sh: each test that doc/attacks.md names is there, and runs.
set -uo pipefail
TOP=$(cd "$(dirname "$0")/.." && pwd)
tested=0 broken=0

told() { # NAME STATUS
	tested=$((tested + 1))
	if [ "$2" = 0 ]; then echo "ok $tested - $1"; else broken=1; echo "not ok $tested - $1"; fi
}

# A word in backticks after a file's belongs to that file as well.
while IFS= read -r row; do
	file=
	while IFS= read -r word; do
		case $word in
		*.c:\ *) file=${word%%: *} name=${word#*: } ;;
		*_*) name=$word ;;
		*) continue ;;
		esac
		[ -n "$file" ] || continue
		# its definition, and a second place: where it is run
		[ "$(grep -cw -- "$name" "$TOP/$file")" -ge 2 ] || [ "$(grep -cE "TEST\($name\)|^static void $name\(void\)" "$TOP/$file")" -ge 2 ]
		told "$file: $name" $?
	done < <(grep -o '`[^`]*`' <<<"$row" | tr -d '`')
done < <(grep '^|' "$TOP/doc/attacks.md")
[ "$tested" -ge 40 ]
told "doc/attacks.md names its tests" $?
echo "1..$tested"
exit "$broken"
