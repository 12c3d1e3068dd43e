/* show.h: what the commands of this room show alike. */
#ifndef AIC_LEDGER_SHOW_H
#define AIC_LEDGER_SHOW_H

#include <stdbool.h>
#include <stdint.h>

#include "common/crypto.h"
#include "common/table.h"
#include "ledger/client.h"

/* A cell of hexadecimal digits, at most AIC_HASH_LEN bytes: the first 16 digits in a table for people, else all. */
void aic_show_hex(aic_table *t, const void *bytes, size_t len, aic_format format);

/* An aic_verify_progress on stderr, where that is a terminal. ctx is the word for what is being done, "verifying". */
void aic_show_progress(void *ctx, uint64_t height, uint64_t last);

/* Rows of a table of two columns, what and value: what was committed, who judged it, what it counts and why. */
void aic_show_session(aic_table *t, const aic_ledger_session *s);
const char *aic_session_class_name(uint64_t class); /* "D0", "D1", "D2" */

#endif
