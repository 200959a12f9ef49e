/*
 * Eval functions over the MIME structure, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::MIMEEval).
 *
 * One pass over the parts as they were sent gives everything; lines are counted
 * with their line end, as SpamAssassin does.
 */
#include "lib/score/rule_eval_text.h"

#include "lib/base/num.h"
#include "lib/mail/header.h"
#include "lib/mail/param.h"

#define QP_LINE_MAX 79	/* with the line end: RFC 5322's 78 */
#define BOUNDARIES_MAX 20
#define HEADER_NAME_MAX 256 /* beyond these SpamAssassin cuts, and says so */
#define HEADER_VALUE_MAX 8192

struct mime {
	unsigned html_parts, text_parts, base64_parts, attachments;
	unsigned qp_parts, qp_bytes, qp_encoded;
	bool has_base64_text, has_bad_iso_charset, has_long_qp_line, has_odd_ascii;
	bool has_alternative, is_multipart_known;
	double multipart_ratio; /* of the last plain and the last HTML part, by size */
	double unicode_ratio;	/* "&#x1234;" of all bytes of plain text */
	size_t base64_line_max;
	/* how the multiparts are written */
	bool lacks_part_headers, lacks_part_separator, has_epilogue;
	size_t n_plain_bytes, n_entities;
	size_t alternative_text, alternative_html;
	bool has_text_size, has_html_size;
};

static bool has(struct gp_str s, const char *needle)
{
	return gp_str_ifind(s, gp_str(needle), 0) < s.len;
}

