# database.sh: MariaDB on a private socket, without network, and slurmdbd on it.

database_configure() {
	install -d -m 755 -o mysql -g mysql "$AIC_LAB/run/mariadb"
	install -d -m 700 -o mysql -g mysql "$AIC_LAB/state/mariadb"
	cat >"$AIC_LAB/etc/mariadb.cnf" <<-EOF
		[mariadbd]
		datadir=$AIC_LAB/state/mariadb
		tmpdir=$AIC_LAB/run/mariadb
		socket=$DATABASE_SOCKET
		pid-file=$AIC_LAB/run/mariadb/mariadb.pid
		skip-networking
		skip-log-bin
		innodb_buffer_pool_size=64M
		innodb_log_file_size=32M
		innodb_lock_wait_timeout=900
		performance_schema=OFF
	EOF
	cat >"$AIC_LAB/etc/slurmdbd.conf" <<-EOF
		AuthType=auth/munge
		AuthInfo=socket=$MUNGE_SOCKET
		DbdHost=localhost
		DbdPort=$LAB_DATABASE_PORT
		SlurmUser=slurm
		StorageType=accounting_storage/mysql
		StorageHost=localhost
		StorageUser=slurm
		StorageLoc=slurm_acct_db
		PidFile=$AIC_LAB/run/slurm/slurmdbd.pid
		LogFile=$AIC_LAB/log/slurm/slurmdbd.log
		DebugLevel=info
	EOF
	chown slurm:slurm "$AIC_LAB/etc/slurmdbd.conf"
	chmod 600 "$AIC_LAB/etc/slurmdbd.conf"
	if [ ! -d "$AIC_LAB/state/mariadb/mysql" ]; then
		quietly mariadb-install-db --defaults-file="$AIC_LAB/etc/mariadb.cnf" --user=mysql --datadir="$AIC_LAB/state/mariadb" \
			--auth-root-authentication-method=socket --skip-test-db || die "mariadb-install-db failed: $(tail -n 1 "$LAB_LOG")"
	fi
}

database_start() {
	if ! daemon_pid mariadbd >/dev/null; then
		rm -f "$DATABASE_SOCKET"
		daemon_start mariadbd mysql mariadbd --defaults-file="$AIC_LAB/etc/mariadb.cnf"
		daemon_ready mariadbd 60 database_sql "SELECT 1"
	fi
	# By socket identity: no password anywhere.
	quietly database_sql "CREATE DATABASE IF NOT EXISTS slurm_acct_db;
		CREATE USER IF NOT EXISTS 'slurm'@'localhost' IDENTIFIED VIA unix_socket;
		GRANT ALL ON slurm_acct_db.* TO 'slurm'@'localhost';" || die "MariaDB refused to make slurmdbd's database: $(tail -n 1 "$LAB_LOG")"
	slurmdbd_start
}
database_sql() { mariadb --no-defaults --socket="$DATABASE_SOCKET" --user=root --batch --skip-column-names -e "$1"; }

slurmdbd_start() {
	daemon_pid slurmdbd >/dev/null && return
	port_check "$LAB_DATABASE_PORT" slurmdbd
	rm -f "$AIC_LAB/run/slurm/slurmdbd.pid"
	MYSQL_UNIX_PORT=$DATABASE_SOCKET daemon_start slurmdbd slurm slurmdbd -D
	daemon_ready slurmdbd 60 slurmdbd_answers
}
slurmdbd_answers() { [ -n "$(port_owner "$LAB_DATABASE_PORT")" ] && timeout 10 sacctmgr -nP show cluster; }

database_stop() {
	daemon_stop slurmdbd 20
	daemon_stop mariadbd 30
}
