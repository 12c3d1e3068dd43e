# ledger: a deterministic state machine over an ordered log of blocks, its daemon, and what other rooms ask of it.
if WITH_LEDGER
noinst_LTLIBRARIES += libledger.la
libledger_la_SOURCES = \
	ledger/state/approval.c \
	ledger/state/asset.c ledger/state/asset.h ledger/state/asset_row.c \
	ledger/backup.c ledger/backup.h ledger/command_backup.c ledger/restore.c \
	ledger/block.c ledger/block.h \
	ledger/chain.c ledger/chain.h \
	ledger/client.c ledger/client.h ledger/client_call.h ledger/client_key.c \
	ledger/command.c ledger/command_key.c ledger/command_read.c ledger/command_verify.c ledger/commands.h ledger/audit/offline.h \
	ledger/audit/checkpoint.c ledger/audit/checkpoint.h ledger/command_checkpoint.c ledger/command_cosign.c ledger/service_checkpoint.c \
	ledger/audit/copy.c ledger/audit/copy.h ledger/audit/copy_own.c ledger/show.c ledger/show.h ledger/show_session.c \
	ledger/custody.c ledger/custody.h \
	ledger/db.c ledger/db.h \
	ledger/state/debt.c \
	ledger/state/event.c ledger/state/event.h \
	ledger/state/beacon.c ledger/state/evidence.c ledger/state/evidence.h \
	ledger/state/execute.c ledger/state/execute.h \
	ledger/audit/export.c ledger/audit/export.h ledger/audit/export_format.h ledger/audit/export_verify.c ledger/audit/journal.c \
	ledger/archive/certificate.c ledger/archive/certificate.h \
	ledger/archive/command_join.c ledger/archive/command.h \
	ledger/archive/fetch.c ledger/archive/follow.c ledger/archive/follow.h \
	ledger/archive/join.c ledger/archive/join.h ledger/archive/keep.c ledger/archive/keep.h \
	ledger/archive/peer.h ledger/archive/record.c ledger/archive/record.h ledger/archive/source.c ledger/archive/source.h \
	ledger/audit/manifest.c ledger/audit/manifest.h \
	ledger/failpoint.h \
	ledger/generator.c ledger/generator.h ledger/generator_node.c ledger/generator_private.h \
	ledger/genesis.c ledger/genesis.h \
	ledger/history.c ledger/history.h \
	ledger/state/issuance.c ledger/state/issuance.h \
	ledger/state/key.c \
	ledger/state/member.c ledger/state/member.h \
	ledger/order/local.c ledger/order/open.c ledger/order/open.h ledger/order/order.h \
	ledger/order/pending.c ledger/order/pending.h \
	ledger/order/relay.c ledger/order/relay.h ledger/order/relay_follow.c ledger/order/relay_shared.h ledger/order/relay_work.c \
	ledger/state/rating.c \
	ledger/state/request.c ledger/state/request.h \
	ledger/state/revenue.c ledger/state/revenue.h \
	ledger/service_asset.c ledger/client_asset.c ledger/command_act.c ledger/command_act.h ledger/command_asset.c \
	ledger/state/reward.c ledger/state/reward.h \
	ledger/audit/proof.c ledger/audit/proof.h ledger/audit/proof_check.c \
	ledger/state/posted_line.c ledger/state/posted_line.h \
	ledger/state/reversal.c \
	ledger/state/row.c ledger/state/row.h \
	ledger/service_post.c ledger/service.c ledger/service.h ledger/service_key.c ledger/service_node.c ledger/service_open.c ledger/service_operation.h ledger/service_tick.c \
	ledger/service_reseed.c ledger/service_settle.c \
	ledger/command_reseed.c ledger/reseed.c ledger/reseed.h \
	ledger/state/settlement.c ledger/state/settlement.h ledger/state/settlement_body.c \
	ledger/state/settlement_part.c ledger/state/settlement_part.h \
	ledger/state/path.c ledger/state/path.h \
	ledger/state/session.c ledger/state/session.h ledger/state/session_body.c ledger/state/session_rate.c ledger/state/session_row.c \
	ledger/state/drawer.c ledger/state/drawer.h ledger/state/author.c \
	ledger/state/draw.c ledger/state/draw.h ledger/state/session_tick.c \
	ledger/state/decoy.c ledger/state/decoy.h ledger/state/pay.c ledger/state/pay.h ledger/state/verdict.c ledger/state/verdict.h ledger/state/verifier.c \
	ledger/client_session.c ledger/command_session.c ledger/service_session.c ledger/service_session_read.c ledger/service_decoy.c ledger/service_claim.c \
	ledger/state/state.c ledger/state/state.h ledger/state/state_private.h ledger/state/state_rows.c ledger/state/state_store.c \
	ledger/state/touch.c ledger/state/touch.h \
	ledger/state/token.c ledger/state/token.h \
	ledger/transaction.c ledger/transaction.h \
	ledger/state/tree.c ledger/state/tree.h ledger/state/tree_hash.c ledger/state/tree_node.c ledger/state/tree_node.h \
	ledger/state/tree_path.c ledger/state/tree_store.c ledger/state/tree_store.h ledger/state/tree_walk.c \
	ledger/audit/verify.c ledger/audit/verify.h \
	ledger/validity.c \
	ledger/state/vote.c ledger/state/vote.h \
	ledger/state/wallet.c \
	ledger/window.c ledger/window.h \
	ledger/wire.c
