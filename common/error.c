/* error.c: filling, extending and printing an aic_error. */
#define _GNU_SOURCE
#include "common/error.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* Formats before it writes to *err, since callers pass err->message as an argument. */
static void set_message(aic_error *err, aic_code code, const char *fmt, va_list ap)
{
	char text[sizeof(err->message)];

	vsnprintf(text, sizeof(text), fmt, ap);
	err->code = code;
	memcpy(err->message, text, sizeof(text));
}

static void append(aic_error *err, const char *text)
{
	size_t used = strlen(err->message);

	snprintf(err->message + used, sizeof(err->message) - used, "%s", text);
}

aic_code aic_fail(aic_error *err, aic_code code, const char *fmt, ...)
{
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		set_message(err, code, fmt, ap);
		va_end(ap);
	}
	return code;
}

aic_code aic_fail_errno(aic_error *err, const char *fmt, ...)
{
	int number = errno;
	aic_code code = number == ENOSPC || number == EDQUOT || number == EFBIG ? AIC_FULL : AIC_SYSTEM;
	char reason[128];
	va_list ap;

	if (err) {
		va_start(ap, fmt);
		set_message(err, code, fmt, ap);
		va_end(ap);
		append(err, ": ");
		append(err, strerror_r(number, reason, sizeof(reason)));
	}
	return code;
}

aic_code aic_error_prefix(aic_error *err, const char *fmt, ...)
{
	char old[sizeof(err->message)];
	va_list ap;

	if (!err)
		return AIC_SYSTEM;
	memcpy(old, err->message, sizeof(old));
	va_start(ap, fmt);
	set_message(err, err->code, fmt, ap);
	va_end(ap);
	append(err, ": ");
	append(err, old);
	return err->code;
}

int aic_exit_code(aic_code code)
{
	switch (code) {
	case AIC_OK:
	case AIC_USAGE:
	case AIC_UNREACHABLE:
		return (int) code;
	default:
		return AIC_REFUSED;
	}
}

int aic_error_report(const char *program, const aic_error *err)
{
	fprintf(stderr, "%s: %s\n", program, err->message);
	return aic_exit_code(err->code);
}
