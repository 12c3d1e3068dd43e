#include "accounting/spools.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/file.h"
#include "common/log.h"
#include "common/spool.h"

#define RECORDS_PER_TRANSACTION 16384 /* a fifth of a second */

typedef struct {
	char host[AIC_NAME_LEN];
	aic_spool_reader *reader;
	uint64_t number;        /* of the last record in the store */
	bool complained;
} host_spool;

struct aic_spools {
	size_t n;
	host_spool *host;
};

aic_spools *aic_spools_new(void)
{
	return aic_xcalloc(1, sizeof(aic_spools));
}

void aic_spools_free(aic_spools *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n; i++)
		aic_spool_reader_close(s->host[i].reader);
	free(s->host);
	free(s);
}

aic_code aic_damage_note(aic_store *s, const char *host, const char *message, aic_error *err)
{
	return aic_sql_run(s->db, err, "INSERT OR IGNORE INTO damage(host, message, at) VALUES(?1, ?2, ?3)", "tti", host, message,
	                   aic_now());
}

static host_spool *find_host(aic_spools *s, aic_store *store, const char *name)
{
	int64_t number = 0;

	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->host[i].host, name))
			return &s->host[i];
	s->host = aic_xrealloc(s->host, (s->n + 1) * sizeof(*s->host));
	host_spool *h = &s->host[s->n++];
	memset(h, 0, sizeof(*h));
	aic_str_copy(h->host, sizeof(h->host), name);
	aic_sql_int(store->db, &number, NULL, "SELECT number FROM spool WHERE host=?1", "t", name);
	h->number = (uint64_t)number;
	return h;
}

/* One record or one piece of damage. AIC_NOT_FOUND: nothing more at present. */
static aic_code take_one(host_spool *h, const aic_ingest *in, aic_bytes *body, uint64_t *last, aic_spools_count *count,
                         aic_error *err)
{
	aic_spool_place place = {0};
	aic_ingest_result what;
	aic_error damage = {0};
	char note[1024];
	aic_code rc = aic_spool_read(h->reader, body, &place, &damage);

	if (rc == AIC_CORRUPT) {
		count->damaged++;
		aic_warn("spool %s: %s", h->host, damage.message);
		return aic_damage_note(in->store, h->host, damage.message, err);
	}
	if (rc != AIC_OK) {
		if (err)
			*err = damage;
		return rc;
	}
	*last = place.number; /* a gap before it means nothing: each start of slurmctld leaves one (doc/formats/spool.md) */
	rc = aic_ingest_record(in, body->data, body->len, &what, &damage);
	if (rc == AIC_CORRUPT || rc == AIC_REFUSED) {
		snprintf(note, sizeof(note), "%s, record %llu at offset %llu: %s", place.file, (unsigned long long)place.number,
		         (unsigned long long)place.offset, damage.message);
		aic_warn("spool %s: %s", h->host, note);
		count->damaged++;
		return aic_damage_note(in->store, h->host, note, err);
	}
	if (rc != AIC_OK) {
		if (err)
			*err = damage;
		return rc;
	}
	*(what == AIC_INGEST_NEW ? &count->fresh : what == AIC_INGEST_EQUAL ? &count->equal : &count->different) += 1;
	return AIC_OK;
}

/* One transaction's worth. AIC_NOT_FOUND where there was nothing at all. */
static aic_code take_some(host_spool *h, const aic_ingest *in, bool *more, aic_spools_count *count, aic_error *err)
{
	aic_bytes body = {0};
	uint64_t last = h->number;
	size_t n = 0;
	aic_code rc = aic_store_begin(in->store, err);

	if (rc != AIC_OK)
		return rc;
	while (n < RECORDS_PER_TRANSACTION && (rc = take_one(h, in, &body, &last, count, err)) == AIC_OK)
		n++;
	aic_bytes_free(&body);
	*more = rc == AIC_OK;
	if (rc == AIC_NOT_FOUND && n)
		rc = AIC_OK;
	if (rc == AIC_OK)
		rc = aic_sql_run(in->store->db, err, "INSERT OR REPLACE INTO spool(host, number, read_at) VALUES(?1, ?2, ?3)", "tii", h->host,
		                 (int64_t)last, aic_now());
	if (rc != AIC_OK) {
		aic_store_rollback(in->store);
		return rc;
	}
	rc = aic_store_commit(in->store, err);
	if (rc == AIC_OK) {
		h->number = last;
		aic_spool_prune(h->reader, last, NULL);
		AIC_FAILPOINT("after prune");
	}
	return rc;
}

/* After a failure the reader stands beyond what was rolled back: it is opened again at the stored position. */
static void complain(host_spool *h, const aic_ingest *in, const aic_error *e)
{
	aic_spool_reader_close(h->reader);
	h->reader = NULL;
	if (h->complained)
		return;
	h->complained = true;
	aic_error_log("spool %s: %s; tried again each second", h->host, e->message);
	if (aic_store_begin(in->store, NULL) == AIC_OK) {
		aic_damage_note(in->store, h->host, e->message, NULL);
		aic_store_commit(in->store, NULL);
	}
}

static void read_host(host_spool *h, const aic_ingest *in, const char *dir, bool *more, aic_spools_count *count)
{
	aic_error e = {0};
	aic_code rc = AIC_OK;

	if (!h->reader)
		rc = aic_spool_reader_open(&h->reader, dir, h->number, &e);
	if (rc == AIC_OK)
		rc = take_some(h, in, more, count, &e);
	if (rc == AIC_OK || rc == AIC_NOT_FOUND)
		h->complained = false;
	else
		complain(h, in, &e);
}

aic_code aic_spools_read(aic_spools *s, const aic_ingest *in, int64_t budget_ms, bool *more, aic_spools_count *count,
                         aic_error *err)
{
	int64_t until = aic_monotonic_ms() + budget_ms;
	char path[AIC_PATH_LEN + 256];
	struct dirent *entry;
	struct stat sb;
	DIR *dir = opendir(in->config->spool);

	*more = false;
	if (!dir)
		return aic_fail_errno(err, "%s: cannot read the spool directory (paths.spool): run `aic doctor`", in->config->spool);
	while ((entry = readdir(dir))) {
		bool left = true;
		snprintf(path, sizeof(path), "%s/%.250s", in->config->spool, entry->d_name);
		if (entry->d_name[0] == '.' || stat(path, &sb) || !S_ISDIR(sb.st_mode))
			continue;
		host_spool *h = find_host(s, in->store, entry->d_name);
		while (left) {
			left = false;
			read_host(h, in, path, &left, count);
			if (left && aic_monotonic_ms() > until) {
				*more = true;
				break;
			}
		}
	}
	closedir(dir);
	return AIC_OK;
}
