/*
 * Base64 and hexadecimal, both ways; base32 one way.
 */
#include "lib/base/codec.h"

#include <stdint.h>

#include "lib/base/err.h"

static const char hex_digits[] = "0123456789abcdef";
static const char b64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void gp_hex_encode(const void *data, size_t len, struct gp_buf *out)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i++) {
		gp_buf_add_chr(out, hex_digits[p[i] >> 4]);
		gp_buf_add_chr(out, hex_digits[p[i] & 15]);
	}
}

static int value_in(const char *digits, char c)
{
	const char *p = c ? strchr(digits, c) : NULL;

	return p ? (int)(p - digits) : -1;
}

/* Takes back what was appended from `start` on. */
static int undo(struct gp_buf *out, size_t start)
{
	out->len = start;
	if (out->data)
		out->data[start] = '\0';
	return GP_EINVAL;
}

int gp_hex_decode(struct gp_str text, struct gp_buf *out)
{
	size_t start = out->len;

	if (text.len % 2)
		return GP_EINVAL;
	for (size_t i = 0; i < text.len; i += 2) {
		int hi = value_in(hex_digits, gp_lower(text.ptr[i]));
		int lo = value_in(hex_digits, gp_lower(text.ptr[i + 1]));

		if (hi < 0 || lo < 0)
			return undo(out, start);
		gp_buf_add_chr(out, (char)(hi << 4 | lo));
	}
	return gp_buf_error(out);
}

void gp_base32_encode(const void *data, size_t len, struct gp_buf *out)
{
	static const char digits[] = "abcdefghijklmnopqrstuvwxyz234567";
	const unsigned char *p = data;
	uint32_t bits = 0;
	unsigned n = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (n += 8; n >= 5; n -= 5)
			gp_buf_add_chr(out, digits[bits >> (n - 5) & 31]);
		bits &= 31;
	}
	if (n)
		gp_buf_add_chr(out, digits[bits << (5 - n) & 31]);
}

void gp_base64_encode(const void *data, size_t len, struct gp_buf *out)
{
	const unsigned char *p = data;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		gp_buf_add(out,
			   (char[4]){b64_digits[v >> 18], b64_digits[v >> 12 & 63],
				     i + 1 < len ? b64_digits[v >> 6 & 63] : '=',
				     i + 2 < len ? b64_digits[v & 63] : '='},
			   4);
	}
}

/* By ranges: strchr over the alphabet was a tenth of verifying a DKIM signature. */
/* Values of the digits, and one more, so that 0 stands for what is none. */
static const unsigned char b64_values[256] = {
	['A'] = 1,  ['B'] = 2,	['C'] = 3,  ['D'] = 4,	['E'] = 5,  ['F'] = 6,	['G'] = 7,
	['H'] = 8,  ['I'] = 9,	['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14,
	['O'] = 15, ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21,
	['V'] = 22, ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28,
	['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35,
	['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42,
	['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49,
	['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
	['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63,
	['/'] = 64,
};

int gp_base64_decode(struct gp_str text, struct gp_buf *out)
{
	char bytes[128]; /* appended together: keys and signatures are most of what is decoded */
	size_t start = out->len, n = 0;
	unsigned bits = 0, pads = 0;
	uint32_t v = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		unsigned digit = b64_values[(unsigned char)c];

		if (gp_is_space(c))
			continue;
		if (c == '=' && ++pads <= 2)
			continue;
		if (digit == 0 || pads)
			return undo(out, start);
		v = v << 6 | (digit - 1);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (char)(v >> bits & 255);
		}
		if (n == sizeof(bytes)) {
			gp_buf_add(out, bytes, n);
			n = 0;
		}
	}
	gp_buf_add(out, bytes, n);
	return gp_buf_error(out);
}
