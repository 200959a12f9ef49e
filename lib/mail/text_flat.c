/*
 * The text that body rules read: of every text part, inline or not, seen or not.
 *
 * White space is one space, an empty line ends a paragraph; other than for a
 * reader (text.c) a space at the start or end of a paragraph stays, as
 * SpamAssassin's rules know it.
 */
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "lib/base/utf8.h"
#include "lib/mail/html_flat.h"
#include "lib/mail/message_int.h"

/* SpamAssassin's body_part_scan_size, in characters there, in bytes here; and how far from there
 * a line end or a space is looked for. */
#define PART_MAX 50000
#define REACH 1024

static bool is_html_name(struct gp_str name)
{
	return gp_str_iends(name, GP_STR(".html")) || gp_str_iends(name, GP_STR(".htm"));
}

static bool is_leaf(const struct gp_message *m, unsigned i)
{
	if (m->parts.items[i].decoded.len)
		return true;
	return !(m->parts.items[i].flags & GP_PART_MULTIPART) &&
	       (i + 1 >= m->parts.len || m->parts.items[i + 1].parent != i);
}

/* Cuts what was added since `start`. */
static void cut(struct gp_buf *b, size_t start)
{
	static const char ends[] = {'\n', ' '};
	struct gp_str s = gp_str_sub(gp_buf_str(b), start, SIZE_MAX);

	if (s.len <= PART_MAX)
		return;
	for (size_t i = 0; i < sizeof(ends); i++) {
		size_t at = gp_str_find_chr(gp_str_sub(s, 0, PART_MAX + REACH), ends[i], PART_MAX);

		if (at < GP_MIN(s.len, (size_t)PART_MAX + REACH)) {
			b->len = start + at + 1;
			return;
		}
	}
	for (s.len = PART_MAX; s.len && (s.ptr[s.len] & 0xc0) == 0x80;)
		s.len--;
	b->len = start + s.len;
}

/* Of text only these are something else; text/rfc822-headers is read. */
static bool is_plain(struct gp_str type)
{
	return gp_str_starts(type, GP_STR("text/")) && !gp_str_eq(type, GP_STR("text/calendar")) &&
	       !gp_str_eq(type, GP_STR("text/x-vcard"));
}

struct gp_str gp_message_part_html(struct gp_message *m, const struct gp_part *p)
{
	if (!(p->flags & GP_PART_HTML) && !is_html_name(p->filename))
		return (struct gp_str){0};
	return p->decoded.len || !p->raw.len ? p->decoded : gp_message_part_bytes(m, p);
}

static void add_part(struct gp_message *m, const struct gp_part *p, struct gp_buf *b, bool *is_wide)
{
	struct gp_str html = gp_message_part_html(m, p), content = html.len ? html : p->decoded;
	size_t start = b->len;
	bool is_html = html.len > 0;

	if (!is_html && !(p->flags & GP_PART_MULTIPART) && !is_plain(p->type))
		return;
	*is_wide |= !gp_str_is_ascii(content);
	if (is_html)
		gp_html_flatten(content, b, is_wide);
	else
		gp_buf_add_str(b, gp_str_sub(content, 0, PART_MAX + REACH + 4));
	cut(b, start);
}

/*
 * Where all parts are ASCII and references give no character beyond U+00FF,
 * SpamAssassin's text is Latin-1: "&eacute;" is one byte.  (It is UTF-8 otherwise.)
 */
static void make_latin1(struct gp_buf *b)
{
	struct gp_str s = gp_buf_str(b);
	size_t n = 0;
	uint32_t cp;

	for (size_t i = 0; i < s.len;) {
		unsigned len = gp_utf8_decode(gp_str_sub(s, i, 4), &cp);

		b->data[n++] = len ? (char)cp : s.ptr[i];
		i += len ? len : 1;
	}
	b->len = n;
}

/* Bytes of the white space at s[i], 0 if it is none. */
static size_t space_len(struct gp_str s, size_t i)
{
	unsigned char c = (unsigned char)s.ptr[i];
	uint32_t cp;
	unsigned n;

	if (c < 0x80)
		return gp_is_space(s.ptr[i]);
	if (c != 0xc2 && c != 0xe1 && c != 0xe2 && c != 0xe3)
		return 0;
	n = gp_utf8_decode(gp_str_sub(s, i, 4), &cp);
	return n && (cp == 0x85 || cp == 0xa0 || cp == 0x1680 || (cp >= 0x2000 && cp <= 0x200a) ||
		     cp == 0x2028 || cp == 0x2029 || cp == 0x202f || cp == 0x205f || cp == 0x3000)
		       ? n
		       : 0;
}

