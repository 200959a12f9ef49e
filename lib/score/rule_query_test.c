/*
 * Tests on what the DNS answered: the three notations that rules have for them.
 */
#include "lib/score/rule_query_test.h"

#include "lib/base/num.h"
#include "lib/score/rule_regex.h"

static uint32_t number_of(const struct gp_ip *ip)
{
	return (uint32_t)ip->bytes[0] << 24 | (uint32_t)ip->bytes[1] << 16 |
	       (uint32_t)ip->bytes[2] << 8 | ip->bytes[3];
}

static int compile(struct gp_arena *a, struct gp_query_test *t, struct gp_diag *diag)
{
	t->kind = GP_TEST_REGEX;
	gp_regex_derive(a, &t->regex);
	return gp_pcre_compile(a, &t->regex, diag);
}

static bool parse_ipv4(struct gp_str s, uint32_t *ret)
{
	struct gp_ip ip;

	if (s.len == 0 || !gp_is_digit(s.ptr[0]) || gp_ip_parse(s, &ip) || ip.family != 4)
		return false;
	*ret = number_of(&ip);
	return true;
}

/* An address, a decimal or a hexadecimal number. */
static bool parse_number(struct gp_str s, uint32_t *ret, bool *ret_is_address)
{
	uint64_t n;

	*ret_is_address = parse_ipv4(s, ret);
	if (*ret_is_address)
		return true;
	if (gp_str_istarts(s, GP_STR("0x"))) {
		if (gp_num_parse_uint(gp_str_sub(s, 2, SIZE_MAX), 16, &n))
			return false;
	} else if (gp_num_parse_uint(s, 10, &n)) {
		return false;
	}
	*ret = (uint32_t)n;
	return n <= UINT32_MAX;
}

int gp_query_test_of_rbl(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			 struct gp_diag *diag)
{
	uint64_t n;

	*ret = (struct gp_query_test){.text = gp_arena_str(a, text)};
	if (gp_str_is_digits(text) && gp_num_parse_uint(text, 10, &n) == GP_OK && n <= UINT32_MAX) {
		ret->kind = GP_TEST_BITS;
		ret->a = (uint32_t)n;
		return GP_OK;
	}
	if (parse_ipv4(text, &ret->a)) {
		ret->kind = GP_TEST_EQUAL;
		return GP_OK;
	}
	ret->regex.text = gp_str(gp_arena_cstr(a, text));
	return compile(a, ret, diag);
}

int gp_query_test_of_uribl(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			   struct gp_diag *diag)
{
	size_t at = GP_MIN(gp_str_find_chr(text, '-', 0), gp_str_find_chr(text, '/', 0));
	bool is_address = false;

	*ret = (struct gp_query_test){.text = gp_arena_str(a, text)};
	if (!parse_number(gp_str_sub(text, 0, at), &ret->a, &is_address) ||
	    (at < text.len &&
	     !parse_number(gp_str_sub(text, at + 1, SIZE_MAX), &ret->b, &is_address))) {
		gp_diag_set(diag, "\"%.*s\" is no test of an answer: wants an address, a number, "
				  "N-N or N/N", GP_STR_FMT(gp_str_sub(text, 0, 60)));
		return GP_EINVAL;
	}
	if (at == text.len) {
		ret->kind = is_address ? GP_TEST_RANGE : GP_TEST_BITS;
		ret->b = ret->a;
	} else {
		ret->kind = text.ptr[at] == '-' ? GP_TEST_RANGE : GP_TEST_UNDER_MASK;
	}
	return GP_OK;
}

/* "[NXDOMAIN, 2]" as bits. */
static int parse_rcodes(struct gp_str text, struct gp_query_test *ret, struct gp_diag *diag)
{
	static const struct {
		const char *name;
		unsigned code;
	} rcodes[] = {{"NOERROR", GP_DNS_NOERROR}, {"SERVFAIL", GP_DNS_SERVFAIL},
		      {"NXDOMAIN", GP_DNS_NXDOMAIN}, {"REFUSED", GP_DNS_REFUSED},
		      {"FORMERR", 1}, {"NOTIMP", 4}};
	struct gp_str rest = gp_str_sub(text, 1, text.len - 2), word;

	ret->kind = GP_TEST_RCODE;
	while (gp_str_next(&rest, ',', &word)) {
		uint64_t n = UINT64_MAX;

		word = gp_str_trim(word);
		for (size_t i = 0; i < GP_ARRAY_SIZE(rcodes); i++)
			if (gp_str_ieq(word, gp_str(rcodes[i].name)))
				n = rcodes[i].code;
		if ((n == UINT64_MAX && gp_num_parse_uint(word, 10, &n)) || n > 23) {
			gp_diag_set(diag, "\"%.*s\" is no rcode",
				    GP_STR_FMT(gp_str_sub(word, 0, 40)));
			return GP_EINVAL;
		}
		ret->a |= 1u << n;
	}
	return GP_OK;
}

int gp_query_test_of_askdns(struct gp_arena *a, struct gp_str text, struct gp_query_test *ret,
			    struct gp_diag *diag)
{
	char first = text.ptr[0], last = text.ptr[text.len - 1];
	int r;

	*ret = (struct gp_query_test){.text = gp_arena_str(a, text)};
	if (text.len >= 2 && first == '[' && last == ']')
		return parse_rcodes(text, ret, diag);
	if (text.len >= 2 && (first == '"' || first == '\'') && first == last) {
		ret->kind = GP_TEST_EQUAL;
		ret->text = gp_str_sub(ret->text, 1, text.len - 2);
		return GP_OK;
	}
	if (first == '/' || (first == 'm' && text.len > 2 && !gp_is_alnum(text.ptr[1]))) {
		r = gp_regex_parse(a, text, &ret->regex, diag);
		return r ? r : compile(a, ret, diag);
	}
	return gp_query_test_of_uribl(a, text, ret, diag);
}

bool gp_query_is_refusal(const struct gp_ip *ip)
{
	return ip->family == 4 && number_of(ip) >> 8 == 0x7fffff;
}

bool gp_query_test_record(const struct gp_query_test *t, const struct gp_dns_record *record,
			  bool is_list, struct gp_pcre *pcre)
{
	bool is_address = record->ip.family == 4, limited = false;
	uint32_t n = is_address ? number_of(&record->ip) : 0;
	bool is_listing = !is_address || (n >> 24 == 127 && !gp_query_is_refusal(&record->ip));
	char text[GP_IP_TEXT];
	struct gp_str data = record->text;

	if (record->ip.family)
		data = gp_str(gp_ip_format(&record->ip, text));
	if (is_list && is_address && n >> 24 != 127)
		return false;
	switch (t->kind) {
	case GP_TEST_ANY:
		return !is_list || is_listing;
	case GP_TEST_EQUAL:
		return gp_str_eq(data, t->text);
	case GP_TEST_BITS:
		return is_address && is_listing && n & t->a;
	case GP_TEST_RANGE:
		return is_address && n >= t->a && n <= t->b;
	case GP_TEST_UNDER_MASK:
		return is_address && (n & t->b) == (t->a & t->b);
	case GP_TEST_REGEX:
		return gp_pcre_count(pcre, &t->regex, data, 1, NULL, &limited) > 0;
	case GP_TEST_RCODE:
		return false; /* rule_dns.c: also of answers without records */
	}
	return false;
}
