/*
 * Names, strings and record data from the text of a zone file (RFC 1035, 5.1 and 3.3;
 * RFC 3596 for AAAA).
 */
#include "lib/dns/zone_data.h"

#include <arpa/inet.h>

#include "lib/base/num.h"
#include "lib/dns/dns.h"

#define LABEL_MAX_LEN 63
#define STRING_MAX_LEN 255
#define TTL_MAX INT32_MAX /* RFC 2181, 8 */

const struct gp_zone_name gp_zone_root = {.len = 1};

/* Bytes of a word, escapes resolved. */
struct bytes {
	struct gp_str rest;
	bool is_escaped; /* the last one was */
	bool is_wrong;	 /* \D without three digits, or above 255 */
};

static bool next_byte(struct bytes *b, unsigned char *ret)
{
	uint64_t n;
	size_t len = 1;

	if (!b->rest.len || b->is_wrong)
		return false;
	b->is_escaped = b->rest.ptr[0] == '\\' && b->rest.len > 1;
	if (!b->is_escaped) {
		*ret = (unsigned char)b->rest.ptr[0];
	} else if (!gp_is_digit(b->rest.ptr[1])) {
		*ret = (unsigned char)b->rest.ptr[1];
		len = 2;
	} else if (b->rest.len >= 4 && gp_num_parse_uint(gp_str_sub(b->rest, 1, 3), 10, &n) == 0 &&
		   n <= 255) {
		*ret = (unsigned char)n;
		len = 4;
	} else {
		b->is_wrong = true;
		return false;
	}
	b->rest = gp_str_sub(b->rest, len, b->rest.len);
	return true;
}

static int complain(struct gp_diag *diag, struct gp_str word, const char *what)
{
	gp_diag_set(diag, "\"%.*s\" %s", GP_STR_FMT(gp_str_sub(word, 0, 100)), what);
	return GP_EINVAL;
}

static const char WRONG_ESCAPE[] =
	"holds a wrong escape; write three digits, 000 to 255, after a backslash";
static const char TOO_LONG[] = "is too long for a name: 255 bytes, 63 a label";

/* The labels that are written, without the root's; *ret_is_absolute: a dot is behind them. */
static int read_labels(struct gp_str text, struct gp_zone_name *ret, bool *ret_is_absolute,
		       struct gp_diag *diag)
{
	struct bytes b = {.rest = text};
	size_t at = 0, label = 0; /* at: where the label's length stands */
	unsigned char c;

	while (next_byte(&b, &c)) {
		*ret_is_absolute = c == '.' && !b.is_escaped;
		if (*ret_is_absolute) {
			if (label == 0)
				return complain(diag, text, "is no name: an empty label");
			ret->wire[at] = (unsigned char)label;
			at += label + 1;
			label = 0;
			continue;
		}
		if (c > 0x7e && !b.is_escaped)
			return complain(diag, text,
					"is not ASCII; write the name's A-labels (xn--…)");
		if (label == LABEL_MAX_LEN || at + label + 2 >= sizeof(ret->wire))
			return complain(diag, text, TOO_LONG);
		ret->wire[at + ++label] = (unsigned char)gp_lower((char)c);
	}
	if (b.is_wrong)
		return complain(diag, text, WRONG_ESCAPE);
	ret->wire[at] = (unsigned char)label;
	ret->len = label ? at + label + 1 : at;
	return GP_OK;
}

int gp_zone_name_parse(struct gp_zone_word word, const struct gp_zone_name *origin,
		       struct gp_zone_name *ret, struct gp_diag *diag)
{
	struct gp_zone_name name = {.len = 0};
	bool is_absolute = false;
	const struct gp_zone_name *end;
	int r;

	if (word.is_quoted || !word.text.len)
		return complain(diag, word.text, "is no name; write names without quotes");
	if (gp_str_eq(word.text, GP_STR("@")) || gp_str_eq(word.text, GP_STR("."))) {
		*ret = word.text.ptr[0] == '@' ? *origin : gp_zone_root;
		return GP_OK;
	}
	r = read_labels(word.text, &name, &is_absolute, diag);
	if (r < 0)
		return r;
	end = is_absolute ? &gp_zone_root : origin;
	if (end->len > sizeof(name.wire) - name.len)
		return complain(diag, word.text, TOO_LONG);
	memcpy(name.wire + name.len, end->wire, end->len);
	name.len += end->len;
	*ret = name;
	return GP_OK;
}

