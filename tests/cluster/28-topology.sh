# The network between four nodes: measured by MPI under srun, remembered, shown, and given to Slurm's topology/tree.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
lab_begin_all
LINKS=$AIC_LAB/state/links
measure() { aic topology measure --history "$LINKS" "$@"; } # as root, in the partition that AIC does not look after

refuses "nothing was measured yet" 1 "links is not there: nothing was measured yet" aic topology show --history "$LINKS"
passes "four nodes are measured" measure -p side --html "$AIC_LAB/state/links.html"
is "each pair of them" "$(cut -d' ' -f1,2 "$LINKS" | tail -n +2 | tr '\n' ',')" "n1 n2,n1 n3,n1 n4,n2 n3,n2 n4,n3 n4,"
is "latency and bandwidth are figures" "$(awk 'NR > 1 && $3 > 0 && $4 > 0 && $5 == 1' "$LINKS" | wc -l)" 6
like "the page is well-formed" "$(xmllint --html --noout "$AIC_LAB/state/links.html" 2>&1 | grep -v 'Tag \(svg\|rect\|text\|title\|g\) invalid' | grep -c error)" "^0"
passes "two of them are measured again" measure -p side -w 'n[1-2]'
is "which their link remembers" "$(awk '$1 == "n1" && $2 == "n2" && $5 > 1.9 { print "twice" } $1 == "n3" && $5 == 1 { print "once" }' "$LINKS" | tr '\n' ' ')" "twice once "
refuses "one node has no link" 2 "n1 is 1 node, a link has two ends" measure -p side -w n1
refuses "a partition that is not there" 2 "no such partition as none" measure -p none
refuses "an account that may not pay" 1 "srun ended with" measure -p side -A nobody

# --- planted figures, so that the switches are known ---
cat >"$AIC_LAB/state/planted" <<-EOF
	aic-links 1
	n1 n2 1000 12e9
	n3 n4 1100 12e9
	n1 n3 3000 12e9
	n1 n4 3100 3e9
	n2 n3 2900 12e9
	n2 n4 3000 12e9
EOF
rm "$LINKS"
found=$(measure --from "$AIC_LAB/state/planted" --write 2>&1)
like "a heat map" "$found" "n1   +\\. . . *
"
like "the switches" "$found" "2 leaf switches"
like "the link that is worse than its class" "$found" "1 link is worse .*n1 +n4 +top +3100 +3000 +2861 +11444 +worse"
like "where Slurm reads it" "$found" "wrote $AIC_LAB/etc/topology.conf"
like "as table for programs" "$(aic topology show --history "$LINKS" -P)" "^node_a.*n1\|n4\|top\|3100\|3000\|2861\|11444\|worse"
slurmctld_stop
echo "TopologyPlugin=topology/tree" >>"$AIC_LAB/etc/slurm.conf"
slurmctld_start
like "Slurm has the leaves" "$(scontrol show topology)" "SwitchName=leaf1 Level=0 LinkSpeed=1 Nodes=n\[1-2\].*SwitchName=leaf2 Level=0 LinkSpeed=1 Nodes=n\[3-4\]"
like "under the top" "$(scontrol show topology)" "SwitchName=top Level=1 LinkSpeed=1 Nodes=n\[1-4\] Switches=leaf1,leaf2"
passes "its nodes are there again" wait_for 30 slurm_idle
leaf_of() { as "$LAB_ADA" srun -p side -N2 -w "$1" --switches=1 bash -c 'echo $SLURMD_NODENAME' 2>/dev/null | sort | tr '\n' ' '; }
is "a job of one switch is where the other node of its leaf is" "$(leaf_of n3)$(leaf_of n2)" "n3 n4 n1 n2 "
echo "# by hand" >"$AIC_LAB/etc/topology.conf"
refuses "a file of somebody else's stays" 1 "topology.conf was not written by aic topology: move it away" aic topology show --history "$LINKS" --write
refuses "a mistake has its line" 2 "planted:8: \"n1\" is no link" sh -c "echo n1 >>'$AIC_LAB/state/planted'; aic topology measure --history '$LINKS' --from '$AIC_LAB/state/planted'"
