/*
 * Requests and replies as plain values.
 */
#include "controller/http_request.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/utf8.h"

/* A sentence; its values are cut by their own precision. */
#define ERROR_MAX 1024

bool http_fields_add(struct gp_arena *a, struct http_fields *fields, const char *name,
		     const char *value)
{
	if (fields->len >= HTTP_FIELDS_MAX)
		return false;
	*gp_vec_push(a, fields) = (struct http_field){
		gp_arena_str(a, gp_str(name)), gp_arena_str(a, gp_str(value ? value : ""))};
	return true;
}

struct gp_str http_field_get(const struct http_fields *fields, const char *name)
{
	for (size_t i = 0; i < fields->len; i++)
		if (gp_str_ieq(fields->items[i].name, gp_str(name)))
			return gp_str_trim(fields->items[i].value);
	return gp_str("");
}

size_t http_field_count(const struct http_fields *fields, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < fields->len; i++)
		n += gp_str_ieq(fields->items[i].name, gp_str(name));
	return n;
}

void http_reply_init(struct http_reply *r)
{
	*r = (struct http_reply){.status = HTTP_FAILED, .type = "application/json"};
	gp_buf_init(&r->body, HTTP_REPLY_MAX);
}

void http_reply_done(struct http_reply *r)
{
	gp_buf_done(&r->body);
}

static int add(const char *data, size_t len, void *arg)
{
	struct gp_buf *out = arg;

	gp_buf_add(out, data, len);
	return gp_buf_error(out) ? -1 : 0;
}

void http_reply_error(struct http_reply *r, unsigned status, const char *fmt, ...)
{
	char text[ERROR_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	http_reply_json(r, status,
			json_pack("{s:o}", "error", http_json_text(gp_str(text), ERROR_MAX)));
}

void http_reply_json(struct http_reply *r, unsigned status, json_t *root)
{
	r->status = status;
	r->type = "application/json";
	gp_buf_reset(&r->body);
	/* 15 digits bring a double back as it was written: 0.79, not 0.79000000000000004. */
	if (!root || json_dump_callback(root, add, &r->body,
					JSON_COMPACT | JSON_PRESERVE_ORDER | JSON_ENCODE_ANY |
						JSON_REAL_PRECISION(15)) < 0) {
		r->status = HTTP_FAILED;
		gp_buf_reset(&r->body);
		gp_buf_add_cstr(&r->body, "{\"error\":\"the reply is too large\"}");
	}
	json_decref(root);
}

void http_reply_text(struct http_reply *r, unsigned status, const char *type, struct gp_str text)
{
	r->status = status;
	r->type = type;
	gp_buf_reset(&r->body);
	gp_buf_add_str(&r->body, text);
}

json_t *http_json_text(struct gp_str s, size_t max)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(max * 3 + 3); /* a bad byte becomes three */
	bool is_cut = s.len > max;

	s = gp_str_sub(s, 0, max);
	while (is_cut && s.len && ((unsigned char)s.ptr[s.len - 1] & 0xc0) == 0x80)
		s.len--; /* not in the middle of a character … */
	if (is_cut && s.len && (unsigned char)s.ptr[s.len - 1] >= 0xc0)
		s.len--; /* … nor behind its first byte */
	gp_utf8_sanitize(s, &clean);
	return json_stringn(gp_buf_cstr(&clean), clean.len);
}