int gp_zone_ttl_parse(struct gp_str text, uint32_t *ret)
{
	static const char UNITS[] = "smhdw";
	static const uint64_t SECONDS[] = {1, 60, 3600, 86400, 604800};
	uint64_t total = 0;
	size_t at = 0;

	while (at < text.len) {
		size_t from = at;
		const char *unit;
		uint64_t n;

		while (at < text.len && gp_is_digit(text.ptr[at]))
			at++;
		if (gp_num_parse_uint(gp_str_sub(text, from, at - from), 10, &n) < 0 || n > TTL_MAX)
			return GP_EINVAL;
		unit = at < text.len ? strchr(UNITS, gp_lower(text.ptr[at])) : UNITS;
		if (!unit || !*unit)
			return GP_EINVAL;
		at++;
		total += n * SECONDS[unit - UNITS];
		if (total > TTL_MAX)
			return GP_EINVAL;
	}
	*ret = (uint32_t)total;
	return text.len ? GP_OK : GP_EINVAL;
}

static int add_name(struct gp_zone_word word, const struct gp_zone_name *origin,
		    struct gp_buf *wire, struct gp_diag *diag)
{
	struct gp_zone_name name;
	int r = gp_zone_name_parse(word, origin, &name, diag);

	if (r == GP_OK)
		gp_buf_add(wire, name.wire, name.len);
	return r;
}

/* What a type's parser is given: as many words as it wants. */
typedef int data_fn(const struct gp_zone_word *words, size_t n_words,
		    const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag);

static int data_a(const struct gp_zone_word *words, size_t n_words,
		  const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag)
{
	char text[INET_ADDRSTRLEN];
	struct in_addr ip;

	if (!gp_str_copy(text, sizeof(text), words[0].text) || inet_pton(AF_INET, text, &ip) != 1)
		return complain(diag, words[0].text, "is no IPv4 address");
	gp_buf_add(wire, &ip, sizeof(ip));
	return GP_OK;
}

static int data_aaaa(const struct gp_zone_word *words, size_t n_words,
		     const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ip;

	if (!gp_str_copy(text, sizeof(text), words[0].text) || inet_pton(AF_INET6, text, &ip) != 1)
		return complain(diag, words[0].text, "is no IPv6 address");
	gp_buf_add(wire, &ip, sizeof(ip));
	return GP_OK;
}

static int data_name(const struct gp_zone_word *words, size_t n_words,
		     const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag)
{
	return add_name(words[0], origin, wire, diag);
}

static int data_mx(const struct gp_zone_word *words, size_t n_words,
		   const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag)
{
	uint64_t n;

	if (gp_num_parse_uint(words[0].text, 10, &n) < 0 || n > UINT16_MAX)
		return complain(diag, words[0].text, "is no preference; write 0 to 65535");
	gp_buf_add_chr(wire, (char)(n >> 8));
	gp_buf_add_chr(wire, (char)n);
	return add_name(words[1], origin, wire, diag);
}

static int data_txt(const struct gp_zone_word *words, size_t n_words,
		    const struct gp_zone_name *origin, struct gp_buf *wire, struct gp_diag *diag)
{
	for (size_t i = 0; i < n_words; i++) {
		struct bytes b = {.rest = words[i].text};
		char string[1 + STRING_MAX_LEN];
		unsigned char c;
		size_t n = 0;

		while (next_byte(&b, &c)) {
			if (n == STRING_MAX_LEN)
				return complain(diag, words[i].text,
						"is longer than 255 bytes; split it into several "
						"strings");
			string[++n] = (char)c;
		}
		if (b.is_wrong)
			return complain(diag, words[i].text, WRONG_ESCAPE);
		string[0] = (char)n;
		gp_buf_add(wire, string, n + 1);
	}
	return GP_OK;
}

