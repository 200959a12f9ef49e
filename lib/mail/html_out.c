/*
 * Rendered text.
 *
 * Two breaks with nothing but white space between them end a paragraph, as in
 * SpamAssassin's rendering; NUL is dropped (clients skip it, spammers put it into
 * words), NO-BREAK SPACE is a space, a byte that is not UTF-8 becomes U+FFFD.
 */
#include "lib/mail/html_out.h"

#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/mem.h"
#include "lib/base/utf8.h"
#include "lib/mail/html_entity.h"

enum byte_class { PLAIN, SPACE, REFERENCE, NUL, HIGH };

static inline enum byte_class class_of(char c)
{
	unsigned char u = (unsigned char)c;

	if (u >= 0x80)
		return HIGH;
	if (u > ' ')
		return u == '&' ? REFERENCE : PLAIN;
	return gp_is_space(c) ? SPACE : u == 0 ? NUL : PLAIN;
}

static char *room(struct gp_html_out *out, size_t n)
{
	if (out->len + n > out->cap) {
		out->cap = GP_MAX(out->cap * 2, out->len + n + 256);
		out->data = gp_xrealloc(out->data, out->cap);
	}
	return out->data + out->len;
}

/* n_chars characters in n bytes, none of them white space. */
static void put(struct gp_html_out *out, const char *bytes, size_t n, size_t n_chars)
{
	bool is_apart = out->len && (out->has_space || out->newlines);
	size_t left = out->max - out->len;
	char *p;

	out->chars += (uint32_t)n_chars;
	if (out->is_cut)
		return;
	if (n + is_apart > left) {
		out->is_cut = true;
		if (left <= is_apart || n_chars != n) /* a character is not split */
			return;
		n = left - is_apart;
	}
	p = room(out, n + is_apart);
	if (is_apart)
		*p++ = out->newlines >= 2 ? '\n' : ' ';
	memcpy(p, bytes, n);
	out->len += n + is_apart;
	out->has_space = false;
	out->newlines = 0;
}

static void put_code_point(struct gp_html_out *out, uint32_t cp)
{
	char bytes[5];
	struct gp_buf b = {.data = bytes, .cap = sizeof(bytes), .max = 4};

	if (cp == 0xa0 || (cp < 0x80 && gp_is_space((char)cp))) {
		out->has_space = true;
	} else if (cp) {
		gp_utf8_add(&b, cp);
		put(out, bytes, b.len, 1);
	}
}

void gp_html_out_text(struct gp_html_out *out, struct gp_str text, bool has_entities)
{
	const char *s = text.ptr;
	size_t i = 0, from;
	uint32_t cp;
	unsigned n;

	while (i < text.len) {
		switch (class_of(s[i])) {
		case PLAIN:
			for (from = i++; i < text.len && class_of(s[i]) == PLAIN;)
				i++;
			put(out, s + from, i - from, i - from);
			break;
		case SPACE:
			out->has_space = true;
			i++;
			break;
		case NUL:
			i++;
			break;
		case REFERENCE:
			n = has_entities ? (unsigned)gp_html_entity(gp_str_n(s + i, text.len - i),
								    false, &cp)
					 : 0;
			put_code_point(out, n ? cp : '&');
			i += n ? n : 1;
			break;
		case HIGH:
			n = gp_utf8_decode(gp_str_n(s + i, text.len - i), &cp);
			if (n && cp != 0xa0)
				put(out, s + i, n, 1);
			else
				put_code_point(out, n ? cp : 0xfffd);
			i += n ? n : 1;
			break;
		}
	}
}

void gp_html_out_space(struct gp_html_out *out, enum gp_html_space space)
{
	switch (space) {
	case GP_HTML_INLINE:
		return;
	case GP_HTML_SPACE:
		out->has_space = true;
		return;
	case GP_HTML_NEWLINE:
		out->newlines = GP_MIN(out->newlines + 1, 2u);
		return;
	case GP_HTML_PARAGRAPH:
		out->newlines = 2;
		return;
	}
}

struct gp_str gp_html_out_done(struct gp_html_out *out, struct gp_arena *arena)
{
	struct gp_str s = gp_arena_str(arena, gp_str_n(out->data, out->len));

	free(out->data);
	*out = GP_HTML_OUT(out->max);
	return s;
}
