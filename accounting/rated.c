#include "accounting/rated.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/receipts.h"
#include "accounting/sessions.h"
#include "accounting/usage.h"
#include "common/bytes.h"

static void rate_all(const aic_rated_run *run, aic_rated_line *line, size_t n, aic_rated_node *node, const aic_proof *proof)
{
	const aic_rated_node anywhere = {.start = run->started, .end = run->ended};
	size_t nodes = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		if (line[i].kind == AIC_KIND_HARDWARE)
			node[nodes++] = (aic_rated_node){.start = run->started, .end = run->ended, .billable = run->billable,
			                                 .part_of_run = run->part_of_run, .cpus = line[i].cpus, .gpus = line[i].gpus,
			                                 .node = line[i].node};
	for (size_t i = 0; i < n; i++) {
		bool hardware = line[i].kind == AIC_KIND_HARDWARE;
		if (!line[i].gross)
			line[i].quality = (aic_quality){.reason = AIC_QUALITY_NO_CHARGE};
		else
			line[i].quality = hardware ? aic_rate_node(&node[at], proof) : aic_rate_job(node, nodes, proof);
		line[i].waits = aic_rated_waits(hardware ? &node[at] : &anywhere, proof);
		at += hardware;
	}
}

aic_code aic_rate_lines(aic_store *s, const aic_rated_run *run, aic_rated_line *line, size_t n, aic_use *use, aic_error *err)
{
	aic_rated_node few[16], *node = n <= 16 ? few : aic_xcalloc(n, sizeof(*node));
	aic_receipts *r = &s->receipts;
	aic_covered *covered = NULL;
	size_t n_covered = 0;
	aic_code rc = aic_receipts_of_life(s, run, false, r, err);

	if (rc == AIC_OK)
		rc = aic_session_covers(s, run->cluster, run->job, run->restart, run->ended, &covered, &n_covered, err);
	if (rc == AIC_OK) {
		rate_all(run, line, n, node, &(aic_proof){r->receipt, r->n, covered, n_covered});
		*use = aic_use_of(&(aic_rated_node){.start = run->started, .end = run->ended, .part_of_run = run->part_of_run}, r->receipt, r->n);
	}
	free(covered);
	if (node != few)
		free(node);
	return rc;
}

/* --- records of the store --- */

typedef struct {
	int64_t id, first, last;     /* lines */
	char account[AIC_NAME_LEN], user[AIC_NAME_LEN];
	char cluster[AIC_NAME_LEN];
	aic_rated_run run;
	aic_usage_sums usage;
} stored_record;

typedef struct {
	size_t n;
	int64_t *id;
	bool *open;
	char (*node)[AIC_NAME_LEN];
	aic_rated_line *line;
} stored_lines;

static aic_code read_record(aic_store *s, int64_t id, stored_record *r, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT cluster, job, restart, started, ended, billable, parted, first_line, last_line,"
	                            " account, user, status, cpu_seconds, gpu_seconds, cpu_ms, gpu_ms FROM record WHERE id=?1", "i", id);

	if (rc == AIC_OK)
		rc = aic_sql_step(s->db, st, err);
	if (rc != AIC_OK)
		return rc;
	aic_str_copy(r->cluster, sizeof(r->cluster), aic_sql_text(st, 0));
	aic_str_copy(r->account, sizeof(r->account), aic_sql_text(st, 9));
	aic_str_copy(r->user, sizeof(r->user), aic_sql_text(st, 10));
	r->run = (aic_rated_run){
		.cluster = r->cluster, .job = (uint32_t)sqlite3_column_int64(st, 1), .restart = (uint32_t)sqlite3_column_int64(st, 2),
		.started = sqlite3_column_int64(st, 3), .ended = sqlite3_column_int64(st, 4), .billable = sqlite3_column_int64(st, 5),
		.part_of_run = sqlite3_column_int(st, 6),
	};
	r->id = id;
	r->first = sqlite3_column_int64(st, 7);
	r->last = sqlite3_column_int64(st, 8);
	r->usage = aic_usage_of_record(sqlite3_column_int(st, 11), sqlite3_column_int64(st, 12), sqlite3_column_int64(st, 13),
	                               &(aic_use){aic_sql_uint_or_unknown(st, 14), aic_sql_uint_or_unknown(st, 15)}, 0);
	aic_sql_done(st);
	return AIC_OK;
}

static aic_code read_lines(aic_store *s, const stored_record *r, stored_lines *l, aic_error *err)
{
	size_t most = r->last >= r->first ? (size_t)(r->last - r->first + 1) : 0;
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT id, batch IS NULL, node, kind, gross, cpus, gpus FROM line WHERE id BETWEEN ?1 AND"
	                                             " ?2 ORDER BY id", "ii", r->first, r->last);

	memset(l, 0, sizeof(*l));
	l->id = aic_xcalloc(most, sizeof(*l->id));
	l->open = aic_xcalloc(most, sizeof(*l->open));
	l->node = aic_xcalloc(most, sizeof(*l->node));
	l->line = aic_xcalloc(most, sizeof(*l->line));
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		l->id[l->n] = sqlite3_column_int64(st, 0);
		l->open[l->n] = sqlite3_column_int(st, 1);
		aic_str_copy(l->node[l->n], AIC_NAME_LEN, aic_sql_text(st, 2));
		l->line[l->n] = (aic_rated_line){.node = l->node[l->n], .kind = (aic_line_kind)sqlite3_column_int(st, 3),
		                                 .gross = aic_sql_amount(st, 4), .cpus = (uint64_t)sqlite3_column_int64(st, 5),
		                                 .gpus = (uint64_t)sqlite3_column_int64(st, 6)};
		l->n++;
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

