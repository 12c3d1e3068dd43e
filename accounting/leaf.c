#include "accounting/leaf.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "accounting/gather.h"
#include "common/cbor.h"
#include "common/time.h"

#define FORMAT "aic/evidence-proof/v1"
#define LEAF_ITEMS 22
#define SLICE_MS 1000
#define TEXT_MAX 512

void aic_leaf_proof_clear(aic_leaf_proof *p)
{
	aic_bytes_free(&p->leaf);
	memset(p, 0, sizeof(*p));
}

/* --- making --- */

static aic_code find_batch(const aic_batches *b, int64_t line, aic_batch *batch, int64_t *first, int64_t *last, aic_error *err)
{
	char period[16] = "";
	sqlite3_stmt *st;
	int64_t number = 0;
	aic_code rc = aic_sql_start(b->store->db, &st, err, "SELECT b.period, b.number, b.first_line, b.last_line FROM line l JOIN batch b ON"
	                            " b.id=l.batch WHERE l.id=?1", "i", line);

	if (rc == AIC_OK)
		rc = aic_sql_step(b->store->db, st, err);
	if (rc == AIC_NOT_FOUND)
		return aic_fail(err, AIC_NOT_FOUND, "no batch has a line %lld: `aic batch lines` shows their numbers", (long long)line);
	if (rc != AIC_OK)
		return rc;
	aic_str_copy(period, sizeof(period), aic_sql_text(st, 0));
	number = sqlite3_column_int64(st, 1);
	*first = sqlite3_column_int64(st, 2);
	*last = sqlite3_column_int64(st, 3);
	aic_sql_done(st);
	rc = aic_batch_find(b->store, period, (uint64_t)number, batch, err);
	if (rc == AIC_OK && batch->state < AIC_BATCH_POSTED)
		return aic_fail(err, AIC_REFUSED, "batch %s/%lld is not posted: its evidence may still change", period, (long long)number);
	return rc;
}

aic_code aic_leaf_prove(const aic_batches *b, int64_t line, aic_leaf_proof *out, aic_error *err)
{
	int64_t first = 0, last = -1;
	aic_batch batch;
	bool done = false;

	memset(out, 0, sizeof(*out));
	aic_code rc = find_batch(b, line, &batch, &first, &last, err);
	if (rc != AIC_OK)
		return rc;
	aic_gathered *g = aic_gather_new(b, batch.id, first, last, batch.fee_ppm);
	aic_gather_as_posted(g);
	aic_gather_remember(g, line);
	while (rc == AIC_OK && !done)
		rc = aic_gather_step(g, aic_monotonic_ms() + SLICE_MS, &done, err);
	if (rc == AIC_OK)
		rc = aic_gather_path(g, &out->leaf, &out->index, out->path, &out->steps, err);
	out->lines = aic_gathered_lines(g);
	aic_gather_free(g);
	aic_str_copy(out->site, sizeof(out->site), b->config->site);
	aic_str_copy(out->period, sizeof(out->period), batch.period);
	out->number = batch.number;
	out->evidence = batch.evidence;
	if (rc == AIC_OK && aic_leaf_check(out, NULL) != AIC_OK)
		rc = aic_fail(err, AIC_CORRUPT, "line %lld does not lead to the evidence that batch %s/%llu was posted with: `aic batch verify`",
		              (long long)line, batch.period, (unsigned long long)batch.number);
	if (rc != AIC_OK)
		aic_leaf_proof_clear(out);
	return rc;
}

aic_code aic_leaf_check(const aic_leaf_proof *p, aic_error *err)
{
	char hex[65];
	aic_hash leaf = aic_merkle_leaf(p->leaf.data, p->leaf.len);

	if (aic_merkle_check(&p->evidence, &leaf, p->lines, p->index, p->path, p->steps))
		return AIC_OK;
	aic_hash_hex(hex, &p->evidence);
	return aic_fail(err, AIC_CORRUPT, "this line is not in the evidence %.16s...: the file was changed, or is of another batch", hex);
}

/* --- as a file --- */

static void put_hex(FILE *out, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		fprintf(out, "%02x", ((const uint8_t *)data)[i]);
}

void aic_leaf_write(FILE *out, const aic_leaf_proof *p)
{
	fputs("{\"format\": \"" FORMAT "\", \"site\": ", out);
	aic_json_string(out, p->site);
	fprintf(out, ", \"period\": \"%s\", \"number\": %" PRIu64 ",\n \"lines\": %" PRIu64 ", \"index\": %" PRIu64 ",\n \"evidence\": \"", p->period,
	        p->number, p->lines, p->index);
	put_hex(out, p->evidence.b, AIC_HASH_LEN);
	fputs("\",\n \"leaf\": \"", out);
	put_hex(out, p->leaf.data, p->leaf.len);
	fputs("\",\n \"path\": [", out);
	for (size_t i = 0; i < p->steps; i++) {
		fputs(i ? ",\n  \"" : "\"", out);
		put_hex(out, p->path[i].b, AIC_HASH_LEN);
		fputs("\"", out);
	}
	fputs("]}\n", out);
}

