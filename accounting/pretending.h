/* pretending.h: signs of load that is worth nothing: GPUs that report to be busy, and draw little power, or have idle SMs, or do
 * exactly the same for hours, or whose job reads no data. NVML's utilisation counts any kernel, even one that spins on a single SM; power and SM
 * activity say how much of the chip works. Signs make a
 * reviewer look, they punish nobody. */
#ifndef AIC_ACCOUNTING_PRETENDING_H
#define AIC_ACCOUNTING_PRETENDING_H

#include "common/config.h"
#include "common/receipt.h"

/* What receipts say of one node's GPUs. AIC_UNKNOWN where one of them does not know. */
typedef struct {
	uint64_t held_ms;        /* GPUs times time, of steps that used some */
	uint64_t gpu_ms, energy_mj, read_mib;
	uint64_t samples;        /* of activity; 0 unknown, and AIC_UNKNOWN where one of the receipts has none */
	double sm, tensor;       /* means, ppm */
	double sm_sd;            /* standard deviation over all samples, ppm */
} aic_gpu_evidence;

/* Of the receipts of that node. */
aic_gpu_evidence aic_gpu_evidence_of(const char *node, const aic_receipt *receipts, size_t n);
/* The rule of that model: its own figures, the default's where it has none. */
aic_pretending_rule aic_pretending_rule_of(const aic_config *c, const char *gpu_type);
/* Sentences joined by "; ", "" for none. type is only named. */
void aic_pretending_say(char *out, size_t size, const aic_gpu_evidence *e, const aic_pretending_rule *rule, const char *type);

#endif
