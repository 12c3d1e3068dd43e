# ledger: a deterministic state machine over an ordered log of blocks, its daemon, and what other rooms ask of it.
if WITH_LEDGER
noinst_LTLIBRARIES += libledger.la
libledger_la_SOURCES = \
	ledger/block.c ledger/block.h \
	ledger/chain.c ledger/chain.h \
	ledger/client.c ledger/client.h \
	ledger/command.c ledger/commands.h \
	ledger/custody.c ledger/custody.h \
	ledger/db.c ledger/db.h \
	ledger/debt.c \
	ledger/event.c ledger/event.h \
	ledger/execute.c ledger/execute.h \
	ledger/failpoint.h \
	ledger/genesis.c ledger/genesis.h \
	ledger/history.c ledger/history.h \
	ledger/issuance.c ledger/issuance.h \
	ledger/merkle.c ledger/merkle.h \
	ledger/order/local.c ledger/order/order.h \
	ledger/row.c ledger/row.h \
	ledger/service.c ledger/service.h \
	ledger/settlement.c ledger/settlement.h \
	ledger/state.c ledger/state.h ledger/state_rows.c \
	ledger/token.c ledger/token.h \
	ledger/transaction.c ledger/transaction.h \
	ledger/tree.c ledger/tree.h \
	ledger/verify.c ledger/verify.h \
	ledger/wire.c
libledger_la_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
libledger_la_LIBADD = libcommon.la $(SQLITE_LIBS)

ledgerexamplesdir = $(docdir)/examples
dist_ledgerexamples_DATA = etc/genesis.yaml

sbin_PROGRAMS += aicledgerd
aicledgerd_SOURCES = ledger/aicledgerd.c
aicledgerd_CFLAGS = $(AM_CFLAGS) $(SQLITE_CFLAGS) $(SAN)
aicledgerd_LDADD = libledger.la libcommon.la
endif
