/*
 * The resolver over a zone file: what is read, what is said of what is wrong, and what
 * is answered.  tests/integration/test_dns.py compares the answers with NSD's.
 */
#include "tests/unit/test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/dns/dns_zone.h"

#define L63 "123456789012345678901234567890123456789012345678901234567890123"
#define S50 "12345678901234567890123456789012345678901234567890"

static const char ZONE[] =
	"$ORIGIN example.org.\r\n"
	"$TTL 2h\n"
	"; a comment\n"
	"@\tIN SOA ns hostmaster.example.org. ( 1 ; serial\n"
	"\t\t2h 1h 1w ) 300\n"
	"\tNS ns\n"
	"   ; nothing but this\n"
	"\n"
	"\tIN MX 10 mail\n"
	"\t600 IN MX 20 Mail.Other.\n"
	"\tTXT \"v=spf1 \" \"mx -all\"\n"
	"mail A 192.0.2.1\n"
	"MAIL IN 5m A 192.0.2.2\n"
	"\t5m A 192.0.2.2 ; again\n"
	"\tAAAA 2001:DB8::1\n"
	"_dmarc TXT ( \"v=DMARC1;\"\n"
	"\t\" p=none\" ) ; policy\n"
	"odd TXT a\\ b\\;c \"say \\\"hi\\\" \\092\\065\" plain\n"
	"latin TXT \"gr\xc3\xbc\xc3\x9f\" \"\"\n"
	"null MX 0 .\n"
	"a\\.b.c TXT dot\n"
	"\\065scii TXT folded\n"
	"deep.down.below A 192.0.2.3\n"
	"*.wild TXT \"any\"\n"
	"*.wild MX 5 mail\n"
	"there.wild A 192.0.2.4\n"
	"*.alias CNAME mail\n"
	"one CNAME two\n"
	"two 30 CNAME mail\n"
	"away CNAME somewhere.else.\n"
	"loop1 CNAME loop2\n"
	"loop2 CNAME loop1\n"
	"srv SRV 0 0 25 mail\n"
	"srv2 SRV 0 0 25 mail\n"
	"new TYPE65280 \\# 2 abcd\n"
	"spf SPF \"v=spf1 +all\"\n"
	"$ORIGIN sub\n"
	"host A 192.0.2.5\n"
	"$ORIGIN 2.0.192.in-addr.arpa.\n"
	"1 PTR mail.example.org.\n";

struct world {
	struct gp_resolver *r;
	struct gp_arena *arena;
	struct gp_dns_answer a;
};

static int setup(void **state)
{
	static struct world w;
	struct gp_diag diag = {""};

	w.arena = gp_arena_new(0);
	*state = &w;
	if (gp_dns_zone_parse(gp_str(ZONE), "test.zone", &w.r, &diag) == GP_OK)
		return 0;
	fprintf(stderr, "%s\n", diag.text);
	return -1;
}

static int teardown(void **state)
{
	struct world *w = *state;

	gp_resolver_close(&w->r);
	gp_arena_free(w->arena);
	return 0;
}

static int get(struct world *w, const char *name, enum gp_dns_type type)
{
	return gp_dns_get(w->r, gp_str(name), type, gp_clock_mono_ms() + 1000, w->arena, &w->a);
}

static const char *type_text(struct world *w, const struct gp_dns_record *r, enum gp_dns_type type)
{
	char ip[GP_IP_TEXT];

	if (type == GP_DNS_A || type == GP_DNS_AAAA)
		return gp_arena_strdup(w->arena, gp_ip_format(&r->ip, ip));
	if (type == GP_DNS_MX)
		return gp_arena_printf(w->arena, "%u %.*s", r->preference, GP_STR_FMT(r->text));
	return gp_arena_cstr(w->arena, r->text);
}

