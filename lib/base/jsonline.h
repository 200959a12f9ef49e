/*
 * One JSON object on one line, put together in a buffer with a ceiling.
 *
 *	struct gp_jsonline j;
 *	gp_jsonline_begin(&j, 8192);
 *	gp_jsonline_str(&j, "from", from, 320);
 *	gp_jsonline_open(&j, "symbols", '[');
 *	for (…) { gp_jsonline_open(&j, NULL, '{'); …; gp_jsonline_close(&j); }
 *	gp_jsonline_close(&j);
 *	text = gp_jsonline_finish(&j);		whole and valid, whatever did not fit
 *	gp_jsonline_done(&j);
 *
 * What does not fit is left out whole: a value, and with it the object that it stands in
 * (but for the outermost); `is_cut` then says so.  A stranger's bytes become valid UTF-8
 * without control characters or marks of direction (gp_log_escape); NUL becomes \u0000.
 * Keys are our own literals; inside a list they are NULL.  Not thread-safe.
 */
#ifndef GP_BASE_JSONLINE_H
#define GP_BASE_JSONLINE_H

#include <stdint.h>

#include "lib/base/buf.h"

#define GP_JSONLINE_DEPTH 6

struct gp_jsonline {
	struct gp_buf buf;
	struct {
		size_t start; /* where it begins, its comma included */
		char bracket; /* that closes it */
		bool is_cut;  /* something in it was left out */
	} open[GP_JSONLINE_DEPTH];
	unsigned depth;
	unsigned skipped; /* opened, but left out */
	bool is_cut;
};

/* max: bytes of the line at the most, at least 64. */
void gp_jsonline_begin(struct gp_jsonline *j, size_t max);
/* bracket: '{' or '['. */
void gp_jsonline_open(struct gp_jsonline *j, const char *key, char bracket);
void gp_jsonline_close(struct gp_jsonline *j);
/* Beyond max bytes the value is cut and ends in "...". */
void gp_jsonline_str(struct gp_jsonline *j, const char *key, struct gp_str value, size_t max);
void gp_jsonline_cstr(struct gp_jsonline *j, const char *key, const char *value);
void gp_jsonline_int(struct gp_jsonline *j, const char *key, int64_t value);
/* With so many decimals; what is not finite becomes null. */
void gp_jsonline_num(struct gp_jsonline *j, const char *key, double value, int decimals);
void gp_jsonline_bool(struct gp_jsonline *j, const char *key, bool value);
/* Closes what is open; lives until done. */
struct gp_str gp_jsonline_finish(struct gp_jsonline *j);
void gp_jsonline_done(struct gp_jsonline *j);

#endif
