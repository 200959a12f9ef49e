/*
 * Names of errors, and the fixed buffer in which their detail travels.
 */
#include "lib/base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const char *gp_err_name(int err)
{
	static const char *const names[] = {"ok",	    "temporary failure",
					    "malformed",    "limit exceeded",
					    "not found",    "not allowed",
					    "system error"};
	size_t i = (size_t)-err;

	return err <= 0 && i < GP_ARRAY_SIZE(names) ? names[i] : "unknown error";
}

void gp_diag_set(struct gp_diag *diag, const char *fmt, ...)
{
	va_list ap;

	if (!diag)
		return;
	va_start(ap, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
}

void gp_diag_prepend(struct gp_diag *diag, const char *fmt, ...)
{
	struct gp_diag old;
	va_list ap;
	size_t n;

	if (!diag)
		return;
	old = *diag;
	va_start(ap, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	n = strlen(diag->text);
	snprintf(diag->text + n, sizeof(diag->text) - n, ": %s", old.text);
}

int gp_diag_errno(struct gp_diag *diag, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	if (!diag)
		return GP_ESYS;
	va_start(ap, fmt);
	vsnprintf(diag->text, sizeof(diag->text), fmt, ap);
	va_end(ap);
	n = strlen(diag->text);
	snprintf(diag->text + n, sizeof(diag->text) - n, ": %s", strerror(saved));
	return GP_ESYS;
}
