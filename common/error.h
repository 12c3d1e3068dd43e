/* error.h: the one way in which AIC reports that something failed.
 *
 * Functions that can fail return an aic_code (AIC_OK is 0) and, where the caller passes a non-NULL
 * aic_error, fill it with one sentence: what was wrong, with the figure, and what to do. The codes
 * double as exit codes of every program (see aic_exit_code). */
#ifndef AIC_ERROR_H
#define AIC_ERROR_H

#include <stdarg.h>

typedef enum {
	AIC_OK = 0,
	AIC_REFUSED = 1,     /* the request is understood and not allowed: funds, rights, rules       */
	AIC_USAGE = 2,       /* bad arguments or a bad configuration                                  */
	AIC_UNREACHABLE = 3, /* a daemon, peer or file system that should answer does not             */
	AIC_CORRUPT = 4,     /* stored or received bytes are not what they must be                    */
	AIC_NOT_FOUND = 5,
	AIC_FULL = 6,        /* no space left, or a limit of size reached                             */
	AIC_SYSTEM = 7       /* a system call or library failed                                       */
} aic_code;

typedef struct {
	aic_code code;
	char message[768]; /* NUL-terminated, no trailing newline */
} aic_error;

/* Fills *err (which may be NULL) and returns code, so that a caller writes
 * `return aic_fail(err, AIC_REFUSED, "account %s holds ...", ...)`. */
aic_code aic_fail(aic_error *err, aic_code code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As aic_fail with AIC_SYSTEM (AIC_FULL for ENOSPC, EDQUOT and EFBIG), appending ": " and strerror(errno). */
aic_code aic_fail_errno(aic_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "context: " before the message that *err already holds; returns err->code (AIC_SYSTEM if err is NULL). */
aic_code aic_error_prefix(aic_error *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The documented exit status: 0 done, 1 refused (everything that is not 0, 2 or 3), 2 usage, 3 not reachable. */
int aic_exit_code(aic_code code);

/* Prints "PROGRAM: message" to stderr and returns aic_exit_code(err->code). */
int aic_error_report(const char *program, const aic_error *err);

#endif
