/* export_testing.h: a ledger of transfers and settlements, and its export, for tests of what an auditor does. */
#ifndef AIC_LEDGER_EXPORT_TESTING_H
#define AIC_LEDGER_EXPORT_TESTING_H

#include "ledger/audit/export.h"
#include "ledger/testing.h"

extern char test_ledger_dir[300], test_export_dir[300];
extern aic_hash test_chain_id, test_head_hash;
extern uint64_t test_head_height;

/* A new folder with a ledger of so many blocks, every fourth with a settlement "2026-W48"/height of two lines, and its export. */
int test_export_make(void **state, unsigned blocks);
aic_code test_export_to(const char *out, aic_error *err);
/* A file of the export, whole. */
void test_export_read(const char *name, aic_bytes *out);
void test_export_write(const char *name, const aic_bytes *data);

#endif
