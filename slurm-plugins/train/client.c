#include "slurm-plugins/train/client.h"

#include <stdlib.h>
#include <string.h>

#include "slurm-plugins/train/serve.h"

#define TIMEOUT_MS 60000
#define LIST_MAX 100000

typedef struct {
	aic_bytes body, keep;
	aic_cbor answer;
} call;

static void call_end(call *k)
{
	aic_bytes_free(&k->body);
	aic_bytes_free(&k->keep);
}

void aic_train_client_close(aic_train_client *c)
{
	aic_rpc_close(c->rpc);
	c->rpc = NULL;
}

static aic_code ask(aic_train_client *c, call *k, aic_error *err)
{
	const aic_train_config *t = &c->config->train;
	aic_code rc = AIC_OK;

	if (!t->user[0])
		return aic_fail(err, AIC_USAGE, "this site does not train for its users (aic.yaml, train: user): submit aic-train with sbatch");
	if (!c->rpc)
		rc = aic_rpc_open(&c->rpc, AIC_TRAIN_SERVICE, t->address, t->uid, TIMEOUT_MS, err);
	if (rc == AIC_OK)
		rc = aic_rpc_call(c->rpc, &k->body, &k->keep, &k->answer, err);
	else
		c->rpc = NULL;
	if (rc == AIC_UNREACHABLE)
		aic_train_client_close(c);
	return rc;
}

static aic_code finish(call *k, aic_code rc, aic_error *err)
{
	if (rc == AIC_OK && !aic_cbor_ok(&k->answer))
		rc = aic_fail(err, AIC_CORRUPT, "aictraind's answer is not understood (%s): are both of the same version?", k->answer.err.message);
	call_end(k);
	return rc;
}

aic_code aic_train_put(aic_train_client *c, const uint8_t *token, const char *path, uint64_t at, const void *data, size_t len, aic_error *err)
{
	call k = {0};

	aic_rpc_begin(&k.body, "train-put", 4);
	aic_cbor_put_bytes(&k.body, token, AIC_TRAIN_TOKEN_LEN);
	aic_cbor_put_text(&k.body, path);
	aic_cbor_put_uint(&k.body, at);
	aic_cbor_put_bytes(&k.body, data, len);
	return finish(&k, ask(c, &k, err), err);
}

aic_code aic_train_submit(aic_train_client *c, aic_train_run *r, const char *dataset, const aic_train_option *option, size_t n, char **words,
                          aic_error *err)
{
	char said[4096] = "";
	call k = {0};

	aic_rpc_begin(&k.body, "train-submit", 6);
	aic_cbor_put_bytes(&k.body, r->token, sizeof(r->token));
	aic_cbor_put_text(&k.body, r->spec);
	aic_cbor_put_text(&k.body, r->name);
	aic_cbor_put_text(&k.body, r->account);
	aic_cbor_put_text(&k.body, dataset);
	aic_cbor_put_array(&k.body, n);
	for (size_t i = 0; i < n; i++) {
		aic_cbor_put_array(&k.body, 2);
		aic_cbor_put_text(&k.body, option[i].name);
		aic_cbor_put_text(&k.body, option[i].value);
	}
	aic_code rc = ask(c, &k, err);
	if (rc == AIC_OK) {
		r->job = (uint32_t)aic_cbor_uint(&k.answer);
		aic_cbor_text(&k.answer, r->account, sizeof(r->account));
		aic_cbor_text(&k.answer, said, sizeof(said));
		*words = aic_xstrdup(said);
	}
	return finish(&k, rc, err);
}

static void get_run(aic_cbor *c, aic_train_run *r)
{
	memset(r, 0, sizeof(*r));
	aic_cbor_array_exact(c, 8);
	r->job = (uint32_t)aic_cbor_uint(c);
	aic_cbor_text(c, r->name, sizeof(r->name));
	aic_cbor_text(c, r->user, sizeof(r->user));
	aic_cbor_text(c, r->account, sizeof(r->account));
	aic_cbor_text(c, r->state, sizeof(r->state));
	aic_cbor_text(c, r->why, sizeof(r->why));
	r->submitted = aic_cbor_int(c);
	r->ended = aic_cbor_int(c);
}

static aic_code ask_job(aic_train_client *c, call *k, const char *op, uint32_t job, aic_error *err)
{
	aic_rpc_begin(&k->body, op, 1);
	aic_cbor_put_uint(&k->body, job);
	return ask(c, k, err);
}

aic_code aic_train_show(aic_train_client *c, uint32_t job, aic_train_run *r, aic_error *err)
{
	call k = {0};
	aic_code rc = ask_job(c, &k, "train-show", job, err);

	if (rc == AIC_OK)
		get_run(&k.answer, r);
	return finish(&k, rc, err);
}

aic_code aic_train_list(aic_train_client *c, bool all, aic_train_run **runs, size_t *n, aic_error *err)
{
	call k = {0};

	*runs = NULL;
	*n = 0;
	aic_rpc_begin(&k.body, "train-list", 1);
	aic_cbor_put_bool(&k.body, all);
	aic_code rc = ask(c, &k, err);
	if (rc == AIC_OK) {
		size_t rows = aic_cbor_array(&k.answer, LIST_MAX);

		*runs = aic_xcalloc(rows + 1, sizeof(**runs));
		while (*n < rows && aic_cbor_ok(&k.answer))
			get_run(&k.answer, &(*runs)[(*n)++]);
	}
	return finish(&k, rc, err);
}

aic_code aic_train_files(aic_train_client *c, uint32_t job, aic_train_file **files, size_t *n, aic_error *err)
{
	call k = {0};
	aic_code rc = ask_job(c, &k, "train-files", job, err);

	*files = NULL;
	*n = 0;
	if (rc == AIC_OK) {
		size_t rows = aic_cbor_array(&k.answer, AIC_TRAIN_FILES_MAX);

		*files = aic_xcalloc(rows + 1, sizeof(**files));
		for (; *n < rows && aic_cbor_ok(&k.answer); (*n)++) {
			aic_cbor_array_exact(&k.answer, 2);
			aic_cbor_text(&k.answer, (*files)[*n].path, AIC_TRAIN_PATH_LEN);
			(*files)[*n].size = aic_cbor_uint(&k.answer);
		}
	}
	return finish(&k, rc, err);
}

aic_code aic_train_get(aic_train_client *c, uint32_t job, const char *path, uint64_t at, aic_bytes *out, aic_error *err)
{
	call k = {0};

	aic_rpc_begin(&k.body, "train-get", 3);
	aic_cbor_put_uint(&k.body, job);
	aic_cbor_put_text(&k.body, path);
	aic_cbor_put_uint(&k.body, at);
	aic_code rc = ask(c, &k, err);
	if (rc == AIC_OK) {
		size_t len = 0;
		const uint8_t *data = aic_cbor_bytes(&k.answer, &len);

		aic_bytes_append(out, data, len);
	}
	return finish(&k, rc, err);
}

aic_code aic_train_cancel(aic_train_client *c, uint32_t job, aic_error *err)
{
	call k = {0};

	return finish(&k, ask_job(c, &k, "train-cancel", job, err), err);
}

aic_code aic_train_remove(aic_train_client *c, uint32_t job, aic_error *err)
{
	call k = {0};

	return finish(&k, ask_job(c, &k, "train-remove", job, err), err);
}
