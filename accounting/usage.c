#include "accounting/usage.h"

#include <stdlib.h>
#include <string.h>

#include "accounting/charge.h"
#include "common/bytes.h"
#include "common/receipt.h"

#define SLOTS_FIRST 4096

typedef struct {
	int64_t day;
	char account[AIC_NAME_LEN], user[AIC_NAME_LEN];
	aic_usage_sums sums;
} row;

struct aic_usage {
	size_t n, cap;
	row *row;
	size_t slots; uint32_t *slot; /* hash of the key: index + 1, 0 empty */
};

aic_usage *aic_usage_new(void)
{
	aic_usage *u = aic_xcalloc(1, sizeof(*u));

	u->slots = SLOTS_FIRST;
	u->slot = aic_xcalloc(u->slots, sizeof(*u->slot));
	return u;
}

void aic_usage_free(aic_usage *u)
{
	if (!u)
		return;
	free(u->row);
	free(u->slot);
	free(u);
}

aic_usage_sums aic_usage_of_record(int status, int64_t cpu_seconds, int64_t gpu_seconds, const aic_use *use, aic_amount charge)
{
	aic_usage_sums s = {.runs = 1, .cpu_seconds = cpu_seconds, .gpu_seconds = gpu_seconds, .charge = charge};

	if (status == AIC_OUT_OF_SCOPE)
		return (aic_usage_sums){0};
	if (use->cpu_ms != AIC_UNKNOWN) {
		s.cpu_runs = 1;
		s.cpu_metered = cpu_seconds;
		s.cpu_ms = (int64_t)use->cpu_ms;
	}
	if (use->gpu_ms != AIC_UNKNOWN) {
		s.gpu_runs = 1;
		s.gpu_metered = gpu_seconds;
		s.gpu_ms = (int64_t)use->gpu_ms;
	}
	return s;
}

