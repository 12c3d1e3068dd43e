#!/bin/bash
# speech-commands.sh [FOLDER [SOUNDS]]: ten spoken commands as FOLDER/WORD/NNN.wav [speech-commands], 8,000 frames a second, SOUNDS [100]
# of each, spoken by espeak-ng (Debian: espeak-ng, sox) in voices, pitches and speeds drawn from a fixed seed.
set -euo pipefail
folder=${1:-speech-commands} sounds=${2:-100}
words=(yes no up down left right on off stop go)
voices=(en-us en-gb en-gb-scotland en-gb-x-rp en-029)
variants=(m1 m2 m3 m4 m5 m6 m7 f1 f2 f3 f4 f5)
for tool in espeak-ng sox; do
	command -v $tool >/dev/null || { echo "speech-commands.sh: there is no $tool: apt install $tool" >&2; exit 1; }
done
RANDOM=1
for word in "${words[@]}"; do
	mkdir -p "$folder.tmp/$word"
	for ((i = 0; i < sounds; i++)); do
		voice=${voices[RANDOM % ${#voices[@]}]}+${variants[RANDOM % ${#variants[@]}]}
		espeak-ng -v "$voice" -s $((RANDOM % 80 + 130)) -p $((RANDOM % 60 + 20)) --stdout "$word" |
			sox -t wav - -r 8000 -c 1 -b 16 -D -R "$folder.tmp/$word/$(printf %03d $i).wav" silence 1 0.01 0.5% gain -n -3
	done
done
mv "$folder.tmp" "$folder"
