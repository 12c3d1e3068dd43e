/* failpoint.h: places at which a test stops the process. Nothing at all in what is installed. */
#ifndef AIC_LEDGER_FAILPOINT_H
#define AIC_LEDGER_FAILPOINT_H

#ifdef AIC_FAILPOINTS
void aic_failpoint(const char *place); /* the test's own */
#else
#define aic_failpoint(place) ((void)0)
#endif

#endif
