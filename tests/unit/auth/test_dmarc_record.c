/* DMARC records: what is read, what is passed over, what is none. */
#include "tests/unit/test.h"

#include <stdio.h>

#include "lib/auth/dmarc.h"

static const char *text_of(const struct gp_dmarc_record *r, char buf[200])
{
	snprintf(buf, 200, "%s %s %s %s%s psd=%c%s pct=%u%s", gp_dmarc_policy_name(r->p),
		 gp_dmarc_policy_name(r->sp), gp_dmarc_policy_name(r->np),
		 r->is_strict_dkim ? "s" : "r", r->is_strict_spf ? "s" : "r", r->psd,
		 r->is_testing ? " t" : "", r->pct, r->wants_reports ? " rua" : "");
	return buf;
}

static void records(void **state)
{
	static const struct {
		const char *text,
			*want; /* NULL: no DMARC record; "": one that may not be applied */
	} rows[] = {
		{"v=DMARC1; p=reject", "reject reject reject rr psd=u pct=100"},
		{"v=DMARC1;p=none;sp=quarantine", "none quarantine quarantine rr psd=u pct=100"},
		{"v=DMARC1;p=none;np=reject", "none none reject rr psd=u pct=100"},
		{"v=DMARC1;p=none;sp=quarantine;np=reject;adkim=s;aspf=s;psd=y;t=y;pct=20;fo=1;ri="
		 "3600;rf=afrf",
		 "none quarantine reject ss psd=y t pct=20"},
		{"v=DMARC1;rua=mailto:a@b.example;p=reject",
		 "reject reject reject rr psd=u pct=100 rua"},
		{"v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com, "
		 "mailto:tld-test@thirdparty.example.net!10m; t=y",
		 "quarantine quarantine quarantine rr psd=u t pct=100 rua"},
		/* the version */
		{"v=DMARC1", "none none none rr psd=u pct=100"},
		{"V\t=\tDMARC1\t;\tp = reject ;", "reject reject reject rr psd=u pct=100"},
		{"v=dmarc1;p=reject", NULL},
		{"v=DMARC1 p=reject", NULL},
		{"v=DMARC12;p=reject", NULL},
		{"v=DMARC2;p=reject", NULL},
		{"p=reject;v=DMARC1", NULL},
		{";v=DMARC1;p=reject", NULL},
		{"v=;p=reject", NULL},
		{"v;p=reject", NULL},
		{"vDMARC1", NULL},
		{"v=spf1 -all", NULL},
		{"", NULL},
		{";;;", NULL},
		/* case of names and values */
		{"v=DMARC1;P=Reject;PSD=N;aDKIM=S;T=Y", "reject reject reject sr psd=n t pct=100"},
		/* garbage */
		{"v=DMARC1;;;p=reject;;x;=;=y;q=;xp=none;p =none;\x01=\x02",
		 "reject reject reject rr psd=u pct=100"},
		{"v=DMARC1;p=reject;v=DMARC1;p=none", "reject reject reject rr psd=u pct=100"},
		{"v=DMARC1;p=reject;adkim=strict;aspf=;psd=yes;t=1;pct=101",
		 "reject reject reject rr psd=u pct=100"},
		{"v=DMARC1;p=reject;pct=-1;ri=x", "reject reject reject rr psd=u pct=100"},
		{"v=DMARC1;p=reject;pct=18446744073709551717",
		 "reject reject reject rr psd=u pct=100"},
		/* policies that are none */
		{"v=DMARC1;p=", ""},
		{"v=DMARC1;p=rejected", ""},
		{"v=DMARC1;p=none,reject", ""},
		{"v=DMARC1;p=reject;sp=discard", ""},
		{"v=DMARC1;p=reject;np=\303\244", ""},
		{"v=DMARC1;p=reject;np=x;rua=", ""},
		{"v=DMARC1;p=reject;np=x;rua=a@b.example", ""},
		{"v=DMARC1;p=reject;np=x;rua=mailto:", ""},
		{"v=DMARC1;p=reject;np=x;rua=mailto:@b", ""},
		{"v=DMARC1;p=reject;np=x;rua=mailto:a b@c.example", ""},
		{"v=DMARC1;p=reject;np=x;rua=1http:x", ""},
		{"v=DMARC1;p=reject;np=x;rua=mailto:a@b.example",
		 "none none none rr psd=u pct=100 rua"},
		{"v=DMARC1;p=x;rua=foo, https://b.example/x",
		 "none none none rr psd=u pct=100 rua"},
	};
	char buf[200];

	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct gp_dmarc_record record;
		struct gp_diag diag = {0};
		int r = gp_dmarc_record_parse(gp_str(rows[i].text), &record, &diag);
		int want = !rows[i].want ? GP_ENOENT : rows[i].want[0] ? GP_OK : GP_EINVAL;

		if (r != want || (r == GP_OK && strcmp(text_of(&record, buf), rows[i].want) != 0))
			fail_msg("%s: %s, %s", rows[i].text, gp_err_name(r), text_of(&record, buf));
		assert_int_equal(r != GP_OK, diag.text[0] != '\0');
	}
}

/* The walk needs psd= also of a record whose policy may not be applied. */
static void psd_is_kept(void **state)
{
	struct gp_dmarc_record r;

	assert_int_equal(gp_dmarc_record_parse(GP_STR("v=DMARC1;psd=n;p=x"), &r, NULL), GP_EINVAL);
	assert_int_equal(r.psd, 'n');
	assert_true(r.has_p);
}

static void as_written(void **state)
{
	struct gp_dmarc_record r;
	int e = gp_dmarc_record_parse(GP_STR("v=DMARC1; rua = mailto:A@b.example!10M , https://x "
					     ";ruf=mailto:c@d.example;fo=1:d:s"),
				      &r, NULL);

	assert_int_equal(e, GP_OK);
	assert_false(r.has_p);
	assert_str(r.rua, "mailto:A@b.example!10M , https://x");
	assert_str(r.ruf, "mailto:c@d.example");
	assert_str(r.fo, "1:d:s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(records),
		cmocka_unit_test(psd_is_kept),
		cmocka_unit_test(as_written),
	};

	return cmocka_run_group_tests_name("auth/dmarc_record", tests, NULL, NULL);
}
