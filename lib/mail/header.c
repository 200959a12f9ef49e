/*
 * Header fields: splitting, unfolding, encoded words.
 *
 * An encoded word may decode to anything, NULs and line ends included; in the
 * value these are spaces, so that "=?utf-8?Q?=00?=" hides nothing behind it.
 */
#include "lib/mail/header.h"

#include "lib/mail/charset.h"
#include "lib/mail/decode.h"

/* A decoded byte becomes at most three of UTF-8, plus one for the rounding of base64. */
#define DECODED_MAX(len) (3 * (len) + 16)

static size_t line_end(struct gp_str in, size_t from)
{
	return gp_str_find_chr(in, '\n', from);
}

/* RFC 5322 ftext; obsolete syntax allows white space before the colon.  0 if
 * the line is no header field. */
static size_t name_len(struct gp_str in, size_t from, size_t *ret_colon)
{
	size_t n = 0, i;

	while (from + n < in.len && in.ptr[from + n] > ' ' && in.ptr[from + n] < 127 &&
	       in.ptr[from + n] != ':')
		n++;
	for (i = from + n; i < in.len && (in.ptr[i] == ' ' || in.ptr[i] == '\t'); i++)
		;
	if (n == 0 || i == in.len || in.ptr[i] != ':')
		return 0;
	*ret_colon = i;
	return n;
}

bool gp_header_next(struct gp_str in, size_t *pos, struct gp_str *ret_name, struct gp_str *ret_raw)
{
	size_t start = *pos, colon, n, end;

	if (start >= in.len)
		return false;
	if (in.ptr[start] == '\n' || (in.ptr[start] == '\r' && start + 1 < in.len &&
				      in.ptr[start + 1] == '\n')) {
		*pos = start + (in.ptr[start] == '\n' ? 1 : 2);
		return false;
	}
	n = name_len(in, start, &colon);
	if (!n)
		return false;
	for (end = line_end(in, colon + 1);
	     end + 1 < in.len && (in.ptr[end + 1] == ' ' || in.ptr[end + 1] == '\t');
	     end = line_end(in, end + 1))
		;
	*pos = GP_MIN(end + 1, in.len);
	if (end < in.len && end > colon + 1 && in.ptr[end - 1] == '\r')
		end--;
	*ret_name = gp_str_sub(in, start, n);
	*ret_raw = gp_str_sub(in, colon + 1, end - colon - 1);
	return true;
}

static struct gp_str skip_space(struct gp_str s)
{
	while (s.len && (s.ptr[0] == ' ' || s.ptr[0] == '\t' || s.ptr[0] == '\r' || s.ptr[0] == '\n'))
		s = gp_str_sub(s, 1, s.len);
	return s;
}

static bool is_break(char c)
{
	return c == '\r' || c == '\n' || c == '\0';
}

struct gp_str gp_header_unfold(struct gp_arena *a, struct gp_str raw)
{
	struct gp_str s = skip_space(raw);
	size_t n = 0;
	char *out;

	if (!memchr(s.len ? s.ptr : "", '\n', s.len) && !memchr(s.len ? s.ptr : "", '\r', s.len) &&
	    !memchr(s.len ? s.ptr : "", '\0', s.len))
		return s;
	out = gp_arena_alloc(a, s.len + 1);
	for (size_t i = 0; i < s.len; i++) {
		if (!is_break(s.ptr[i])) {
			out[n++] = s.ptr[i];
			continue;
		}
		out[n++] = ' ';
		while (i + 1 < s.len && (is_break(s.ptr[i + 1]) || s.ptr[i + 1] == ' ' ||
					 s.ptr[i + 1] == '\t'))
			i++;
	}
	out[n] = '\0';
	return gp_str_n(out, n);
}

/* An encoded word as it stands in the text. */
struct word {
	struct gp_str charset, text;
	char encoding;
	size_t end; /* behind its "?=" */
};

