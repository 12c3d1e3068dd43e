#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/fixture.h"

#include "accounting/assoc.h"
#include "common/cbor.h"

static const aic_provider_config providers[] = {
	{.name = "lab-one", .organisation = "institute-one", .nodes = "n[1-2]"}, {.name = "lab-two", .organisation = "institute-two", .nodes = "n3"},
};
static const aic_account_config accounts[] = {{"biology", "faculty-bio"}};

static void configure(aic_config *c, const char *folder)
{
	static const aic_asset_terms faces = {.per_job = AIC_UNIT, .per_gpu_hour = AIC_UNIT / 2}, net = {.per_job = 2 * AIC_UNIT};

	aic_str_copy(c->path, sizeof(c->path), "/etc/aic/aic.yaml");
	aic_str_copy(c->site, sizeof(c->site), "uni");
	aic_str_copy(c->state_dir, sizeof(c->state_dir), folder);
	aic_str_copy(c->order, sizeof(c->order), "local");
	c->enforce = true;
	c->approvals = 1;
	c->period = AIC_PERIOD_WEEK;
	aic_rates_default(&c->rates);
	c->rates.gpu_types = 1;
	aic_str_copy(c->rates.gpu[0].type, AIC_NAME_LEN, "a100");
	c->rates.gpu[0].per_hour = AIC_UNIT;
	c->n_providers = 2;
	c->provider = malloc(sizeof(providers));
	memcpy(c->provider, providers, sizeof(providers));
	c->n_accounts = 1;
	c->account = malloc(sizeof(accounts));
	memcpy(c->account, accounts, sizeof(accounts));
	c->n_assets = 2;
	c->asset = calloc(2, sizeof(*c->asset));
	c->asset[0] = (aic_asset_config){.name = "faces", .owner = "provider/lab-one", .terms = faces};
	c->asset[1] = (aic_asset_config){.name = "net", .is_model = true, .owner = "account/biology", .terms = net};
}

static void put_member(aic_bytes *b, const char *user, const char *account, bool coordinator)
{
	aic_cbor_put_array(b, 4);
	aic_cbor_put_text(b, "lab");
	aic_cbor_put_text(b, user);
	aic_cbor_put_text(b, account);
	aic_cbor_put_bool(b, coordinator);
}

static void associate(fixture *f)
{
	static const char *const rows[][2] = {{"root", ""}, {"science", "root"}, {"physics", "science"}, {"biology", "science"}};
	aic_bytes b = {0};

	aic_cbor_put_array(&b, 3);
	aic_cbor_put_text(&b, "");
	aic_cbor_put_array(&b, 4);
	for (int i = 0; i < 4; i++) {
		aic_cbor_put_array(&b, 3);
		aic_cbor_put_text(&b, "lab");
		aic_cbor_put_text(&b, rows[i][0]);
		aic_cbor_put_text(&b, rows[i][1]);
	}
	aic_cbor_put_array(&b, 4);
	put_member(&b, "anna", "physics", false);
	put_member(&b, "ben", "biology", false);
	put_member(&b, "carla", "physics", false);
	put_member(&b, "carla", "physics", true);
	assert_int_equal(aic_assoc_apply(f->store, b.data, b.len, 1, NULL), AIC_OK);
	aic_bytes_free(&b);
}

static void open_store(fixture *f)
{
	char path[256];
	aic_error err = {0};

	snprintf(path, sizeof(path), "%s/accounting.db", f->folder);
	if (aic_store_open(&f->store, path, &err) != AIC_OK || aic_registry_open(&f->registry, f->store, &f->config, 500, &err) != AIC_OK)
		fail_msg("%s", err.message);
	f->batches.store = f->store;
	f->batches.config = &f->config;
}

int fixture_open(void **state)
{
	fixture *f = calloc(1, sizeof(*f));
	void *folder;

	if (test_folder_make(&folder))
		return -1;
	f->folder = folder;
	configure(&f->config, f->folder);
	memset(f->batches.key.b, 7, sizeof(f->batches.key.b));
	open_store(f);
	associate(f);
	*state = f;
	return 0;
}

int fixture_close(void **state)
{
	fixture *f = *state;
	void *folder = f->folder;

	aic_registry_close(f->registry);
	aic_store_close(f->store);
	free(f->config.provider);
	free(f->config.account);
	free(f->config.asset);
	free(f);
	return test_folder_remove(&folder);
}

void fixture_reopen(fixture *f)
{
	aic_registry_close(f->registry);
	aic_store_close(f->store);
	open_store(f);
}

void fixture_node(aic_job_record *r, const char *name, const char *gpu_type, uint32_t gpus, uint32_t cpus, uint64_t mem_mib)
{
	r->node = realloc(r->node, (r->nodes + 1) * sizeof(*r->node));
	aic_node_share *n = &r->node[r->nodes++];
	memset(n, 0, sizeof(*n));
	aic_str_copy(n->name, sizeof(n->name), name);
	n->cpus = cpus;
	n->mem_mib = mem_mib;
	if (gpus) {
		n->gpu_types = 1;
		n->gpu[0].count = gpus;
		aic_str_copy(n->gpu[0].type, AIC_NAME_LEN, gpu_type);
	}
}

aic_job_record fixture_record(uint32_t id, int64_t seconds)
{
	aic_job_record r = {.job_id = id, .array_task_id = 0xfffffffe, .uid = 1001, .gid = 1001, .submit = 1000, .eligible = 1000,
	                    .start = 2000, .end = 2000 + seconds, .time_limit = 86400, .state = AIC_STATE_COMPLETED, .state_raw = 3};

	aic_str_copy(r.cluster, sizeof(r.cluster), "lab");
	aic_str_copy(r.user, sizeof(r.user), "anna");
	aic_str_copy(r.account, sizeof(r.account), "physics");
	aic_str_copy(r.partition, sizeof(r.partition), "gpu");
	fixture_node(&r, "n1", "a100", 2, 8, 64000);
	return r;
}

