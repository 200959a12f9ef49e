/*
 * Content-Transfer-Encoding (RFC 2045 §6): the decoding is GMime's, step by
 * step so that a ceiling can stop it; what is wrong with the input is noticed
 * here, because GMime silently skips it.  Only GMime's plain functions are used:
 * no objects, so no g_mime_init() and nothing shared between threads.
 */
#include "lib/mail/decode.h"

#include <gmime/gmime.h>

#define STEP 4096

bool gp_encoding_parse(struct gp_str name, enum gp_encoding *ret)
{
	static const struct {
		const char *name;
		enum gp_encoding encoding;
	} known[] = {
		{"", GP_ENCODING_IDENTITY},	  {"7bit", GP_ENCODING_IDENTITY},
		{"8bit", GP_ENCODING_IDENTITY},	  {"binary", GP_ENCODING_IDENTITY},
		{"base64", GP_ENCODING_BASE64},	  {"quoted-printable", GP_ENCODING_QP},
		{"x-uuencode", GP_ENCODING_UU},	  {"uuencode", GP_ENCODING_UU},
		{"x-uue", GP_ENCODING_UU},
	};

	*ret = GP_ENCODING_IDENTITY;
	for (size_t i = 0; i < GP_ARRAY_SIZE(known); i++) {
		if (gp_str_eq(name, gp_str(known[i].name))) {
			*ret = known[i].encoding;
			return true;
		}
	}
	return false;
}

static bool is_base64_clean(struct gp_str in)
{
	size_t n = 0, pad = 0;

	for (size_t i = 0; i < in.len; i++) {
		char c = in.ptr[i];

		if (gp_is_alnum(c) || c == '+' || c == '/') {
			if (pad)
				return false;
			n++;
		} else if (c == '=') {
			pad++;
		} else if (!gp_is_space(c)) {
			return false;
		}
	}
	return (n + pad) % 4 == 0 && pad <= 2;
}

static bool is_hex(char c)
{
	return gp_is_digit(c) || (gp_lower(c) >= 'a' && gp_lower(c) <= 'f');
}

static bool is_qp_clean(struct gp_str in)
{
	for (size_t i = gp_str_find_chr(in, '=', 0); i < in.len; i = gp_str_find_chr(in, '=', i)) {
		i++;
		if (in.len - i >= 2 && is_hex(in.ptr[i]) && is_hex(in.ptr[i + 1]))
			continue;
		while (i < in.len && (in.ptr[i] == ' ' || in.ptr[i] == '\t' || in.ptr[i] == '\r'))
			i++;
		if (i < in.len && in.ptr[i] != '\n')
			return false;
	}
	return true;
}

static bool is_clean(enum gp_encoding encoding, struct gp_str in)
{
	switch (encoding) {
	case GP_ENCODING_BASE64:
		return is_base64_clean(in);
	case GP_ENCODING_QP:
		return is_qp_clean(in);
	case GP_ENCODING_IDENTITY:
	case GP_ENCODING_UU:
	default:
		return true;
	}
}

static GMimeContentEncoding gmime_encoding(enum gp_encoding encoding)
{
	switch (encoding) {
	case GP_ENCODING_BASE64:
		return GMIME_CONTENT_ENCODING_BASE64;
	case GP_ENCODING_QP:
		return GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE;
	case GP_ENCODING_UU:
		return GMIME_CONTENT_ENCODING_UUENCODE;
	case GP_ENCODING_IDENTITY:
	default:
		return GMIME_CONTENT_ENCODING_BINARY;
	}
}

bool gp_decode(enum gp_encoding encoding, struct gp_str in, struct gp_buf *out, bool *ret_is_cut)
{
	GMimeEncoding state;
	size_t done = 0;

	*ret_is_cut = false;
	g_mime_encoding_init_decode(&state, gmime_encoding(encoding));
	while (done < in.len && !*ret_is_cut) {
		char chunk[STEP + 64];
		size_t n = GP_MIN(in.len - done, (size_t)STEP), room = out->max - out->len, got;

		got = done + n == in.len ? g_mime_encoding_flush(&state, in.ptr + done, n, chunk)
					 : g_mime_encoding_step(&state, in.ptr + done, n, chunk);
		*ret_is_cut = got > room;
		gp_buf_add(out, chunk, GP_MIN(got, room));
		done += n;
	}
	return is_clean(encoding, gp_str_sub(in, 0, done));
}

size_t gp_decoded_size(enum gp_encoding encoding, struct gp_str in, size_t lines)
{
	size_t n = in.len - GP_MIN(lines, in.len), pad = 0;

	if (encoding != GP_ENCODING_BASE64)
		return in.len;
	while (in.len && (gp_is_space(in.ptr[in.len - 1]) || in.ptr[in.len - 1] == '=') && pad < 3) {
		pad += in.ptr[in.len - 1] == '=';
		in.len--;
	}
	n = (n + 2) / 4 * 3; /* rounded: the caller's lines may be off by one */
	return n - GP_MIN(pad, n);
}