static bool get_hash(const json_t *value, aic_hash *h)
{
	return json_is_string(value) && aic_unhex(h->b, AIC_HASH_LEN, json_string_value(value));
}

static bool get_count(const json_t *object, const char *key, uint64_t *out)
{
	const json_t *value = json_object_get(object, key);

	*out = json_is_integer(value) ? (uint64_t)json_integer_value(value) : 0;
	return json_is_integer(value) && json_integer_value(value) >= 0;
}

static const char *get_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : "";
}

/* The key that is wrong; NULL where all is well. */
static const char *get_proof(const json_t *object, aic_leaf_proof *p)
{
	const char *leaf = get_text(object, "leaf");
	const json_t *path = json_object_get(object, "path");

	if (strcmp(get_text(object, "format"), FORMAT))
		return "format";
	aic_str_copy(p->site, sizeof(p->site), get_text(object, "site"));
	aic_str_copy(p->period, sizeof(p->period), get_text(object, "period"));
	if (!get_count(object, "number", &p->number))
		return "number";
	if (!get_count(object, "lines", &p->lines))
		return "lines";
	if (!get_count(object, "index", &p->index))
		return "index";
	if (!get_hash(json_object_get(object, "evidence"), &p->evidence))
		return "evidence";
	aic_bytes_reserve(&p->leaf, strlen(leaf) / 2 + 1);
	if (!leaf[0] || !aic_unhex(p->leaf.data, strlen(leaf) / 2, leaf))
		return "leaf";
	p->leaf.len = strlen(leaf) / 2;
	p->steps = json_array_size(path);
	if (!json_is_array(path) || p->steps > 64)
		return "path";
	for (size_t i = 0; i < p->steps; i++)
		if (!get_hash(json_array_get(path, i), &p->path[i]))
			return "path";
	return NULL;
}

aic_code aic_leaf_read(aic_leaf_proof *p, const char *path, aic_error *err)
{
	json_error_t e;
	json_t *object = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
	aic_code rc = AIC_OK;

	memset(p, 0, sizeof(*p));
	if (!object)
		return aic_fail(err, AIC_USAGE, "%s: no JSON (line %d: %.200s): give the file that `aic batch prove` wrote", path, e.line, e.text);
	const char *wrong = get_proof(object, p);
	if (wrong)
		rc = aic_fail(err, AIC_USAGE, "%s: \"%s\" is not what `aic batch prove` writes: give its file as it was", path, wrong);
	json_decref(object);
	if (rc != AIC_OK)
		aic_leaf_proof_clear(p);
	return rc;
}

/* --- what it says --- */

static void row(aic_table *t, const char *name, const char *value)
{
	aic_table_text(t, name);
	aic_table_text(t, value);
}

static void text_row(aic_table *t, aic_cbor *c, const char *name)
{
	char text[TEXT_MAX] = "";

	aic_cbor_text(c, text, sizeof(text));
	if (text[0])
		row(t, name, text);
}

static void number_row(aic_table *t, aic_cbor *c, const char *name)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRId64, aic_cbor_int(c));
	row(t, name, text);
}

static void time_row(aic_table *t, aic_cbor *c, const char *name)
{
	char text[AIC_TIME_TEXT];

	row(t, name, aic_time_format(text, aic_cbor_int(c)));
}

static void amount_row(aic_table *t, aic_cbor *c, const char *name)
{
	char text[AIC_AMOUNT_TEXT];

	row(t, name, aic_amount_format(text, aic_cbor_amount(c)));
}

aic_code aic_leaf_rows(const aic_leaf_proof *p, aic_table *t, aic_error *err)
{
	char hex[65];
	aic_hash record;
	aic_cbor c;

	aic_cbor_init(&c, p->leaf.data, p->leaf.len);
	aic_cbor_array_exact(&c, LEAF_ITEMS);
	aic_cbor_bytes_exact(&c, record.b, 16); /* the salt says nothing */
	text_row(t, &c, "cluster");
	number_row(t, &c, "job");
	time_row(t, &c, "submit");
	number_row(t, &c, "restart");
	time_row(t, &c, "segment");
	row(t, "resizing", aic_cbor_bool(&c) ? "yes" : "no");
	text_row(t, &c, "node");
	text_row(t, &c, "kind");
	text_row(t, &c, "asset");
	text_row(t, &c, "payer");
	text_row(t, &c, "payee");
	amount_row(t, &c, "gross");
	amount_row(t, &c, "fee");
	number_row(t, &c, "seconds");
	number_row(t, &c, "state_ppm");
	number_row(t, &c, "verified_ppm");
	number_row(t, &c, "useful_ppm");
	number_row(t, &c, "quality_ppm");
	text_row(t, &c, "no_reward");
	text_row(t, &c, "act");
	aic_cbor_bytes_exact(&c, record.b, AIC_HASH_LEN);
	aic_hash_hex(hex, &record);
	row(t, "record", hex);
	return aic_cbor_finish(&c, err);
}
