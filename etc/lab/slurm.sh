# slurm.sh: slurmctld as user slurm and four slurmds, n1 to n4, with two GPUs each that are only names.

slurm_configure() {
	install -d -m 755 -o slurm -g slurm "$AIC_LAB/run/slurm" "$AIC_LAB/log/slurm" "$AIC_LAB/state/slurmctld"
	install -d -m 755 "$AIC_LAB/state/slurmd" "$AIC_LAB/dev" "$AIC_LAB/tmp" "$AIC_LAB/run/data"
	slurm_write_conf
	slurm_write_gres
	# Nothing here uses cgroups; v1 is the plugin that leaves the machine's tree alone, and needs none to be mounted.
	printf 'CgroupPlugin=cgroup/v1\nIgnoreSystemd=yes\n' >"$AIC_LAB/etc/cgroup.conf"
	# The tree, Slurm 22.05's default, lets ranks leave MPI_Init before all are in it: on a busy machine some crash.
	echo "PMIxCollFence=ring" >"$AIC_LAB/etc/mpi.conf"
	if [ "$AIC_LAB_PLUGINS" = yes ]; then
		echo "optional $LAB_PLUGIN_DIR/spank_aic.so node_dir=$AIC_LAB/state/node/%n dataset_dir=$AIC_LAB/run/data"
	fi >"$AIC_LAB/etc/plugstack.conf"
	# Each node has a /tmp of its own, as separate hosts have: MPI keeps what belongs to one host there.
	printf '#!/bin/sh\necho "export TMPDIR=%s/tmp/$SLURMD_NODENAME"\n' "$AIC_LAB" >"$AIC_LAB/etc/task-prolog.sh"
	chmod 755 "$AIC_LAB/etc/task-prolog.sh"
	chmod 644 "$AIC_LAB"/etc/{slurm,gres,cgroup,plugstack}.conf
}

slurm_write_conf() {
	local host
	host=$(hostname -s)
	cat >"$AIC_LAB/etc/slurm.conf" <<-EOF
		ClusterName=aiclab
		SlurmctldHost=$host(127.0.0.1)
		SlurmctldPort=$AIC_LAB_PORT
		SlurmUser=slurm
		SlurmdUser=root
		AuthType=auth/munge
		AuthInfo=socket=$MUNGE_SOCKET
		CredType=cred/munge
		PluginDir=$(slurm_plugin_dirs)
		PlugStackConfig=$AIC_LAB/etc/plugstack.conf
		StateSaveLocation=$AIC_LAB/state/slurmctld
		SlurmctldPidFile=$AIC_LAB/run/slurm/slurmctld.pid
		SlurmctldLogFile=$AIC_LAB/log/slurm/slurmctld.log
		SlurmctldDebug=info
		SlurmdSpoolDir=$AIC_LAB/state/slurmd/%n
		SlurmdPidFile=$AIC_LAB/run/slurm/slurmd-%n.pid
		SlurmdLogFile=$AIC_LAB/log/slurm/slurmd-%n.log
		SlurmdDebug=info
		SlurmdParameters=config_overrides
		TmpFS=$AIC_LAB/tmp/%n
		TaskProlog=$AIC_LAB/etc/task-prolog.sh
		ProctrackType=proctrack/linuxproc
		TaskPlugin=task/none
		MpiDefault=pmix
		JobAcctGatherType=jobacct_gather/linux
		JobAcctGatherFrequency=5
		MailProg=/bin/true
		ReturnToService=2
		KillWait=5
		MinJobAge=600
		SchedulerType=sched/backfill
		SchedulerParameters=bf_interval=2,sched_interval=5,sched_min_interval=100000,batch_sched_delay=0
		SelectType=select/cons_tres
		SelectTypeParameters=CR_Core_Memory
		DefMemPerCPU=256
		AccountingStorageType=accounting_storage/slurmdbd
		AccountingStorageHost=localhost
		AccountingStoragePort=$LAB_DATABASE_PORT
		AccountingStoragePass=$MUNGE_SOCKET
		AccountingStorageEnforce=associations,limits,qos
		AccountingStorageTRES=gres/gpu
		GresTypes=gpu
		$(slurm_plugin_lines)
		NodeName=n[1-4] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$((AIC_LAB_PORT + 1))-$((AIC_LAB_PORT + 4))] CPUs=4 RealMemory=4096 Gres=gpu:a100:2 State=UNKNOWN
		PartitionName=main Nodes=n[1-4] Default=YES DefaultTime=10 MaxTime=60 State=UP
		PartitionName=side Nodes=n[1-4] MaxTime=60 State=UP
	EOF
}

slurm_plugin_dirs() {
	local debian
	debian=/usr/lib/$(gcc -print-multiarch)/slurm-wlm
	if [ "$AIC_LAB_PLUGINS" = yes ]; then echo "$debian:$LAB_PLUGIN_DIR"; else echo "$debian"; fi
}
slurm_plugin_lines() {
	[ "$AIC_LAB_PLUGINS" = yes ] || return 0
	echo "JobSubmitPlugins=aic"
	echo "JobCompType=jobcomp/aic"
	echo "JobCompLoc=$AIC_LAB/spool/aic"
	echo "SlurmctldParameters=aic_snapshot=$AIC_LAB/state/snapshot/aic.snapshot"
}

