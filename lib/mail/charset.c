/*
 * Charsets.  UTF-8, ASCII and the Latin-1 family, nearly all of mail, are
 * converted here without a library call; the rest goes through iconv.  As in
 * browsers (WHATWG Encoding), a label stands for the largest charset that
 * senders mean by it: iso-8859-1 is read as windows-1252, gb2312 as gb18030,
 * ks_c_5601 as cp949.
 *
 * Deliberately no guessing of charsets from content beyond "valid UTF-8?".
 */
#include "lib/mail/charset.h"

#include <errno.h>
#include <iconv.h>

#include "lib/base/utf8.h"

#define CHARSET_NAME_MAX 40	/* the longest registered name has 45, none in use above 30 */
#define BAD_BYTES_MAX 1000	/* then the text is not what it says; stops a call per byte */

enum kind { KIND_UTF8, KIND_ASCII, KIND_LATIN1, KIND_ICONV };

static const struct {
	const char *label;
	enum kind kind;
	const char *iconv_name;
} aliases[] = {
	{"utf-8", KIND_UTF8, NULL},
	{"utf8", KIND_UTF8, NULL},
	{"us-ascii", KIND_ASCII, NULL},
	{"iso-8859-1", KIND_LATIN1, NULL},
	{"windows-1252", KIND_LATIN1, NULL},
	{"ascii", KIND_ASCII, NULL},
	{"ansi_x3.4-1968", KIND_ASCII, NULL},
	{"unknown-8bit", KIND_ASCII, NULL},
	{"x-unknown", KIND_ASCII, NULL},
	{"default", KIND_ASCII, NULL},
	{"latin1", KIND_LATIN1, NULL},
	{"iso8859-1", KIND_LATIN1, NULL},
	{"cp1252", KIND_LATIN1, NULL},
	{"x-sjis", KIND_ICONV, "CP932"},
	{"shift_jis", KIND_ICONV, "CP932"},
	{"ks_c_5601-1987", KIND_ICONV, "CP949"},
	{"euc-kr", KIND_ICONV, "CP949"},
	{"gb2312", KIND_ICONV, "GB18030"},
	{"gbk", KIND_ICONV, "GB18030"},
	{"big5", KIND_ICONV, "BIG5-HKSCS"},
	{"iso-8859-9", KIND_ICONV, "CP1254"},
	{"iso-8859-11", KIND_ICONV, "CP874"},
	{"tis-620", KIND_ICONV, "CP874"},
	{"iso-8859-8-i", KIND_ICONV, "ISO-8859-8"},
	{"x-gbk", KIND_ICONV, "GB18030"},
	{"ks_c_5601", KIND_ICONV, "CP949"},
	{"windows-31j", KIND_ICONV, "CP932"},
	{"windows-874", KIND_ICONV, "CP874"},
	{"unicode-1-1-utf-7", KIND_ICONV, "UTF-7"},
	{"x-windows-1251", KIND_ICONV, "CP1251"},
	{"win-1251", KIND_ICONV, "CP1251"},
	{"x-mac-cyrillic", KIND_ICONV, "MAC-CYRILLIC"},
};

/* windows-1252, 0x80 … 0x9f; the five holes stay C1 controls. */
static const uint16_t high[32] = {
	0x20ac, 0x81,	0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160,
	0x2039, 0x0152, 0x8d,	0x017d, 0x8f,	0x90,	0x2018, 0x2019, 0x201c, 0x201d, 0x2022,
	0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0x9d,	0x017e, 0x0178,
};

static enum kind kind_of(struct gp_str charset, const char **ret_iconv_name)
{
	*ret_iconv_name = NULL;
	if (!charset.len)
		return KIND_ASCII;
	for (size_t i = 0; i < GP_ARRAY_SIZE(aliases); i++) {
		if (gp_str_ieq(charset, gp_str(aliases[i].label))) {
			*ret_iconv_name = aliases[i].iconv_name;
			return aliases[i].kind;
		}
	}
	return KIND_ICONV;
}

static size_t ascii_len(struct gp_str s)
{
	size_t i = 0;
	uint64_t word;

	while (s.len - i >= sizeof(word)) {
		memcpy(&word, s.ptr + i, sizeof(word));
		if (word & UINT64_C(0x8080808080808080))
			break;
		i += sizeof(word);
	}
	while (i < s.len && !(s.ptr[i] & 0x80))
		i++;
	return i;
}

static bool is_utf8(struct gp_str s)
{
	uint32_t cp;

	for (;;) {
		size_t n = ascii_len(s);

		s = gp_str_sub(s, n, s.len);
		if (!s.len)
			return true;
		n = gp_utf8_decode(s, &cp);
		if (!n)
			return false;
		s = gp_str_sub(s, n, s.len);
	}
}

static void add_latin1(struct gp_str text, struct gp_buf *out)
{
	while (text.len && !gp_buf_error(out)) {
		size_t n = ascii_len(text);

		if (n) {
			gp_buf_add(out, text.ptr, n);
		} else {
			unsigned char c = (unsigned char)text.ptr[0];

			gp_utf8_add(out, c < 0xa0 ? high[c - 0x80] : c);
			n = 1;
		}
		text = gp_str_sub(text, n, text.len);
	}
}