static const struct type {
	const char *name;
	unsigned number;
	enum gp_zone_use use;
	data_fn *parse;
	size_t words_min, words_max;
	const char *wants;
} TYPES[] = {
	{"A", GP_DNS_A, GP_ZONE_KEPT, data_a, 1, 1, "an IPv4 address"},
	{"AAAA", GP_DNS_AAAA, GP_ZONE_KEPT, data_aaaa, 1, 1, "an IPv6 address"},
	{"CNAME", GP_DNS_CNAME, GP_ZONE_KEPT, data_name, 1, 1, "a name"},
	{"MX", GP_DNS_MX, GP_ZONE_KEPT, data_mx, 2, 2, "a preference and a name"},
	{"NS", GP_DNS_NS, GP_ZONE_KEPT, data_name, 1, 1, "a name"},
	{"PTR", GP_DNS_PTR, GP_ZONE_KEPT, data_name, 1, 1, "a name"},
	{"TXT", GP_DNS_TXT, GP_ZONE_KEPT, data_txt, 1, SIZE_MAX, "one or more strings"},
	{"SOA", 6, GP_ZONE_PASSED},
	{"SPF", 99, GP_ZONE_PASSED},
};

/* The rest of the IANA registry, obsolete ones too; "TYPE123" besides (RFC 3597). */
static const char *const IGNORED[] = {
	"AFSDB",    "AMTRELAY",	  "APL",   "ATMA",	 "AVC",	   "CAA",    "CDNSKEY", "CDS",
	"CERT",	    "CSYNC",	  "DHCID", "DLV",	 "DNAME",  "DNSKEY", "DOA",	"DS",
	"EID",	    "EUI48",	  "EUI64", "GPOS",	 "HINFO",  "HIP",    "HTTPS",	"IPSECKEY",
	"ISDN",	    "KEY",	  "KX",	   "L32",	 "L64",	   "LOC",    "LP",	"MB",
	"MD",	    "MF",	  "MG",	   "MINFO",	 "MR",	   "NAPTR",  "NID",	"NIMLOC",
	"NINFO",    "NSAP",	  "NSEC",  "NSEC3",	 "NULL",   "NXT",    "OPENPGPKEY", "PX",
	"RKEY",	    "RP",	  "RRSIG", "RT",	 "SIG",	   "SINK",   "SMIMEA",	"SRV",
	"SSHFP",    "SVCB",	  "TA",	   "TALINK",	 "TLSA",   "UID",    "URI",	"WKS",
	"X25",	    "ZONEMD",	  "NSEC3PARAM", "NSAP-PTR",
};

enum gp_zone_use gp_zone_type(struct gp_str name, unsigned *ret_number)
{
	uint64_t n;

	for (size_t i = 0; i < GP_ARRAY_SIZE(TYPES); i++) {
		if (gp_str_ieq(name, gp_str(TYPES[i].name))) {
			*ret_number = TYPES[i].number;
			return TYPES[i].use;
		}
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(IGNORED); i++)
		if (gp_str_ieq(name, gp_str(IGNORED[i])))
			return GP_ZONE_IGNORED;
	if (gp_str_istarts(name, GP_STR("TYPE")) &&
	    gp_num_parse_uint(gp_str_sub(name, 4, name.len), 10, &n) == GP_OK && n <= UINT16_MAX)
		return GP_ZONE_IGNORED;
	return GP_ZONE_UNKNOWN;
}

int gp_zone_data_parse(unsigned type, const struct gp_zone_word *words, size_t n_words,
		       const struct gp_zone_name *origin, struct gp_buf *wire,
		       struct gp_diag *diag)
{
	const struct type *t = TYPES;
	int r;

	while (t->number != type)
		t++;
	if (n_words < t->words_min || n_words > t->words_max) {
		gp_diag_set(diag, "%s has %s data; write %s", t->name,
			    n_words < t->words_min ? "too little" : "too much", t->wants);
		return GP_EINVAL;
	}
	r = t->parse(words, n_words, origin, wire, diag);
	if (r == GP_OK && gp_buf_error(wire)) {
		gp_diag_set(diag, "%s has more data than a record holds, 65535 bytes", t->name);
		r = GP_EINVAL;
	}
	return r;
}