static void answers(void **state)
{
	static const struct {
		const char *name;
		enum gp_dns_type type;
		uint32_t ttl_s;
		const char *records[3];
	} CASES[] = {
		{"example.org", GP_DNS_MX, 600, {"10 mail.example.org", "20 mail.other"}},
		{"Example.ORG.", GP_DNS_TXT, 7200, {"v=spf1 mx -all"}},
		{"mail.example.org", GP_DNS_A, 300, {"192.0.2.1", "192.0.2.2"}},
		{"mail.example.org", GP_DNS_AAAA, 7200, {"2001:db8::1"}},
		{"_dmarc.example.org", GP_DNS_TXT, 7200, {"v=DMARC1; p=none"}},
		{"odd.example.org", GP_DNS_TXT, 7200, {"a b;csay \"hi\" \\Aplain"}},
		{"latin.example.org", GP_DNS_TXT, 7200, {"gr\xc3\xbc\xc3\x9f"}},
		{"null.example.org", GP_DNS_MX, 7200, {"0 "}},
		{"ascii.example.org", GP_DNS_TXT, 7200, {"folded"}},
		{"x.wild.example.org", GP_DNS_TXT, 7200, {"any"}},
		{"x.y.wild.example.org", GP_DNS_MX, 7200, {"5 mail.example.org"}},
		{"x.alias.example.org", GP_DNS_AAAA, 7200, {"2001:db8::1"}},
		{"one.example.org", GP_DNS_A, 30, {"192.0.2.1", "192.0.2.2"}},
		{"one.example.org", GP_DNS_CNAME, 7200, {"two.example.org"}},
		{"loop1.example.org", GP_DNS_CNAME, 7200, {"loop2.example.org"}},
		{"host.sub.example.org", GP_DNS_A, 7200, {"192.0.2.5"}},
		{"example.org", GP_DNS_NS, 7200, {"ns.example.org"}},
		{"1.2.0.192.in-addr.arpa", GP_DNS_PTR, 7200, {"mail.example.org"}},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		size_t n = 0;

		assert_int_equal(get(w, CASES[i].name, CASES[i].type), GP_OK);
		assert_int_equal(w->a.rcode, GP_DNS_NOERROR);
		assert_int_equal(w->a.ttl_s, CASES[i].ttl_s);
		for (; n < 3 && CASES[i].records[n]; n++) {
			assert_in_range(n, 0, w->a.n_records - 1);
			assert_string_equal(type_text(w, &w->a.records[n], CASES[i].type),
					    CASES[i].records[n]);
		}
		assert_int_equal(w->a.n_records, n);
	}
	assert_int_equal(get(w, "one.example.org", GP_DNS_A), GP_OK);
	assert_str(w->a.name, "mail.example.org");
}

static void absence(void **state)
{
	static const struct {
		const char *name;
		enum gp_dns_type type;
		int rcode;
	} CASES[] = {
		{"none.example.org", GP_DNS_A, GP_DNS_NXDOMAIN},
		{"a.b.c.example.org", GP_DNS_TXT, GP_DNS_NXDOMAIN}, /* that dot is in a label */
		{"x.there.wild.example.org", GP_DNS_TXT, GP_DNS_NXDOMAIN},
		{"away.example.org", GP_DNS_A, GP_DNS_NXDOMAIN},
		{"else", GP_DNS_A, GP_DNS_NXDOMAIN},
		{"example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"org", GP_DNS_A, GP_DNS_NOERROR},
		{"below.example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"down.below.example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"wild.example.org", GP_DNS_TXT, GP_DNS_NOERROR},
		{"there.wild.example.org", GP_DNS_TXT, GP_DNS_NOERROR},
		{"x.wild.example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"srv.example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"new.example.org", GP_DNS_A, GP_DNS_NOERROR},
		{"spf.example.org", GP_DNS_TXT, GP_DNS_NOERROR},
	};
	struct world *w = *state;

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		assert_int_equal(get(w, CASES[i].name, CASES[i].type), GP_OK);
		assert_int_equal(w->a.rcode, CASES[i].rcode);
		assert_int_equal(w->a.n_records, 0);
		assert_in_range(w->a.ttl_s, 1, 300);
	}
	assert_int_equal(get(w, "loop1.example.org", GP_DNS_A), GP_ETEMP);
	assert_int_equal(get(w, "no name", GP_DNS_A), GP_EINVAL);
	assert_str(gp_dns_zone_notes(w->r), "test.zone:33: SRV is ignored\n"
					    "test.zone:35: TYPE65280 is ignored\n");
}

