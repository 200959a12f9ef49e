/*
 * Times in front of log lines.
 */
#ifndef GP_CONTROLLER_MAILLOG_TIME_H
#define GP_CONTROLLER_MAILLOG_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/str.h"

/* Takes the time, and the blank behind it, off the line.  "Nov 21 20:19:42" (local; the year is
 * the last one in which it is not more than a day after now_s) or RFC 3339 ("T" between date and
 * time; without a zone: local).  False: the line begins with none.  With ret_s NULL nothing is
 * converted, which takes ten times as long as the rest. */
bool maillog_take_time(struct gp_str *line, int64_t now_s, int64_t *ret_s);

#endif
