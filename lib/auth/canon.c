/*
 * Canonical header fields, and the names of canonicalisations (RFC 6376, 3.4).
 * Bodies: lib/auth/canon_body.c.
 */
#include "lib/auth/canon.h"

static const char *const names[] = {[GP_CANON_SIMPLE] = "simple", [GP_CANON_RELAXED] = "relaxed"};

const char *gp_canon_name(enum gp_canon c)
{
	return names[c];
}

static int parse_one(struct gp_str text, enum gp_canon *ret)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_ieq(text, gp_str(names[i]))) {
			*ret = (enum gp_canon)i;
			return GP_OK;
		}
	return GP_EINVAL;
}

int gp_canon_parse(struct gp_str text, enum gp_canon *ret_header, enum gp_canon *ret_body)
{
	size_t slash = gp_str_find_chr(text, '/', 0);
	enum gp_canon header = GP_CANON_SIMPLE, body = GP_CANON_SIMPLE;

	if (text.len && parse_one(gp_str_sub(text, 0, slash), &header))
		return GP_EINVAL;
	if (slash < text.len && parse_one(gp_str_sub(text, slash + 1, text.len), &body))
		return GP_EINVAL;
	*ret_header = header;
	*ret_body = body;
	return GP_OK;
}

/* 3.4.1: as it is, with the line ends that it had on the wire. */
static void add_simple(struct gp_str name, struct gp_str value, struct gp_buf *out)
{
	size_t pos = 0;

	gp_buf_add_str(out, name);
	gp_buf_add_chr(out, ':');
	while (pos < value.len) {
		size_t end = gp_str_find_chr(value, '\n', pos);

		gp_buf_add(out, value.ptr + pos, end - pos);
		if (end < value.len)
			gp_buf_add(out, "\r\n", 2);
		pos = end + 1;
	}
}

static bool is_wsp(char c)
{
	return c == ' ' || c == '\t';
}

/* 3.4.2: lower case, unfolded, runs of white space one space, none around the colon or at
 * the end. */
static void add_relaxed(struct gp_str name, struct gp_str value, struct gp_buf *out)
{
	char *begin = gp_buf_reserve(out, name.len + value.len + 1), *to = begin;
	const char *p = value.ptr, *end = value.ptr + value.len;

	if (!begin)
		return;
	while (name.len && is_wsp(name.ptr[name.len - 1]))
		name.len--;
	for (size_t i = 0; i < name.len; i++)
		*to++ = gp_lower(name.ptr[i]);
	*to++ = ':';
	for (bool is_first = true; p < end; is_first = false) {
		bool has_wsp = false;

		for (; p < end && (is_wsp(*p) || *p == '\n'); p++)
			has_wsp |= *p != '\n';
		if (p == end)
			break;
		if (has_wsp && !is_first)
			*to++ = ' ';
		for (; p < end && !is_wsp(*p) && *p != '\n'; p++)
			*to++ = *p;
	}
	out->len += (size_t)(to - begin);
}

void gp_canon_header(enum gp_canon c, struct gp_str name, struct gp_str value, struct gp_buf *out)
{
	if (c == GP_CANON_SIMPLE)
		add_simple(name, value, out);
	else
		add_relaxed(name, value, out);
}
