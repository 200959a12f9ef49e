/*
 * One MIME part: fields read from its headers, content decoded to UTF-8.
 *
 * Contents that need no change (7bit or 8bit text that is UTF-8 already, most
 * of mail) are not copied: `decoded` borrows from the body.
 */
#include "lib/mail/part.h"

#include "lib/mail/charset.h"
#include "lib/mail/decode.h"
#include "lib/mail/header.h"
#include "lib/mail/param.h"

#define HEAD_MAX 256
#define META_MAX 1024 /* browsers look that far for a charset */

static struct gp_str field(struct gp_message *m, const struct gp_part *p, const char *name)
{
	for (size_t i = 0; i < p->n_headers; i++) {
		if (gp_str_ieq(p->headers[i].name, gp_str(name)))
			return gp_header_unfold(m->arena, p->headers[i].raw);
	}
	return GP_STR("");
}

/* What senders write when they forget half of a type. */
static struct gp_str complete_type(struct gp_str type, struct gp_str default_type)
{
	static const struct {
		struct gp_str half, whole;
	} known[] = {
		{GP_STR("text"), GP_STR("text/plain")},
		{GP_STR("html"), GP_STR("text/html")},
		{GP_STR("plain"), GP_STR("text/plain")},
		{GP_STR("multipart"), GP_STR("multipart/mixed")},
		{GP_STR("message"), GP_STR("message/rfc822")},
	};

	if (!type.len)
		return default_type;
	if (gp_str_find_chr(type, '/', 0) < type.len)
		return type;
	for (size_t i = 0; i < GP_ARRAY_SIZE(known); i++) {
		if (gp_str_eq(type, known[i].half))
			return known[i].whole;
	}
	return GP_STR("application/octet-stream");
}

/* Text that programs read, not people. */
static bool is_machine_text(struct gp_str type)
{
	static const char *const subtypes[] = {
		"calendar", "vcard", "x-vcard", "directory",  "css",	    "csv",
		"xml",	    "rtf",   "x-patch", "javascript", "x-amp-html", "rfc822-headers",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(subtypes); i++) {
		if (gp_str_eq(gp_str_sub(type, 5, type.len), gp_str(subtypes[i])))
			return true;
	}
	return false;
}

static unsigned flags_of(const struct gp_part *p)
{
	bool is_attached = gp_str_eq(p->disposition, GP_STR("attachment"));
	unsigned flags = 0;

	if (is_attached || p->filename.len)
		flags |= GP_PART_ATTACHMENT;
	if (gp_str_starts(p->type, GP_STR("multipart/")))
		flags |= GP_PART_MULTIPART;
	if (gp_str_eq(p->type, GP_STR("message/rfc822")) ||
	    gp_str_eq(p->type, GP_STR("message/global")) ||
	    gp_str_eq(p->type, GP_STR("message/news")))
		flags |= GP_PART_MESSAGE;
	if (gp_str_eq(p->type, GP_STR("text/html")))
		flags |= GP_PART_HTML;
	if (gp_str_starts(p->type, GP_STR("text/")) && !is_attached && !is_machine_text(p->type))
		flags |= GP_PART_TEXT;
	return flags;
}

void gp_part_describe(struct gp_message *m, struct gp_part *p, struct gp_str default_type)
{
	struct gp_arena *a = m->arena;
	struct gp_str type = field(m, p, "content-type");
	struct gp_str disposition = field(m, p, "content-disposition");
	enum gp_encoding encoding;

	p->type = complete_type(gp_param_main(a, type), default_type);
	p->charset = gp_arena_lower(a, gp_str_trim(gp_param_get(a, type, "charset")));
	p->encoding = gp_param_main(a, field(m, p, "content-transfer-encoding"));
	p->disposition = gp_param_main(a, disposition);
	p->filename = gp_param_get(a, disposition, "filename");
	if (!p->filename.len)
		p->filename = gp_param_get(a, type, "name");
	p->flags = flags_of(p);
	if (!gp_encoding_parse(p->encoding, &encoding))
		p->flags |= GP_PART_BAD_ENCODING;
}

struct gp_str gp_part_boundary(struct gp_message *m, const struct gp_part *p, unsigned n)
{
	struct gp_str b = gp_param_get_n(m->arena, field(m, p, "content-type"), "boundary", n);

	while (b.len && (b.ptr[b.len - 1] == ' ' || b.ptr[b.len - 1] == '\t'))
		b.len--;
	return b;
}

bool gp_part_is_identity(const struct gp_part *p)
{
	enum gp_encoding encoding;

	(void)gp_encoding_parse(p->encoding, &encoding);
	return encoding == GP_ENCODING_IDENTITY;
}

/* Decoded bytes that this part may still have. */
static size_t room_left(const struct gp_message *m)
{
	size_t left = GP_MAX_DECODED_SIZE - GP_MIN(m->state->decoded_size, (size_t)GP_MAX_DECODED_SIZE);

	return GP_MIN(left, (size_t)GP_MAX_PART_TEXT_SIZE);
}

static void mark_cut(struct gp_message *m, struct gp_part *p)
{
	p->flags |= GP_PART_CUT;
	m->cut |= GP_CUT_TEXT;
}

/* Cuts at the cap, not inside a character. */
static struct gp_str cut_utf8(struct gp_str s, size_t max)
{
	if (s.len <= max)
		return s;
	while (max && (s.ptr[max] & 0xc0) == 0x80)
		max--;
	return gp_str_sub(s, 0, max);
}