/* A run of white space: with two line ends in it one line end, and a space on either side of
 * them where there is some; else one space. */
static size_t fold_run(struct gp_str s, size_t *i, char *to)
{
	size_t start = *i, first = SIZE_MAX, last = 0, n = 0, len;
	unsigned line_ends = 0;

	while (*i < s.len && (len = space_len(s, *i))) {
		if (s.ptr[*i] == '\n') {
			line_ends++;
			first = GP_MIN(first, *i);
			last = *i;
		}
		*i += len;
	}
	if (line_ends < 2) {
		*to = ' ';
		return 1;
	}
	if (first > start)
		to[n++] = ' ';
	to[n++] = '\n';
	if (last + 1 < *i)
		to[n++] = ' ';
	return n;
}

static bool is_printable(struct gp_str s, size_t i)
{
	return i < s.len && s.ptr[i] > ' ' && s.ptr[i] < 0x7f;
}

#define STEP 16u

/*
 * Copies STEP bytes if all are printable or a single space or line end before
 * something printable (s[i + STEP] is there to be looked at): most of a text.
 */
static bool fold_step(struct gp_str s, size_t i, char *to)
{
#ifdef __SSE2__
	const __m128i printable = _mm_set1_epi8(' '), del = _mm_set1_epi8(0x7f);
	const __m128i newline = _mm_set1_epi8('\n'), space = _mm_set1_epi8(' ');
	__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i));
	__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(s.ptr + i + 1));
	/* signed: what is above 0x7f is below all of these */
	__m128i a_prints = _mm_andnot_si128(_mm_cmpeq_epi8(a, del), _mm_cmpgt_epi8(a, printable));
	__m128i b_prints = _mm_andnot_si128(_mm_cmpeq_epi8(b, del), _mm_cmpgt_epi8(b, printable));
	__m128i is_newline = _mm_cmpeq_epi8(a, newline);
	__m128i is_single = _mm_and_si128(_mm_or_si128(is_newline, _mm_cmpeq_epi8(a, space)), b_prints);

	if (_mm_movemask_epi8(_mm_or_si128(a_prints, is_single)) != 0xffff)
		return false;
	a = _mm_or_si128(_mm_andnot_si128(is_newline, a), _mm_and_si128(is_newline, space));
	_mm_storeu_si128((__m128i *)(void *)to, a);
	return true;
#else
	return false;
#endif
}

/* In place: what comes out is never longer. */
static void fold(struct gp_buf *b)
{
	struct gp_str s = gp_buf_str(b);
	size_t n = 0;

	for (size_t i = 0; i < s.len;) {
		if (i + STEP < s.len && fold_step(s, i, b->data + n)) {
			n += STEP;
			i += STEP;
		} else if (is_printable(s, i)) {
			b->data[n++] = s.ptr[i++];
		} else if ((s.ptr[i] == ' ' || s.ptr[i] == '\n') && is_printable(s, i + 1)) {
			b->data[n++] = ' ';
			i++;
		} else if (s.ptr[i] == '\0') { /* ends a paragraph too */
			b->data[n++] = '\n';
			i++;
		} else if (space_len(s, i)) {
			n += fold_run(s, &i, b->data + n);
		} else {
			b->data[n++] = s.ptr[i++];
		}
	}
	b->len = n;
}

struct gp_str gp_message_flat_text(struct gp_message *m)
{
	struct gp_buf b = GP_BUF_INIT(2 * GP_MAX_TEXT_SIZE);
	bool is_wide = false;

	if (m->state->flat.ptr)
		return m->state->flat;
	for (unsigned i = 0; i < m->parts.len && b.len < GP_MAX_TEXT_SIZE; i++) {
		if (b.len && is_leaf(m, i))
			gp_buf_add_chr(&b, '\n');
		add_part(m, &m->parts.items[i], &b, &is_wide);
	}
	if (!is_wide && !gp_str_is_ascii(gp_buf_str(&b)))
		make_latin1(&b);
	fold(&b);
	m->state->flat = b.len ? gp_arena_str(m->arena, gp_buf_str(&b)) : GP_STR("");
	gp_buf_done(&b);
	return m->state->flat;
}
