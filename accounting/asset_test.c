/* asset_test.c: assets of the ledger from `aic asset register` to posted payouts, over both daemons: jobs pay the terms at their
 * submission to the owners at their start, and what an asset was made from gets its share. */
#define _GNU_SOURCE
#include "common/testing.h"

#include "accounting/site.h"

#include <unistd.h>

#include "accounting/commands.h"
#include "common/file.h"
#include "ledger/commands.h"

/* Adds text to aic.yaml, and aicacctd starts anew. */
static void reconfigure(test_site *s, const char *text)
{
	aic_bytes file = {0};
	aic_error err = {0};

	assert_int_equal(aic_file_read(&file, s->config, 1 << 16, &err), AIC_OK);
	aic_bytes_append(&file, text, strlen(text));
	assert_int_equal(aic_file_write_atomic(s->config, file.data, file.len, 0644, &err), AIC_OK);
	aic_bytes_free(&file);
	aic_acctd_close(&s->d);
	site_start(s);
	site_turn(s);
}

/* The row that `aic asset register` printed. */
static void printed_row(char out[200])
{
	const char *row = strstr(site_printed, "  - {name: ");

	assert_non_null(row);
	snprintf(out, 200, "%.*s", (int)strcspn(row, "\n") + 1, row);
}

static void job_with(test_site *s, uint32_t id, int64_t submit, const char *dataset, const char *model)
{
	aic_job_record r = site_job(id, "daemon", "physics", "n1");

	r.submit = r.start = submit;
	r.end = submit + 1;
	aic_str_copy(r.dataset, sizeof(r.dataset), dataset);
	aic_str_copy(r.model, sizeof(r.model), model);
	site_take(s, &r);
	aic_job_record_clear(&r);
}

static void from_register_to_payout(void **state)
{
	test_site *s = *state;
	char faces[200], net[200];

	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_transfer, "genesis/operating", "account/physics", "100", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "faces", "--kind", "data", "--owner", "provider/lab-two", "--per-job", "0.5",
	                          "--licence", "CC-BY-4.0", NULL), 0);
	printed_row(faces);
	reconfigure(s, "assets:\n");
	reconfigure(s, faces);
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "net", "--kind", "trained", "--owner", "account/biology", "--per-job", "1",
	                          "--parent", "faces=200000", "--verify", "owner", NULL), 0);
	printed_row(net);
	reconfigure(s, net);
	assert_int_equal(site_run(0, aic_cmd_asset, "list", "-P", NULL), 0);
	expect_printed("faces|data|provider/lab-two|0.5|0|CC-BY-4.0|members|in use||");
	expect_printed("net|trained|account/biology|1|0||owner|in use|faces=200000|");

	int64_t now = aic_now();
	job_with(s, 1, now, "faces", "net");
	assert_int_equal(site_run(0, aic_cmd_explain, "1", "-P", NULL), 0);
	expect_printed("terms|data set faces: 0.5 AIC per job, once a job, and 0 AIC per GPU hour, to provider/lab-two; licence CC-BY-4.0; to"
	               " verify by: members|the ledger's terms at submit, asset 0x");
	expect_printed("share|net, of account/biology: keeps 800000 ppm, 200000 ppm to faces|");
	expect_printed("charge|data faces: 0.5 AIC from account/physics to provider/lab-two|per job");
	expect_printed("charge|model net: 0.8 AIC from account/physics to account/biology|per job");
	expect_printed("charge|model faces: 0.2 AIC from account/physics to provider/lab-two|its share");
	assert_int_equal(site_run(MEMBER, aic_cmd_explain, "1", "-P", NULL), 0); /* who pays is not told who does not want to be named */
	expect_printed("per GPU hour, to a provider; licence CC-BY-4.0");
	expect_not_printed("lab-two");

	assert_int_equal(site_run(0, aic_cmd_asset, "terms", "faces", "--per-job", "2", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_asset, "transfer", "faces", "provider/lab-one", NULL), 0);
	sleep(1); /* versions are told apart by seconds */
	site_turn(s);
	job_with(s, 2, aic_now(), "faces", "");
	assert_int_equal(site_run(0, aic_cmd_explain, "2", "-P", NULL), 0);
	expect_printed("charge|data faces: 2 AIC from account/physics to provider/lab-one|");
	job_with(s, 3, now, "faces", ""); /* late: it was submitted before */
	assert_int_equal(site_run(0, aic_cmd_explain, "3", "-P", NULL), 0);
	expect_printed("charge|data faces: 0.5 AIC from account/physics to provider/");

	assert_int_equal(site_run(0, aic_cmd_asset, "retire", "faces", NULL), 0);
	sleep(1);
	site_turn(s);
	job_with(s, 4, aic_now(), "faces", "net");
	assert_int_equal(site_run(0, aic_cmd_explain, "4", "-P", NULL), 0);
	expect_printed("terms|data set faces was not registered at submit|");
	expect_printed("charge|model faces: 0.2 AIC from account/physics to provider/lab-one|its share");

	assert_int_equal(site_run(0, aic_cmd_batch, "close", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "approve", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_batch, "post", NULL), 0);
	assert_int_equal(site_run(0, aic_cmd_report, "payouts", "-P", NULL), 0);
	expect_printed("provider/lab-two|physics|model|1|0.2|0.02|0.18|0|0.18|20");
	expect_printed("account/biology|physics|model|1|0.8|0.08|0.72|0|0.72|20");
}

static void mistakes(void **state)
{
	static const char number[] = "ab00000000000000000000000000000000000000000000000000000000000000";
	test_site *s = *state;

	site_turn(s);
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--owner", "site", NULL), 2);
	expect_printed("what is it? Give --kind data, model or trained");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "film", "--owner", "site", NULL), 2);
	expect_printed("Give --kind data, model or trained");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", NULL), 2);
	expect_printed("who owns it? Give --owner provider/NAME, account/NAME or site");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", "--owner", "site", "--content", "12", NULL), 2);
	expect_printed("--content 12: give 64 hexadecimal digits, as sha256sum prints them");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", "--owner", "site", "--verify", "all", NULL), 2);
	expect_printed("--verify all: give members, owner or none");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", "--owner", "site", "--parent", "x", NULL), 2);
	expect_printed("--parent x: give ASSET=PPM, the share a number from 1 to 1000000");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", "--owner", "site", "--parent", "x=5", NULL), 2);
	expect_printed("has no asset \"x\" with a \"ledger\" key");
	assert_int_equal(site_run(0, aic_cmd_asset, "show", number, NULL), 1);
	expect_printed("no asset 0xab0000");
	assert_int_equal(site_run(0, aic_cmd_asset, "terms", number, NULL), 2);
	expect_printed("which terms? Give --licence, --verify, --per-job or --per-gpu-hour; the others stay");
	reconfigure(s, "assets:\n  - {name: d, kind: data, ledger: ab00000000000000000000000000000000000000000000000000000000000000}\n");
	assert_int_equal(site_run(0, aic_cmd_asset, "list", "-P", NULL), 0);
	expect_printed("d|data||||||not on the ledger|");
	assert_int_equal(site_run(0, aic_cmd_asset, "register", "d", "--kind", "data", "--owner", "site", NULL), 1);
	expect_printed("d is on the ledger already, says");
}

#define T(f) cmocka_unit_test_setup_teardown(f, site_open, site_close)

int main(void)
{
	const struct CMUnitTest tests[] = {T(from_register_to_payout), T(mistakes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
