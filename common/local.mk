# libcommon: everything else stands on it. Two builds: with sanitizers for programs, without for what Slurm loads.
common_sources = \
	common/amount.c common/amount.h \
	common/block_call.c common/block_call.h \
	common/barred.c common/barred.h \
	common/bytes.c common/bytes.h \
	common/cbor.c common/cbor.h \
	common/cbor_write.c \
	common/command.c common/command_begin.c common/command.h \
	common/config.c common/config.h common/config_archive.c common/config_datasets.c common/config_etcd.c common/config_read.h common/config_review.c common/config_rows.c common/config_sessions.c common/config_train.c \
	common/crypto.c common/crypto.h \
	common/daemon.c common/daemon.h \
	common/error.c common/error.h \
	common/file.c common/file.h \
	common/key_file.c \
	common/log.c common/log.h \
	common/lottery.c common/lottery.h \
	common/merkle.c common/merkle.h \
	common/node_hello.c common/node_hello.h \
	common/price.c common/price.h \
	common/priority.c common/priority.h \
	common/process.c common/process.h \
	common/quote.c common/quote.h \
	common/split.c common/split.h \
	common/receipt.c common/receipt.h \
	common/record.c common/record.h \
	common/reservations.c common/reservations.h \
	common/rpc.c common/rpc.h \
	common/rpc_frame.c common/rpc_frame.h \
	common/rpc_server.c \
	common/session_call.c common/session_call.h \
	common/session_queue.c common/session_queue.h \
	common/session_record.c common/session_record.h \
	common/session_store.c common/session_store.h \
	common/size.c common/size.h \
	common/snapshot.c common/snapshot.h \
	common/spool.c common/spool.h common/spool_reader.c common/spool_segment.c common/spool_segment.h \
	common/table.c common/table.h \
	common/table_cells.h \
	common/table_print.c \
	common/time.c common/time.h \
	common/u256.c \
	common/utf8.c common/utf8.h \
	common/verification.c common/verification.h \
	common/vrf.c common/vrf.h \
	common/yaml.c common/yaml.h common/yaml_get.c common/yaml_node.h

noinst_LTLIBRARIES += libcommon.la
libcommon_la_SOURCES = $(common_sources)
libcommon_la_CFLAGS = $(AM_CFLAGS) $(SODIUM_CFLAGS) $(SAN)
libcommon_la_LIBADD = $(CRYPTO_LIBS) $(SODIUM_LIBS) $(YAML_LIBS) $(CBOR_LIBS) $(MUNGE_LIBS)

# What may be loaded into slurmctld and slurmstepd: no network, no YAML, no sanitizer.
common_plugin_sources = \
	common/amount.c common/bytes.c common/cbor.c common/cbor_write.c common/crypto.c common/error.c common/file.c \
	common/key_file.c common/price.c common/priority.c common/quote.c common/receipt.c common/record.c common/split.c common/reservations.c common/snapshot.c common/spool.c \
	common/spool_reader.c common/spool_segment.c common/time.c \
	common/u256.c common/utf8.c
noinst_LTLIBRARIES += libcommon_plugin.la
libcommon_plugin_la_SOURCES = $(common_plugin_sources)
libcommon_plugin_la_CFLAGS = $(AM_CFLAGS) -fvisibility=hidden
libcommon_plugin_la_LIBADD = $(CRYPTO_LIBS) $(CBOR_LIBS)

