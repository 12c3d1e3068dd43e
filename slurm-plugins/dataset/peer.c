#include "slurm-plugins/dataset/peer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "common/priority.h"
#include "common/process.h"
#include "common/time.h"
#include "slurm-plugins/dataset/answer.h"
#include "slurm-plugins/dataset/names.h"
#include "slurm-plugins/node/node_dir.h"

#define ASKED_MAX 16         /* nodes that are asked how fast they answer */
#define HAS_MS 1000
#define PIECE_MS 10000

typedef struct {
	aic_rpc *rpc;
	aic_bytes keep;
} peer;

aic_code aic_peer_open(aic_rpc **rpc, const aic_config *c, const char *node, int timeout_ms, aic_error *err)
{
	char address[AIC_PATH_LEN];
	aic_code rc = aic_node_dir_expand(address, sizeof(address), c->datasets.address, node, err);

	return rc ? rc : aic_rpc_open(rpc, AIC_NODE_SERVICE, address, 0, timeout_ms, err);
}

/* --- which nodes --- */

static bool has_feature(const char *list, size_t len, const char *feature)
{
	size_t n = strlen(feature);

	for (const char *p = list; p < list + len; p++) {
		size_t k = strcspn(p, ",\n");

		if (k == n && !strncmp(p, feature, n))
			return true;
		p += k;
	}
	return false;
}

void aic_peers_parse(char ***node, size_t *n, const char *lines, const char *dataset)
{
	char feature[AIC_NAME_LEN + 16];

	*node = NULL;
	*n = 0;
	aic_priority_feature(feature, sizeof(feature), dataset);
	for (const char *line = lines; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t len = strcspn(line, "\n"), name = strcspn(line, "|\n");

		if (!name || name == len || name >= AIC_NAME_LEN || !has_feature(line + name + 1, len - name - 1, feature))
			continue;
		*node = aic_xrealloc(*node, (*n + 1) * sizeof(**node));
		(*node)[*n] = aic_xasprintf("%.*s", (int)name, line);
		if (!*n || strcmp((*node)[*n], (*node)[*n - 1])) /* sinfo names a node once a partition */
			(*n)++;
		else
			free((*node)[*n]);
	}
}

aic_code aic_peers_list(char ***node, size_t *n, const char *dataset, aic_error *err)
{
	static const char *const argv[] = {"sinfo", "-h", "-N", "-o", "%N|%b", NULL};
	aic_bytes said = {0};
	int status = 0;
	aic_code rc = aic_process_run(argv, "", &said, &status, err);

	*node = NULL;
	*n = 0;
	aic_bytes_append(&said, "", 1);
	if (rc == AIC_OK && status)
		rc = aic_fail(err, AIC_UNREACHABLE, "sinfo ended with %d: %.300s", status, (char *)said.data);
	if (rc == AIC_OK)
		aic_peers_parse(node, n, (char *)said.data, dataset);
	aic_bytes_free(&said);
	return rc;
}

/* --- one node --- */

static aic_code call(peer *p, aic_bytes *body, aic_cbor *answer, aic_error *err)
{
	aic_code rc = aic_rpc_call(p->rpc, body, &p->keep, answer, err);

	aic_bytes_free(body);
	return rc;
}

static aic_code take_bytes(aic_cbor *answer, aic_bytes *out, aic_error *err)
{
	size_t len = 0;
	const uint8_t *data = aic_cbor_bytes(answer, &len);

	if (aic_cbor_ok(answer))
		aic_bytes_append(out, data, len);
	return aic_cbor_finish(answer, err);
}

static aic_code peer_manifest(void *self, const aic_hash *root, aic_bytes *out, aic_error *err)
{
	aic_bytes body = {0};
	aic_cbor answer;
	aic_code rc;

	aic_rpc_begin(&body, "dataset-manifest", 1);
	aic_cbor_put_bytes(&body, root->b, sizeof(root->b));
	rc = call(self, &body, &answer, err);
	return rc ? rc : take_bytes(&answer, out, err);
}

