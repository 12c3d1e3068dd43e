# accounting: aicacctd, and the subcommands of `aic` that show what it knows.
if WITH_ACCOUNTING
noinst_LTLIBRARIES += libaccounting.la
libaccounting_la_SOURCES = \
	accounting/access.c accounting/access.h \
	accounting/acctd.c accounting/acctd.h \
	accounting/acts.c accounting/acts.h \
	accounting/approve.c accounting/approve.h \
	accounting/command/ask.c accounting/command/ask.h \
	accounting/assoc.c accounting/assoc.h \
	accounting/audit.c accounting/audit.h \
	accounting/background.c accounting/background.h accounting/batch.c accounting/batch.h \
	accounting/charge.c accounting/charge.h \
	accounting/close.c \
	accounting/command/cmd_batch.c accounting/command/cmd_doctor.c accounting/command/cmd_explain.c accounting/command/cmd_priority.c accounting/command/explain.h accounting/command/cmd_quote.c \
	accounting/command/cmd_reconcile.c accounting/command/cmd_report.c accounting/command/cmd_wallet.c \
	accounting/command/cmd_erase.c accounting/command/cmd_refund.c accounting/command/cmd_storage.c accounting/command/cmd_review.c accounting/command/review.h \
	accounting/command/doctor.h accounting/command/doctor_files.c accounting/command/doctor_slurm.c \
	accounting/erase.c accounting/erase.h \
	accounting/evidence.c accounting/evidence.h \
	accounting/filter.c accounting/filter.h accounting/flags.c accounting/flags.h accounting/pretending.c accounting/pretending.h \
	accounting/gather.c accounting/gather.h \
	accounting/hello.c accounting/hello.h accounting/serve/serve_hello.c \
	accounting/charged.c accounting/charged.h accounting/ingest.c accounting/ingest.h \
	accounting/command/cmd_prove.c accounting/leaf.c accounting/leaf.h \
	accounting/lineage.c accounting/lineage.h accounting/link.c \
	accounting/draft.c accounting/organisation.c accounting/organisation.h \
	accounting/period.c accounting/period.h \
	accounting/post.c accounting/post.h \
	accounting/publish.c \
	accounting/rated.c accounting/rated.h \
	accounting/rating.c accounting/rating.h \
	accounting/receipt_batch.c accounting/receipts.c accounting/receipts.h \
	accounting/refund.c accounting/refund.h \
	accounting/command/cmd_simulate.c accounting/jobs_json.c accounting/jobs_json.h accounting/policy.c accounting/policy.h \
	accounting/simulate.c accounting/simulate.h \
	accounting/reconcile.c accounting/reconcile.h accounting/slurmdb_runs.c \
	accounting/registry.c accounting/registry.h \
	accounting/release.c accounting/release.h \
	accounting/rows.c accounting/rows.h \
	accounting/serve/serve.c accounting/serve/serve_batch.c accounting/serve/serve_check.c accounting/serve/serve_explain.c accounting/serve/serve_reconcile.c accounting/serve/serve_lines.c \
	accounting/serve/serve_erase.c accounting/serve/serve_refund.c accounting/serve/serve_storage.c accounting/serve/serve_report.c \
	accounting/spools.c accounting/spools.h \
	accounting/schema.c accounting/schema.h \
	accounting/serve/serve_report_sessions.c accounting/serve/serve_session.c accounting/session_words.c accounting/session_effects.c accounting/session_effects.h accounting/session_paid.c \
	accounting/store_keeper.c accounting/store_keeper.h \
	accounting/session_watch.c accounting/session_watch.h accounting/sessions.c accounting/sessions.h \
	accounting/slurm_job.c accounting/slurm_job.h \
	accounting/spans.c accounting/spans.h accounting/sql.c accounting/sql.h \
	accounting/storage.c accounting/storage.h \
	accounting/store.c accounting/store.h \
	accounting/tally.c accounting/tally.h \
	accounting/usage.c accounting/usage.h \
	accounting/command/cmd_verify.c \
	accounting/verifier/request.c accounting/verifier/request.h accounting/verifier/slurm_job.c accounting/verifier/slurm_job.h \
	accounting/verifier/tick.c accounting/verifier/tick.h accounting/verifier/upkeep.c accounting/verifier/upkeep.h \
	accounting/commands.h
libaccounting_la_CFLAGS = $(AM_CFLAGS) $(JANSSON_CFLAGS) $(SQLITE_CFLAGS) $(SLURM_CFLAGS) $(SAN) -DAIC_BINDIR='"$(bindir)"'
libaccounting_la_LIBADD = $(JANSSON_LIBS) $(SQLITE_LIBS) $(SLURM_LIBS)

