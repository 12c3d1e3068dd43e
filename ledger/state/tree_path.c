/* tree_path.c: proof of one row: aic_tree_prove and aic_tree_check. */
#include <string.h>

#include "ledger/state/tree_store.h"

aic_code aic_tree_prove(aic_tree *t, const aic_hash *key, aic_hash path[AIC_TREE_PATH_MAX], size_t *n, aic_error *err)
{
	const uint8_t *value;
	size_t len;
	aic_hash root;
	slot *s = &t->top;
	aic_code code = aic_tree_get(t, key, &value, &len, err);

	*n = 0;
	if (code || (code = aic_tree_root(t, &root, err)))
		return code;
	for (int depth = 0;; depth++) {
		if ((code = aic_tree_load(t, s, key, depth, err)))
			return code;
		*n += aic_node_path(s->node, key, depth, path + *n);
		if (!s->node->is_branch)
			return AIC_OK;
		s = &((branch *)s->node)->slot[aic_key_nibble(key, depth)];
		if (s->rows < 2) /* it stands alone from here on */
			return AIC_OK;
	}
}

static aic_hash row_hash(const aic_hash *key, const void *value, size_t len)
{
	aic_bytes in = {0};

	aic_bytes_append(&in, "", 1);
	aic_bytes_append(&in, key->b, AIC_HASH_LEN);
	aic_bytes_append(&in, value, len);
	aic_hash h = aic_sha256_of(in.data, in.len);
	aic_bytes_free(&in);
	return h;
}

bool aic_tree_check(const aic_hash *root, const aic_hash *key, const void *value, size_t len, const aic_hash *path, size_t n)
{
	aic_hash h = row_hash(key, value, len);

	if (n > AIC_TREE_PATH_MAX)
		return false;
	while (n-- > 0) {
		uint8_t in[1 + 2 * AIC_HASH_LEN] = {1};
		bool right = key->b[n / 8] >> (7 - n % 8) & 1;

		memcpy(in + 1 + (right ? AIC_HASH_LEN : 0), h.b, AIC_HASH_LEN);
		memcpy(in + 1 + (right ? 0 : AIC_HASH_LEN), path[n].b, AIC_HASH_LEN);
		h = aic_sha256_of(in, sizeof(in));
	}
	return aic_hash_equal(&h, root);
}