aic_ingest_result fixture_ingest(fixture *f, const aic_job_record *r)
{
	aic_ingest in = {.store = f->store, .registry = f->registry, .config = &f->config};
	aic_ingest_result what = AIC_INGEST_NEW;
	aic_bytes body = {0};
	aic_error err = {0};

	aic_job_record_encode(&body, r);
	if (aic_store_begin(f->store, &err) != AIC_OK || aic_ingest_record(&in, body.data, body.len, &what, &err) != AIC_OK ||
	    aic_store_commit(f->store, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_bytes_free(&body);
	return what;
}

void fixture_batch_of(aic_bytes *out, const aic_receipt *r, const aic_key *key)
{
	aic_bytes one = {0};

	aic_receipt_encode(&one, r);
	assert_int_equal(aic_receipt_batch_encode(out, r->node, key, &one, 1, NULL), AIC_OK);
	aic_bytes_free(&one);
}

void fixture_receipt(fixture *f, const aic_job_record *r, const char *node, uint64_t cpu_ms, uint64_t gpu_ms)
{
	uint8_t secret[AIC_SECRET_LEN] = {1};
	aic_receipt receipt = {.job_id = r->job_id, .restart = r->restart, .uid = r->uid, .start = r->start, .end = r->end, .cpus = 8,
	                       .cpu_ms = cpu_ms, .mem_peak_mib = 10, .gpus = gpu_ms == AIC_UNKNOWN ? 0 : 2, .gpu_ms = gpu_ms,
	                       .energy_mj = AIC_UNKNOWN, .read_mib = AIC_UNKNOWN, .determinism = 2};
	aic_receipts_count count;
	aic_bytes batch = {0};
	aic_error err = {0};
	aic_key key;

	aic_str_copy(receipt.cluster, sizeof(receipt.cluster), r->cluster);
	aic_str_copy(receipt.node, sizeof(receipt.node), node);
	aic_key_from_secret(&key, secret);
	fixture_batch_of(&batch, &receipt, &key);
	if (aic_receipts_ingest(f->store, batch.data, batch.len, 1, &count, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_bytes_free(&batch);
}

char *fixture_lines(fixture *f, uint32_t job)
{
	static const char text[] = "SELECT l.node, l.kind, p.name, q.name, l.gross, l.batch FROM line l JOIN record r ON r.id=l.record JOIN"
	                           " wallet p ON p.id=l.payer JOIN wallet q ON q.id=l.payee WHERE r.job=?1 ORDER BY r.submit, r.restart,"
	                           " r.started, l.node, l.kind";
	char amount[AIC_AMOUNT_TEXT];
	aic_bytes out = {0};
	sqlite3_stmt *st;

	assert_int_equal(aic_sql_start(f->store->db, &st, NULL, text, "i", (int64_t)job), AIC_OK);
	while (aic_sql_step(f->store->db, st, NULL) == AIC_OK)
		aic_bytes_printf(&out, "%s %s %s %s %s %s\n", aic_sql_text(st, 0), aic_line_kind_name((aic_line_kind)sqlite3_column_int(st, 1)),
		                 aic_sql_text(st, 2), aic_sql_text(st, 3), aic_amount_format(amount, aic_sql_amount(st, 4)),
		                 sqlite3_column_type(st, 5) == SQLITE_NULL ? "open" : aic_sql_text(st, 5));
	aic_bytes_append(&out, "", 1);
	return (char *)out.data;
}

aic_amount fixture_open_gross(fixture *f, const char *wallet)
{
	aic_amount sum = 0;
	sqlite3_stmt *st;

	assert_int_equal(aic_sql_start(f->store->db, &st, NULL, "SELECT l.gross FROM line l JOIN wallet w ON w.id=l.payer LEFT JOIN batch b"
	                               " ON b.id=l.batch WHERE w.name=?1 AND (b.state IS NULL OR b.state<3)", "t", wallet), AIC_OK);
	while (aic_sql_step(f->store->db, st, NULL) == AIC_OK)
		sum += aic_sql_amount(st, 0);
	return sum;
}

const char *fixture_reason(fixture *f, uint32_t job, char out[200])
{
	sqlite3_stmt *st;

	assert_int_equal(aic_sql_start(f->store->db, &st, NULL, "SELECT reason FROM record WHERE job=?1 ORDER BY restart, started", "i",
	                               (int64_t)job), AIC_OK);
	assert_int_equal(aic_sql_step(f->store->db, st, NULL), AIC_OK);
	aic_str_copy(out, 200, aic_sql_text(st, 0));
	aic_sql_done(st);
	return out;
}

aic_batch fixture_close_batch(fixture *f)
{
	aic_batch b;
	aic_error err = {0};

	if (aic_batch_close(&f->batches, "1970-W01", 0, FIXTURE_END, FIXTURE_FEE_PPM, 0, 5, &b, &err) != AIC_OK)
		fail_msg("%s", err.message);
	return b;
}

void fixture_approve(fixture *f, aic_batch *b)
{
	aic_error err = {0};

	if (aic_batch_approve(&f->batches, b, &b->hash, 0, NULL, 6, &err) != AIC_OK)
		fail_msg("%s", err.message);
}

aic_tally fixture_sums(fixture *f, const aic_batch *b)
{
	aic_tally t;

	assert_int_equal(aic_batch_sums(f->store, b, &t, NULL), AIC_OK);
	return t;
}