static size_t hash_of(int64_t day, const char *account, const char *user)
{
	uint64_t h = 0xcbf29ce484222325u ^ (uint64_t)day;

	for (const char *p = account; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	h *= 0x9e3779b97f4a7c15u;
	for (const char *p = user; *p; p++)
		h = (h ^ (unsigned char)*p) * 0x100000001b3u;
	return (size_t)(h ^ h >> 32);
}

static void grow(aic_usage *u)
{
	free(u->slot);
	u->slots *= 2;
	u->slot = aic_xcalloc(u->slots, sizeof(*u->slot));
	for (size_t i = 0; i < u->n; i++) {
		size_t at = hash_of(u->row[i].day, u->row[i].account, u->row[i].user) & (u->slots - 1);
		while (u->slot[at])
			at = (at + 1) & (u->slots - 1);
		u->slot[at] = (uint32_t)i + 1;
	}
}

static row *find(aic_usage *u, int64_t day, const char *account, const char *user)
{
	if (2 * (u->n + 1) > u->slots)
		grow(u);
	size_t at = hash_of(day, account, user) & (u->slots - 1);
	for (; u->slot[at]; at = (at + 1) & (u->slots - 1)) {
		row *r = &u->row[u->slot[at] - 1];
		if (r->day == day && !strcmp(r->user, user) && !strcmp(r->account, account))
			return r;
	}
	if (u->n == u->cap) {
		u->cap = u->cap ? 2 * u->cap : 256;
		u->row = aic_xrealloc(u->row, u->cap * sizeof(*u->row));
	}
	row *r = &u->row[u->n++];
	u->slot[at] = (uint32_t)u->n;
	memset(&r->sums, 0, sizeof(r->sums));
	r->day = day;
	aic_str_copy(r->account, sizeof(r->account), account);
	aic_str_copy(r->user, sizeof(r->user), user);
	return r;
}

static int64_t day_of(int64_t t)
{
	return t / AIC_DAY - (t % AIC_DAY < 0);
}

void aic_usage_add(aic_usage *u, int64_t ended, const char *account, const char *user, const aic_usage_sums *d, bool add)
{
	aic_usage_sums *s = &find(u, day_of(ended), account, user)->sums;
	int64_t sign = add ? 1 : -1;

	s->runs += sign * d->runs;
	s->cpu_seconds += sign * d->cpu_seconds;
	s->gpu_seconds += sign * d->gpu_seconds;
	s->cpu_runs += sign * d->cpu_runs;
	s->cpu_metered += sign * d->cpu_metered;
	s->cpu_ms += sign * d->cpu_ms;
	s->gpu_runs += sign * d->gpu_runs;
	s->gpu_metered += sign * d->gpu_metered;
	s->gpu_ms += sign * d->gpu_ms;
	s->charge += add ? d->charge : -d->charge; /* modulo 2^128, as amount_sum() goes on */
}

aic_code aic_usage_write(aic_usage *u, aic_sql *db, aic_error *err)
{
	static const aic_usage_sums none;
	aic_code rc = AIC_OK;

	for (size_t i = 0; i < u->n && rc == AIC_OK; i++) {
		const aic_usage_sums *s = &u->row[i].sums;
		if (!memcmp(s, &none, sizeof(none)))
			continue;
		rc = aic_sql_run(db, err, "INSERT INTO usage VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13) ON CONFLICT DO UPDATE"
		                 " SET runs=runs+?4, cpu_seconds=cpu_seconds+?5, gpu_seconds=gpu_seconds+?6, cpu_runs=cpu_runs+?7,"
		                 " cpu_metered=cpu_metered+?8, cpu_ms=cpu_ms+?9, gpu_runs=gpu_runs+?10, gpu_metered=gpu_metered+?11,"
		                 " gpu_ms=gpu_ms+?12, charge=amount_sum(charge, ?13)", "ittiiiiiiiiia", u->row[i].day, u->row[i].account,
		                 u->row[i].user, s->runs, s->cpu_seconds, s->gpu_seconds, s->cpu_runs, s->cpu_metered, s->cpu_ms, s->gpu_runs,
		                 s->gpu_metered, s->gpu_ms, &s->charge);
	}
	return rc;
}

void aic_usage_forget(aic_usage *u)
{
	if (u->n)
		memset(u->slot, 0, u->slots * sizeof(*u->slot));
	u->n = 0;
}

static aic_code charge_of_lines(aic_sql *db, int64_t first, int64_t last, aic_amount *sum, aic_error *err)
{
	sqlite3_stmt *st;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT gross FROM line WHERE id BETWEEN ?1 AND ?2", "ii", first, last);

	*sum = 0;
	while (rc == AIC_OK && (rc = aic_sql_step(db, st, err)) == AIC_OK)
		*sum += aic_sql_amount(st, 0);
	return rc == AIC_NOT_FOUND ? AIC_OK : rc;
}

aic_code aic_usage_count(aic_usage *u, aic_sql *db, int64_t record, bool add, aic_error *err)
{
	sqlite3_stmt *st;
	aic_amount charge;
	aic_code rc = aic_sql_start(db, &st, err, "SELECT ended, account, user, status, cpu_seconds, gpu_seconds, cpu_ms, gpu_ms, first_line,"
	                            " last_line FROM record WHERE id=?1", "i", record);

	if (rc == AIC_OK)
		rc = aic_sql_step(db, st, err);
	if (rc != AIC_OK)
		return rc;
	rc = charge_of_lines(db, sqlite3_column_int64(st, 8), sqlite3_column_int64(st, 9), &charge, err);
	if (rc == AIC_OK) {
		aic_usage_sums s = aic_usage_of_record(sqlite3_column_int(st, 3), sqlite3_column_int64(st, 4), sqlite3_column_int64(st, 5),
		                                       &(aic_use){aic_sql_uint_or_unknown(st, 6), aic_sql_uint_or_unknown(st, 7)}, charge);
		aic_usage_add(u, sqlite3_column_int64(st, 0), aic_sql_text(st, 1), aic_sql_text(st, 2), &s, add);
	}
	aic_sql_done(st);
	return rc;
}
