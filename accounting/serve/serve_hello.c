/* serve_hello.c: nodes and their keys. */
#include "accounting/acctd.h"
#include "common/log.h"

/* [hello] : */
aic_code aic_serve_node_hello(aic_request *q, aic_error *err)
{
	size_t len = 0;
	const uint8_t *data = aic_cbor_bytes(q->args, &len);
	bool fresh;
	aic_code rc = aic_cbor_finish(q->args, err);

	if (rc != AIC_OK)
		return rc;
	if (q->who->uid != 0)
		return aic_fail(err, AIC_REFUSED, "a node's keys are told by its aicnoded as root, not by uid %u", (unsigned)q->who->uid);
	rc = aic_hello_take(q->d->hellos, q->d->store, data, len, aic_now(), &fresh, err);
	if (fresh)
		q->d->linked_at = 0; /* the ledger is told with the next turn */
	return rc;
}

/* [node] */
aic_code aic_serve_forget_node(aic_request *q, aic_error *err)
{
	char node[AIC_NAME_LEN];

	aic_cbor_text(q->args, node, sizeof(node));
	aic_code rc = aic_cbor_finish(q->args, err);
	if (rc == AIC_OK)
		rc = aic_sql_run(q->d->store->db, err, "DELETE FROM node_key WHERE node=?1", "t", node);
	if (rc == AIC_OK && aic_sql_changes(q->d->store->db) == 0)
		return aic_fail(err, AIC_NOT_FOUND, "no key of a node %s is pinned", node);
	if (rc != AIC_OK)
		return rc;
	aic_hello_forget(q->d->hellos, node);
	aic_info("uid %u: the key of node %s is forgotten; its next batch pins another", (unsigned)q->who->uid, node);
	return AIC_OK;
}