/* Valid stretches as they are, stray bytes as U+FFFD. */
static void add_utf8(struct gp_str text, struct gp_buf *out)
{
	uint32_t cp;

	while (text.len && !gp_buf_error(out)) {
		size_t n = ascii_len(text);

		if (!n)
			n = gp_utf8_decode(text, &cp);
		if (n)
			gp_buf_add(out, text.ptr, n);
		else
			gp_utf8_add(out, 0xfffd);
		text = gp_str_sub(text, n ? n : 1, text.len);
	}
}

static iconv_t open_iconv(struct gp_str charset, const char *name)
{
	char label[CHARSET_NAME_MAX + 1];

	if (!name) {
		for (size_t i = 0; i < charset.len; i++) { /* no "//TRANSLIT", no paths */
			char c = charset.ptr[i];

			if (!gp_is_alnum(c) && !memchr("-_.:+()", c, 7))
				return (iconv_t)-1;
		}
		if (!gp_str_copy(label, sizeof(label), charset))
			return (iconv_t)-1;
		name = label;
	}
	return iconv_open("UTF-8", name);
}

/* Converts all of `text`; returns how much of it was read before giving up. */
static size_t run_iconv(iconv_t cd, struct gp_str text, struct gp_buf *out, bool *is_clean)
{
	size_t left = text.len, n_bad = 0;
	char *in;

	memcpy(&in, &text.ptr, sizeof(in)); /* iconv's prototype forgot the const */
	while (left && n_bad < BAD_BYTES_MAX) {
		char chunk[4096], *to = chunk;
		size_t room = sizeof(chunk);
		size_t n = iconv(cd, &in, &left, &to, &room);

		gp_buf_add(out, chunk, sizeof(chunk) - room);
		if (gp_buf_error(out))
			return text.len;
		if (n != (size_t)-1 || errno == E2BIG)
			continue;
		*is_clean = false;
		n_bad++;
		gp_utf8_add(out, 0xfffd);
		in++;
		left--;
	}
	if (!left) { /* a character held back for a combining one */
		char rest[16], *to = rest;
		size_t room = sizeof(rest);

		iconv(cd, NULL, NULL, &to, &room);
		gp_buf_add(out, rest, sizeof(rest) - room);
	}
	return text.len - left;
}

static bool add_iconv(struct gp_str charset, const char *name, struct gp_str text,
		      struct gp_buf *out)
{
	iconv_t cd = open_iconv(charset, name);
	bool is_clean = true;
	size_t n;

	if (cd == (iconv_t)-1) {
		if (is_utf8(text))
			gp_buf_add_str(out, text);
		else
			add_latin1(text, out);
		return false;
	}
	n = run_iconv(cd, text, out, &is_clean);
	iconv_close(cd);
	add_latin1(gp_str_sub(text, n, text.len), out);
	return is_clean;
}

static bool is_known(struct gp_str charset, const char *name)
{
	iconv_t cd = open_iconv(charset, name);

	if (cd != (iconv_t)-1)
		iconv_close(cd);
	return cd != (iconv_t)-1;
}

bool gp_charset_is_plain(struct gp_str charset, struct gp_str text)
{
	const char *name;
	bool is_ascii = ascii_len(text) == text.len;

	switch (kind_of(charset, &name)) {
	case KIND_UTF8:
		return is_utf8(text);
	case KIND_ASCII:
		return is_ascii;
	case KIND_LATIN1:
		return is_ascii || is_utf8(text);
	case KIND_ICONV:
	default:
		return !is_ascii && is_utf8(text) && is_known(charset, name);
	}
}

bool gp_charset_to_utf8(struct gp_str charset, struct gp_str text, struct gp_buf *out)
{
	const char *name;
	bool is_clean = true;

	switch (kind_of(charset, &name)) {
	case KIND_UTF8:
		is_clean = is_utf8(text);
		add_utf8(text, out);
		break;
	case KIND_ASCII:
		is_clean = ascii_len(text) == text.len;
		if (is_clean || is_utf8(text))
			gp_buf_add_str(out, text);
		else
			add_latin1(text, out);
		break;
	case KIND_LATIN1:
		add_latin1(text, out);
		break;
	case KIND_ICONV:
	default:
		is_clean = add_iconv(charset, name, text, out);
		break;
	}
	return is_clean && !gp_buf_error(out);
}

/* The converters that an open handle keeps loaded; never closed. */
void gp_charset_preload(void)
{
	static const char *const names[] = {
		"CP1250", "CP1251", "CP1253", "CP1254", "CP1255", "CP1256", "CP1257", "CP1258",
		"CP437", "CP850", "CP852", "CP866", "CP874", "CP932", "CP949",
		"ISO-8859-2", "ISO-8859-3", "ISO-8859-4", "ISO-8859-5", "ISO-8859-6",
		"ISO-8859-7", "ISO-8859-8", "ISO-8859-10", "ISO-8859-13", "ISO-8859-14",
		"ISO-8859-15", "ISO-8859-16", "KOI8-R", "KOI8-U", "MAC-CYRILLIC", "MACINTOSH",
		"BIG5", "BIG5-HKSCS", "GB18030", "HZ", "EUC-JP", "EUC-TW", "ISO-2022-CN",
		"ISO-2022-JP", "ISO-2022-KR", "UTF-7", "UTF-16", "UTF-16LE", "UTF-16BE", "UTF-32",
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		(void)iconv_open("UTF-8", names[i]);
}