static bool is_ascii_charset(struct gp_str charset)
{
	static const char *const names[] = {"us-ascii", "ansi_x3.4-1968", "iso-ir-6", "ansi_x3.4-1986",
					    "iso_646.irv:1991", "ascii", "iso646-us", "us", "ibm367",
					    "cp367", "csascii"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (has(charset, names[i]))
			return true;
	return charset.len == 0;
}

/* "iso-X-Y" that is none of the standards' */
static bool is_bad_iso(struct gp_str charset)
{
	struct gp_str rest;
	size_t digits = 0;

	if (!gp_str_istarts(charset, GP_STR("iso-")))
		return false;
	rest = gp_str_sub(charset, 4, charset.len);
	if (gp_str_find_chr(rest, '-', 1) + 1 >= rest.len)
		return false;
	if (gp_str_istarts(rest, GP_STR("2022-jp")) || gp_str_istarts(rest, GP_STR("2022-kr")))
		return false;
	if (!gp_str_starts(rest, GP_STR("8859-")))
		return true;
	while (5 + digits < rest.len && gp_is_digit(rest.ptr[5 + digits]))
		digits++;
	return digits < 1 || digits > 2 ||
	       (5 + digits < rest.len && (gp_is_alnum(rest.ptr[5 + digits]) || rest.ptr[5 + digits] == '_'));
}

static void read_headers(struct mime *x, const struct gp_part *p)
{
	bool is_base64 = has(p->encoding, "base64");

	if (gp_str_eq(p->type, GP_STR("text/html")))
		x->html_parts++;
	else if (gp_str_starts(p->type, GP_STR("text")))
		x->text_parts++;
	x->base64_parts += is_base64;
	x->qp_parts += !is_base64 && has(p->encoding, "quoted-printable");
	x->attachments += has(p->disposition, "attachment");
	x->has_base64_text |= is_base64 && gp_str_starts(p->type, GP_STR("text")) &&
			      is_ascii_charset(p->charset) && !has(p->disposition, "attachment") &&
			      !has(p->disposition, "inline");
	x->has_bad_iso_charset |= is_bad_iso(p->charset);
	x->has_alternative |= gp_str_eq(p->type, GP_STR("multipart/alternative"));
}

static bool is_upper_hex(char c)
{
	return gp_is_digit(c) || (c >= 'A' && c <= 'F');
}

/* Encoded although it need not be: "=3D" is right, "=41" is not. */
static unsigned count_encoded(struct gp_str line)
{
	unsigned n = 0, trailing = 0;
	size_t end = line.len;

	for (size_t i = 0; i + 2 < line.len; i++) {
		char a = line.ptr[i + 1], b = line.ptr[i + 2];

		if (line.ptr[i] != '=' || !is_upper_hex(b))
			continue;
		n += (a == '0' && b == '9') || (a == '3' && b != 'D') || (a == '7' && b != 'F') ||
		     a == '2' || (a >= '4' && a <= '6');
	}
	while (end && gp_is_space(line.ptr[end - 1]))
		end--;
	while (end >= 3 && (gp_str_eq(gp_str_sub(line, end - 3, 3), GP_STR("=20")) ||
			    gp_str_eq(gp_str_sub(line, end - 3, 3), GP_STR("=09")))) {
		trailing++; /* white space at the end must be */
		end -= 3;
	}
	return n - GP_MIN(n, trailing);
}

static unsigned count_entities(struct gp_str line)
{
	unsigned n = 0;

	for (size_t i = 0; (i = gp_str_find_chr(line, '&', i)) + 8 <= line.len; i++)
		if (line.ptr[i + 1] == '#' && line.ptr[i + 2] == 'x' && line.ptr[i + 7] == ';' &&
		    is_upper_hex(line.ptr[i + 3]) && is_upper_hex(line.ptr[i + 4]) &&
		    is_upper_hex(line.ptr[i + 5]) && is_upper_hex(line.ptr[i + 6]))
			n++;
	return n;
}

static bool is_odd_ascii(struct gp_str line)
{
	for (size_t i = 0; i < line.len; i++)
		if (line.ptr[i] == '\0' || line.ptr[i] == '\r' || (unsigned char)line.ptr[i] > 0x7f)
			return true;
	return false;
}

static void read_lines(struct mime *x, const struct gp_part *p)
{
	bool is_qp = gp_str_eq(p->encoding, GP_STR("quoted-printable"));
	bool is_base64 = gp_str_eq(p->encoding, GP_STR("base64"));
	bool is_plain = gp_str_eq(p->type, GP_STR("text/plain"));
	bool is_open = is_plain && (!p->encoding.len || gp_str_eq(p->encoding, GP_STR("7bit")) ||
				    gp_str_eq(p->encoding, GP_STR("8bit")));
	bool is_ascii = is_plain && (!p->charset.len || gp_str_eq(p->charset, GP_STR("us-ascii")));
	struct gp_str rest = p->raw, line;

	while (gp_str_next(&rest, '\n', &line)) {
		size_t len = line.len + 1;

		if (is_qp) {
			x->has_long_qp_line |= len > QP_LINE_MAX;
			x->qp_bytes += (unsigned)len;
			x->qp_encoded += count_encoded(line);
		}
		if (is_base64 && !gp_str_eq(p->type, GP_STR("application/ics")))
			x->base64_line_max = GP_MAX(x->base64_line_max, len);
		if (is_ascii)
			x->has_odd_ascii |= is_odd_ascii(line);
		if (is_open) {
			unsigned entities = count_entities(line);

			x->n_entities += entities;
			x->n_plain_bytes += len - 8 * (size_t)entities;
		}
	}
	if (!x->has_alternative || has(p->disposition, "attachment"))
		return;
	if (gp_str_eq(p->type, GP_STR("text/html"))) {
		x->alternative_html = p->raw.len;
		x->has_html_size = true;
	} else if (is_plain) {
		x->alternative_text = p->raw.len;
		x->has_text_size = true;
	}
}

static bool is_field(struct gp_str line)
{
	size_t colon = gp_str_find_chr(line, ':', 0);

	for (size_t i = 0; i < colon; i++)
		if (line.ptr[i] <= ' ' || line.ptr[i] == 127)
			return false;
	return colon > 0 && colon < line.len;
}

struct boundaries {
	struct gp_str names[BOUNDARIES_MAX];
	size_t n;
};

/* Is it the delimiter of one of them, and which?  *ret_last: the closing one. */
static bool is_delimiter(const struct boundaries *b, struct gp_str line, size_t *ret, bool *ret_last)
{
	if (!gp_str_starts(line, GP_STR("--")))
		return false;
	while (line.len && gp_is_space(line.ptr[line.len - 1]))
		line.len--;
	for (*ret = 0; *ret < b->n; ++*ret) {
		struct gp_str name = b->names[*ret], tail = gp_str_sub(line, 2 + name.len, line.len);

		*ret_last = gp_str_eq(tail, GP_STR("--"));
		if (gp_str_starts(gp_str_sub(line, 2, line.len), name) && (*ret_last || !tail.len))
			return true;
	}
	return false;
}

static void read_structure(struct gp_eval *e, struct mime *x)
{
	enum { IN_BODY, AT_START, IN_HEADERS } state = IN_BODY;
	const struct gp_message *m = e->in->message;
	struct gp_str rest = m->body, line;
	struct boundaries b = {0};
	bool is_last = false, is_closed = false;
	size_t which;

	for (size_t i = 0; i < m->parts.len && b.n < BOUNDARIES_MAX; i++) {
		const struct gp_part *p = &m->parts.items[i];

		for (size_t k = 0; p->flags & GP_PART_MULTIPART && k < p->n_headers; k++)
			if (gp_str_ieq(p->headers[k].name, GP_STR("Content-Type")))
				b.names[b.n] = gp_param_get(
					e->arena, gp_header_unfold(e->arena, p->headers[k].raw), "boundary");
		b.n += b.names[b.n].len != 0;
	}
	while (b.n && gp_str_next(&rest, '\n', &line)) {
		bool is_new = !is_closed && is_delimiter(&b, line, &which, &is_last);
		bool is_fold = line.len && (line.ptr[0] == ' ' || line.ptr[0] == '\t');

		if (is_closed) {
			for (size_t i = 0; i < line.len; i++)
				x->has_epilogue |= !gp_is_space(line.ptr[i]) && line.ptr[i] != '.';
		} else if (is_new) {
			state = is_last ? IN_BODY : AT_START;
			is_closed = is_last && which == 0;
		} else if (state == AT_START) {
			x->lacks_part_headers |= !is_field(line);
			x->lacks_part_separator |= !is_field(line) && gp_str_trim(line).len;
			state = is_field(line) ? IN_HEADERS : IN_BODY;
		} else if (state == IN_HEADERS && !is_field(line) && !is_fold) {
			x->lacks_part_separator |= gp_str_trim(line).len != 0;
			state = IN_BODY;
		}
	}
}

static const struct mime *mime_of(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;
	struct mime *x = e->memo[GP_EVAL_MIME];

	if (x)
		return x;
	x = e->memo[GP_EVAL_MIME] = GP_ARENA_NEW(e->arena, struct mime);
	x->multipart_ratio = 1;
	for (size_t i = 0; i < m->parts.len; i++) {
		read_headers(x, &m->parts.items[i]);
		if (!(m->parts.items[i].flags & (GP_PART_MULTIPART | GP_PART_MESSAGE)))
			read_lines(x, &m->parts.items[i]);
	}
	if (x->has_text_size && x->has_html_size && x->alternative_html)
		x->multipart_ratio = (double)x->alternative_text / (double)x->alternative_html;
	if (x->n_plain_bytes)
		x->unicode_ratio = (double)x->n_entities / (double)x->n_plain_bytes;
	read_structure(e, x);
	return x;
}

static bool is_header_cut(const struct gp_message *m)
{
	for (size_t i = 0; i < m->headers.len; i++)
		if (m->headers.items[i].name.len > HEADER_NAME_MAX ||
		    m->headers.items[i].raw.len > HEADER_VALUE_MAX + 1)
			return true;
	return false;
}

/* check_for_mime(NAME), check_msg_parse_flags(NAME) */
static bool check_name(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	const struct mime *x = mime_of(e);
	const struct {
		const char *name;
		bool hits;
	} names[] = {
		{"mime_base64_count", x->base64_parts > 0},
		{"mime_qp_count", x->qp_bytes ? x->qp_encoded > 0 : x->qp_parts > 0},
		{"mime_base64_encoded_text", x->has_base64_text},
		{"mime_qp_long_line", x->has_long_qp_line},
		{"mime_bad_iso_charset", x->has_bad_iso_charset},
		{"mime_faraway_charset", gp_eval_has_faraway_part(e)},
		{"mime_attachment", x->attachments > 0},
		{"mime_ascii_text_illegal", x->has_odd_ascii},
		{"mime_multipart_alternative", x->has_alternative},
		{"mimepart_limit_exceeded", e->in->message->cut & GP_CUT_PARTS},
		{"missing_mime_headers", x->lacks_part_headers},
		{"missing_mime_head_body_separator", x->lacks_part_separator},
		{"mime_epilogue_exists", x->has_epilogue},
		{"truncated_header", is_header_cut(e->in->message)},
		{"missing_head_body_separator", e->in->message->lacks_separator},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_eq(args[0], gp_str(names[i].name)))
			return names[i].hits;
	return false;
}

/* flag: and no other text. */
static bool check_for_mime_html(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct mime *x = mime_of(e);

	return gp_str_istarts(gp_eval_header(e, "Content-Type"), GP_STR("text/html")) ||
	       (x->html_parts > 0 && (!row->flag || x->text_parts == 0));
}

static bool check_mime_multipart_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
				       const struct gp_str *args, size_t n_args)
{
	return gp_eval_in_range(mime_of(e)->multipart_ratio, args, n_args);
}