# GPUs without hardware: Slurm wants a character device for each, so these are copies of /dev/null, or existing
# devices where mknod is refused.
slurm_write_gres() {
	local node i device spare=(/dev/null /dev/zero)
	for node in $LAB_NODES; do
		for i in 0 1; do
			device=$AIC_LAB/dev/gpu-$node-$i
			[ -c "$device" ] || mknod -m 666 "$device" c 1 3 2>/dev/null || device=${spare[$i]}
			echo "NodeName=$node Name=gpu Type=a100 File=$device"
		done
	done >"$AIC_LAB/etc/gres.conf"
}

slurm_start() {
	local node
	slurmctld_start
	slurm_associations
	slurmd_start
	# On a busy machine a slurmd's first registration can get lost, and nobody asks it again for minutes: a reconfigure does.
	wait_for 30 slurm_idle_or_dead || { quietly scontrol reconfigure; wait_for 60 slurm_idle_or_dead; }
	for node in $LAB_NODES; do
		daemon_pid "slurmd-$node" >/dev/null || die "slurmd of $node did not start: $(daemon_last_words "slurmd-$node")"
	done
	slurm_idle || die "the nodes do not become idle: $(sinfo -hN -p main -o '%N %T %E' | tr '\n' ';')"
	note "slurmctld, slurmdbd, 4 nodes with 2 GPUs each"
}
slurmctld_start() {
	daemon_pid slurmctld >/dev/null && return
	port_check "$AIC_LAB_PORT" slurmctld
	rm -f "$AIC_LAB/run/slurm/slurmctld.pid"
	# slurmctld takes associations from slurmdbd only once its cluster is known there.
	sacctmgr -nP show cluster format=cluster | grep -qx aiclab || quietly sacctmgr -i add cluster aiclab
	daemon_start slurmctld slurm slurmctld -D
	daemon_ready slurmctld 30 scontrol ping
	wait_for 10 slurmctld_up || die "slurmctld does not answer: $(tail -n 1 "$AIC_LAB/log/slurm/slurmctld.log")"
}
slurmctld_up() { scontrol ping | grep -q 'is UP'; }
slurmctld_stop() { daemon_stop slurmctld 30; }

slurmd_start() {
	local node i=0
	for node in $LAB_NODES; do
		i=$((i + 1))
		daemon_pid "slurmd-$node" >/dev/null && continue
		port_check $((AIC_LAB_PORT + i)) "slurmd of $node"
		install -d -m 1777 "$AIC_LAB/tmp/$node"
		rm -f "$AIC_LAB/run/slurm/slurmd-$node.pid"
		daemon_start "slurmd-$node" root slurmd -D -N "$node"
	done
}
slurm_idle_or_dead() {
	local node
	for node in $LAB_NODES; do daemon_pid "slurmd-$node" >/dev/null || return 0; done
	slurm_idle
}
slurm_idle() { [ "$(sinfo -hN -p main -o %t | sort | uniq -c | tr -d ' \n')" = 4idle ]; }

# Accounts physics and biology, each with its user: a job of anybody else is refused by Slurm.
slurm_associations() {
	slurm_association physics "$LAB_ADA"
	slurm_association biology "$LAB_BEN"
	# What `aic train` submits runs under one user, for whichever account pays.
	slurm_association physics "$LAB_TRAIN"
	slurm_association biology "$LAB_TRAIN"
	# aicacctd releases the jobs that AIC held: its user is an operator.
	[ -n "$(sacctmgr -nP show user "$AIC_LAB_SERVICE")" ] ||
		quietly sacctmgr -i add user "$AIC_LAB_SERVICE" Account=root AdminLevel=Operator || die "sacctmgr could not add user $AIC_LAB_SERVICE: $(tail -n 1 "$LAB_LOG")"
}
slurm_association() {
	local account=$1 user=$2
	[ -n "$(sacctmgr -nP show account "$account")" ] ||
		quietly sacctmgr -i add account "$account" Description="$account" Organization="$account" || die "sacctmgr could not add account $account: $(tail -n 1 "$LAB_LOG")"
	[ -n "$(sacctmgr -nP show assoc account="$account" user="$user")" ] ||
		quietly sacctmgr -i add user "$user" Account="$account" || die "sacctmgr could not add user $user: $(tail -n 1 "$LAB_LOG")"
}

slurm_stop() {
	local node
	if daemon_pid slurmctld >/dev/null; then
		quietly timeout 10 scancel -u "$LAB_ADA" || true
		quietly timeout 10 scancel -u "$LAB_BEN" || true
		quietly timeout 10 scancel -u "$LAB_TRAIN" || true
		wait_for 10 slurm_empty || true
	fi
	for node in $LAB_NODES; do daemon_stop "slurmd-$node"; done
	slurmctld_stop
}
slurm_empty() { [ -z "$(timeout 5 squeue -h -o %i)" ]; }
