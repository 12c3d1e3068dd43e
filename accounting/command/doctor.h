/* doctor.h: findings of `aic doctor`, gathered by several files, printed by cmd_doctor.c. */
#ifndef AIC_ACCOUNTING_DOCTOR_H
#define AIC_ACCOUNTING_DOCTOR_H

#include <stdint.h>

#include "common/config.h"
#include "common/table.h"

typedef enum { AIC_HEALTH_OK, AIC_HEALTH_WARN, AIC_HEALTH_BAD } aic_health;

typedef struct {
	const aic_config *config;
	aic_table *table;
	unsigned bad, warned;
} aic_doctor;

/* Adds a finding; remedy NULL where none is needed. */
void aic_doctor_find(aic_doctor *d, aic_health h, const char *what, const char *remedy, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

void aic_doctor_files(aic_doctor *d);   /* directories, keys, snapshot */
void aic_doctor_slurm(aic_doctor *d);   /* slurmctld's version and settings, the plugins' versions */
void aic_doctor_daemons(aic_doctor *d); /* aicacctd, aicledgerd, what they say, clocks */

/* A 32-bit constant of a shared object, read from the file without loading it. */
bool aic_elf_constant(const char *path, const char *symbol, uint32_t *out);

#endif
