/*
 * Content-Transfer-Encoding.
 *
 * Our own decoders, because what programs show must be decoded, and libraries
 * stop earlier: GMime's base64 ends at the first padding, and senders who hide
 * text behind it count on that; it keeps back the last bytes of what is not
 * padded, and tells nobody what it skipped.
 *
 * Each decoder writes at most `room` bytes, in one pass.
 */
#include "lib/mail/decode.h"

#include <stdint.h>

/* Where decoded bytes go. */
struct sink {
	char *to;
	size_t n, room;
	bool is_clean, is_cut;
};

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

static void put(struct sink *s, unsigned c)
{
	if (s->n < s->room)
		s->to[s->n++] = (char)c;
	else
		s->is_cut = true;
}

static void put_all(struct sink *s, struct gp_str bytes)
{
	size_t n = GP_MIN(bytes.len, s->room - s->n);

	if (n)
		memcpy(s->to + s->n, bytes.ptr, n);
	s->n += n;
	s->is_cut |= n < bytes.len;
}

/* Value of a base64 character; 64: white space, 65: padding, 66: foreign. */
static const unsigned char base64_value[256] = {
	66, 66, 66, 66, 66, 66, 66, 66, 66, 64, 64, 64, 64, 64, 66, 66,
	66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66,
	64, 66, 66, 66, 66, 66, 66, 66, 66, 66, 66, 62, 66, 66, 66, 63,
	52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 66, 66, 66, 65, 66, 66,
	66, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14,
	15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 66, 66, 66, 66, 66,
	66, 26, 27, 28, 29, 30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40,
	41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 66, 66, 66, 66, 66,
	[128 ... 255] = 66,
};

struct base64 {
	uint32_t bits;
	unsigned n;	/* characters in `bits`, 0 … 3 */
	unsigned n_pad; /* padding since */
};

/* Gives out what 2 or 3 characters hold, and begins anew. */
static void base64_end(struct base64 *b, struct sink *s)
{
	if ((b->n + b->n_pad) % 4 != 0 || b->n_pad > 2)
		s->is_clean = false;
	if (b->n > 1)
		put(s, b->bits >> (b->n == 2 ? 4 : 10));
	if (b->n > 2)
		put(s, b->bits >> 2);
	*b = (struct base64){0};
}

static void decode_base64(struct gp_str in, struct sink *s)
{
	struct base64 b = {0};

	for (size_t i = 0; i < in.len && !s->is_cut; i++) {
		unsigned char v = base64_value[(unsigned char)in.ptr[i]];

		if (v < 64) {
			if (b.n_pad) { /* text goes on behind padding */
				base64_end(&b, s);
				s->is_clean = false;
			}
			b.bits = b.bits << 6 | v;
			if (++b.n == 4) {
				put(s, b.bits >> 16);
				put(s, b.bits >> 8);
				put(s, b.bits);
				b.n = 0;
			}
		} else if (v == 65) {
			b.n_pad++;
		} else if (v == 66) {
			s->is_clean = false;
		}
	}
	base64_end(&b, s);
}

static int hex_value(char c)
{
	c = gp_lower(c);
	return gp_is_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Length of a soft line break behind its '=': white space and a line end; 0 if
 * there is none. */
static size_t soft_break(struct gp_str in, size_t i)
{
	size_t n = 0;

	while (i + n < in.len && (in.ptr[i + n] == ' ' || in.ptr[i + n] == '\t' || in.ptr[i + n] == '\r'))
		n++;
	return i + n < in.len && in.ptr[i + n] == '\n' ? n + 1 : 0;
}

/* Literal bytes: white space at the end of a line was added on the way (RFC 2045 §6.7, rule 3). */
static void put_literal(struct sink *s, struct gp_str in)
{
	size_t lf;

	while ((lf = gp_str_find_chr(in, '\n', 0)) < in.len) {
		size_t end = lf - (lf > 0 && in.ptr[lf - 1] == '\r'), n = end;

		while (n && (in.ptr[n - 1] == ' ' || in.ptr[n - 1] == '\t'))
			n--;
		put_all(s, gp_str_sub(in, 0, n));
		put_all(s, gp_str_sub(in, end, lf + 1 - end));
		in = gp_str_sub(in, lf + 1, SIZE_MAX);
	}
	put_all(s, in);
}

static void decode_qp(struct gp_str in, struct sink *s)
{
	size_t i = 0;

	while (i < in.len && !s->is_cut) {
		size_t at = gp_str_find_chr(in, '=', i), n;

		put_literal(s, gp_str_sub(in, i, at - i));
		i = at + 1;
		if (i >= in.len)
			return;
		if (i + 1 < in.len && hex_value(in.ptr[i]) >= 0 && hex_value(in.ptr[i + 1]) >= 0) {
			put(s, (unsigned)(hex_value(in.ptr[i]) << 4 | hex_value(in.ptr[i + 1])));
			i += 2;
			continue;
		}
		n = soft_break(in, i);
		i += n;
		if (!n) {
			s->is_clean = false;
			put(s, '=');
		}
	}
}

static void decode_uu_line(struct gp_str line, struct sink *s)
{
	size_t n = (size_t)(line.ptr[0] - 32) & 63;

	for (size_t i = 1; n && i < line.len; i += 4) {
		unsigned v[4];

		for (size_t k = 0; k < 4; k++) /* spaces at the end may have been lost */
			v[k] = i + k < line.len ? (unsigned)(line.ptr[i + k] - 32) & 63 : 0;
		put(s, v[0] << 2 | v[1] >> 4);
		if (n > 1)
			put(s, v[1] << 4 | v[2] >> 2);
		if (n > 2)
			put(s, v[2] << 6 | v[3]);
		n -= GP_MIN(n, (size_t)3);
	}
	s->is_clean &= n == 0;
}

/* From "begin" to "end"; what stands around is dropped. */
static void decode_uu(struct gp_str in, struct sink *s)
{
	bool is_begun = false;
	struct gp_str line;

	while (!s->is_cut && gp_str_next(&in, '\n', &line)) {
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (!is_begun)
			is_begun = gp_str_starts(line, GP_STR("begin "));
		else if (gp_str_eq(line, GP_STR("end")))
			return;
		else if (line.len)
			decode_uu_line(line, s);
	}
	s->is_clean = false;
}

bool gp_decode(enum gp_encoding encoding, struct gp_str in, struct gp_buf *out, bool *ret_is_cut)
{
	size_t room = out->max - out->len; /* no decoder makes more of its input */
	struct sink s = {.room = GP_MIN(in.len, room), .is_clean = true};

	s.to = gp_buf_reserve(out, s.room);
	if (!s.to) {
		*ret_is_cut = in.len != 0;
		return true;
	}
	switch (encoding) {
	case GP_ENCODING_BASE64:
		decode_base64(in, &s);
		break;
	case GP_ENCODING_QP:
		decode_qp(in, &s);
		break;
	case GP_ENCODING_UU:
		decode_uu(in, &s);
		break;
	case GP_ENCODING_IDENTITY:
	default:
		put_all(&s, in);
		break;
	}
	out->len += s.n;
	out->data[out->len] = '\0';
	*ret_is_cut = s.is_cut;
	return s.is_clean;
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