# Unit tests of the foundations; NAME_test.c beside NAME.c.
EXTRA_DIST += common/testing.h common/cbor_testing.h doc/formats/split.md
if WITH_CMOCKA
check_PROGRAMS += common_error_test common_bytes_test common_u256_test
common_error_test_SOURCES = common/error_test.c
common_error_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_error_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_bytes_test_SOURCES = common/bytes_test.c
common_bytes_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_bytes_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_u256_test_SOURCES = common/u256_test.c
common_u256_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_u256_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
check_PROGRAMS += common_amount_test common_cbor_test common_cbor_canonical_test
common_amount_test_SOURCES = common/amount_test.c
common_amount_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_amount_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_cbor_test_SOURCES = common/cbor_test.c tests/fuzz/cbor_fuzz.c
common_cbor_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_cbor_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_cbor_canonical_test_SOURCES = common/cbor_canonical_test.c tests/fuzz/cbor_fuzz.c
common_cbor_canonical_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_cbor_canonical_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_crypto_test common_key_file_test common_merkle_test
common_merkle_test_SOURCES = common/merkle_test.c
common_merkle_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_merkle_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
common_crypto_test_SOURCES = common/crypto_test.c
common_crypto_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_crypto_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS) -lpthread
common_key_file_test_SOURCES = common/key_file_test.c
common_key_file_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_key_file_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(CRYPTO_LIBS)
check_PROGRAMS += common_vrf_test common_lottery_test common_block_call_test
common_block_call_test_SOURCES = common/block_call_test.c
common_block_call_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_block_call_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_node_hello_test
common_node_hello_test_SOURCES = common/node_hello_test.c
common_node_hello_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_node_hello_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_vrf_test_SOURCES = common/vrf_test.c
common_vrf_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS) $(SODIUM_CFLAGS)
common_vrf_test_LDADD = libcommon.la $(CMOCKA_LIBS) $(SODIUM_LIBS)
common_lottery_test_SOURCES = common/lottery_test.c
common_lottery_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_lottery_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_barred_test
common_barred_test_SOURCES = common/barred_test.c
common_barred_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_barred_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_file_test common_time_test
common_file_test_SOURCES = common/file_test.c
common_file_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_file_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_time_test_SOURCES = common/time_test.c
common_time_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_time_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_log_test common_table_test
common_log_test_SOURCES = common/log_test.c
common_log_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_log_test_LDADD = libcommon.la $(CMOCKA_LIBS) -lpthread
common_table_test_SOURCES = common/table_test.c
common_table_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_table_test_LDADD = libcommon.la $(CMOCKA_LIBS)
endif

# Unit tests of formats, prices, configuration and RPC; fuzz targets, built by hand as their heads say.
EXTRA_DIST += tests/fuzz/record_fuzz.c tests/fuzz/receipt_fuzz.c tests/fuzz/spool_fuzz.c tests/fuzz/snapshot_fuzz.c \
	tests/fuzz/session_fuzz.c tests/fuzz/verification_fuzz.c tests/fuzz/vrf_fuzz.c tests/fuzz/yaml_fuzz.c
if WITH_CMOCKA
check_PROGRAMS += common_record_test common_priority_test common_process_test common_quote_test common_reservations_test \
	common_price_test common_split_test \
	common_receipt_test \
	common_session_call_test common_session_queue_test \
	common_spool_test \
	common_snapshot_test \
	common_yaml_test \
	common_config_test \
	common_command_test \
	common_rpc_test
common_record_test_SOURCES = common/record_test.c
common_record_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_record_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_priority_test_SOURCES = common/priority_test.c
common_priority_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_priority_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_process_test_SOURCES = common/process_test.c
common_process_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_process_test_LDADD = libcommon.la $(CMOCKA_LIBS)
check_PROGRAMS += common_verification_test
common_verification_test_SOURCES = common/verification_test.c
common_verification_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_verification_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_quote_test_SOURCES = common/quote_test.c
common_quote_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_quote_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_reservations_test_SOURCES = common/reservations_test.c
common_reservations_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_reservations_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_split_test_SOURCES = common/split_test.c
common_split_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_split_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_price_test_SOURCES = common/price_test.c
common_price_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_price_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_session_queue_test_SOURCES = common/session_queue_test.c
common_session_queue_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_session_queue_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_session_queue_test_LDFLAGS = -Wl,--wrap=aic_session_call_nodes,--wrap=aic_session_call_commit,--wrap=aic_session_call_close \
	-Wl,--wrap=rename,--wrap=renameat,--wrap=unlinkat
common_session_call_test_SOURCES = common/session_call_test.c
common_session_call_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_session_call_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_receipt_test_SOURCES = common/receipt_test.c
common_receipt_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_receipt_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_spool_test_SOURCES = common/spool_test.c
common_spool_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_spool_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_snapshot_test_SOURCES = common/snapshot_test.c
common_snapshot_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_snapshot_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_yaml_test_SOURCES = common/yaml_test.c
common_yaml_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_yaml_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_config_test_SOURCES = common/config_test.c
common_config_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_config_test_CPPFLAGS = $(AM_CPPFLAGS) -DAIC_EXAMPLE='"$(abs_top_srcdir)/etc/aic.yaml"'
common_config_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_command_test_SOURCES = common/command_test.c
common_command_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_command_test_LDADD = libcommon.la $(CMOCKA_LIBS)
common_rpc_test_SOURCES = common/rpc_test.c
common_rpc_test_CFLAGS = $(AM_CFLAGS) $(SAN) $(CMOCKA_CFLAGS)
common_rpc_test_LDADD = libcommon.la $(CMOCKA_LIBS)
endif
