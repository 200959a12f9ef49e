/*
 * A JSON object put together value by value; the header says what happens to what
 * does not fit.  Each bracket that is opened keeps room for the one that closes it.
 */
#include "lib/base/jsonline.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>

#include "lib/base/err.h"
#include "lib/base/log.h"

void gp_jsonline_begin(struct gp_jsonline *j, size_t max)
{
	assert(max >= 64);
	*j = (struct gp_jsonline){.depth = 1};
	gp_buf_init(&j->buf, max - 1);
	(void)gp_buf_reserve(&j->buf, max / 4); /* one allocation for most */
	j->open[0].bracket = '}';
	gp_buf_add_chr(&j->buf, '{');
}

static void add_key(struct gp_jsonline *j, const char *key)
{
	char last = j->buf.data[j->buf.len - 1];

	if (last != '{' && last != '[')
		gp_buf_add_chr(&j->buf, ',');
	if (key) {
		gp_buf_add_chr(&j->buf, '"');
		gp_buf_add_cstr(&j->buf, key);
		gp_buf_add(&j->buf, "\":", 2);
	}
}

/* Takes back what was added since `start` if it did not fit. */
static void finish_value(struct gp_jsonline *j, size_t start)
{
	if (gp_buf_error(&j->buf) == GP_OK)
		return;
	j->buf.err = GP_OK;
	j->buf.len = start;
	j->is_cut = true;
	j->open[j->depth - 1].is_cut = true;
}

void gp_jsonline_open(struct gp_jsonline *j, const char *key, char bracket)
{
	size_t start = j->buf.len;

	assert(j->depth < GP_JSONLINE_DEPTH);
	if (j->skipped > 0) {
		j->skipped++;
		return;
	}
	add_key(j, key);
	gp_buf_add_chr(&j->buf, bracket);
	if (gp_buf_error(&j->buf) < 0 || j->buf.len == j->buf.max) {
		j->buf.err = GP_ELIMIT;
		finish_value(j, start);
		j->skipped = 1;
		return;
	}
	j->buf.max--;
	j->open[j->depth].start = start;
	j->open[j->depth].bracket = bracket == '{' ? '}' : ']';
	j->open[j->depth].is_cut = false;
	j->depth++;
}

void gp_jsonline_close(struct gp_jsonline *j)
{
	if (j->skipped > 0) {
		j->skipped--;
		return;
	}
	assert(j->depth > 1);
	j->depth--;
	j->buf.max++;
	if (j->open[j->depth].bracket == '}' && j->open[j->depth].is_cut) {
		j->buf.len = j->open[j->depth].start;
		j->open[j->depth - 1].is_cut = true;
		return;
	}
	gp_buf_add_chr(&j->buf, j->open[j->depth].bracket);
}

void gp_jsonline_str(struct gp_jsonline *j, const char *key, struct gp_str value, size_t max)
{
	struct gp_str cut = gp_str_sub(value, 0, max);
	size_t start = j->buf.len;

	if (j->skipped > 0)
		return;
	/* Not inside a UTF-8 sequence. */
	while (cut.len < value.len && cut.len > 0 &&
	       ((unsigned char)value.ptr[cut.len] & 0xc0) == 0x80)
		cut.len--;
	add_key(j, key);
	gp_buf_add_chr(&j->buf, '"');
	gp_log_escape(&j->buf, cut, GP_LOG_JSON);
	gp_buf_add_cstr(&j->buf, cut.len < value.len ? "...\"" : "\"");
	finish_value(j, start);
}

void gp_jsonline_cstr(struct gp_jsonline *j, const char *key, const char *value)
{
	gp_jsonline_str(j, key, gp_str(value), SIZE_MAX);
}

void gp_jsonline_int(struct gp_jsonline *j, const char *key, int64_t value)
{
	size_t start = j->buf.len;

	if (j->skipped > 0)
		return;
	add_key(j, key);
	gp_buf_printf(&j->buf, "%lld", (long long)value);
	finish_value(j, start);
}

void gp_jsonline_num(struct gp_jsonline *j, const char *key, double value, int decimals)
{
	size_t start = j->buf.len;

	if (j->skipped > 0)
		return;
	add_key(j, key);
	if (fabs(value) < 1e15) {
		char text[64];
		int n = snprintf(text, sizeof(text), "%.*f", GP_MIN(decimals, 15), value);

		gp_buf_add(&j->buf, text, (size_t)n);
	} else if (isfinite(value)) {
		gp_buf_printf(&j->buf, "%.*f", decimals, value);
	} else {
		gp_buf_add_cstr(&j->buf, "null");
	}
	finish_value(j, start);
}

void gp_jsonline_bool(struct gp_jsonline *j, const char *key, bool value)
{
	size_t start = j->buf.len;

	if (j->skipped > 0)
		return;
	add_key(j, key);
	gp_buf_add_cstr(&j->buf, value ? "true" : "false");
	finish_value(j, start);
}

struct gp_str gp_jsonline_finish(struct gp_jsonline *j)
{
	while (j->skipped > 0 || j->depth > 1)
		gp_jsonline_close(j);
	if (j->depth == 1) {
		j->depth = 0;
		j->buf.max++;
		gp_buf_add_chr(&j->buf, '}');
	}
	return gp_buf_str(&j->buf);
}

void gp_jsonline_done(struct gp_jsonline *j)
{
	gp_buf_done(&j->buf);
}
