/* cmd_nodes.c: aic dataset warm | evict | where: what nodes' aicnoded is asked. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/process.h"
#include "common/size.h"
#include "slurm-plugins/dataset/cmd.h"
#include "slurm-plugins/dataset/features.h"
#include "slurm-plugins/dataset/names.h"
#include "slurm-plugins/dataset/peer.h"
#include "slurm-plugins/option.h"

#define ANSWER_MS 10000
#define ROWS_MAX 100000
#define STEP_BATCH 4294967291u
#define STEP_INTERACTIVE 4294967290u

static aic_code scontrol(const char *what, const char *which, aic_bytes *said, aic_error *err)
{
	const char *const argv[] = {"scontrol", "-o", "show", what, which, NULL};
	int status = 0;
	aic_code rc = aic_process_run(argv, "", said, &status, err);

	aic_bytes_append(said, "", 1);
	for (char *p = (char *)said->data; rc == AIC_OK && status && *p; p++)
		*p = *p == '\n' ? ' ' : *p;
	if (rc == AIC_OK && status)
		rc = aic_fail(err, AIC_REFUSED, "scontrol show %s %s: %.300s", what, which, (char *)said->data);
	return rc;
}

/* "n[1-3]" to its nodes; as aic_names_list(). */
static aic_code expand(char ***node, size_t *n, const char *list, aic_error *err)
{
	aic_bytes said = {0};
	aic_code rc = scontrol("hostnames", list, &said, err);

	*node = NULL;
	*n = 0;
	for (char *line = (char *)said.data; rc == AIC_OK && *line; line += strcspn(line, "\n"), line += *line == '\n') {
		*node = aic_xrealloc(*node, (*n + 1) * sizeof(**node));
		(*node)[(*n)++] = aic_xasprintf("%.*s", (int)strcspn(line, "\n"), line);
	}
	aic_bytes_free(&said);
	return rc;
}

static void use_slurm(const aic_config *c)
{
	if (c->slurm_conf[0])
		setenv("SLURM_CONF", c->slurm_conf, 0);
	aic_rpc_use_munge(c->munge_socket);
}

static aic_code ask(const aic_config *c, const char *node, aic_bytes *body, aic_bytes *keep, aic_cbor *answer, aic_error *err)
{
	aic_rpc *rpc = NULL;
	aic_code rc = aic_peer_open(&rpc, c, node, ANSWER_MS, err);

	if (rc == AIC_OK)
		rc = aic_rpc_call(rpc, body, keep, answer, err);
	if (rc != AIC_OK)
		aic_error_prefix(err, "node %s", node);
	aic_rpc_close(rpc);
	return rc;
}

/* --- warm, evict --- */

static aic_code tell_nodes(aic_dataset_words *w, const char *op, const char *done, aic_error *err)
{
	const char *name = w->arg[0];
	char **node = NULL;
	size_t n = 0;
	aic_code rc = AIC_OK;

	if (w->n_args < 2 || !aic_option_valid(name))
		return aic_fail(err, AIC_USAGE, "which data set, and which nodes? Give NAME NODES, as in: faces n[1-4]");
	use_slurm(&w->base.config);
	rc = expand(&node, &n, w->arg[1], err);
	for (size_t i = 0; i < n && rc == AIC_OK; i++) {
		aic_bytes body = {0}, keep = {0};
		aic_cbor answer;

		aic_rpc_begin(&body, op, 1);
		aic_cbor_put_text(&body, name);
		rc = ask(&w->base.config, node[i], &body, &keep, &answer, err);
		if (rc == AIC_OK)
			printf("%s: %s %s\n", node[i], name, done);
		aic_bytes_free(&body);
		aic_bytes_free(&keep);
	}
	aic_names_free(node, n);
	return rc;
}

static aic_code warm(aic_dataset_words *w, aic_error *err)
{
	return tell_nodes(w, "dataset-warm", "is being staged", err);
}

