/*
 * UTF-8 decoding and repair.
 */
#include "lib/base/utf8.h"

unsigned gp_utf8_decode(struct gp_str s, uint32_t *ret)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s.ptr;
	unsigned n;
	uint32_t cp;

	if (s.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*ret = p[0];
		return 1;
	}
	n = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < n)
		return 0;
	cp = p[0] & (0x7fu >> n);
	for (unsigned i = 1; i < n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (p[i] & 0x3fu);
	}
	if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret = cp;
	return n;
}

void gp_utf8_add(struct gp_buf *out, uint32_t cp)
{
	char b[4];
	size_t n;

	if (cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		cp = 0xfffd;
	if (cp < 0x80) {
		b[0] = (char)cp;
		n = 1;
	} else if (cp < 0x800) {
		b[0] = (char)(0xc0 | cp >> 6);
		b[1] = (char)(0x80 | (cp & 63));
		n = 2;
	} else if (cp < 0x10000) {
		b[0] = (char)(0xe0 | cp >> 12);
		b[1] = (char)(0x80 | (cp >> 6 & 63));
		b[2] = (char)(0x80 | (cp & 63));
		n = 3;
	} else {
		b[0] = (char)(0xf0 | cp >> 18);
		b[1] = (char)(0x80 | (cp >> 12 & 63));
		b[2] = (char)(0x80 | (cp >> 6 & 63));
		b[3] = (char)(0x80 | (cp & 63));
		n = 4;
	}
	gp_buf_add(out, b, n);
}

bool gp_utf8_is_valid(struct gp_str s)
{
	uint32_t cp;

	while (s.len) {
		unsigned n = gp_utf8_decode(s, &cp);

		if (!n)
			return false;
		s = gp_str_sub(s, n, s.len);
	}
	return true;
}

void gp_utf8_sanitize(struct gp_str s, struct gp_buf *out)
{
	uint32_t cp;

	while (s.len) {
		unsigned n = gp_utf8_decode(s, &cp);

		if (n)
			gp_buf_add(out, s.ptr, n);
		else
			gp_utf8_add(out, 0xfffd);
		s = gp_str_sub(s, n ? n : 1, s.len);
	}
}

size_t gp_utf8_length(struct gp_str s)
{
	size_t n = s.len, i = 0;
	uint64_t eight;

	/* Bytes with the upper of their two highest bits alone follow others. */
	for (; i + sizeof(eight) <= s.len; i += sizeof(eight)) {
		memcpy(&eight, s.ptr + i, sizeof(eight));
		n -= (size_t)__builtin_popcountll(eight & ~(eight << 1) & 0x8080808080808080);
	}
	for (; i < s.len; i++)
		n -= ((unsigned char)s.ptr[i] & 0xc0) == 0x80;
	return n;
}
