/*
 * Cleaning text for a terminal.
 */
#include "cli/text.h"

#include "lib/base/utf8.h"

/* U+202A … U+202E and U+2066 … U+2069 turn what follows around, so that a reader sees
 * another domain than the one that stands there; U+2028 and U+2029 end a line. */
static bool is_deceptive(uint32_t cp)
{
	return (cp >= 0x2028 && cp <= 0x202e) || (cp >= 0x2066 && cp <= 0x2069) || cp == 0x200e ||
	       cp == 0x200f || cp == 0xfeff;
}

static bool is_control(uint32_t cp)
{
	return cp < ' ' || (cp >= 0x7f && cp < 0xa0);
}

void gp_text_clean(struct gp_str s, struct gp_buf *out)
{
	while (s.len) {
		uint32_t cp = 0xfffd;
		unsigned n = gp_utf8_decode(s, &cp);

		if (is_control(cp))
			cp = ' ';
		else if (is_deceptive(cp))
			cp = 0xfffd;
		gp_utf8_add(out, cp);
		s = gp_str_sub(s, n ? n : 1, s.len);
	}
}

const char *gp_text_show(struct gp_arena *arena, struct gp_str s, size_t max)
{
	GP_BUF_AUTO out = GP_BUF_INIT(max);
	const char *text;

	/* A byte becomes three at the most, and the buffer keeps what fits whole. */
	gp_text_clean(gp_str_sub(s, 0, max), &out);
	text = gp_arena_cstr(arena, gp_buf_str(&out));
	if (gp_buf_error(&out) || s.len > max)
		text = gp_arena_printf(arena, "%s…", text);
	return text;
}
