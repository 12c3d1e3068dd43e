/* site.h: aicacctd's inside and the subcommands against each other and a real ledger, in one process, for tests. */
#ifndef AIC_ACCOUNTING_SITE_H
#define AIC_ACCOUNTING_SITE_H

#include "accounting/acctd.h"
#include "accounting/fixture.h"

/* Users that every Debian has. */
#define MEMBER 1        /* daemon: of account physics */
#define COORDINATOR 2   /* bin: coordinates physics */
#define STRANGER 65534  /* nobody */

typedef struct {
	char *folder, config[256];
	aic_acctd d;
} test_site;

/* Setup and teardown for cmocka: mode enforce, accounts physics and biology, providers lab-one (n1-2) and lab-two (n3). */
int site_open(void **state);
int site_close(void **state);
void site_write_config(test_site *s, const char *mode);
/* Opens the daemon, also after it was closed. */
void site_start(test_site *s);
/* A turn of its work with everything due, without a child that asks slurmdbd. */
void site_turn(test_site *s);

/* Runs a subcommand as a user, its words up to a NULL; what it printed is in site_printed. */
int site_run(uid_t uid, int (*command)(int, char **), ...);
extern char site_printed[65536];
#define expect_printed(text) \
	do { \
		if (!strstr(site_printed, text)) \
			fail_msg("\"%s\" is not in:\n%s", text, site_printed); \
	} while (0)
#define expect_not_printed(text) \
	do { \
		if (strstr(site_printed, text)) \
			fail_msg("\"%s\" is in:\n%s", text, site_printed); \
	} while (0)


void site_take(test_site *s, const aic_job_record *r);
/* A CPU job of the account that ended just now. */
aic_job_record site_job(uint32_t id, const char *user, const char *account, const char *node);
/* Its receipt, sent by a user. */
void site_send_receipt(const aic_job_record *r, uid_t uid, aic_code want);

#endif
