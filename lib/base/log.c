/*
 * Building and emitting log lines.
 */
#include "lib/base/log.h"

#include <math.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/utf8.h"

static void sink_stderr(enum gp_log_level level, struct gp_str line);

/* A reload sets these while other threads log. */
static _Atomic enum gp_log_level threshold = GP_LOG_INFO;
static _Atomic enum gp_log_format line_format = GP_LOG_TEXT;
static gp_log_sink *_Atomic line_sink = sink_stderr;
static gp_log_sink *_Atomic line_observer;

static void sink_stderr(enum gp_log_level level, struct gp_str line)
{
	char text[GP_LOG_LINE_MAX + 1];
	size_t n = GP_MIN(line.len, (size_t)GP_LOG_LINE_MAX);
	int ignored;

	(void)level;
	memcpy(text, line.ptr, n);
	text[n] = '\n';
	/* Nobody is left to tell when standard error is gone. */
	ignored = gp_fd_write_all(STDERR_FILENO, text, n + 1);
	(void)ignored;
}

void gp_log_setup(enum gp_log_level level, enum gp_log_format format, gp_log_sink *sink)
{
	threshold = level;
	line_format = format;
	line_sink = sink ? sink : sink_stderr;
}

void gp_log_observe(gp_log_sink *observer)
{
	line_observer = observer;
}

bool gp_log_enabled(enum gp_log_level level)
{
	return level <= threshold;
}

const char *gp_log_level_name(enum gp_log_level level)
{
	static const char *const names[] = {"error", "warning", "info", "debug"};

	return names[level];
}

static void add_escaped_byte(struct gp_buf *out, unsigned char c, enum gp_log_format format)
{
	gp_buf_printf(out, format == GP_LOG_JSON ? "\\u%04x" : "\\x%02x", c);
}

/* Blanks beyond ASCII, at which readers of logs split too, and marks that turn the direction
 * of what a terminal shows after them. */
static bool is_treacherous(uint32_t cp)
{
	static const uint32_t ranges[][2] = {
		{0x80, 0xa0},	  {0x61c, 0x61c},   {0x1680, 0x1680}, {0x2000, 0x200f},
		{0x2028, 0x202f}, {0x205f, 0x2069}, {0x3000, 0x3000}, {0xfeff, 0xfeff},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ranges); i++)
		if (cp >= ranges[i][0] && cp <= ranges[i][1])
			return true;
	return false;
}

/* How many bytes from the beginning go out as they are. */
static size_t plain_run(struct gp_str s, enum gp_log_format format)
{
	unsigned char first = format == GP_LOG_TEXT ? '!' : ' ';
	size_t n = 0;

	for (; n < s.len; n++) {
		unsigned char c = (unsigned char)s.ptr[n];

		if (c < first || c > '~' || c == '"' || c == '\\')
			break;
	}
	return n;
}

void gp_log_escape(struct gp_buf *out, struct gp_str s, enum gp_log_format format)
{
	while (s.len) {
		size_t plain = plain_run(s, format);
		uint32_t cp = 0;
		unsigned n;

		gp_buf_add(out, s.ptr, plain);
		s = gp_str_sub(s, plain, s.len);
		if (s.len == 0)
			break;
		n = gp_utf8_decode(s, &cp);
		if (n == 0 && format == GP_LOG_JSON)
			gp_utf8_add(out, 0xfffd);
		else if (n == 0 || cp < 0x20 || cp == 0x7f || (cp == ' ' && format == GP_LOG_TEXT))
			add_escaped_byte(out, (unsigned char)s.ptr[0], format);
		else if (is_treacherous(cp))
			gp_buf_printf(out, "\\u%04x", cp);
		else if (cp == '"' || cp == '\\')
			gp_buf_printf(out, "\\%c", (char)cp);
		else
			gp_buf_add(out, s.ptr, n);
		s = gp_str_sub(s, n ? n : 1, s.len);
	}
}

static void add_key(struct gp_logline *l, const char *key)
{
	bool is_json = l->format == GP_LOG_JSON;

	if (l->buf.len > is_json)
		gp_buf_add_chr(&l->buf, is_json ? ',' : ' ');
	if (is_json)
		gp_buf_add_chr(&l->buf, '"');
	gp_buf_add_cstr(&l->buf, key);
	gp_buf_add_cstr(&l->buf, is_json ? "\":" : "=");
}