# Reports: what they gather, pages and charts, records for other programs.
libaccounting_la_SOURCES += \
	accounting/command/cmd_jobs.c accounting/command/cmd_org.c accounting/command/cmd_page.c accounting/command/reports.h \
	accounting/page/html.c accounting/page/html.h accounting/page/html_charts.c accounting/page/html_look.c accounting/page/html_page.c \
	accounting/page/html_statement.c accounting/page/html_table.c \
	accounting/jobs.c accounting/jobs.h accounting/jobs_json_write.c accounting/command/usage_record.c \
	accounting/metrics.c accounting/metrics.h \
	accounting/command/report.c accounting/command/report.h \
	accounting/command/report_columns.c accounting/command/report_columns.h \
	accounting/serve/serve_jobs.c accounting/serve/serve_series.c accounting/serve/serve_wallets.c \
	accounting/page/svg.c accounting/page/svg.h accounting/page/svg_columns.c accounting/page/svg_curve.c accounting/page/svg_shares.c
libaccounting_la_LIBADD += -lm

# report.css and report.js as C, a string for each line.
EXTRA_DIST += accounting/page/report.css accounting/page/report.js doc/formats/jobs-json.md \
	doc/formats/reports.md doc/formats/usage-record.md doc/report.png
CLEANFILES += accounting/page/html_look.inc
BUILT_SOURCES += accounting/page/html_look.inc
$(libaccounting_la_OBJECTS): | accounting/page/html_look.inc # also where one target alone is made
html_look_quote = sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/.*/\t"&\\n",/'
accounting/page/html_look.inc: accounting/page/report.css accounting/page/report.js
	$(AM_V_GEN)$(MKDIR_P) accounting/page && { \
	echo 'static const char *const style_lines[] = {' && $(html_look_quote) $(srcdir)/accounting/page/report.css && echo '};' && \
	echo 'static const char *const script_lines[] = {' && $(html_look_quote) $(srcdir)/accounting/page/report.js && echo '};'; \
	} >$@.tmp && mv $@.tmp $@

sbin_PROGRAMS += aicacctd
aicacctd_SOURCES = accounting/aicacctd.c
aicacctd_CFLAGS = $(AM_CFLAGS) $(SAN)
aicacctd_LDADD = libaccounting.la libledger.la libcommon.la

EXTRA_DIST += accounting/simulate_test.sh doc/formats/batch.md doc/formats/rpc-accounting.md
dist_man_MANS += \
	doc/man/aic-balance.1 doc/man/aic-batch.1 doc/man/aic-doctor.1 doc/man/aic-explain.1 \
	doc/man/aic-history.1 doc/man/aic-reconcile.1 doc/man/aic-simulate.1 doc/man/aic-org.1 doc/man/aic-erase.1 doc/man/aic-storage.1 doc/man/aic-quote.1 \
	doc/man/aic-report.1 doc/man/aicacctd.8

if WITH_CMOCKA
check_PROGRAMS += accounting_batch_test accounting_charge_test accounting_daemon_test accounting_ingest_test \
	accounting_kill_test accounting_reconcile_test accounting_review_test accounting_store_test
accounting_test_cflags = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SLURM_CFLAGS) $(CMOCKA_CFLAGS) $(SAN)
accounting_test_libs = libaccounting.la libledger.la libcommon.la $(CMOCKA_LIBS)
accounting_fixture = accounting/fixture.c accounting/fixture.h

# The services in the test's own process instead of common/rpc.c's connections.
accounting_loopback = accounting/loopback.c accounting/loopback.h

accounting_batch_test_SOURCES = accounting/batch_test.c $(accounting_fixture)
accounting_batch_test_CFLAGS = $(accounting_test_cflags)
accounting_batch_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_asset_test accounting_filter_test accounting_leaf_test accounting_lineage_test
accounting_leaf_test_SOURCES = accounting/leaf_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_leaf_test_CFLAGS = $(accounting_test_cflags)
accounting_leaf_test_LDADD = $(accounting_test_libs)
accounting_filter_test_SOURCES = accounting/filter_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_filter_test_CFLAGS = $(accounting_test_cflags)
accounting_filter_test_LDADD = $(accounting_test_libs)
accounting_asset_test_SOURCES = accounting/asset_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_asset_test_CFLAGS = $(accounting_test_cflags)
accounting_asset_test_LDADD = $(accounting_test_libs)
accounting_lineage_test_SOURCES = accounting/lineage_test.c $(accounting_fixture)
accounting_lineage_test_CFLAGS = $(accounting_test_cflags)
accounting_lineage_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_hello_test
accounting_hello_test_SOURCES = accounting/hello_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_hello_test_CFLAGS = $(accounting_test_cflags)
accounting_hello_test_LDADD = $(accounting_test_libs)
check_PROGRAMS += accounting_verifier_test
accounting_verifier_test_SOURCES = accounting/verifier_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_verifier_test_CFLAGS = $(accounting_test_cflags)
accounting_verifier_test_LDADD = $(accounting_test_libs)
check_PROGRAMS += accounting_post_test
accounting_post_test_SOURCES = accounting/post_test.c $(accounting_fixture) $(accounting_loopback)
accounting_post_test_CFLAGS = $(accounting_test_cflags)
accounting_post_test_LDADD = $(accounting_test_libs)