static bool word_parse(struct gp_str s, size_t from, struct word *w, bool *is_last)
{
	size_t q = gp_str_find_chr(s, '?', from + 2), end;

	if (q + 2 >= s.len || s.ptr[q + 2] != '?' || q - from > 80)
		return false;
	w->charset = gp_str_sub(s, from + 2, q - from - 2);
	w->charset = gp_str_sub(w->charset, 0, gp_str_find_chr(w->charset, '*', 0)); /* RFC 2231 §5 */
	w->encoding = gp_lower(s.ptr[q + 1]);
	if (w->encoding != 'b' && w->encoding != 'q')
		return false;
	end = gp_str_find(s, GP_STR("?="), q + 3);
	if (end == s.len) {
		*is_last = true; /* so the next "=?" need not look for an end */
		return false;
	}
	w->text = gp_str_sub(s, q + 3, end - q - 3);
	w->end = end + 2;
	return true;
}

static int hex_value(char c)
{
	c = gp_lower(c);
	return gp_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static void add_q(struct gp_str s, struct gp_buf *out)
{
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '=' && i + 2 < s.len && hex_value(s.ptr[i + 1]) >= 0 &&
		    hex_value(s.ptr[i + 2]) >= 0) {
			gp_buf_add_chr(out, (char)(hex_value(s.ptr[i + 1]) << 4 |
						   hex_value(s.ptr[i + 2])));
			i += 2;
		} else {
			gp_buf_add_chr(out, s.ptr[i] == '_' ? ' ' : s.ptr[i]);
		}
	}
}

static void add_b(struct gp_str s, struct gp_buf *out)
{
	bool is_cut;

	(void)gp_decode(GP_ENCODING_BASE64, s, out, &is_cut);
}

/* Words of one charset in a row are one text: senders cut inside characters. */
static void flush_words(struct gp_str charset, struct gp_buf *bytes, struct gp_buf *out)
{
	if (bytes->len)
		(void)gp_charset_to_utf8(charset, gp_buf_str(bytes), out);
	gp_buf_reset(bytes);
}

static void decode_words(struct gp_str s, struct gp_buf *bytes, struct gp_buf *out)
{
	struct gp_str charset = {0};
	size_t done = 0, at = 0;
	bool is_last = false;

	while (!is_last && (at = gp_str_find(s, GP_STR("=?"), at)) < s.len) {
		struct word w;
		struct gp_str between = gp_str_sub(s, done, at - done);

		if (!word_parse(s, at, &w, &is_last)) {
			at += 2;
			continue;
		}
		if (!bytes->len || gp_str_trim(between).len || !gp_str_ieq(charset, w.charset)) {
			bool is_adjacent = charset.ptr && !gp_str_trim(between).len;

			flush_words(charset, bytes, out);
			if (!is_adjacent)
				(void)gp_charset_to_utf8(GP_STR(""), between, out);
		}
		charset = w.charset;
		if (w.encoding == 'q')
			add_q(w.text, bytes);
		else
			add_b(w.text, bytes);
		done = at = w.end;
	}
	flush_words(charset, bytes, out);
	(void)gp_charset_to_utf8(GP_STR(""), gp_str_sub(s, done, s.len), out);
}

struct gp_str gp_header_decode_words(struct gp_arena *a, struct gp_str text)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(text.len + 16);
	GP_BUF_AUTO out = GP_BUF_INIT(DECODED_MAX(text.len));

	if (gp_str_find(text, GP_STR("=?"), 0) == text.len &&
	    gp_charset_is_plain(GP_STR("utf-8"), text))
		return text;
	decode_words(text, &bytes, &out);
	for (size_t i = 0; i < out.len; i++) { /* what an encoded word smuggled in */
		if (is_break(out.data[i]))
			out.data[i] = ' ';
	}
	return gp_arena_str(a, gp_buf_str(&out));
}

struct gp_str gp_header_decode(struct gp_arena *a, struct gp_str raw)
{
	struct gp_str s = gp_header_unfold(a, raw);

	while (s.len && gp_is_space(s.ptr[s.len - 1]))
		s.len--;
	return gp_header_decode_words(a, s);
}