static aic_code peer_chunk(void *self, const aic_dataset *m, uint64_t number, aic_bytes *out, aic_error *err)
{
	const aic_dataset_file *f = aic_dataset_find(m, number);
	aic_bytes body = {0};
	aic_cbor answer;
	aic_code rc;

	aic_rpc_begin(&body, "dataset-piece", 4);
	aic_cbor_put_bytes(&body, m->root.b, sizeof(m->root.b));
	aic_cbor_put_text(&body, f->path);
	aic_cbor_put_uint(&body, (number - f->first) * m->chunk_size);
	aic_cbor_put_uint(&body, aic_dataset_chunk_len(m, f, number - f->first));
	rc = call(self, &body, &answer, err);
	return rc ? rc : take_bytes(&answer, out, err);
}

static void close_peer(peer *p)
{
	aic_rpc_close(p->rpc);
	aic_bytes_free(&p->keep);
	free(p);
}

/* Milliseconds until it said that it has it; -1 where it did not. */
static int64_t ask_has(aic_dataset_source *s, const aic_config *c, const char *node, const aic_hash *root)
{
	int64_t began = aic_monotonic_ms();
	peer *p = aic_xcalloc(1, sizeof(*p));
	aic_bytes body = {0};
	aic_cbor answer;

	aic_rpc_begin(&body, "dataset-has", 1);
	aic_cbor_put_bytes(&body, root->b, sizeof(root->b));
	if (aic_peer_open(&p->rpc, c, node, HAS_MS, NULL) != AIC_OK) {
		aic_bytes_free(&body);
		free(p);
		return -1;
	}
	if (call(p, &body, &answer, NULL) != AIC_OK) {
		close_peer(p);
		return -1;
	}
	aic_rpc_set_timeout(p->rpc, PIECE_MS);
	*s = (aic_dataset_source){.manifest = peer_manifest, .chunk = peer_chunk, .self = p};
	snprintf(s->name, sizeof(s->name), "node %s", node);
	return aic_monotonic_ms() - began;
}

/* Inserts by time; the slowest goes where there are too many. */
static size_t insert(aic_dataset_source *source, int64_t *took, size_t n, const aic_dataset_source *s, int64_t ms)
{
	size_t i = n;

	if (n == AIC_PEERS_MAX && took[n - 1] <= ms) {
		close_peer(s->self);
		return n;
	}
	if (n == AIC_PEERS_MAX)
		close_peer(source[--i].self);
	else
		n++;
	for (; i > 0 && took[i - 1] > ms; i--) {
		source[i] = source[i - 1];
		took[i] = took[i - 1];
	}
	source[i] = *s;
	took[i] = ms;
	return n;
}

size_t aic_peers_find(aic_dataset_source source[AIC_PEERS_MAX], const aic_config *c, const char *self, const char *dataset,
                      const aic_hash *root)
{
	int64_t took[AIC_PEERS_MAX];
	size_t n = 0, nodes = 0, asked = 0;
	char **node;
	uint32_t from = 0;
	aic_error err;

	if (aic_peers_list(&node, &nodes, dataset, &err) != AIC_OK) {
		aic_warn("data set %s: no other node is asked for it: %s", dataset, err.message);
		return 0;
	}
	aic_random(&from, sizeof(from)); /* not all ask the same ones */
	for (size_t i = 0; i < nodes && asked < ASKED_MAX; i++) {
		const char *name = node[(from + i) % nodes];
		aic_dataset_source s;
		int64_t ms;

		if (!strcmp(name, self))
			continue;
		asked++;
		if ((ms = ask_has(&s, c, name, root)) >= 0)
			n = insert(source, took, n, &s, ms);
	}
	aic_names_free(node, nodes);
	return n;
}

void aic_peers_close(aic_dataset_source *source, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close_peer(source[i].self);
}
