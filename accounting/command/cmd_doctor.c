/* cmd_doctor.c: aic doctor: is this installation well, before and after a restart. */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <unistd.h>

#include "accounting/command/ask.h"
#include "accounting/commands.h"
#include "accounting/command/doctor.h"
#include "ledger/client.h"

static const aic_column columns[] = {
	{"status", "STATUS", AIC_COLUMN_TEXT},
	{"what", "WHAT", AIC_COLUMN_TEXT},
	{"found", "FOUND", AIC_COLUMN_TEXT},
	{"remedy", "REMEDY", AIC_COLUMN_TEXT},
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

void aic_doctor_find(aic_doctor *d, aic_health h, const char *what, const char *remedy, const char *fmt, ...)
{
	static const char *const names[] = {"ok", "warn", "bad"};
	char found[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(found, sizeof(found), fmt, ap);
	va_end(ap);
	d->bad += h == AIC_HEALTH_BAD;
	d->warned += h == AIC_HEALTH_WARN;
	aic_table_text(d->table, names[h]);
	aic_table_text(d->table, what);
	aic_table_text(d->table, found);
	aic_table_text(d->table, remedy);
}

/* --- aicacctd --- */

static bool check_ping(aic_doctor *d)
{
	aic_question q = {.config = d->config};
	char site[AIC_NAME_LEN];
	aic_error err = {0};

	aic_rpc_begin(&q.body, "ping", 0);
	aic_code rc = aic_ask(&q, &err);
	if (rc != AIC_OK) {
		aic_doctor_find(d, AIC_HEALTH_BAD, "aicacctd", "start it: systemctl start aicacctd", "%s", err.message);
		aic_question_end(&q);
		return false;
	}
	aic_cbor_text(&q.answer, site, sizeof(site));
	int64_t off = aic_cbor_int(&q.answer) - aic_now();
	bool enforce = aic_cbor_bool(&q.answer);
	aic_question_end(&q);
	aic_doctor_find(d, AIC_HEALTH_OK, "aicacctd", NULL, "answers for site %s, mode %s", site, enforce ? "enforce" : "observe");
	if (enforce != d->config->enforce)
		aic_doctor_find(d, AIC_HEALTH_WARN, "mode", "restart aicacctd", "aic.yaml says %s, aicacctd still runs in %s",
		                d->config->enforce ? "enforce" : "observe", enforce ? "enforce" : "observe");
	if (off < -2 || off > 2)
		aic_doctor_find(d, AIC_HEALTH_BAD, "clock", "let chrony or systemd-timesyncd set both clocks", "aicacctd's clock is %lld s off",
		                (long long)off);
	return true;
}

static void check_inside(aic_doctor *d)
{
	aic_question q = {.config = d->config};
	aic_error err = {0};
	aic_grid grid = {0};

	aic_rpc_begin(&q.body, "check", 0);
	aic_code rc = aic_ask_rows(&q, &grid, columns, COLUMNS, &err);
	if (rc != AIC_OK)
		aic_doctor_find(d, AIC_HEALTH_BAD, "aicacctd", "run `aic doctor` as root", "%s", err.message);
	for (size_t i = 0; i < grid.n && rc == AIC_OK; i++) {
		const aic_cell *cell = aic_grid_cell(&grid, i, 0);
		aic_health h = !strcmp(cell[0].text ? cell[0].text : "", "bad")    ? AIC_HEALTH_BAD
		               : !strcmp(cell[0].text ? cell[0].text : "", "warn") ? AIC_HEALTH_WARN
		                                                                   : AIC_HEALTH_OK;
		aic_doctor_find(d, h, cell[1].text, cell[3].text, "%s", cell[2].text ? cell[2].text : "");
	}
	aic_grid_clear(&grid);
	aic_question_end(&q);
}

/* --- aicledgerd --- */

/* Of a log that sites share. */
static void check_log(aic_doctor *d, const aic_ledger_status *s)
{
	unsigned percent = s->quota ? (unsigned)(100 * (double)s->used / (double)s->quota) : 0;

	if (s->log[0])
		aic_doctor_find(d, AIC_HEALTH_BAD, "ledger's log", "see to etcd, or to what the log has lost: aic ledger reseed", "%s", s->log);
	if (!s->quota)
		return;
	aic_doctor_find(d, s->full ? AIC_HEALTH_BAD : percent >= 80 ? AIC_HEALTH_WARN : AIC_HEALTH_OK, "etcd's room",
	                s->full         ? "compact and defragment it, then etcdctl alarm disarm"
	                : percent >= 80 ? "defragment it, or raise --quota-backend-bytes"
	                                : NULL,
	                "%llu of %llu MiB, %u %%%s", (unsigned long long)s->used >> 20, (unsigned long long)s->quota >> 20, percent,
	                s->full ? ": nothing is written" : "");
}

static void check_ledger(aic_doctor *d)
{
	aic_ledger_status s;
	aic_ledger *ledger = NULL;
	aic_error err = {0};
	aic_code rc = aic_ledger_open(&ledger, d->config, &err);

	if (rc == AIC_OK)
		rc = aic_ledger_status_get(ledger, &s, &err);
	aic_ledger_close(ledger);
	if (rc != AIC_OK) {
		aic_doctor_find(d, AIC_HEALTH_BAD, "aicledgerd", "start it: systemctl start aicledgerd", "%s", err.message);
		return;
	}
	bool behind = s.height > s.final_height;
	aic_doctor_find(d, behind ? AIC_HEALTH_WARN : AIC_HEALTH_OK, "aicledgerd", behind ? "wait; if it lasts, look at the other sites" : NULL,
	                "height %llu, final up to %llu, %llu transactions, chain %.12s", (unsigned long long)s.height,
	                (unsigned long long)s.final_height, (unsigned long long)s.transactions, s.chain);
	check_log(d, &s);
}

void aic_doctor_daemons(aic_doctor *d)
{
	struct timex clock = {0};

	if (check_ping(d))
		check_inside(d);
	check_ledger(d);
	if (adjtimex(&clock) == TIME_ERROR)
		aic_doctor_find(d, AIC_HEALTH_WARN, "clock", "enable chrony or systemd-timesyncd", "the kernel's clock is not synchronised");
	else
		aic_doctor_find(d, AIC_HEALTH_OK, "clock", NULL, "synchronised");
}

typedef struct {
	aic_command base;
	bool forget_damage;
	const char *forget_node;
} options;

static error_t parse(int key, char *arg, struct argp_state *state)
{
	options *o = state->input;

	switch (key) {
	case ARGP_KEY_INIT:
		state->child_inputs[0] = &o->base;
		return 0;
	case 'd':
		o->forget_damage = true;
		return 0;
	case 'n':
		o->forget_node = arg;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static aic_code forget(const options *o, aic_error *err)
{
	aic_question q = {.config = &o->base.config};

	aic_rpc_begin(&q.body, o->forget_node ? "forget-node" : "forget-damage", o->forget_node ? 1 : 0);
	if (o->forget_node)
		aic_cbor_put_text(&q.body, o->forget_node);
	aic_code rc = aic_ask(&q, err);
	if (rc == AIC_OK && o->forget_node)
		printf("The key of %s is forgotten: its next batch of receipts pins a new one.\n", o->forget_node);
	else if (rc == AIC_OK)
		printf("%lld notes of damage are forgotten.\n", (long long)aic_cbor_int(&q.answer));
	aic_question_end(&q);
	return rc;
}

static int examine(const options *o)
{
	aic_doctor d = {.config = &o->base.config, .table = aic_table_new(columns, COLUMNS)};

	aic_doctor_find(&d, AIC_HEALTH_OK, "configuration", NULL, "%s: site %s, mode %s", d.config->path, d.config->site,
	                d.config->enforce ? "enforce" : "observe");
	aic_doctor_files(&d);
	aic_doctor_slurm(&d);
	aic_doctor_daemons(&d);
	if (geteuid() != 0)
		aic_table_note(d.table, "Run as root to see everything.");
	aic_table_note(d.table, "%u bad, %u to look at.", d.bad, d.warned);
	aic_table_print(d.table, o->base.format, stdout);
	aic_table_free(d.table);
	return d.bad ? 1 : 0;
}

int aic_cmd_doctor(int argc, char **argv)
{
	static const struct argp_option list[] = {
		{"forget-damage", 'd', NULL, 0, "forget the damage in spools that was noted", 0},
		{"forget-node", 'n', "NODE", 0, "forget the key that a node signs with, after it was installed anew", 0},
		{0},
	};
	static const struct argp_child children[] = {{&aic_command_argp, 0, NULL, 0}, {0}};
	static const struct argp argp = {list, parse, NULL, "Checks configuration, directories, keys, plugins against the running slurmctld,"
	                                 " daemons, spools, clocks and the snapshot. Exit status 1 where something is bad.",
	                                 children, NULL, NULL};
	aic_error err = {0};
	options o = {0};
	int status = aic_command_begin(&o.base, &argp, argc, argv, &o);

	if (status)
		return status;
	if (o.forget_damage || o.forget_node)
		status = forget(&o, &err) == AIC_OK ? 0 : aic_command_fail(argv, &err);
	else
		status = examine(&o);
	aic_command_end(&o.base);
	return status;
}