void gp_logline_begin(struct gp_logline *l, enum gp_log_level level)
{
	l->level = level;
	l->format = line_format;
	l->is_wanted = gp_log_enabled(level);
	gp_buf_init(&l->buf, GP_LOG_LINE_MAX - 2);
	if (l->format == GP_LOG_JSON && l->is_wanted) {
		gp_buf_add_chr(&l->buf, '{');
		gp_logline_cstr(l, "level", gp_log_level_name(level));
	}
}

/* A field that does not fit whole is left out whole. */
static void finish_field(struct gp_logline *l, size_t start)
{
	if (gp_buf_error(&l->buf) == GP_OK)
		return;
	l->buf.err = GP_OK;
	l->buf.len = start;
}

void gp_logline_str(struct gp_logline *l, const char *key, struct gp_str value)
{
	struct gp_str cut = gp_str_sub(value, 0, GP_LOG_VALUE_MAX);
	bool is_cut = cut.len < value.len;
	bool quoted = l->format == GP_LOG_JSON;
	size_t start = l->buf.len;

	if (!l->is_wanted)
		return;
	add_key(l, key);
	if (quoted)
		gp_buf_add_chr(&l->buf, '"');
	gp_log_escape(&l->buf, cut, l->format);
	if (is_cut)
		gp_buf_add_cstr(&l->buf, "...");
	if (quoted)
		gp_buf_add_chr(&l->buf, '"');
	finish_field(l, start);
}

void gp_logline_cstr(struct gp_logline *l, const char *key, const char *value)
{
	gp_logline_str(l, key, gp_str(value));
}

void gp_logline_int(struct gp_logline *l, const char *key, int64_t value)
{
	size_t start = l->buf.len;

	if (!l->is_wanted)
		return;
	add_key(l, key);
	gp_buf_printf(&l->buf, "%lld", (long long)value);
	finish_field(l, start);
}

void gp_logline_num(struct gp_logline *l, const char *key, double value, int decimals)
{
	size_t start = l->buf.len;

	if (!l->is_wanted)
		return;
	add_key(l, key);
	if (isfinite(value) || l->format == GP_LOG_TEXT)
		gp_buf_printf(&l->buf, "%.*f", decimals, value);
	else
		gp_buf_add_cstr(&l->buf, "null"); /* JSON has no other word for it */
	finish_field(l, start);
}

void gp_logline_emit(struct gp_logline *l)
{
	if (!l->is_wanted)
		return;
	if (l->format == GP_LOG_JSON) {
		l->buf.max = GP_LOG_LINE_MAX;
		gp_buf_add_chr(&l->buf, '}');
	}
	if (gp_log_enabled(l->level)) {
		gp_log_sink *observer = atomic_load(&line_observer);

		atomic_load(&line_sink)(l->level, gp_buf_str(&l->buf));
		if (observer && l->level <= GP_LOG_WARNING)
			observer(l->level, gp_buf_str(&l->buf));
	}
	gp_buf_done(&l->buf);
}

void gp_log(enum gp_log_level level, const char *fmt, ...)
{
	char text[GP_LOG_LINE_MAX / 4];
	struct gp_logline l;
	va_list ap;

	if (!gp_log_enabled(level))
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gp_logline_begin(&l, level);
	if (l.format == GP_LOG_JSON) {
		size_t start = l.buf.len;

		add_key(&l, "message");
		gp_buf_add_chr(&l.buf, '"');
		gp_log_escape(&l.buf, gp_str(text), l.format);
		gp_buf_add_chr(&l.buf, '"');
		finish_field(&l, start);
	} else {
		gp_buf_printf(&l.buf, "%s: ", gp_log_level_name(level));
		/* Our own sentences may quote; only what breaks a line is escaped. */
		for (const char *p = text; *p; p++) {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				add_escaped_byte(&l.buf, (unsigned char)*p, l.format);
			else
				gp_buf_add_chr(&l.buf, *p);
		}
	}
	gp_logline_emit(&l);
}
