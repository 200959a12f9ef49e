/*
 * Dates of mail (RFC 5322 §3.3, with the obsolete zones of RFC 822).
 */
#ifndef GP_MAIL_DATE_H
#define GP_MAIL_DATE_H

#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/str.h"

/* Seconds since the epoch; GP_EINVAL if it is no date. */
int gp_date_parse(struct gp_str text, int64_t *ret_s) GP_MUST_USE;

#define GP_DATE_TEXT 40
/* "Sat, 21 Nov 2026 11:22:58 +0000" */
const char *gp_date_format(int64_t time_s, char buf[GP_DATE_TEXT]);

#endif