/* CRLF (from encoded content) becomes LF, in place. */
static void drop_cr(struct gp_buf *b)
{
	size_t n = 0;

	if (!b->len || !memchr(b->data, '\r', b->len))
		return;
	for (size_t i = 0; i < b->len; i++) {
		if (b->data[i] == '\r' && i + 1 < b->len && b->data[i + 1] == '\n')
			continue;
		b->data[n++] = b->data[i];
	}
	b->len = n;
}

static void set_text(struct gp_message *m, struct gp_part *p, struct gp_str text, size_t max)
{
	p->decoded = cut_utf8(text, max);
	if (p->decoded.len < text.len)
		mark_cut(m, p);
	p->size = p->decoded.len;
	m->state->decoded_size += p->size;
}

/* The charset that an HTML document declares of itself near its beginning, as
 * programs read it where the part declares none; or empty. */
static struct gp_str meta_charset(struct gp_str html)
{
	struct gp_str head = gp_str_sub(html, 0, META_MAX);
	size_t at = gp_str_ifind(head, GP_STR("charset="), 0), n = 0;

	if (at == head.len)
		return GP_STR("");
	head = gp_str_sub(head, at + 8, head.len);
	if (head.len && (head.ptr[0] == '"' || head.ptr[0] == '\''))
		head = gp_str_sub(head, 1, head.len);
	while (n < head.len && (gp_is_alnum(head.ptr[n]) || memchr("-_:", head.ptr[n], 3)))
		n++;
	return gp_str_sub(head, 0, n);
}

static void decode_text(struct gp_message *m, struct gp_part *p, struct gp_str content)
{
	size_t max = room_left(m);
	GP_BUF_AUTO bytes = GP_BUF_INIT(max);
	struct gp_str charset = p->charset;
	enum gp_encoding encoding;
	bool is_cut = false;

	(void)gp_encoding_parse(p->encoding, &encoding);
	if (encoding != GP_ENCODING_IDENTITY) {
		if (!gp_decode(encoding, content, &bytes, &is_cut))
			p->flags |= GP_PART_BAD_ENCODING;
		content = gp_buf_str(&bytes);
	} else if (content.len > max) {
		is_cut = true;
		content = gp_str_sub(content, 0, max);
	}
	if (is_cut)
		mark_cut(m, p);
	if (!charset.len && (p->flags & GP_PART_HTML))
		charset = meta_charset(content);
	if (gp_charset_is_plain(charset, content)) {
		drop_cr(&bytes);
		content = bytes.len ? gp_arena_str(m->arena, gp_buf_str(&bytes)) : content;
		set_text(m, p, content, max);
	} else {
		GP_BUF_AUTO text = GP_BUF_INIT(3 * content.len + 16);

		if (!gp_charset_to_utf8(charset, content, &text))
			p->flags |= GP_PART_BAD_CHARSET;
		drop_cr(&text);
		set_text(m, p, gp_arena_str(m->arena, cut_utf8(gp_buf_str(&text), max)), max);
		if (text.len > max)
			mark_cut(m, p);
	}
}

static void decode_head(struct gp_message *m, struct gp_part *p, struct gp_str content)
{
	GP_BUF_AUTO head = GP_BUF_INIT(HEAD_MAX);
	enum gp_encoding encoding;
	bool is_cut;

	(void)gp_encoding_parse(p->encoding, &encoding);
	(void)gp_decode(encoding, gp_str_sub(content, 0, 4 * HEAD_MAX), &head, &is_cut);
	p->head = gp_arena_str(m->arena, gp_buf_str(&head));
}

void gp_part_decode(struct gp_message *m, struct gp_part *p, struct gp_str content, size_t lines)
{
	enum gp_encoding encoding;

	p->raw = content;
	if (gp_str_starts(p->type, GP_STR("text/")) || (p->flags & GP_PART_TEXT)) {
		decode_text(m, p, content);
		return;
	}
	(void)gp_encoding_parse(p->encoding, &encoding);
	p->size = gp_decoded_size(encoding, content, lines);
	decode_head(m, p, content);
}

struct gp_str gp_part_decode_bytes(struct gp_message *m, struct gp_part *p, struct gp_str content)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(room_left(m));
	enum gp_encoding encoding;
	bool is_cut;

	(void)gp_encoding_parse(p->encoding, &encoding);
	if (!gp_decode(encoding, content, &bytes, &is_cut))
		p->flags |= GP_PART_BAD_ENCODING;
	if (is_cut)
		mark_cut(m, p);
	drop_cr(&bytes);
	m->state->decoded_size += bytes.len;
	return gp_arena_str(m->arena, gp_buf_str(&bytes));
}

struct gp_str gp_message_part_bytes(struct gp_message *m, const struct gp_part *p)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(GP_MAX_PART_TEXT_SIZE);
	enum gp_encoding encoding;
	bool is_cut;

	(void)gp_encoding_parse(p->encoding, &encoding);
	if (encoding == GP_ENCODING_IDENTITY)
		return gp_str_sub(p->raw, 0, GP_MAX_PART_TEXT_SIZE);
	(void)gp_decode(encoding, p->raw, &bytes, &is_cut);
	drop_cr(&bytes);
	return gp_arena_str(m->arena, gp_buf_str(&bytes));
}

bool gp_message_part_content(const struct gp_part *p, struct gp_buf *out)
{
	enum gp_encoding encoding;
	bool is_cut = false;

	(void)gp_encoding_parse(p->encoding, &encoding);
	(void)gp_decode(encoding, p->raw, out, &is_cut);
	return is_cut;
}
