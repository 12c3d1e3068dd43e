/* schema.h: the tables of STATE/accounting.db, and how a database of an earlier version is brought up. */
#ifndef AIC_ACCOUNTING_SCHEMA_H
#define AIC_ACCOUNTING_SCHEMA_H

#include "accounting/store.h"

/* Sets the connection up, makes the tables or brings them up in one transaction. AIC_REFUSED for a version that is not known yet. */
aic_code aic_schema_open(aic_store *s, const char *path, aic_error *err);

#endif
