/* journal.c: coin movements of a block as hledger transactions, whole to the unit. */
#include <stdio.h>
#include <string.h>

#include "common/cbor.h"
#include "common/time.h"
#include "ledger/block.h"
#include "ledger/audit/export_format.h"

char *aic_export_segment_name(char buf[AIC_MANIFEST_NAME_LEN], uint64_t first)
{
	snprintf(buf, AIC_MANIFEST_NAME_LEN, "%010llu.seg", (unsigned long long)first);
	return buf;
}

/* The zero address is the ledger's own mint, or its furnace. */
static const char *account(char *buf, size_t size, const aic_address *a)
{
	char text[AIC_ADDRESS_TEXT];

	if (aic_address_is_zero(a))
		return "equity:issued";
	snprintf(buf, size, "assets:%s", aic_address_text(text, a));
	return buf;
}

static void put_event(aic_bytes *out, uint64_t height, const char *date, const aic_event *e)
{
	char from[64], to[64], amount[AIC_AMOUNT_TEXT];
	aic_amount value;

	if (e->kind != AIC_EVENT_TRANSFER || !aic_u256_to_amount(e->value, &value))
		return;
	aic_amount_format(amount, value);
	aic_bytes_printf(out, "%s * (%llu.%llu)%s%s\n    %s    %s AIC\n    %s    -%s AIC\n\n", date, (unsigned long long)height,
	                 (unsigned long long)e->tx, e->note[0] ? " " : "", e->note, account(to, sizeof(to), &e->b), amount,
	                 account(from, sizeof(from), &e->a), amount);
}

aic_code aic_journal_block(aic_bytes *out, uint64_t height, int64_t time, const aic_bytes *events, aic_error *err)
{
	char date[AIC_TIME_TEXT];
	aic_cbor c;

	aic_time_format(date, time ? time : 1); /* genesis has no time: the epoch's day */
	date[10] = '\0';
	aic_cbor_init(&c, events->data, events->len);
	while (aic_cbor_ok(&c) && aic_cbor_peek(&c) != AIC_CBOR_END) {
		aic_event e;

		aic_event_get(&c, &e);
		if (aic_cbor_ok(&c))
			put_event(out, height, date, &e);
	}
	return aic_cbor_finish(&c, err);
}