/* A chain of as many links as a resolver follows, and one link more. */
static void long_chains(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(4096);
	struct world w = {.arena = gp_arena_new(0)};

	for (int i = 0; i < 12; i++)
		gp_buf_printf(&text, "c%d CNAME c%d\n", i, i + 1);
	gp_buf_add_cstr(&text, "c12 A 192.0.2.1\n");
	assert_int_equal(gp_dns_zone_parse(gp_buf_str(&text), "f", &w.r, NULL), GP_OK);
	assert_int_equal(get(&w, "c1", GP_DNS_A), GP_OK);
	assert_int_equal(w.a.n_records, 1);
	assert_int_equal(get(&w, "c0", GP_DNS_A), GP_ETEMP);
	assert_int_equal(w.a.ttl_s, 3600); /* nothing said of it */
	gp_resolver_close(&w.r);
	gp_arena_free(w.arena);
}

/* All or none. */
static void many_records(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 16);
	struct world w = {.arena = gp_arena_new(0)};

	for (int i = 0; i < GP_DNS_RECORDS_MAX; i++)
		gp_buf_printf(&text, "a TXT \"%d\"\nb TXT \"%d\"\n", i, i);
	gp_buf_add_cstr(&text, "b TXT \"one more\"\n");
	assert_int_equal(gp_dns_zone_parse(gp_buf_str(&text), "f", &w.r, NULL), GP_OK);
	assert_int_equal(get(&w, "a", GP_DNS_TXT), GP_OK);
	assert_int_equal(w.a.n_records, GP_DNS_RECORDS_MAX);
	for (int i = 0; i < GP_DNS_RECORDS_MAX; i++)
		assert_str(w.a.records[i].text, gp_arena_printf(w.arena, "%d", i));
	assert_int_equal(get(&w, "b", GP_DNS_TXT), GP_ELIMIT);
	gp_resolver_close(&w.r);
	gp_arena_free(w.arena);
}

