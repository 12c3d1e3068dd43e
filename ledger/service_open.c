/* service_open.c: what aicledgerd opens, and how it comes to its ledger. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "common/file.h"
#include "common/log.h"
#include "ledger/genesis.h"
#include "ledger/order/open.h"
#include "ledger/service_operation.h"

aic_code aic_service_lock(int *fd, const char *dir, aic_error *err)
{
	char path[AIC_PATH_LEN];
	aic_code code = aic_dir_make(dir, 0750, err);

	if (code || (code = aic_path_join(path, sizeof(path), dir, "lock", err)))
		return code;
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
	if (*fd < 0)
		return aic_fail_errno(err, "cannot open %s", path);
	if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
		return AIC_OK;
	if (errno == EWOULDBLOCK)
		return aic_fail(err, AIC_REFUSED, "another aicledgerd holds %s: only one can run per state directory", path);
	return aic_fail_errno(err, "cannot lock %s", path);
}

static aic_code other_chain(const aic_service *s, const char *where, const aic_hash *chain, aic_error *err)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hash_hex(hex, chain);
	if (strcmp(hex, s->config->chain) == 0)
		return AIC_OK;
	return aic_fail(err, AIC_REFUSED, "%s is of the ledger %s, aic.yaml says \"chain: %s\": correct ledger.chain or what names the "
	                "log", where, hex, s->config->chain);
}

static aic_code compare_genesis(void *ctx, uint64_t height, const uint8_t *block, size_t len, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(block, len);

	(void)height;
	return other_chain(ctx, "the log", &chain, err);
}

/* What this site would take for its ledger, before it does: its own copy, or the log, or genesis.yaml. */
static aic_code check_chain(aic_service *s, bool log_is_empty, const aic_bytes *genesis, aic_error *err)
{
	aic_hash chain = aic_genesis_chain(genesis->data, genesis->len);

	if (!s->config->chain[0])
		return AIC_OK;
	if (!aic_state_is_empty(s->state))
		return other_chain(s, "this site's copy", &aic_state_head(s->state)->chain, err);
	if (log_is_empty)
		return other_chain(s, "genesis.yaml", &chain, err);
	return aic_order_read(&s->order, 0, 1, compare_genesis, s, err);
}

static void start_generator(aic_service *s)
{
	aic_pacing pacing = s->config->block_interval ? aic_pacing_default : aic_pacing_off;

	pacing.interval = s->config->block_interval * 1000;
	pacing.session = s->config->heartbeat * 1000;
	s->generator = aic_generator_new(&s->chain, &pacing);
}

/* genesis.yaml is read when the log is new; later its canonical form is in the log, and the file does not matter. */
static aic_code start_chain(aic_service *s, aic_error *err)
{
	const aic_key *key = aic_custody_site_key(s->custody);
	aic_genesis g;
	aic_bytes bytes = {0};
	aic_order_head head = {.empty = false};
	bool first = aic_state_is_empty(s->state);
	aic_code code = first ? aic_order_head_get(&s->order, &head, err) : AIC_OK; /* a copy can be read without its log */

	if (!code && head.empty && !(code = aic_genesis_load(&g, s->config->genesis, s->custody, key, err))) {
		aic_genesis_encode(&g, &bytes);
		aic_genesis_clear(&g);
	}
	if (!code && !(code = check_chain(s, head.empty, &bytes, err))) {
		code = aic_chain_open(&s->chain, s->state, &s->order, key, bytes.len ? bytes.data : NULL, bytes.len, err);
		s->started = !code;
		if (!code)
			start_generator(s);
	}
	aic_bytes_free(&bytes);
	if (code == AIC_NOT_FOUND && !s->started) {
		aic_error_prefix(err, "this site has no copy yet, and the log alone does not make one: get it by `aic ledger join`");
		return code;
	}
	if (code)
		return code;
	s->chain.next = aic_custody_next_key(s->custody);
	code = aic_chain_catch_up(&s->chain, err);
	return code ? code : aic_service_take_over(s, err);
}

/* What time or an administrator may mend while the daemon runs. */
static bool may_wait(const aic_service *s, aic_code code)
{
	return code == AIC_UNREACHABLE || (s->started && (code == AIC_CORRUPT || code == AIC_NOT_FOUND || code == AIC_FULL));
}

aic_code aic_service_start(aic_service *s, aic_error *err)
{
	aic_error why = {0};
	aic_code code = start_chain(s, &why);

	s->log = why;
	s->log.code = code;
	if (!code || may_wait(s, code))
		return AIC_OK;
	if (err)
		*err = why;
	return code;
}

aic_code aic_service_open(aic_service *s, const aic_config *config, aic_error *err)
{
	char dir[AIC_PATH_LEN], order[AIC_PATH_LEN], archive[AIC_PATH_LEN], state[AIC_PATH_LEN];
	aic_address treasury;
	aic_code code;

	*s = (aic_service){.config = config, .lock = -1,
	                   .window = {.blocks = AIC_WINDOW_BLOCKS, .bytes = AIC_WINDOW_BYTES, .step = AIC_WINDOW_STEP}};
	if ((code = aic_path_join(dir, sizeof(dir), config->state_dir, "ledger", err)) ||
	    (code = aic_path_join(order, sizeof(order), dir, "order.db", err)) ||
	    (code = aic_path_join(archive, sizeof(archive), dir, "archive.db", err)) ||
	    (code = aic_path_join(state, sizeof(state), dir, "state.db", err)) || (code = aic_service_lock(&s->lock, dir, err)) ||
	    (code = aic_custody_open(&s->custody, config->state_dir, err)) ||
	    (code = aic_custody_remember(s->custody, AIC_WALLET_TREASURY, AIC_WALLET_TREASURY, &treasury, err)) ||
	    (code = aic_order_open(&s->order, config, order, err)) ||
	    (strcmp(config->order, "local") != 0 && (code = aic_archive_open(&s->archive, archive, err))) || /* SQLite keeps all itself */
	    (code = aic_state_open(&s->state, state, AIC_DB_DURABLE, err)) || (code = aic_service_start(s, err)))
		aic_service_close(s);
	else if (s->log.code)
		aic_error_log("%s", s->log.message);
	return code;
}

void aic_service_close(aic_service *s)
{
	aic_service_reseed_end(s);
	aic_generator_free(s->generator);
	aic_state_close(s->state);
	aic_archive_close(&s->archive);
	aic_order_close(&s->order);
	aic_custody_close(s->custody);
	if (s->lock >= 0)
		close(s->lock);
	*s = (aic_service){.lock = -1};
}
