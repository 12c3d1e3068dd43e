/* postgres.c: see postgres.h. The transfers lie in a table of the server's before the clock starts, so that no client's parsing counts. */
#define _GNU_SOURCE
#include "tests/bench/postgres.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/bench/bench.h"

#define BIN "/usr/lib/postgresql/15/bin"
#define SET 1000

static char folder[128];
static char user[64]; /* what a command begins with to run without rights */
static long postmaster;

static void run(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *fmt, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	if (system(command) == 0)
		return;
	fprintf(stderr, "ledger_bench: this failed: %s; %s/log may say why\n", command, folder);
	postgres_stop();
	exit(1);
}

static FILE *script(const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s.sql", folder, name);
	FILE *f = fopen(path, "w");
	if (!f) {
		perror("ledger_bench: a script for PostgreSQL");
		exit(1);
	}
	return f;
}

/* Processor time of the backends that have ended. */
static double backend_seconds(void)
{
	char path[64];
	unsigned long user_ticks = 0, system_ticks = 0;

	snprintf(path, sizeof(path), "/proc/%ld/stat", postmaster);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %lu %lu", &user_ticks, &system_ticks) != 2)
		fprintf(stderr, "ledger_bench: %s does not tell the server's processor time\n", path);
	if (f)
		fclose(f);
	return (double)(user_ticks + system_ticks) / (double)sysconf(_SC_CLK_TCK);
}

static postgres_time play(const char *name)
{
	double wall = bench_now(), cpu = backend_seconds();

	run("%s psql -X -q -h %s -U bench -d postgres -v ON_ERROR_STOP=1 -f %s/%s.sql >/dev/null", user, folder, folder, name);
	wall = bench_now() - wall;
	usleep(200000); /* the backend ends behind psql */
	return (postgres_time){wall, backend_seconds() - cpu};
}

static void find_postmaster(void)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/data/postmaster.pid", folder);
	FILE *f = fopen(path, "r");
	if (!f || fscanf(f, "%ld", &postmaster) != 1)
		fprintf(stderr, "ledger_bench: %s does not name the server\n", path);
	if (f)
		fclose(f);
}

bool postgres_start(const char *dir, unsigned wallets, unsigned transfers)
{
	if (access(BIN "/postgres", X_OK))
		return false;
	snprintf(folder, sizeof(folder), "%s", dir);
	if (geteuid() == 0) {
		snprintf(user, sizeof(user), "setpriv --reuid=65534 --regid=65534 --clear-groups");
		run("chown 65534:65534 %s", folder);
	}
	run("cd %s && %s " BIN "/initdb -D %s/data -A trust -U bench --no-sync >%s/log 2>&1", folder, user, folder, folder);
	run("cd %s && %s " BIN "/pg_ctl -D %s/data -l %s/server.log -w -o \"-k %s -c listen_addresses='' -c synchronous_commit=on "
	    "-c shared_buffers=256MB -c max_wal_size=4GB\" start >%s/log 2>&1", folder, user, folder, folder, folder, folder);
	find_postmaster();
	FILE *f = script("make");
	fprintf(f,
	        "CREATE TABLE wallet(id int PRIMARY KEY, balance numeric NOT NULL);\n"
	        "CREATE TABLE transfer(id int PRIMARY KEY, payer int NOT NULL, payee int NOT NULL, amount bigint NOT NULL);\n"
	        "CREATE TABLE input(id int PRIMARY KEY, payer int NOT NULL, payee int NOT NULL, amount bigint NOT NULL);\n"
	        "SELECT setseed(0.5);\n"
	        "INSERT INTO wallet SELECT i, 100000000000000000000 FROM generate_series(0, %u) i;\n"
	        "INSERT INTO input SELECT i, floor(random() * %u), floor(random() * %u), 1 + floor(random() * 1e15)"
	        " FROM generate_series(0, %u) i;\n"
	        "CREATE FUNCTION one(n int) RETURNS void LANGUAGE sql BEGIN ATOMIC\n"
	        " INSERT INTO transfer SELECT * FROM input WHERE id = n;\n"
	        " UPDATE wallet w SET balance = balance - i.amount FROM input i WHERE i.id = n AND w.id = i.payer;\n"
	        " UPDATE wallet w SET balance = balance + i.amount FROM input i WHERE i.id = n AND w.id = i.payee;\n"
	        "END;\n"
	        "VACUUM ANALYZE;\nCHECKPOINT;\n",
	        wallets - 1, wallets, wallets, transfers - 1);
	fclose(f);
	play("make");
	return true;
}

postgres_time postgres_in_sets(unsigned from, unsigned n)
{
	FILE *f = script("sets");

	for (unsigned at = from; at < from + n; at += SET) {
		fprintf(f,
		        "BEGIN;\nINSERT INTO transfer SELECT * FROM input WHERE id >= %u AND id < %u;\n"
		        "UPDATE wallet w SET balance = w.balance + d.sum FROM (SELECT id, sum(amount) FROM (SELECT payer AS id, -amount AS amount"
		        " FROM input WHERE id >= %u AND id < %u UNION ALL SELECT payee, amount FROM input WHERE id >= %u AND id < %u) e"
		        " GROUP BY id) d WHERE w.id = d.id;\nCOMMIT;\n",
		        at, at + SET, at, at + SET, at, at + SET);
	}
	fclose(f);
	return play("sets");
}

postgres_time postgres_one_by_one(unsigned from, unsigned n)
{
	FILE *f = script("one");

	for (unsigned at = from; at < from + n; at++)
		fprintf(f, "SELECT one(%u);\n", at);
	fclose(f);
	return play("one");
}

void postgres_stop(void)
{
	char command[1024];

	snprintf(command, sizeof(command), "cd %s && %s " BIN "/pg_ctl -D %s/data -m immediate -w stop >/dev/null 2>&1", folder, user, folder);
	if (system(command))
		fprintf(stderr, "ledger_bench: the PostgreSQL in %s could not be stopped\n", folder);
}
