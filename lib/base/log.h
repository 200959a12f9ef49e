/*
 * Log lines: what is said.  Where they go (standard error, syslog, a file) is
 * set once by lib/daemon.
 *
 * Two kinds of line.  gp_log() is a sentence for people.  struct gp_logline is
 * the line per message: fields in a fixed order, key=value, values escaped and
 * cut, so that a stranger's bytes can neither forge a field nor flood the log.
 * No value holds white space: a line can be split at blanks, then at the first "=".
 * With format "json" both become one JSON object a line.
 *
 * Library code (ranks 0–2) logs nothing above debug: it returns, programs report.
 * Thread-safe: a line is written with one call.
 */
#ifndef GP_BASE_LOG_H
#define GP_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

enum gp_log_level { GP_LOG_ERROR, GP_LOG_WARNING, GP_LOG_INFO, GP_LOG_DEBUG };
enum gp_log_format { GP_LOG_TEXT, GP_LOG_JSON };

/* Receives a finished line without the newline. */
typedef void gp_log_sink(enum gp_log_level level, struct gp_str line);

/* Default: text on standard error, level info. */
void gp_log_setup(enum gp_log_level level, enum gp_log_format format, gp_log_sink *sink);
/* NULL gives the default sink back (standard error). */
/* Another one, besides: gets every line that is a warning or an error.  NULL ends it. */
void gp_log_observe(gp_log_sink *observer);
bool gp_log_enabled(enum gp_log_level level);
const char *gp_log_level_name(enum gp_log_level level);

void gp_log(enum gp_log_level level, const char *fmt, ...) GP_PRINTF(2, 3);
#define gp_log_error(...) gp_log(GP_LOG_ERROR, __VA_ARGS__)
#define gp_log_warning(...) gp_log(GP_LOG_WARNING, __VA_ARGS__)
#define gp_log_info(...) gp_log(GP_LOG_INFO, __VA_ARGS__)
#define gp_log_debug(...)                                                                          \
	do {                                                                                       \
		if (gp_log_enabled(GP_LOG_DEBUG))                                                  \
			gp_log(GP_LOG_DEBUG, __VA_ARGS__);                                         \
	} while (0)

#define GP_LOG_LINE_MAX 4096  /* a whole line; what does not fit is left out */
#define GP_LOG_VALUE_MAX 512  /* one value; longer ones end in "..." */

struct gp_logline {
	struct gp_buf buf;
	enum gp_log_level level;
	enum gp_log_format format; /* as it was when the line began */
	bool is_wanted; /* at its level, when it began; else nothing is put together */
};

/* Begin, add fields, emit (which also releases).  Keys are our own literals. */
void gp_logline_begin(struct gp_logline *l, enum gp_log_level level);
void gp_logline_str(struct gp_logline *l, const char *key, struct gp_str value);
void gp_logline_cstr(struct gp_logline *l, const char *key, const char *value);
void gp_logline_int(struct gp_logline *l, const char *key, int64_t value);
/* With the given number of decimals. */
void gp_logline_num(struct gp_logline *l, const char *key, double value, int decimals);
void gp_logline_emit(struct gp_logline *l);

/* Appends s with control bytes and blanks as \xNN, quotes and backslashes behind a
 * backslash (text form), or with JSON's escapes; invalid UTF-8 becomes \xNN or U+FFFD.
 * Blanks beyond ASCII, invisible characters and marks of direction become \uNNNN in both. */
void gp_log_escape(struct gp_buf *out, struct gp_str s, enum gp_log_format format);

#endif
