/*
 * Line breaking and RFC 2047, as SpamAssassin does both.
 */
#include "lib/base/codec.h"
#include "lib/score/rule_markup_int.h"

/* Details in brackets: where lines are broken, and columns of the summary. */
#define BRACKET_MIN 30
#define BRACKET_MAX 48
#define SUMMARY_INDENT 28
#define SUMMARY_FULL 47 /* longer ones are set to the right … */
#define SUMMARY_WIDTH 78 /* … here */

/* Columns, where a tab counts eight. */
static size_t columns(struct gp_str s)
{
	size_t n = s.len;

	for (size_t i = 0; i < s.len; i++)
		n += s.ptr[i] == '\t' ? 7 : 0;
	return n;
}

/* The next word with what separates it from the one behind it. */
static size_t piece_length(struct gp_str s, bool at_commas)
{
	size_t n = 0;

	while (n < s.len && !gp_is_space(s.ptr[n]) && !(at_commas && s.ptr[n] == ','))
		n++;
	return n < s.len ? n + 1 : n;
}

static void strip_end(struct gp_buf *out, size_t start)
{
	while (out->len > start && gp_is_space(out->data[out->len - 1]))
		out->len--;
}

void gp_markup_wrap(struct gp_str text, const char *prefix, size_t first_width, size_t width,
		    bool at_commas, struct gp_buf *out)
{
	size_t line = out->len, used = first_width;
	bool is_first = true; /* of its line: taken whatever its length */

	while (text.len) {
		struct gp_str piece = gp_str_sub(text, 0, piece_length(text, at_commas));
		/* White space at the end of a line does not count, where it is dropped with it. */
		size_t need = columns(at_commas ? piece : gp_str_trim(piece));

		if (!is_first && used + need > width) {
			strip_end(out, line);
			gp_buf_add_chr(out, '\n');
			gp_buf_add_cstr(out, prefix);
			used = columns(gp_str(prefix));
			line = out->len;
		}
		gp_buf_add_str(out, piece);
		used += columns(piece);
		is_first = false;
		text = gp_str_sub(text, piece.len, SIZE_MAX);
	}
}

/* How much of a detail stands on a line of its own, before the white space there; all of a short one. */
static size_t bracket_length(struct gp_str s)
{
	for (size_t n = BRACKET_MAX; n >= BRACKET_MIN; n--)
		if (n < s.len && gp_is_space(s.ptr[n]))
			return n;
	return s.len;
}

void gp_markup_brackets(struct gp_str text, bool is_summary, bool is_first, struct gp_buf *out)
{
	do {
		size_t n = bracket_length(text), width = n + strlen("[]");

		if (is_summary)
			gp_buf_printf(out, "%*s", n > SUMMARY_FULL ? (int)(SUMMARY_WIDTH - GP_MIN(width, (size_t)SUMMARY_WIDTH))
								   : SUMMARY_INDENT, "");
		else if (is_first)
			gp_buf_add_cstr(out, "*      ");
		gp_buf_printf(out, "[%.*s]\n", GP_STR_FMT(gp_str_sub(text, 0, n)));
		text = gp_str_sub(text, n + 1, SIZE_MAX);
		is_first = false;
	} while (text.len);
}

static bool is_plain(char c)
{
	return c == '\t' || (c >= ' ' && c <= '~');
}

/* Where words that must be encoded begin and end; false if there are none. */
static bool find_odd(struct gp_str s, size_t *ret_from, size_t *ret_to)
{
	size_t from = 0, to = s.len;

	while (from < s.len && is_plain(s.ptr[from]))
		from++;
	if (from == s.len)
		return false;
	while (from && s.ptr[from - 1] != ' ' && s.ptr[from - 1] != '\t')
		from--;
	while (to && is_plain(s.ptr[to - 1]))
		to--;
	while (to < s.len && s.ptr[to] != ' ' && s.ptr[to] != '\t')
		to++;
	*ret_from = from;
	*ret_to = to;
	return true;
}

static bool needs_quote(char c)
{
	return c == '=' || c == '?' || c == '_' || c < ' ' || c > '~';
}

static void add_encoded(struct gp_str s, struct gp_buf *out)
{
	size_t odd = 0;

	for (size_t i = 0; i < s.len; i++)
		odd += needs_quote(s.ptr[i]);
	if (3 * (s.len + 2 * odd) > 4 * (s.len + 2)) { /* longer than base64 */
		gp_buf_add_cstr(out, "=?UTF-8?B?");
		gp_base64_encode(s.ptr, s.len, out);
	} else {
		gp_buf_add_cstr(out, "=?UTF-8?Q?");
		for (size_t i = 0; i < s.len; i++) {
			if (s.ptr[i] == ' ')
				gp_buf_add_chr(out, '_');
			else if (needs_quote(s.ptr[i]))
				gp_buf_printf(out, "=%02X", (unsigned char)s.ptr[i]);
			else
				gp_buf_add_chr(out, s.ptr[i]);
		}
	}
	gp_buf_add_cstr(out, "?=");
}

void gp_markup_encode(struct gp_str text, struct gp_buf *out)
{
	struct gp_str line;
	size_t from, to;
	bool is_first = true;

	while (gp_str_next(&text, '\n', &line)) {
		if (!is_first)
			gp_buf_add_chr(out, '\n');
		is_first = false;
		if (!find_odd(line, &from, &to)) {
			gp_buf_add_str(out, line);
			continue;
		}
		gp_buf_add_str(out, gp_str_sub(line, 0, from));
		add_encoded(gp_str_sub(line, from, to - from), out);
		gp_buf_add_str(out, gp_str_sub(line, to, SIZE_MAX));
	}
}
