/*
 * Building and emitting log lines.
 */
#include "lib/base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/utf8.h"

static void sink_stderr(enum gp_log_level level, struct gp_str line);

static enum gp_log_level threshold = GP_LOG_INFO;
static enum gp_log_format line_format = GP_LOG_TEXT;
static gp_log_sink *line_sink = sink_stderr;

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

void gp_log_escape(struct gp_buf *out, struct gp_str s, enum gp_log_format format)
{
	while (s.len) {
		uint32_t cp = 0;
		unsigned n = gp_utf8_decode(s, &cp);

		if (n == 0 && format == GP_LOG_JSON)
			gp_utf8_add(out, 0xfffd);
		else if (n == 0 || cp < 0x20 || cp == 0x7f || (cp == ' ' && format == GP_LOG_TEXT))
			add_escaped_byte(out, (unsigned char)s.ptr[0], format);
		else if (cp >= 0x80 && cp < 0xa0)
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
	if (line_format == GP_LOG_JSON)
		gp_buf_printf(&l->buf, "%s\"%s\":", l->buf.len > 1 ? "," : "", key);
	else
		gp_buf_printf(&l->buf, "%s%s=", l->buf.len ? " " : "", key);
}

void gp_logline_begin(struct gp_logline *l, enum gp_log_level level)
{
	l->level = level;
	gp_buf_init(&l->buf, GP_LOG_LINE_MAX - 2);
	if (line_format == GP_LOG_JSON) {
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
	bool quoted = line_format == GP_LOG_JSON;
	size_t start = l->buf.len;

	add_key(l, key);
	if (quoted)
		gp_buf_add_chr(&l->buf, '"');
	gp_log_escape(&l->buf, cut, line_format);
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

	add_key(l, key);
	gp_buf_printf(&l->buf, "%lld", (long long)value);
	finish_field(l, start);
}

void gp_logline_num(struct gp_logline *l, const char *key, double value, int decimals)
{
	size_t start = l->buf.len;

	add_key(l, key);
	gp_buf_printf(&l->buf, "%.*f", decimals, value);
	finish_field(l, start);
}

void gp_logline_emit(struct gp_logline *l)
{
	if (line_format == GP_LOG_JSON) {
		l->buf.max = GP_LOG_LINE_MAX;
		gp_buf_add_chr(&l->buf, '}');
	}
	if (gp_log_enabled(l->level))
		line_sink(l->level, gp_buf_str(&l->buf));
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
	if (line_format == GP_LOG_JSON) {
		size_t start = l.buf.len;

		add_key(&l, "message");
		gp_buf_add_chr(&l.buf, '"');
		gp_log_escape(&l.buf, gp_str(text), line_format);
		gp_buf_add_chr(&l.buf, '"');
		finish_field(&l, start);
	} else {
		gp_buf_printf(&l.buf, "%s: ", gp_log_level_name(level));
		/* Our own sentences may quote; only what breaks a line is escaped. */
		for (const char *p = text; *p; p++) {
			if ((unsigned char)*p < 0x20 || *p == 0x7f)
				add_escaped_byte(&l.buf, (unsigned char)*p, line_format);
			else
				gp_buf_add_chr(&l.buf, *p);
		}
	}
	gp_logline_emit(&l);
}
