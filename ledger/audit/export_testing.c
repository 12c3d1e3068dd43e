#define _GNU_SOURCE
#include "ledger/audit/export_testing.h"

#include "common/file.h"

char test_ledger_dir[300], test_export_dir[300];
aic_hash test_chain_id, test_head_hash;
uint64_t test_head_height;

static void fill(test_site *s, unsigned blocks)
{
	uint64_t seed = 6;

	for (unsigned i = 1; i <= blocks; i++) {
		aic_settlement_line l[2] = {
			{.payer = test_wallet(0), .payee = test_wallet(1), .n = 1, .gross = AIC_UNIT, .fee = AIC_UNIT / 10, .stake = AIC_UNIT / 10 * 900000},
			{.payer = test_wallet(2), .payee = test_wallet(1), .kind = AIC_KIND_DATA, .n = 1, .gross = 7, .fee = 0},
		};

		if (i % 4 == 0)
			assert_ok(test_settle(s, "2026-W48", i, l, 2, err));
		else
			assert_ok(test_transfer(s, (unsigned)(test_random(&seed) % 7), (unsigned)(test_random(&seed) % 8), test_random(&seed) % 100000, err));
	}
}

aic_code test_export_to(const char *out, aic_error *err)
{
	aic_copy copy;
	aic_verified done;
	aic_code code = aic_copy_open(&copy, test_ledger_dir, err);

	if (!code)
		code = aic_ledger_export(&copy, out, NULL, NULL, &done, err);
	aic_copy_close(&copy);
	return code;
}

int test_export_make(void **state, unsigned blocks)
{
	test_site s;
	aic_error err = {0};

	if (test_folder_make(state))
		return -1;
	snprintf(test_ledger_dir, sizeof(test_ledger_dir), "%s/ledger", (char *)*state);
	snprintf(test_export_dir, sizeof(test_export_dir), "%s/export", (char *)*state);
	if (aic_dir_make(test_ledger_dir, 0700, &err) || test_site_open(&s, test_ledger_dir, &err))
		return -1;
	fill(&s, blocks);
	test_chain_id = aic_state_head(s.state)->chain;
	test_head_hash = aic_state_head(s.state)->hash;
	test_head_height = blocks;
	if (test_export_to(test_export_dir, &err)) /* beside the open site */
		return -1;
	test_site_close(&s);
	return 0;
}

void test_export_read(const char *name, aic_bytes *out)
{
	char *path = aic_xasprintf("%s/%s", test_export_dir, name);

	aic_bytes_clear(out);
	assert_ok(aic_file_read(out, path, 64 << 20, err));
	free(path);
}

void test_export_write(const char *name, const aic_bytes *data)
{
	char *path = aic_xasprintf("%s/%s", test_export_dir, name);
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(data->data, 1, data->len, f), data->len);
	assert_int_equal(fclose(f), 0);
	free(path);
}
