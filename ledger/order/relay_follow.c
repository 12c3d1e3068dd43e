/* relay_follow.c: the thread that follows the log, so that nobody else has to wait for it. */
#include <stdlib.h>
#include <string.h>

#include "common/time.h"
#include "ledger/order/relay_shared.h"

#define LOOK_MS 1000       /* at the block that was read alone; for news at most, while nothing is under way */
#define SPACE_MS 15000
#define BUSY_MS 20         /* between looks at the board while a height is followed */
#define INTEREST_MS 2500   /* that a height is followed after it was asked for: longer than a caller's tick */

/* --- what is kept --- */

static void copy_items(aic_relay_items *to, const aic_relay_items *from)
{
	for (size_t i = 0; i < from->n; i++)
		aic_relay_items_add(to, from->item[i].height, &from->item[i].site, from->item[i].bytes.data, from->item[i].bytes.len);
}

void aic_relay_watch(aic_relay *r, uint64_t height, const aic_relay_items *found)
{
	aic_relay_items_free(&r->seen);
	copy_items(&r->seen, found);
	r->watched = height;
	r->watched_code = AIC_OK;
	r->watched_read = true;
}

static aic_relay_board *find_board(aic_relay *r, uint64_t height)
{
	for (size_t i = 0; i < AIC_RELAY_BOARDS; i++)
		if (r->board[i].asked && r->board[i].height == height)
			return &r->board[i];
	return NULL;
}

bool aic_relay_board_get(aic_relay *r, uint64_t height, aic_relay_items *found)
{
	aic_relay_board *b = find_board(r, height);

	if (!b)
		return false;
	b->asked = aic_monotonic_ms();
	copy_items(found, &b->found);
	return true;
}

/* In the place of the height that nobody has asked for longest. */
void aic_relay_board_set(aic_relay *r, uint64_t height, aic_relay_items *found)
{
	aic_relay_board *b = find_board(r, height);
	int64_t asked = b ? b->asked : aic_monotonic_ms();

	for (size_t i = 0; !b && i < AIC_RELAY_BOARDS; i++)
		if (!r->board[i].asked)
			b = &r->board[i];
	if (!b) {
		b = &r->board[0];
		for (size_t i = 1; i < AIC_RELAY_BOARDS; i++)
			if (r->board[i].asked < b->asked)
				b = &r->board[i];
	}
	aic_relay_items_free(&b->found);
	*b = (aic_relay_board){.height = height, .asked = asked, .found = *found};
	*found = (aic_relay_items){.n = 0};
}

void aic_relay_board_add(aic_relay *r, uint64_t height, const aic_id *site, const aic_bytes *bytes)
{
	aic_relay_board *b = find_board(r, height);

	if (!b)
		return;
	for (size_t i = 0; i < b->found.n; i++)
		if (aic_id_equal(&b->found.item[i].site, site))
			return;
	aic_relay_items_add(&b->found, 0, site, bytes->data, bytes->len);
}

void aic_relay_forget(aic_relay *r)
{
	aic_relay_items_free(&r->seen);
	for (size_t i = 0; i < AIC_RELAY_BOARDS; i++)
		aic_relay_items_free(&r->board[i].found);
}

/* --- looking; the lock is held between the calls to the log --- */

static void hear(aic_relay *r, aic_code code, const aic_error *why)
{
	if (code == AIC_OK) {
		r->heard = aic_monotonic_ms();
		r->down = (aic_error){.code = AIC_OK};
	} else {
		r->down = *why;
		if (code == AIC_UNREACHABLE)
			aic_error_prefix(&r->down, AIC_RELAY_SILENT);
	}
}

static bool look_at_head(aic_relay *r)
{
	uint64_t before;
	aic_order_head head;
	aic_error why = {0};
	aic_code code;

	do {
		before = r->generation;
		pthread_mutex_unlock(&r->lock);
		code = aic_order_head_get(&r->follower, &head, &why);
		pthread_mutex_lock(&r->lock);
	} while (!code && r->generation != before && !r->stop);
	if (!code)
		r->head = head;
	hear(r, code, &why);
	pthread_cond_broadcast(&r->changed);
	return code == AIC_OK;
}

static void look_at_block(aic_relay *r)
{
	uint64_t before = r->generation, height = r->watched;
	aic_relay_items found = {.n = 0};
	aic_error why = {0};

	pthread_mutex_unlock(&r->lock);
	aic_code code = aic_order_read(&r->follower, height, 1, aic_relay_keep_block, &found, &why);
	pthread_mutex_lock(&r->lock);
	code = code == AIC_FULL && found.n ? AIC_OK : code;
	if (r->watched == height && r->generation == before && code != AIC_UNREACHABLE) {
		aic_relay_watch(r, height, &found);
		r->watched_code = code;
		r->watched_err = why;
	}
	aic_relay_items_free(&found);
}

/* Whether any height is followed. */
static bool look_at_board(aic_relay *r)
{
	bool busy = false;

	for (size_t i = 0; i < AIC_RELAY_BOARDS && !r->stop; i++) {
		aic_relay_items found = {.n = 0};
		uint64_t height = r->board[i].height;

		if (!r->board[i].asked)
			continue;
		if (aic_monotonic_ms() - r->board[i].asked > INTEREST_MS) {
			aic_relay_items_free(&r->board[i].found);
			r->board[i].asked = 0;
			continue;
		}
		busy = true;
		pthread_mutex_unlock(&r->lock);
		aic_code code = aic_order_attestations(&r->follower, height, aic_relay_keep_site, &found, NULL);
		pthread_mutex_lock(&r->lock);
		if (!code && find_board(r, height))
			aic_relay_board_set(r, height, &found);
		aic_relay_items_free(&found);
	}
	return busy;
}

static void look_at_space(aic_relay *r)
{
	aic_order_space space;

	pthread_mutex_unlock(&r->lock);
	aic_code code = aic_order_space_get(&r->follower, &space, NULL);
	pthread_mutex_lock(&r->lock);
	if (!code)
		r->space = space;
	if (!code || r->space_read)
		r->space_read = aic_monotonic_ms();
}

/* Until there is a block above the head. */
static void wait_for_news(aic_relay *r)
{
	uint64_t next = r->head.empty ? 0 : r->head.height + 1;
	bool more;

	pthread_mutex_unlock(&r->lock);
	aic_order_watch(&r->follower, next, LOOK_MS, &more, NULL);
	pthread_mutex_lock(&r->lock);
}

void *aic_relay_follow(void *relay)
{
	aic_relay *r = relay;
	int64_t looked = 0, pause = BUSY_MS;

	pthread_mutex_lock(&r->lock);
	while (!r->stop) {
		int64_t now = aic_monotonic_ms();

		if (!look_at_head(r)) {
			aic_relay_wait(r, LOOK_MS);
			continue;
		}
		if (r->watched_read && now - looked >= LOOK_MS) {
			look_at_block(r);
			looked = now;
		}
		if (!r->space_read || now - r->space_read >= SPACE_MS)
			look_at_space(r);
		if (!look_at_board(r)) {
			pause = BUSY_MS;
			if (!r->stop)
				wait_for_news(r);
			continue;
		}
		pthread_cond_broadcast(&r->changed);
		aic_relay_wait(r, pause);
		pause = pause < 10 * BUSY_MS ? pause + BUSY_MS / 4 : pause;
	}
	pthread_mutex_unlock(&r->lock);
	return NULL;
}