static bool check_qp_ratio(struct gp_eval *e, const struct gp_rule_eval *row,
			   const struct gp_str *args, size_t n_args)
{
	const struct mime *x = mime_of(e);

	return gp_eval_in_range(x->qp_bytes ? (double)x->qp_encoded / x->qp_bytes : 0, args, 1);
}

static bool check_abundant_unicode(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	return gp_eval_in_range(mime_of(e)->unicode_ratio, args, 1);
}

static bool check_ascii_text_illegal(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	return mime_of(e)->has_odd_ascii;
}

/* check_base64_length(MIN, MAX): the longest line, both included. */
static bool check_base64_length(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	double longest = (double)mime_of(e)->base64_line_max, min = 0, max = longest;

	if (gp_num_parse_double(args[0], &min) || (n_args > 1 && gp_num_parse_double(args[1], &max)))
		return false;
	return longest >= min && longest <= max;
}

/* Something that is no text among the alternatives. */
static bool check_ma_non_text(struct gp_eval *e, const struct gp_rule_eval *row,
			      const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;

	for (size_t i = 1; i < m->parts.len; i++) {
		const struct gp_part *p = &m->parts.items[i];

		if (gp_str_eq(m->parts.items[p->parent].type, GP_STR("multipart/alternative")) &&
		    !gp_str_starts(p->type, GP_STR("text/")) &&
		    !gp_str_eq(p->type, GP_STR("multipart/related")) &&
		    !gp_str_eq(p->type, GP_STR("application/rtf")))
			return true;
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_mime[] = {
	{"check_for_mime", 1, 1, check_name, 0, false},
	{"check_msg_parse_flags", 1, 2, check_name, 0, false},
	{"check_for_mime_html", 0, 0, check_for_mime_html, 0, false},
	{"check_for_mime_html_only", 0, 0, check_for_mime_html, 0, true},
	{"check_mime_multipart_ratio", 2, 2, check_mime_multipart_ratio, 0, false},
	{"check_qp_ratio", 1, 1, check_qp_ratio, 0, false},
	{"check_abundant_unicode_ratio", 1, 1, check_abundant_unicode, 0, false},
	{"check_for_ascii_text_illegal", 0, 0, check_ascii_text_illegal, 0, false},
	{"check_base64_length", 1, 2, check_base64_length, 0, false},
	{"check_ma_non_text", 0, 0, check_ma_non_text, 0, false},
	{0},
};