static aic_code evict(aic_dataset_words *w, aic_error *err)
{
	return tell_nodes(w, "dataset-evict", "is evicted", err);
}

/* --- where --- */

static const aic_column job_columns[] = {
	{"node", "NODE", AIC_COLUMN_TEXT},   {"step", "STEP", AIC_COLUMN_TEXT},       {"restart", "RESTART", AIC_COLUMN_NUMBER},
	{"state", "STATE", AIC_COLUMN_TEXT}, {"percent", "%", AIC_COLUMN_NUMBER},     {"done", "DONE", AIC_COLUMN_NUMBER},
	{"bytes", "BYTES", AIC_COLUMN_NUMBER}, {"note", "NOTE", AIC_COLUMN_TEXT},
};
static const aic_column node_columns[] = {
	{"node", "NODE", AIC_COLUMN_TEXT},     {"state", "STATE", AIC_COLUMN_TEXT},  {"bytes", "BYTES", AIC_COLUMN_NUMBER},
	{"checked", "CHECKED", AIC_COLUMN_TIME}, {"used", "USED", AIC_COLUMN_TIME},  {"content", "CONTENT ROOT", AIC_COLUMN_TEXT},
};
#define COLUMNS(c) (sizeof(c) / sizeof(*(c)))

static const char *step_text(char buf[16], uint64_t step)
{
	if (step == STEP_BATCH)
		return "batch";
	if (step == STEP_INTERACTIVE)
		return "interactive";
	snprintf(buf, 16, "%llu", (unsigned long long)step);
	return buf;
}

static void job_rows(aic_table *t, const char *node, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, ROWS_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		char state[16], note[1024], buf[16];

		aic_cbor_array_exact(c, 6);
		uint64_t restart = aic_cbor_uint(c), step = aic_cbor_uint(c);
		aic_cbor_text(c, state, sizeof(state));
		uint64_t done = aic_cbor_uint(c), bytes = aic_cbor_uint(c);
		aic_cbor_text(c, note, sizeof(note));
		if (!aic_cbor_ok(c))
			return;
		aic_table_text(t, node);
		aic_table_text(t, step_text(buf, step));
		aic_table_number(t, (int64_t)restart);
		aic_table_text(t, state);
		aic_table_number(t, bytes ? (int64_t)((aic_amount)done * 100 / bytes) : strcmp(state, "ready") ? 0 : 100);
		aic_table_number(t, (int64_t)done);
		aic_table_number(t, (int64_t)bytes);
		aic_table_text(t, note);
	}
}

static void no_answer(aic_table *t, size_t columns, const char *node, const aic_error *err)
{
	aic_table_text(t, node);
	for (size_t i = 1; i < columns; i++)
		aic_table_text(t, i == 1 ? "no answer" : NULL);
	aic_table_note(t, "%s", err->message);
}

static aic_code where_job(aic_dataset_words *w, char **node, size_t n, aic_error *err)
{
	aic_table *t = aic_table_new(job_columns, COLUMNS(job_columns));

	for (size_t i = 0; i < n; i++) {
		aic_bytes body = {0}, keep = {0};
		aic_cbor answer;

		aic_rpc_begin(&body, "dataset-where", 1);
		aic_cbor_put_uint(&body, strtoull(w->arg[0], NULL, 10));
		if (ask(&w->base.config, node[i], &body, &keep, &answer, err) != AIC_OK)
			no_answer(t, COLUMNS(job_columns), node[i], err);
		else
			job_rows(t, node[i], &answer);
		aic_bytes_free(&body);
		aic_bytes_free(&keep);
	}
	aic_table_print(t, w->base.format, stdout);
	aic_table_free(t);
	return AIC_OK;
}

