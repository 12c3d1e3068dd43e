#include "ledger/show.h"

#include <stdio.h>
#include <unistd.h>

#include "common/bytes.h"

#define SHORT_HASH 16

void aic_show_hex(aic_table *t, const void *bytes, size_t len, aic_format format)
{
	char hex[2 * AIC_HASH_LEN + 1];

	aic_hex(hex, bytes, len < AIC_HASH_LEN ? len : AIC_HASH_LEN);
	if (format == AIC_FORMAT_TABLE)
		hex[SHORT_HASH] = '\0';
	aic_table_text(t, hex);
}

void aic_show_progress(void *ctx, uint64_t height, uint64_t last)
{
	if (isatty(STDERR_FILENO))
		fprintf(stderr, "\r%s: height %llu of %llu%s", (const char *)ctx, (unsigned long long)height, (unsigned long long)last,
		        height == last ? "\n" : "");
}
