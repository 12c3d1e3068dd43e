#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/site.h"

#include <unistd.h>

#include "accounting/loopback.h"
#include "common/file.h"


char site_printed[65536];

void site_write_config(test_site *s, const char *mode)
{
	aic_bytes text = {0};
	aic_error err = {0};

	aic_bytes_printf(&text, "site: uni\nuser: root\nslurm_user: root\nmode: %s\nperiod: week\npaths: {state: %s, run: %s/run, log: %s,"
	                        " snapshot: %s/snap/aic.snapshot, spool: %s/spool}\nledger: {genesis: %s/genesis.yaml}\n"
	                        "rates: {gpu: {default: 0.5, a100: 1}, cpu: 0.01, mem_gib: 0.001}\n"
	                        "providers: [{name: lab-one, organisation: institute-one, nodes: 'n[1-2]'},"
	                        " {name: lab-two, organisation: institute-two, nodes: n3}]\n",
	                 mode, s->folder, s->folder, s->folder, s->folder, s->folder, s->folder);
	if (aic_file_write_atomic(s->config, text.data, text.len, 0644, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_bytes_free(&text);
}

static void associate(test_site *s)
{
	static const char *const members[][2] = {{"daemon", "physics"}, {"bin", "physics"}};
	aic_bytes b = {0};

	aic_cbor_put_array(&b, 3);
	aic_cbor_put_text(&b, "");
	aic_cbor_put_array(&b, 2);
	for (int i = 0; i < 2; i++) {
		aic_cbor_put_array(&b, 3);
		aic_cbor_put_text(&b, "lab");
		aic_cbor_put_text(&b, i ? "biology" : "physics");
		aic_cbor_put_text(&b, "root");
	}
	aic_cbor_put_array(&b, 2);
	for (int i = 0; i < 2; i++) {
		aic_cbor_put_array(&b, 4);
		aic_cbor_put_text(&b, "lab");
		aic_cbor_put_text(&b, members[i][0]);
		aic_cbor_put_text(&b, members[i][1]);
		aic_cbor_put_bool(&b, i);
	}
	assert_int_equal(aic_assoc_apply(s->d.store, b.data, b.len, aic_now(), NULL), AIC_OK);
	aic_bytes_free(&b);
}

void site_start(test_site *s)
{
	aic_error err = {0};

	if (aic_acctd_open(&s->d, s->config, &err) != AIC_OK)
		fail_msg("%s", err.message);
	loopback_acct = &s->d;
	associate(s);
}

int site_open(void **state)
{
	test_site *s = calloc(1, sizeof(*s));
	aic_error err = {0};
	aic_config c;
	void *folder;

	if (test_folder_make(&folder))
		return -1;
	s->folder = folder;
	snprintf(s->config, sizeof(s->config), "%s/aic.yaml", s->folder);
	setenv("AIC_CONFIG", s->config, 1);
	site_write_config(s, "enforce");
	if (aic_config_load(&c, s->config, &err) != AIC_OK)
		fail_msg("%s", err.message);
	loopback_ledger_start(&c);
	loopback_ledger->config = &s->d.config;
	aic_config_free(&c);
	loopback_uid = 0;
	site_start(s);
	*state = s;
	return 0;
}

int site_close(void **state)
{
	test_site *s = *state;
	void *folder = s->folder;

	loopback_ledger_stop();
	loopback_acct = NULL;
	if (s->d.store)
		aic_acctd_close(&s->d);
	free(s);
	return test_folder_remove(&folder);
}

void site_turn(test_site *s)
{
	s->d.linked_at = s->d.published_at = 0;
	aic_acctd_link(&s->d, true);
	aic_acctd_publish(&s->d, true);
}

/* Runs a subcommand as a user; what it site_printed is in `site_printed`. */
int site_run(uid_t uid, int (*command)(int, char **), ...)
{
	char *argv[24] = {(char *)"aic"};
	int argc = 1, out = dup(1), errfd = dup(2), status;
	FILE *file = tmpfile();
	va_list ap;

	va_start(ap, command);
	while ((argv[argc] = va_arg(ap, char *)))
		argc++;
	va_end(ap);
	loopback_uid = uid;
	fflush(NULL);
	dup2(fileno(file), 1);
	dup2(fileno(file), 2);
	status = command(argc, argv);
	fflush(NULL);
	dup2(out, 1);
	dup2(errfd, 2);
	close(out);
	close(errfd);
	rewind(file);
	site_printed[fread(site_printed, 1, sizeof(site_printed) - 1, file)] = '\0';
	fclose(file);
	loopback_uid = 0;
	return status;
}

void site_take(test_site *s, const aic_job_record *r)
{
	aic_ingest in = {.store = s->d.store, .registry = s->d.registry, .config = &s->d.config};
	aic_ingest_result what;
	aic_bytes body = {0};
	aic_error err = {0};

	aic_job_record_encode(&body, r);
	if (aic_store_begin(s->d.store, &err) != AIC_OK || aic_ingest_record(&in, body.data, body.len, &what, &err) != AIC_OK ||
	    aic_store_commit(s->d.store, &err) != AIC_OK)
		fail_msg("%s", err.message);
	aic_bytes_free(&body);
}

aic_job_record site_job(uint32_t id, const char *user, const char *account, const char *node)
{
	aic_job_record r = fixture_record(id, 0);

	r.submit = aic_now() - 7300;
	r.start = aic_now() - 7201;
	r.end = aic_now() - 1;
	r.node[0].gpu_types = 0;
	aic_str_copy(r.node[0].name, AIC_NAME_LEN, node);
	aic_str_copy(r.user, sizeof(r.user), user);
	aic_str_copy(r.account, sizeof(r.account), account);
	return r;
}

void site_send_receipt(const aic_job_record *r, uid_t uid, aic_code want)
{
	aic_receipt receipt = {.job_id = r->job_id, .start = r->start, .end = r->end, .cpus = 8, .cpu_ms = 8 * 7200 * 1000ULL,
	                       .gpus = AIC_UNKNOWN, .gpu_ms = AIC_UNKNOWN, .mem_peak_mib = 1, .energy_mj = AIC_UNKNOWN,
	                       .read_mib = AIC_UNKNOWN, .determinism = 2};
	uint8_t secret[AIC_SECRET_LEN] = {3};
	aic_bytes batch = {0}, body = {0}, keep = {0};
	aic_rpc *rpc;
	aic_cbor answer;
	aic_error err = {0};
	aic_key key;

	aic_str_copy(receipt.cluster, AIC_NAME_LEN, r->cluster);
	aic_str_copy(receipt.node, AIC_NAME_LEN, r->node[0].name);
	aic_key_from_secret(&key, secret);
	fixture_batch_of(&batch, &receipt, &key);
	aic_rpc_begin(&body, "receipts", 1);
	aic_cbor_put_bytes(&body, batch.data, batch.len);
	loopback_uid = uid;
	assert_int_equal(aic_rpc_open(&rpc, "acct", "", 0, 1, NULL), AIC_OK);
	assert_int_equal(aic_rpc_call(rpc, &body, &keep, &answer, &err), want);
	if (want == AIC_OK)
		assert_int_equal(aic_cbor_uint(&answer) + aic_cbor_uint(&answer), 1);
	else
		assert_string_equal(err.message, "receipts come from a node's aicnoded as root, not from uid 1");
	aic_rpc_close(rpc);
	loopback_uid = 0;
	aic_bytes_free(&batch);
	aic_bytes_free(&body);
	aic_bytes_free(&keep);
}
