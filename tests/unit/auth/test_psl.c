/*
 * The public suffix list: what libpsl is asked, and the list's own checks
 * (publicsuffix.org), which are used in place where they are there.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/auth/psl.h"
#include "lib/dns/dnsname.h"

#define DEBIAN_LIST "/usr/share/publicsuffix/public_suffix_list"

static void organisational_domains(void **state)
{
	static const struct {
		const char *domain, *org;
		bool is_suffix;
	} rows[] = {
		{"example.com", "example.com", false},
		{"a.b.example.com", "example.com", false},
		{"com", "com", true},
		{"co.uk", "co.uk", true},
		{"a.example.co.uk", "example.co.uk", false},
		{"a.b.example.unlisted", "example.unlisted", false},
		{"unlisted", "unlisted", true},
		{"www.city.kawasaki.jp", "city.kawasaki.jp", false},
		{"a.b.c.kawasaki.jp", "b.c.kawasaki.jp", false},
		{"xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn", false},
		{"www.xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn", false},
		{"", "", false},
	};
	struct gp_psl *psl = NULL;
	struct gp_diag diag;

	assert_int_equal(gp_psl_load("", &psl, &diag), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct gp_str domain = gp_str(rows[i].domain), org = gp_psl_org(psl, domain);

		if (!gp_str_eq(org, gp_str(rows[i].org)) ||
		    gp_psl_is_suffix(psl, domain) != rows[i].is_suffix)
			fail_msg("%s: %.*s", rows[i].domain, GP_STR_FMT(org));
		assert_true(org.ptr >= domain.ptr && org.ptr + org.len == domain.ptr + domain.len);
	}
	gp_psl_free(&psl);
	assert_null(psl);
	gp_psl_free(&psl);
}

static void files(void **state)
{
	static const char *const lists[] = {DEBIAN_LIST ".dafsa", DEBIAN_LIST ".dat"};
	struct gp_psl *psl = NULL;
	struct gp_diag diag;

	for (size_t i = 0; i < GP_ARRAY_SIZE(lists); i++) {
		assert_int_equal(gp_psl_load(lists[i], &psl, &diag), GP_OK);
		assert_str(gp_psl_org(psl, GP_STR("a.b.co.uk")), "b.co.uk");
		gp_psl_free(&psl);
	}
	assert_int_equal(gp_psl_load("/nonexistent/list", &psl, &diag), GP_ENOENT);
	assert_non_null(strstr(diag.text, "/nonexistent/list"));
	assert_int_equal(gp_psl_load("/dev/null", &psl, &diag), GP_EINVAL);
	assert_null(psl);
}

/* "INPUT EXPECTED" a line, "null" for none; as people write names, so they are folded. */
static void check(const struct gp_psl *psl, const char *input, const char *expected)
{
	char name[GP_DNS_NAME_MAX + 1], want[GP_DNS_NAME_MAX + 1];
	struct gp_str org;

	if (gp_dns_name_fold(gp_str(input), name) < 0) { /* ".com" */
		assert_string_equal(expected, "null");
		return;
	}
	if (strcmp(expected, "null") == 0) {
		assert_true(strcmp(name, "null") == 0 || gp_psl_is_suffix(psl, gp_str(name)));
		return;
	}
	assert_int_equal(gp_dns_name_fold(gp_str(expected), want), GP_OK);
	org = gp_psl_org(psl, gp_str(name));
	if (!gp_str_eq(org, gp_str(want)) || gp_psl_is_suffix(psl, gp_str(name)))
		fail_msg("%s: %.*s instead of %s", name, GP_STR_FMT(org), want);
}

static void published_checks(void **state)
{
	char path[4096], line[1024], input[512], expected[512];
	const char *data = getenv("GATEPOST_DATA"), *top = getenv("GATEPOST_TOP");
	struct gp_psl *psl = NULL;
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s%s/psl/tests.txt",
		 data  ? data
		 : top ? top
		       : ".",
		 data ? "" : "/../shared/data");
	f = fopen(path, "r");
	if (!f) {
		print_message("skipped: no %s\n", path);
		skip();
	}
	assert_int_equal(gp_psl_load("", &psl, NULL), GP_OK);
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "//", 2) == 0 ||
		    sscanf(line, "%511s %511s", input, expected) != 2)
			continue;
		check(psl, input, expected);
		n++;
	}
	fclose(f);
	gp_psl_free(&psl);
	assert_int_equal(n, 78);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(organisational_domains),
		cmocka_unit_test(files),
		cmocka_unit_test(published_checks),
	};

	return cmocka_run_group_tests_name("auth/psl", tests, NULL, NULL);
}
