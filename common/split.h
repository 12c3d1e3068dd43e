/* split.h: a job's split over its nodes as a text in Slurm's AdminComment, so that slurmdbd has what it does not keep itself.
 * jobcomp/aic writes it, aicacctd's reconciliation reads it; doc/formats/split.md draws it:
 *
 *     {aic:1 restart=2 segment=1795400799 dataset=faces n[1-3]:8:64000:a100=2 n4:4:32000}
 *
 * Whatever else an administrator or job_submit/aic has written there stays in front of it. */
#ifndef AIC_SPLIT_H
#define AIC_SPLIT_H

#include "common/record.h"

#define AIC_SPLIT_MAX 16384 /* bytes; slurmdbd keeps 64 KiB of a comment */

/* Appends to out what `comment` (NULL for none) says beside a split of an earlier run, then the record's. False, and only the
 * former, where the record has no nodes, a name that the form cannot carry, or needs more than AIC_SPLIT_MAX. */
bool aic_split_put(aic_bytes *out, const char *comment, const aic_job_record *r);

/* Nodes (*r's, which are replaced), restart count, resize, data set and model from a comment; false where it has none or one that
 * cannot be read: *r is as it was. */
bool aic_split_get(aic_job_record *r, const char *comment);

#endif