static void errors_name_line_and_remedy(void **state)
{
	static const struct {
		const char *text, *line, *says;
	} CASES[] = {
		{" A 192.0.2.1\n", "f:1:", "write the name"},
		{"a A 192.0.2.1\n\nb A 192.0.2\n", "f:3:", "\"192.0.2\" is no IPv4 address"},
		{"a AAAA 192.0.2.1\n", "f:1:", "is no IPv6 address"},
		{"a A\n", "f:1:", "write an IPv4 address"},
		{"a A 192.0.2.1 192.0.2.2\n", "f:1:", "too much data"},
		{"a MX mail\n", "f:1:", "a preference and a name"},
		{"a MX 65536 mail\n", "f:1:", "0 to 65535"},
		{"a TXT\n", "f:1:", "one or more strings"},
		{"a TXT \"never closed\nb A 192.0.2.1\n", "f:1:", "close it with \""},
		{"a TXT \"" S50 S50 S50 S50 S50 "123456\"\n", "f:1:", "split it into several"},
		{"a TXT \\256\n", "f:1:", "three digits"},
		{"a TXT \\12\n", "f:1:", "three digits"},
		{"a TXT x\\\n", "f:1:", "write \\092"},
		{"a TXT \x01\n", "f:1:", "\\DDD"},
		{"\n\na TXT ( x\n y\n", "f:3:", "never closed"},
		{"a TXT ( x ( y ) )\n", "f:1:", "within parentheses"},
		{"a TXT x )\n", "f:1:", "without its ("},
		{"a..b A 192.0.2.1\n", "f:1:", "empty label"},
		{".a A 192.0.2.1\n", "f:1:", "empty label"},
		{L63 "4 A 192.0.2.1\n", "f:1:", "63 a label"},
		{L63 "." L63 "." L63 "." L63 " A 192.0.2.1\n", "f:1:", "255 bytes"},
		{"$ORIGIN " L63 "." L63 "." L63 ".\n" L63 " A 192.0.2.1\n", "f:2:", "255 bytes"},
		{"b\xc3\xbc"
		 "cher A 192.0.2.1\n",
		 "f:1:", "xn--"},
		{"\"a\" A 192.0.2.1\n", "f:1:", "without quotes"},
		{"a \"A\" 192.0.2.1\n", "f:1:", "in quotes"},
		{"a 300 IN\n", "f:1:", "no type"},
		{"a 300 300 A 192.0.2.1\n", "f:1:", "\"300\" is no type"},
		{"a IN TXTT x\n", "f:1:", "\"TXTT\" is no type"},
		{"a CH TXT x\n", "f:1:", "only IN"},
		{"a 2147483648 A 192.0.2.1\n", "f:1:", "no type"},
		{"a CNAME b\na A 192.0.2.1\n", "f:2:", "RFC 1034, 3.6.2"},
		{"a A 192.0.2.1\na CNAME b\n", "f:2:", "RFC 1034, 3.6.2"},
		{"a CNAME b\na CNAME c\n", "f:2:", "RFC 1034, 3.6.2"},
		{"$TTL 1y\n", "f:1:", "1h30m"},
		{"$ORIGIN\n", "f:1:", "takes one value"},
		{"$INCLUDE other.zone\n", "f:1:", "$INCLUDE is not known"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_resolver *r = NULL;
		struct gp_diag diag = {""};

		assert_int_equal(gp_dns_zone_parse(gp_str(CASES[i].text), "f", &r, &diag),
				 GP_EINVAL);
		assert_null(r);
		if (strncmp(diag.text, CASES[i].line, strlen(CASES[i].line)) != 0 ||
		    !strstr(diag.text, CASES[i].says))
			fail_msg("%s: %s", CASES[i].text, diag.text);
		assert_int_equal(gp_dns_zone_parse(gp_str(CASES[i].text), "f", &r, NULL),
				 GP_EINVAL);
	}
}

static void data_beyond_a_record(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_resolver *r = NULL;
	struct gp_diag diag = {""};

	gp_buf_add_cstr(&text, "a TXT");
	for (int i = 0; i < 300; i++)
		gp_buf_add_cstr(&text, " " S50 S50 S50 S50 S50);
	assert_int_equal(gp_dns_zone_parse(gp_buf_str(&text), "f", &r, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, "65535"));
}

static void files(void **state)
{
	char path[] = "/tmp/gp_test_zone.XXXXXX";
	int fd = mkostemp(path, O_CLOEXEC);
	struct gp_resolver *r = NULL;
	struct gp_diag diag = {""};

	assert_int_equal(write(fd, "a B\n", 4), 4);
	assert_int_equal(gp_dns_zone_open(path, &r, &diag), GP_EINVAL);
	assert_non_null(strstr(diag.text, ":1: \"B\" is no type"));
	assert_int_equal(pwrite(fd, "a A 192.0.2.1\n", 14, 0), 14);
	assert_int_equal(gp_dns_zone_open(path, &r, &diag), GP_OK);
	gp_resolver_close(&r);
	unlink(path);
	close(fd);
	assert_int_equal(gp_dns_zone_open("/nowhere/zone", &r, &diag), GP_ENOENT);
	assert_non_null(strstr(diag.text, "/nowhere/zone"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(answers, setup, teardown),
		cmocka_unit_test_setup_teardown(absence, setup, teardown),
		cmocka_unit_test(long_chains),
		cmocka_unit_test(many_records),
		cmocka_unit_test(errors_name_line_and_remedy),
		cmocka_unit_test(data_beyond_a_record),
		cmocka_unit_test(files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