accounting_charge_test_SOURCES = accounting/charge_test.c $(accounting_fixture)
accounting_charge_test_CFLAGS = $(accounting_test_cflags)
accounting_charge_test_LDADD = $(accounting_test_libs)

accounting_daemon_test_SOURCES = accounting/daemon_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_daemon_test_CFLAGS = $(accounting_test_cflags)
accounting_daemon_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_html_test accounting_jobs_test accounting_metrics_test \
	accounting_reports_test
accounting_html_test_SOURCES = accounting/page/html_test.c
accounting_html_test_CFLAGS = $(accounting_test_cflags)
accounting_html_test_LDADD = $(accounting_test_libs)

accounting_metrics_test_SOURCES = accounting/metrics_test.c $(accounting_fixture)
accounting_metrics_test_CFLAGS = $(accounting_test_cflags)
accounting_metrics_test_LDADD = $(accounting_test_libs)

accounting_reports_test_SOURCES = accounting/reports_test.c $(accounting_fixture)
accounting_reports_test_CFLAGS = $(accounting_test_cflags)
accounting_reports_test_LDADD = $(accounting_test_libs)

accounting_jobs_test_SOURCES = accounting/jobs_test.c
accounting_jobs_test_CFLAGS = $(accounting_test_cflags)
accounting_jobs_test_LDADD = $(accounting_test_libs)

accounting_ingest_test_SOURCES = accounting/ingest_test.c $(accounting_fixture)
accounting_ingest_test_CFLAGS = $(accounting_test_cflags)
accounting_ingest_test_LDADD = $(accounting_test_libs)

accounting_kill_test_SOURCES = accounting/kill_test.c $(accounting_fixture) $(accounting_loopback)
accounting_kill_test_CFLAGS = $(accounting_test_cflags)
accounting_kill_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_order_test
accounting_order_test_SOURCES = accounting/order_test.c $(accounting_fixture)
accounting_order_test_CFLAGS = $(accounting_test_cflags)
accounting_order_test_LDADD = $(accounting_test_libs)

accounting_reconcile_test_SOURCES = accounting/reconcile_test.c $(accounting_fixture)
accounting_reconcile_test_CFLAGS = $(accounting_test_cflags)
accounting_reconcile_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_refund_test accounting_storage_test accounting_erase_test
accounting_erase_test_SOURCES = accounting/erase_test.c $(accounting_fixture) $(accounting_loopback)
accounting_erase_test_CFLAGS = $(accounting_test_cflags)
accounting_erase_test_LDADD = $(accounting_test_libs)

accounting_storage_test_SOURCES = accounting/storage_test.c $(accounting_fixture)
accounting_storage_test_CFLAGS = $(accounting_test_cflags)
accounting_storage_test_LDADD = $(accounting_test_libs)

accounting_refund_test_SOURCES = accounting/refund_test.c $(accounting_fixture) $(accounting_loopback)
accounting_refund_test_CFLAGS = $(accounting_test_cflags)
accounting_refund_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_sessions_test
accounting_sessions_test_SOURCES = accounting/sessions_test.c accounting/site.c accounting/site.h $(accounting_fixture) $(accounting_loopback)
accounting_sessions_test_CFLAGS = $(accounting_test_cflags)
accounting_sessions_test_LDADD = $(accounting_test_libs)

check_PROGRAMS += accounting_release_test
accounting_release_test_SOURCES = accounting/release_test.c
accounting_release_test_CFLAGS = $(accounting_test_cflags)
accounting_release_test_LDADD = $(accounting_test_libs)

accounting_review_test_SOURCES = accounting/review_test.c $(accounting_fixture)
accounting_review_test_CFLAGS = $(accounting_test_cflags)
accounting_review_test_LDADD = $(accounting_test_libs)

accounting_store_test_SOURCES = accounting/store_test.c $(accounting_fixture)
accounting_store_test_CFLAGS = $(accounting_test_cflags)
accounting_store_test_LDADD = $(accounting_test_libs)
endif

bench_programs += tests/bench/accounting_bench
tests_bench_accounting_bench_SOURCES = tests/bench/accounting_bench.c tests/bench/accounting_jobs.c tests/bench/accounting_jobs.h
tests_bench_accounting_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SLURM_CFLAGS) $(SAN)
tests_bench_accounting_bench_LDADD = libaccounting.la libledger.la libcommon.la -lm
endif