libledger_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(ETCD_CFLAGS) $(SAN)
libledger_la_LIBADD = libcommon.la $(SQLITE_LIBS) $(ETCD_LIBS) -lpthread
if WITH_ETCD
libledger_la_SOURCES += \
	ledger/archive/peer.c \
	ledger/order/etcd.c ledger/order/etcd.h ledger/order/etcd_order.h ledger/order/etcd_board.c \
	ledger/order/etcd_gateway.c ledger/order/etcd_gateway.h ledger/order/etcd_http.c ledger/order/etcd_http.h ledger/order/etcd_kv.c ledger/order/etcd_kv.h \
	ledger/order/etcd_window.c
endif

ledgerexamplesdir = $(docdir)/examples
dist_ledgerexamples_DATA = etc/genesis.yaml

# What an auditor needs, and nothing else.
bin_PROGRAMS += aic-ledger-verify
aic_ledger_verify_SOURCES = ledger/audit/aic-ledger-verify.c
aic_ledger_verify_CFLAGS = $(AM_CFLAGS) $(SAN)
aic_ledger_verify_LDADD = libledger.la libcommon.la
# One file that runs anywhere, where configure found archives of all it needs; else it is linked as everything is.
aic_ledger_verify_LDFLAGS = $(STATIC_LDFLAGS)
if STATIC_CBOR_SOURCE
EXTRA_aic_ledger_verify_DEPENDENCIES = static/libcbor.a
CLEANFILES += static/libcbor.a
static/libcbor.a:
	$(AM_V_GEN)rm -rf static && $(MKDIR_P) static && for f in streaming encoding internal/encoders internal/loaders; do \
		$(CC) -O2 -w -I$(LIBCBOR_SOURCE)/src $(CBOR_CFLAGS) -c -o static/`basename $$f`.o $(LIBCBOR_SOURCE)/src/cbor/$$f.c || exit 1; \
	done && $(AR) cr $@ static/*.o && rm static/*.o
endif

bench_programs += tests/bench/detection_bench
tests_bench_detection_bench_SOURCES = tests/bench/detection_bench.c ledger/state/detection_testing.c ledger/state/detection_testing.h
tests_bench_detection_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
tests_bench_detection_bench_LDADD = libledger.la libcommon.la $(SQLITE_LIBS) -lm
bench_programs += tests/bench/ledger_bench
tests_bench_ledger_bench_SOURCES = tests/bench/ledger_bench.c tests/bench/postgres.c tests/bench/postgres.h
tests_bench_ledger_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
tests_bench_ledger_bench_LDADD = libledger.la libcommon.la $(SQLITE_LIBS)

sbin_PROGRAMS += aicledgerd
aicledgerd_SOURCES = ledger/aicledgerd.c
aicledgerd_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN) $(HTTPD_CFLAGS)
aicledgerd_LDADD = libledger.la libcommon.la $(HTTPD_LIBS)
if WITH_HTTPD
aicledgerd_SOURCES += ledger/archive/server.c ledger/archive/server.h
endif
endif

EXTRA_DIST += ledger/attacks_test.sh
EXTRA_DIST += \
	ledger/audit/export_testing.h ledger/service_testing.h ledger/testing.h \
	doc/formats/backup.md doc/formats/block.md doc/formats/ledger-checkpoint.md doc/formats/order-etcd.md doc/formats/rpc-ledger.md doc/formats/state.md doc/formats/transaction.md
dist_man_MANS += doc/man/aicledgerd.8 doc/man/aic-asset.1 doc/man/aic-key.1 doc/man/aic-session.1 doc/man/aic-ledger.1 doc/man/aic-transfer.1 doc/man/aic-ledger-verify.1
if WITH_LEDGER
if WITH_CMOCKA
ledger_test_flags = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
ledger_test_libs = libledger.la libcommon.la $(SQLITE_LIBS) $(CMOCKA_LIBS)
check_PROGRAMS += ledger_chain_test ledger_verify_test ledger_crash_test
ledger_chain_test_SOURCES = ledger/chain_test.c ledger/testing.c
ledger_chain_test_CFLAGS = $(ledger_test_flags)
ledger_chain_test_LDADD = $(ledger_test_libs)
ledger_verify_test_SOURCES = ledger/audit/verify_test.c ledger/testing.c
ledger_verify_test_CFLAGS = $(ledger_test_flags)
ledger_verify_test_LDADD = $(ledger_test_libs)
# the three files with writes in them are compiled once more, with the places at which the test stops the process
ledger_crash_test_SOURCES = ledger/crash_test.c ledger/testing.c ledger/chain.c ledger/state/state_store.c ledger/order/local.c
ledger_crash_test_CFLAGS = $(ledger_test_flags) -DAIC_FAILPOINTS
ledger_crash_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_archive_archive_test
ledger_archive_archive_test_SOURCES = ledger/archive/archive_test.c ledger/archive/testing.c ledger/archive/testing.h ledger/testing.c
ledger_archive_archive_test_CFLAGS = $(ledger_test_flags)
ledger_archive_archive_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_post_test
ledger_service_post_test_SOURCES = ledger/service_post_test.c ledger/service_testing.c ledger/testing.c
ledger_service_post_test_CFLAGS = $(ledger_test_flags)
ledger_service_post_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_evidence_test ledger_generator_test
ledger_evidence_test_SOURCES = ledger/state/evidence_test.c ledger/testing.c
ledger_evidence_test_CFLAGS = $(ledger_test_flags)
ledger_evidence_test_LDADD = $(ledger_test_libs)
ledger_generator_test_SOURCES = ledger/generator_test.c ledger/testing.c
ledger_generator_test_CFLAGS = $(ledger_test_flags)
ledger_generator_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_erc20_model_test
ledger_erc20_model_test_SOURCES = ledger/state/erc20_model_test.c ledger/state/erc20_testing.h ledger/testing.c
ledger_erc20_model_test_CFLAGS = $(ledger_test_flags)
ledger_erc20_model_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_erc20_test
ledger_erc20_test_SOURCES = ledger/state/erc20_test.c ledger/state/erc20_testing.h ledger/testing.c
ledger_erc20_test_CFLAGS = $(ledger_test_flags)
ledger_erc20_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_erc721_model_test
ledger_erc721_model_test_SOURCES = ledger/state/erc721_model_test.c ledger/state/erc721_testing.h ledger/testing.c
ledger_erc721_model_test_CFLAGS = $(ledger_test_flags)
ledger_erc721_model_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_erc721_test
ledger_erc721_test_SOURCES = ledger/state/erc721_test.c ledger/state/erc721_testing.h ledger/testing.c
ledger_erc721_test_CFLAGS = $(ledger_test_flags)
ledger_erc721_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_member_test
ledger_member_test_SOURCES = ledger/state/member_test.c ledger/testing.c
ledger_member_test_CFLAGS = $(ledger_test_flags)
ledger_member_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_backup_test
ledger_backup_test_SOURCES = ledger/backup_test.c ledger/audit/export_testing.c ledger/testing.c ledger/backup.c ledger/restore.c
ledger_backup_test_CFLAGS = $(ledger_test_flags) -DAIC_FAILPOINTS
ledger_backup_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_checkpoint_test
ledger_checkpoint_test_SOURCES = ledger/audit/checkpoint_test.c ledger/audit/export_testing.c ledger/testing.c
ledger_checkpoint_test_CFLAGS = $(ledger_test_flags)
ledger_checkpoint_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_flip_test
ledger_flip_test_SOURCES = ledger/audit/flip_test.c ledger/audit/export_testing.c ledger/testing.c
ledger_flip_test_CFLAGS = $(ledger_test_flags)
ledger_flip_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_export_test
ledger_export_test_SOURCES = ledger/audit/export_test.c ledger/audit/export_testing.c ledger/testing.c
ledger_export_test_CFLAGS = $(ledger_test_flags)
ledger_export_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_economy_test
ledger_economy_test_SOURCES = ledger/state/economy_test.c
ledger_economy_test_CFLAGS = $(ledger_test_flags)
ledger_economy_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_asset_test
ledger_service_asset_test_SOURCES = ledger/service_asset_test.c ledger/service_testing.c ledger/testing.c
ledger_service_asset_test_CFLAGS = $(ledger_test_flags)
ledger_service_asset_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_session_test
ledger_service_session_test_SOURCES = ledger/service_session_test.c ledger/service_testing.c ledger/testing.c
ledger_service_session_test_CFLAGS = $(ledger_test_flags)
ledger_service_session_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_key_test
ledger_service_key_test_SOURCES = ledger/service_key_test.c ledger/service_testing.c ledger/testing.c
ledger_service_key_test_CFLAGS = $(ledger_test_flags)
ledger_service_key_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_settle_test
ledger_service_settle_test_SOURCES = ledger/service_settle_test.c ledger/service_testing.c ledger/testing.c
ledger_service_settle_test_CFLAGS = $(ledger_test_flags)
ledger_service_settle_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_service_test
ledger_service_test_SOURCES = ledger/service_test.c ledger/service_testing.c ledger/testing.c
ledger_service_test_CFLAGS = $(ledger_test_flags)
ledger_service_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_settlement_test
ledger_settlement_test_SOURCES = ledger/state/settlement_test.c ledger/testing.c
ledger_settlement_test_CFLAGS = $(ledger_test_flags)
ledger_settlement_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_issuance_test ledger_tree_test
ledger_issuance_test_SOURCES = ledger/state/issuance_test.c ledger/testing.c
ledger_issuance_test_CFLAGS = $(ledger_test_flags)
ledger_issuance_test_LDADD = $(ledger_test_libs)
ledger_tree_test_SOURCES = ledger/state/tree_test.c ledger/testing.c
ledger_tree_test_CFLAGS = $(ledger_test_flags)
ledger_tree_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_settlement_part_test
ledger_settlement_part_test_SOURCES = ledger/state/settlement_part_test.c ledger/testing.c
ledger_settlement_part_test_CFLAGS = $(ledger_test_flags)
ledger_settlement_part_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_rating_test
ledger_rating_test_SOURCES = ledger/state/rating_test.c ledger/testing.c
ledger_rating_test_CFLAGS = $(ledger_test_flags)
ledger_rating_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_session_test
ledger_session_test_SOURCES = ledger/state/session_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_session_test_CFLAGS = $(ledger_test_flags)
ledger_session_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_verdict_test
ledger_verdict_test_SOURCES = ledger/state/verdict_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_verdict_test_CFLAGS = $(ledger_test_flags)
ledger_verdict_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_pay_test
ledger_pay_test_SOURCES = ledger/state/pay_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_pay_test_CFLAGS = $(ledger_test_flags)
ledger_pay_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_decoy_test
ledger_decoy_test_SOURCES = ledger/state/decoy_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_decoy_test_CFLAGS = $(ledger_test_flags)
ledger_decoy_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_generator_node_test
ledger_generator_node_test_SOURCES = ledger/generator_node_test.c ledger/testing.c
ledger_generator_node_test_CFLAGS = $(ledger_test_flags)
ledger_generator_node_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_drawer_test
ledger_drawer_test_SOURCES = ledger/state/drawer_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_drawer_test_CFLAGS = $(ledger_test_flags)
ledger_drawer_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_detection_test
ledger_detection_test_SOURCES = ledger/state/detection_test.c ledger/state/detection_testing.c ledger/state/detection_testing.h ledger/testing.c
ledger_detection_test_CFLAGS = $(ledger_test_flags)
ledger_detection_test_LDADD = $(ledger_test_libs) -lm
check_PROGRAMS += ledger_command_session_test
ledger_command_session_test_SOURCES = ledger/command_session_test.c
ledger_command_session_test_CFLAGS = $(ledger_test_flags)
ledger_command_session_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_session_refusal_test
ledger_session_refusal_test_SOURCES = ledger/state/session_refusal_test.c ledger/state/session_testing.c ledger/state/session_testing.h ledger/testing.c
ledger_session_refusal_test_CFLAGS = $(ledger_test_flags)
ledger_session_refusal_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_draw_test
ledger_draw_test_SOURCES = ledger/state/draw_test.c ledger/testing.c
ledger_draw_test_CFLAGS = $(ledger_test_flags)
ledger_draw_test_LDADD = $(ledger_test_libs) -lm
check_PROGRAMS += ledger_request_test
ledger_request_test_SOURCES = ledger/state/request_test.c ledger/testing.c
ledger_request_test_CFLAGS = $(ledger_test_flags)
ledger_request_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_revenue_test
ledger_revenue_test_SOURCES = ledger/state/revenue_test.c ledger/testing.c
ledger_revenue_test_CFLAGS = $(ledger_test_flags)
ledger_revenue_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_touch_test
ledger_touch_test_SOURCES = ledger/state/touch_test.c ledger/testing.c
ledger_touch_test_CFLAGS = $(ledger_test_flags)
ledger_touch_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_order_pending_test
ledger_order_pending_test_SOURCES = ledger/order/pending_test.c
ledger_order_pending_test_CFLAGS = $(ledger_test_flags)
ledger_order_pending_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_chain_race_test
ledger_chain_race_test_SOURCES = ledger/chain_race_test.c ledger/testing.c
ledger_chain_race_test_CFLAGS = $(ledger_test_flags)
ledger_chain_race_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_reseed_test
ledger_reseed_test_SOURCES = ledger/reseed_test.c ledger/testing.c
ledger_reseed_test_CFLAGS = $(ledger_test_flags)
ledger_reseed_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_window_test
ledger_window_test_SOURCES = ledger/window_test.c ledger/testing.c
ledger_window_test_CFLAGS = $(ledger_test_flags)
ledger_window_test_LDADD = $(ledger_test_libs)
check_PROGRAMS += ledger_order_relay_test
ledger_order_relay_test_SOURCES = ledger/order/relay_test.c
ledger_order_relay_test_CFLAGS = $(ledger_test_flags)
ledger_order_relay_test_LDADD = $(ledger_test_libs) -lpthread
check_PROGRAMS += ledger_order_order_test ledger_order_window_test
ledger_order_order_test_SOURCES = ledger/order/order_test.c ledger/order/order_testing.c ledger/order/order_testing.h
ledger_order_window_test_SOURCES = ledger/order/window_test.c ledger/order/order_testing.c
ledger_order_window_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_window_test_LDADD = $(ledger_test_libs) -lpthread
ledger_order_order_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_order_test_LDADD = $(ledger_test_libs) -lpthread
if WITH_ETCD
if WITH_HTTPD
check_PROGRAMS += ledger_archive_agree_test
ledger_archive_agree_test_SOURCES = ledger/archive/agree_test.c ledger/archive/server.c ledger/order/etcd_testing.c ledger/order/netns_testing.c \
	ledger/testing.c
ledger_archive_agree_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS) $(HTTPD_CFLAGS)
ledger_archive_agree_test_LDADD = $(ledger_test_libs) $(HTTPD_LIBS) -lpthread
check_PROGRAMS += ledger_archive_peer_test
ledger_archive_peer_test_SOURCES = ledger/archive/peer_test.c ledger/archive/server.c ledger/archive/testing.c ledger/testing.c
ledger_archive_peer_test_CFLAGS = $(ledger_test_flags) $(HTTPD_CFLAGS)
ledger_archive_peer_test_LDADD = $(ledger_test_libs) $(HTTPD_LIBS)
endif
ledger_order_order_test_SOURCES += ledger/order/etcd_testing.c ledger/order/netns_testing.c ledger/order/etcd_testing.h ledger/order/etcd_group.h
ledger_order_window_test_SOURCES += ledger/order/etcd_testing.c ledger/order/netns_testing.c
check_PROGRAMS += ledger_order_etcd_member_test ledger_order_etcd_answer_test
ledger_order_etcd_member_test_SOURCES = ledger/order/etcd_member_test.c ledger/order/etcd_testing.c ledger/order/netns_testing.c \
	ledger/order/log_testing.c ledger/order/log_testing.h
ledger_order_etcd_member_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_member_test_LDADD = $(ledger_test_libs) -lpthread
ledger_order_etcd_answer_test_SOURCES = ledger/order/etcd_answer_test.c ledger/order/etcd_testing.c ledger/order/netns_testing.c \
	ledger/order/log_testing.c ledger/order/proxy_testing.c ledger/order/proxy_testing.h
ledger_order_etcd_answer_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_answer_test_LDADD = $(ledger_test_libs) -lpthread
check_PROGRAMS += ledger_order_etcd_partition_test
ledger_order_etcd_partition_test_SOURCES = ledger/order/etcd_partition_test.c ledger/order/etcd_testing.c ledger/order/netns_testing.c \
	ledger/order/log_testing.c
ledger_order_etcd_partition_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_partition_test_LDADD = $(ledger_test_libs) -lpthread
check_PROGRAMS += ledger_service_etcd_test
ledger_service_etcd_test_SOURCES = ledger/service_etcd_test.c ledger/service_testing.c ledger/testing.c ledger/order/etcd_testing.c ledger/order/netns_testing.c
ledger_service_etcd_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_service_etcd_test_LDADD = $(ledger_test_libs) $(ETCD_LIBS) -lpthread
check_PROGRAMS += ledger_order_etcd_hostile_test
ledger_order_etcd_hostile_test_SOURCES = ledger/order/etcd_hostile_test.c
ledger_order_etcd_hostile_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_hostile_test_LDADD = $(ledger_test_libs) -lpthread
check_PROGRAMS += ledger_order_etcd_chain_test
ledger_order_etcd_chain_test_SOURCES = ledger/order/etcd_chain_test.c ledger/order/etcd_testing.c ledger/order/netns_testing.c \
	ledger/order/proxy_testing.c ledger/testing.c
ledger_order_etcd_chain_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_chain_test_LDADD = $(ledger_test_libs) -lpthread
check_PROGRAMS += ledger_order_etcd_access_test
ledger_order_etcd_access_test_SOURCES = ledger/order/etcd_access_test.c ledger/order/etcd_testing.c ledger/order/netns_testing.c
ledger_order_etcd_access_test_CFLAGS = $(ledger_test_flags) $(ETCD_CFLAGS)
ledger_order_etcd_access_test_LDADD = $(ledger_test_libs)
endif
endif
endif
if WITH_ETCD
bench_programs += tests/bench/chain_bench
tests_bench_chain_bench_SOURCES = tests/bench/chain_bench.c ledger/order/etcd_testing.c ledger/order/netns_testing.c
tests_bench_chain_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(ETCD_CFLAGS) $(SAN)
tests_bench_chain_bench_LDADD = libledger.la libcommon.la $(SQLITE_LIBS) $(ETCD_LIBS) -lpthread
bench_programs += tests/bench/order_bench
tests_bench_order_bench_SOURCES = tests/bench/order_bench.c ledger/order/etcd_testing.c ledger/order/netns_testing.c ledger/order/etcd_testing.h
tests_bench_order_bench_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(ETCD_CFLAGS) $(SAN)
tests_bench_order_bench_LDADD = libledger.la libcommon.la $(SQLITE_LIBS)
endif
