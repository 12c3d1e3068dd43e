#!/bin/bash
# dialogue.sh [FILE]: dialogues [dialogue.txt]: those of Debian's fortunes (packages fortunes, fortunes-min) in which somebody answers, an empty
# line between two of them.
set -euo pipefail
export LC_ALL=C
file=${1:-dialogue.txt}
fortunes=${AIC_FORTUNES:-/usr/share/games/fortunes}
[ -s "$fortunes/riddles" ] || { echo "dialogue.sh: $fortunes holds no fortunes: apt install fortunes fortunes-min" >&2; exit 1; }
find "$fortunes" -type f ! -name '*.*' | sort | xargs -d '\n' cat | tr -d '\r' | awk -v RS='\n%\n' '
	{ said = $0; n = gsub(/(^|\n)[A-Z][A-Za-z .]*: /, "&", said) + gsub(/(^|\n)[ \t]*"/, "&", said) + gsub(/(^|\n)[A-Z][A-Za-z .]*:\t/, "&", said) }
	n >= 2 { gsub(/\t/, " "); print $0 "\n" }' >"$file.tmp"
mv "$file.tmp" "$file"