static void node_row(aic_table *t, const char *node, const char *dataset, aic_cbor *c)
{
	size_t n = aic_cbor_array(c, ROWS_MAX);

	for (size_t i = 0; i < n && aic_cbor_ok(c); i++) {
		char name[AIC_NAME_LEN], hex[AIC_ROOT_TEXT];
		aic_hash root;

		aic_cbor_array_exact(c, 5);
		aic_cbor_text(c, name, sizeof(name));
		aic_cbor_bytes_exact(c, root.b, sizeof(root.b));
		uint64_t bytes = aic_cbor_uint(c), checked = aic_cbor_uint(c), used = aic_cbor_uint(c);
		if (!aic_cbor_ok(c) || strcmp(name, dataset))
			continue;
		aic_hash_hex(hex, &root);
		aic_table_text(t, node);
		aic_table_text(t, checked ? "whole" : "in part");
		aic_table_number(t, (int64_t)bytes);
		aic_table_time(t, (int64_t)checked);
		aic_table_time(t, (int64_t)used);
		aic_table_text(t, hex);
	}
}

static aic_code where_name(aic_dataset_words *w, aic_error *err)
{
	aic_table *t;
	char **node = NULL;
	size_t n = 0;
	aic_code rc = aic_peers_list(&node, &n, w->arg[0], err);

	if (rc != AIC_OK)
		return rc;
	t = aic_table_new(node_columns, COLUMNS(node_columns));
	for (size_t i = 0; i < n; i++) {
		aic_bytes body = {0}, keep = {0};
		aic_cbor answer;

		aic_rpc_begin(&body, "dataset-holds", 0);
		if (ask(&w->base.config, node[i], &body, &keep, &answer, err) != AIC_OK)
			no_answer(t, COLUMNS(node_columns), node[i], err);
		else
			node_row(t, node[i], w->arg[0], &answer);
		aic_bytes_free(&body);
		aic_bytes_free(&keep);
	}
	aic_table_print(t, w->base.format, stdout);
	aic_table_free(t);
	aic_names_free(node, n);
	return AIC_OK;
}

static aic_code where(aic_dataset_words *w, aic_error *err)
{
	const char *what = w->n_args == 1 ? w->arg[0] : "";
	aic_bytes said = {0}, list = {0};
	char **node = NULL;
	size_t n = 0;
	aic_code rc;

	if (w->n_args != 1 || !aic_option_valid(what))
		return aic_fail(err, AIC_USAGE, "where is what? Give a job's number, or the name of a data set");
	use_slurm(&w->base.config);
	if (what[strspn(what, "0123456789")])
		return where_name(w, err);
	rc = scontrol("job", what, &said, err);
	if (rc == AIC_OK && (!aic_features_find(&list, (char *)said.data, "NodeList") || !strcmp((char *)list.data, "(null)")))
		rc = aic_fail(err, AIC_NOT_FOUND, "job %s has no nodes yet: `aic dataset where NAME` shows which nodes have its data set", what);
	if (rc == AIC_OK)
		rc = expand(&node, &n, (char *)list.data, err);
	if (rc == AIC_OK)
		rc = where_job(w, node, n, err);
	aic_names_free(node, n);
	aic_bytes_free(&said);
	aic_bytes_free(&list);
	return rc;
}

/* --- commands --- */

int aic_cmd_dataset_warm(int argc, char **argv)
{
	static const struct argp argp = {NULL, aic_dataset_parse, "NAME NODES", "Bring a data set onto nodes before a job asks for it.",
	                                 aic_dataset_children, NULL, NULL};

	return aic_dataset_run(argc, argv, &argp, warm);
}

int aic_cmd_dataset_evict(int argc, char **argv)
{
	static const struct argp argp = {NULL, aic_dataset_parse, "NAME NODES", "Take a data set out of nodes' caches.", aic_dataset_children, NULL,
	                                 NULL};

	return aic_dataset_run(argc, argv, &argp, evict);
}

int aic_cmd_dataset_where(int argc, char **argv)
{
	static const struct argp argp = {NULL, aic_dataset_parse, "JOB|NAME", "How far a job's data set is on each of its nodes; or which nodes have "
	                                 "a data set.", aic_dataset_children, NULL, NULL};

	return aic_dataset_run(argc, argv, &argp, where);
}
