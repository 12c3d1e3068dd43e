# aic.yaml with a mistake, or closed to its reader: one sentence with file, line and remedy; what runs goes on.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
controller=$(daemon_pid slurmctld) acctd=$(daemon_pid aicacctd)
bad=$AIC_LAB/etc/bad.yaml
one_line() { # NAME CODE PATTERN CMD...: and says it in one line
	local name=$1 code=$2 pattern=$3 words
	shift 3
	refuses "$name" "$code" "$pattern" "$@"
	words=$("$@" 2>&1)
	is "$name, in one line" "$(wc -l <<<"$words")" 1
}
try_all() { # NAME PATTERN
	one_line "aic: $1" 2 "$2" aic balance --config "$bad"
	one_line "aicacctd: $1" 2 "$2" timeout 10 aicacctd --config "$bad" --foreground
	one_line "aicledgerd: $1" 2 "$2" timeout 10 aicledgerd --config "$bad" --foreground
	one_line "aicnoded: $1" 2 "$2" timeout 10 aicnoded --config "$bad" --foreground -N n1
}
sed 's/^rates:/rates: [/' "$AIC_CONFIG" >"$bad"
try_all "broken syntax" "bad.yaml.[0-9]+"
sed 's/^mode: .*/mode: enforced/' "$AIC_CONFIG" >"$bad"
try_all "an unknown value" "bad.yaml.[0-9]+.*mode.*enforce"
sed 's/^period: day/perriod: day/' "$AIC_CONFIG" >"$bad"
try_all "an unknown key" "bad.yaml.[0-9]+.*perriod"
rm "$bad"
try_all "no file" "bad.yaml"
cp "$AIC_CONFIG" "$bad"
chmod 600 "$bad"
one_line "aic as an ordinary user: closed file" 1 "bad.yaml.*[Pp]ermission" as "$LAB_ADA" aic balance --config "$bad"
is "slurmctld was not touched" "$(daemon_pid slurmctld)" "$controller"
is "nor was aicacctd" "$(daemon_pid aicacctd)" "$acctd"
passes "which still answers" aic balance