static void lines_clear(stored_lines *l)
{
	free(l->id);
	free(l->open);
	free(l->node);
	free(l->line);
}

static aic_code write_use(aic_store *s, const stored_record *r, const aic_use *use, aic_error *err)
{
	aic_usage_sums now = r->usage, before = r->usage;

	if (!now.runs)
		return AIC_OK;
	now = aic_usage_of_record(0, now.cpu_seconds, now.gpu_seconds, use, 0);
	aic_usage_add(s->usage, r->run.ended, r->account, r->user, &before, false);
	aic_usage_add(s->usage, r->run.ended, r->account, r->user, &now, true);
	return aic_sql_run(s->db, err, "UPDATE record SET cpu_ms=?2, gpu_ms=?3 WHERE id=?1", "iuu", r->id, use->cpu_ms, use->gpu_ms);
}

/* Writes the qualities of open lines, and of `also` though a batch has it. */
static aic_code rate_record(aic_store *s, int64_t record, int64_t also, aic_error *err)
{
	stored_record r;
	stored_lines l = {0};
	aic_use use;
	aic_code rc = read_record(s, record, &r, err);

	if (rc == AIC_OK)
		rc = read_lines(s, &r, &l, err);
	if (rc == AIC_OK)
		rc = aic_rate_lines(s, &r.run, l.line, l.n, &use, err);
	for (size_t i = 0; i < l.n && rc == AIC_OK; i++) {
		const aic_quality *q = &l.line[i].quality;
		if (l.open[i] || l.id[i] == also)
			rc = aic_sql_run(s->db, err, "UPDATE line SET verified=?2, useful=?3, quality=?4, quality_reason=?5, held=(held & 1) | ?6"
			                 " WHERE id=?1", "iiiiii", l.id[i], (int64_t)q->verified, (int64_t)q->useful, (int64_t)q->quality,
			                 (int64_t)q->reason, (int64_t)(l.open[i] && l.line[i].waits ? AIC_HELD_SESSION : 0));
	}
	if (rc == AIC_OK)
		rc = write_use(s, &r, &use, err);
	lines_clear(&l);
	return rc;
}

aic_code aic_rate_record(aic_store *s, int64_t record, aic_error *err)
{
	return rate_record(s, record, 0, err);
}

aic_code aic_rate_line(aic_store *s, int64_t line, aic_error *err)
{
	int64_t record = 0;
	aic_code rc = aic_sql_int(s->db, &record, err, "SELECT record FROM line WHERE id=?1", "i", line);

	if (rc == AIC_OK && !record) {
		const aic_quality q = aic_quality_of_storage();
		return aic_sql_run(s->db, err, "UPDATE line SET verified=?2, useful=?3, quality=?4, quality_reason=?5 WHERE id=?1", "iiiii", line,
		                   (int64_t)q.verified, (int64_t)q.useful, (int64_t)q.quality, (int64_t)q.reason);
	}
	return rc == AIC_OK ? rate_record(s, record, line, err) : rc;
}

/* Ids of a run's records, one, more where it was resized; *id is freed by the caller. */
static aic_code records_of_run(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, int64_t **id, size_t *n,
                               aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(s->db, &st, err, "SELECT id FROM record WHERE job=?1 AND cluster=?2 AND restart=?3", "iti",
	                            (int64_t)job, cluster, (int64_t)restart);

	*id = NULL;
	*n = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(s->db, st, err)) == AIC_OK) {
		if (!(*n & (*n - 1)))
			*id = aic_xrealloc(*id, (*n ? 2 * *n : 1) * sizeof(**id));
		(*id)[(*n)++] = sqlite3_column_int64(st, 0);
	}
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_rate_run(aic_store *s, const char *cluster, uint32_t job, uint32_t restart, aic_error *err)
{
	int64_t *id;
	size_t n;
	aic_code rc = records_of_run(s, cluster, job, restart, &id, &n, err);

	for (size_t i = 0; i < n && rc == AIC_OK; i++)
		rc = aic_rate_record(s, id[i], err);
	free(id);
	return rc;
}

aic_code aic_rate_all(aic_store *s, aic_error *err)
{
	int64_t id = 0;
	aic_code rc;

	while ((rc = aic_sql_int(s->db, &id, err, "SELECT id FROM record WHERE id>?1 ORDER BY id LIMIT 1", "i", id)) == AIC_OK)
		if ((rc = aic_rate_record(s, id, err)) != AIC_OK)
			return rc;
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}
