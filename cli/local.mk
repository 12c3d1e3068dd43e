if WITH_ACCOUNTING
bin_PROGRAMS += aic
aic_SOURCES = cli/aic.c
aic_CFLAGS = $(AM_CFLAGS) $(SAN)
aic_LDADD = liballocator.la libaccounting.la libledger.la libcommon.la
endif
