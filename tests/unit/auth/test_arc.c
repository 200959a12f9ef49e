/*
 * ARC: what we seal we validate, what is changed fails, who is believed, and what a
 * message full of ARC costs.  The public suites are tests/conformance/test_arc.py.
 */
#include "lib/auth/arc.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "tests/fakes/fake_dns.h"
#include "tests/unit/auth/key_fixture.h"

static const char original[] = "From: Joe <joe@example.com>\n"
			       "To: list@lists.example\n"
			       "Subject: Hi\n"
			       "DKIM-Signature: v=1; a=x\n"
			       "Authentication-Results: elsewhere; none\n"
			       "\n"
			       "Hello.\n";

/* All sealers have the same key. */
static const char *zone_of(enum gp_key_type type)
{
	static const char *const domains[] = {"a.example", "b.example", "c.example"};
	GP_BUF_AUTO zone = GP_BUF_INIT(10000);

	for (size_t i = 0; i < GP_ARRAY_SIZE(domains); i++)
		gp_buf_printf(&zone, "s._domainkey.%s TXT %s\n", domains[i], record_of(keys[type]));
	return gp_arena_strdup(arena, gp_buf_cstr(&zone));
}

/* A message on its way through a sealing host. */
struct passage {
	struct gp_fields fields;
	struct gp_body_hasher *hasher;
	struct gp_sign sign;
	struct gp_arc_result result;
	size_t n_questions;
};

static void judge_with(struct passage *p, const char *message, const char *zone,
		       const struct gp_dkim_options *options, const char *const *trusted,
		       size_t n_trusted)
{
	struct gp_resolver *resolver = gp_fake_dns_open(zone, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 50);
	struct gp_str body, globs[4];
	struct gp_arc_verify *v;
	struct gp_asker asker;

	for (size_t i = 0; i < n_trusted; i++)
		globs[i] = gp_str(trusted[i]);
	*p = (struct passage){.hasher = gp_body_hasher_new(arena)};
	gp_asker_init(&asker, resolver, batch, arena);
	gp_fields_parse(arena, gp_str(message), &p->fields, &body);
	gp_sign_begin(&p->sign, arena, &gp_sign_defaults, p->hasher);
	v = gp_arc_verify_begin(&asker, NULL, options, &p->fields, p->hasher, NOW);
	gp_body_hasher_add(p->hasher, body);
	gp_body_hasher_finish(p->hasher);
	gp_arc_verify_finish(v, globs, n_trusted, &p->result);
	gp_batch_free(&batch);
	gp_resolver_close(&resolver);
	p->n_questions = asker.seen.len;
}

static struct gp_arc_result judge(const char *message, const char *zone)
{
	struct passage p;

	judge_with(&p, message, zone, &gp_dkim_defaults, NULL, 0);
	return p.result;
}

static int try_seal(struct passage *p, enum gp_key_type type, const char *domain, const char *results,
		    struct gp_arc_seal *ret, struct gp_diag *diag)
{
	const struct gp_sign_as as = {
		.domain = gp_str(domain), .selector = GP_STR("s"), .key = keys[type]};

	return gp_arc_seal(&p->sign, &p->fields, p->hasher, &p->result, gp_str(results), &as, NOW, ret,
			   diag);
}

/* The message with one more set. */
static const char *sealed_as(const struct gp_sign_options *options, const char *message,
			     enum gp_key_type type, const char *domain, const char *results)
{
	struct gp_diag diag = {0};
	struct gp_arc_seal set;
	struct passage p;

	judge_with(&p, message, zone_of(type), &gp_dkim_defaults, NULL, 0);
	p.sign.options = options;
	if (try_seal(&p, type, domain, results, &set, &diag))
		fail_msg("not sealed: %s", diag.text);
	return gp_arena_printf(arena,
			       "ARC-Seal: %.*s\nARC-Message-Signature: %.*s\n"
			       "ARC-Authentication-Results: %.*s\n%s",
			       GP_STR_FMT(set.seal), GP_STR_FMT(set.signature), GP_STR_FMT(set.results),
			       message);
}

static const char *sealed(const char *message, enum gp_key_type type, const char *domain,
			  const char *results)
{
	return sealed_as(&gp_sign_defaults, message, type, domain, results);
}

/* The message with the first `what` replaced. */
static const char *changed(const char *message, const char *what, const char *with)
{
	const char *at = strstr(message, what);

	assert_non_null(at);
	return gp_arena_printf(arena, "%.*s%s%s", (int)(at - message), message, with, at + strlen(what));
}

static void assert_arc(struct gp_arc_result r, enum gp_auth_status status, const char *reason)
{
	char text[300];

	gp_str_copy(text, sizeof(text), r.reason);
	if (r.status != status || strcmp(text, reason) != 0)
		fail_msg("%s (%s) instead of %s (%s)", gp_auth_status_name(r.status), text,
			 gp_auth_status_name(status), reason);
}

static void test_none(void **state)
{
	struct gp_arc_result r = judge(original, "");

	(void)state;
	assert_arc(r, GP_AUTH_NONE, "");
	assert_int_equal(r.n_sets, 0);
}

static void test_round_trip(void **state)
{
	(void)state;
	for (int type = 0; type < 2; type++) {
		const char *m = sealed(original, type, "A.example", "mx.a.example;\n\tdmarc=pass");
		struct gp_arc_result r = judge(m, zone_of(type));

		assert_arc(r, GP_AUTH_PASS, "");
		assert_int_equal(r.n_sets, 1);
		assert_str(r.sets[0].domain, "a.example");
		assert_str(r.sets[0].selector, "s");
		assert_str(r.sets[0].message_domain, "a.example");
		assert_str(r.sets[0].results, "mx.a.example;\n\tdmarc=pass");
		assert_false(r.is_override);
		/* A list changes it, and seals again: the older message signature may be broken. */
		m = changed(sealed(m, type, "b.example", "mx.b.example; arc=pass"), "Hello", "Hello all");
		assert_arc(judge(m, zone_of(type)), GP_AUTH_FAIL,
			   "message signature of i=2: body hash did not verify");
		m = sealed(changed(sealed(original, type, "a.example", "x; none"), "Subject: Hi", "Subject: Hi"),
			   type, "b.example", "y; none");
		assert_arc(judge(m, zone_of(type)), GP_AUTH_PASS, "");
	}
}

static void test_layout(void **state)
{
	const char *m = sealed(original, GP_KEY_ED25519, "a.example", "mx; none");

	(void)state;
	assert_non_null(strstr(m, "; d=a.example; i=1; s=s; t=1800000000\nARC-Message-Signature: "
				  "a=ed25519-sha256;\n\tb="));
	assert_non_null(strstr(m, ";\n\tc=relaxed/relaxed; d=a.example;\n\th=From:From:Subject:To"
				  ":dkim-signature; i=1; s=s; t=1800000000\n"
				  "ARC-Authentication-Results: i=1; mx; none\nFrom: "));
	assert_non_null(strstr(m, ";\n\tcv=none; d=a.example;"));
}

static void test_changes(void **state)
{
	static const struct {
		const char *what, *with, *reason;
	} cases[] = {
		{"From: Joe", "From: Eve", "message signature of i=2: it did not verify"},
		{"Hello.", "Hello!", "message signature of i=2: body hash did not verify"},
		{"i=1; mx.a", "i=1; mx.x", "seal of i=2: it did not verify"},
		{"i=1; mx.a", "i=2; mx.a", "two ARC-Authentication-Results with i=2"},
		{"i=1; mx.a", "i=3; mx.a", "the set i=1 is not complete"},
		{"i=1; mx.a", "i=51; mx.a",
		 "ARC-Authentication-Results: i= is missing or no number of 1 to 50, or the field is malformed"},
		{"i=1; mx.a", "x=1; mx.a",
		 "ARC-Authentication-Results: i= is missing or no number of 1 to 50, or the field is malformed"},
		{"cv=pass", "cv=none", "cv= of i=2 is not \"pass\""},
		{"cv=none", "cv=pass", "cv= of i=1 is not \"none\""},
		{"cv=pass", "cv=fail", "an earlier handler sealed the chain as failed"},
		{"cv=pass", "cv=pass; h=from", "seal of i=2: h= is not allowed"},
		{"cv=pass", "cv=pass; cv=pass",
		 "ARC-Seal: i= is missing or no number of 1 to 50, or the field is malformed"},
		{"h=From", "h=arc-seal:From", "message signature of i=2: h= names ARC-Seal"},
		{"; t=1800000000\nARC-M", "; t=1800009000\nARC-M", "seal of i=2: it is from the future"},
		{"; t=1800000000\nARC-A", "; x=1700000000\nARC-A", "message signature of i=2: it has expired"},
		{"d=b.example", "d=x.example", "seal of i=2: key not found"},
		{"ARC-Seal:", "ARC-Sealed:", "the set i=2 is not complete"},
	};
	const char *m = sealed(sealed(original, GP_KEY_RSA, "a.example", "mx.a; none"), GP_KEY_RSA, "b.example",
			       "mx.b; none");

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_arc(judge(changed(m, cases[i].what, cases[i].with), zone_of(GP_KEY_RSA)),
			   GP_AUTH_FAIL, cases[i].reason);
}

static void test_length_tag(void **state)
{
	struct gp_dkim_options options = gp_dkim_defaults;
	const char *m = sealed(original, GP_KEY_ED25519, "a.example", "x; none");
	struct passage p;

	(void)state;
	/* Not signed like this, but refused before the signature is looked at. */
	m = changed(m, "c=relaxed/relaxed;", "c=relaxed/relaxed; l=100;");
	assert_arc(judge(m, zone_of(GP_KEY_ED25519)), GP_AUTH_FAIL,
		   "message signature of i=1: the body is shorter than l= says");
	options.rsa_bits_min = 2048;
	m = sealed(original, GP_KEY_RSA, "a.example", "x; none");
	judge_with(&p, m, zone_of(GP_KEY_RSA), &options, NULL, 0);
	assert_arc(p.result, GP_AUTH_FAIL, "message signature of i=1: key too short (1024 bits)");
}

/* What the DNS does not tell now is no failure, unless something else is. */
static void test_temporary(void **state)
{
	const char *m = sealed(original, GP_KEY_ED25519, "a.example", "x; none");
	const char *zone = "s._domainkey.a.example * !servfail\n";
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct passage p;

	(void)state;
	judge_with(&p, m, zone, &gp_dkim_defaults, NULL, 0);
	assert_arc(p.result, GP_AUTH_TEMPERROR, "message signature of i=1: key could not be looked up");
	assert_int_equal(try_seal(&p, GP_KEY_ED25519, "b.example", "y; none", &set, &diag), GP_ETEMP);
	assert_arc(judge(changed(m, "Hello", "Hullo"), zone), GP_AUTH_FAIL,
		   "message signature of i=1: body hash did not verify");
}

/* A failed chain is sealed once, with cv=fail, and never again (5.1.2). */
static void test_failed_chain(void **state)
{
	const char *m = changed(sealed(original, GP_KEY_ED25519, "a.example", "x; none"), "Hello", "Hullo");
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct passage p;

	(void)state;
	m = sealed(m, GP_KEY_ED25519, "b.example", "y; arc=fail");
	assert_non_null(strstr(m, "cv=fail; d=b.example; i=2;"));
	judge_with(&p, m, zone_of(GP_KEY_ED25519), &gp_dkim_defaults, NULL, 0);
	assert_arc(p.result, GP_AUTH_FAIL, "an earlier handler sealed the chain as failed");
	assert_int_equal(p.n_questions, 0);
	assert_int_equal(try_seal(&p, GP_KEY_ED25519, "c.example", "z; none", &set, &diag), GP_ELIMIT);
	assert_string_equal(diag.text, "the ARC chain has been sealed as failed");
}

static void test_refused(void **state)
{
	const char *m = sealed(original, GP_KEY_ED25519, "a.example", "x; none");
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct passage p;

	(void)state;
	judge_with(&p, "Subject: x\n\n", "", &gp_dkim_defaults, NULL, 0);
	assert_int_equal(try_seal(&p, GP_KEY_RSA, "a.example", "x; none", &set, &diag), GP_EINVAL);
	judge_with(&p, original, "", &gp_dkim_defaults, NULL, 0);
	assert_int_equal(try_seal(&p, GP_KEY_RSA, "a b", "x; none", &set, &diag), GP_EINVAL);
	/* What is behind the cut would not be signed. */
	p.fields.is_cut = true;
	assert_int_equal(try_seal(&p, GP_KEY_RSA, "a.example", "x; none", &set, &diag), GP_ELIMIT);
	/* A chain that nobody judged, or that is not this message's. */
	judge_with(&p, m, "", &gp_dkim_defaults, NULL, 0);
	p.result = (struct gp_arc_result){0};
	assert_int_equal(try_seal(&p, GP_KEY_RSA, "a.example", "x; none", &set, &diag), GP_EINVAL);
	judge_with(&p, original, "", &gp_dkim_defaults, NULL, 0);
	p.result.status = GP_AUTH_PASS;
	assert_int_equal(try_seal(&p, GP_KEY_RSA, "a.example", "x; none", &set, &diag), GP_EINVAL);
}

/* Who is believed: see arc.h. */
static void test_override(void **state)
{
	static const char pass[] = "m; dmarc=pass (p=none) action=none header.from=Example.com";
	static const char fail[] = "m; dmarc=fail header.from=example.com", silent[] = "m; spf=pass";
	static const char *const both[] = {"a.example", "b.*"}, *const only_b[] = {"b.example"},
				 *const all[] = {"*.EXAMPLE"}, *const only_a[] = {"a.example"};
	static const struct {
		const char *results[2]; /* of a.example, b.example; none if NULL */
		const char *const *trusted;
		size_t n_trusted;
		int believed; /* index of the set, -1: none */
	} cases[] = {
		{{pass, silent}, both, 2, 0},
		{{pass, fail}, all, 1, 0},   /* b saw what a had done to the message */
		{{fail, pass}, both, 2, -1}, /* a saw it first */
		{{silent, pass}, both, 2, -1},
		{{pass, pass}, only_b, 1, 1},
		{{fail, pass}, only_b, 1, 1},
		{{pass, fail}, only_b, 1, -1}, /* what an untrusted one said counts for nothing */
		{{pass, pass}, only_a, 1, -1},
		{{pass, pass}, NULL, 0, -1},
		{{pass, NULL}, only_a, 1, 0},
		{{"m; dmarc=pass", NULL}, only_a, 1, 0},
		{{"m; dmarc=pass header.from=example.org", NULL}, only_a, 1, -1},
		{{"m; dmarc=pass; dmarc=fail", NULL}, only_a, 1, -1},
		{{"m; x=\"; dmarc=pass\"; dmarc=fail", NULL}, only_a, 1, -1},
		{{"m; x=y (; dmarc=pass)", NULL}, only_a, 1, -1},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++) {
		const char *m = sealed(original, GP_KEY_ED25519, "a.example", cases[i].results[0]);
		struct passage p;

		if (cases[i].results[1])
			m = sealed(m, GP_KEY_ED25519, "b.example", cases[i].results[1]);
		judge_with(&p, m, zone_of(GP_KEY_ED25519), &gp_dkim_defaults, cases[i].trusted,
			   cases[i].n_trusted);
		assert_arc(p.result, GP_AUTH_PASS, "");
		if (p.result.is_override != (cases[i].believed >= 0))
			fail_msg("case %zu", i);
		if (p.result.is_override)
			assert_int_equal(p.result.override_set, cases[i].believed);
		/* Never without a valid chain. */
		judge_with(&p, changed(m, "Hello", "Hullo"), zone_of(GP_KEY_ED25519), &gp_dkim_defaults,
			   cases[i].trusted, cases[i].n_trusted);
		assert_false(p.result.is_override);
	}
}

/* A From that was put above the sealed one, where readers look first. */
static void test_override_of_another_from(void **state)
{
	struct gp_sign_options options = gp_sign_defaults;
	const char *const trusted[] = {"a.example"}, *m, *forged;
	struct passage p;

	(void)state;
	options.n_oversign = 0; /* not every sealer does */
	m = sealed_as(&options, original, GP_KEY_ED25519, "a.example", "m; dmarc=pass");
	forged = gp_arena_printf(arena, "From: Boss <boss@example.com>\n%s", m);
	judge_with(&p, m, zone_of(GP_KEY_ED25519), &gp_dkim_defaults, trusted, 1);
	assert_true(p.result.is_override);
	judge_with(&p, forged, zone_of(GP_KEY_ED25519), &gp_dkim_defaults, trusted, 1);
	assert_arc(p.result, GP_AUTH_PASS, "");
	assert_false(p.result.is_override);
}

/* Fifty sets are a chain, by one question; one more is none, and costs none. */
static void test_longest(void **state)
{
	const char *m = original;
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct passage p;

	(void)state;
	for (int i = 0; i < GP_MAX_ARC_SETS; i++)
		m = sealed(m, GP_KEY_ED25519, "a.example", "x; none");
	judge_with(&p, m, zone_of(GP_KEY_ED25519), &gp_dkim_defaults, NULL, 0);
	assert_arc(p.result, GP_AUTH_PASS, "");
	assert_int_equal(p.result.n_sets, GP_MAX_ARC_SETS);
	assert_int_equal(p.n_questions, 1);
	assert_int_equal(try_seal(&p, GP_KEY_ED25519, "a.example", "x; none", &set, &diag), GP_ELIMIT);
}

static void test_many_fields(void **state)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 20);
	struct gp_arc_seal set;
	struct gp_diag diag;
	struct passage p;

	(void)state;
	for (int i = 0; i < 1000; i++)
		gp_buf_printf(&text,
			      "ARC-Seal: a=rsa-sha256; b=AA; cv=pass; d=a.example; i=%d; s=s%d\n"
			      "ARC-Message-Signature: a=rsa-sha256; b=AA; bh=AA; d=a.example; h=from; i=%d; s=s\n"
			      "ARC-Authentication-Results: i=%d; x; none\n",
			      i, i, i, i);
	gp_buf_add_cstr(&text, original);
	judge_with(&p, gp_buf_cstr(&text), "", &gp_dkim_defaults, NULL, 0);
	assert_arc(p.result, GP_AUTH_FAIL, "more than 50 sets");
	assert_int_equal(p.n_questions, 0);
	assert_int_equal(p.result.n_sets, 0);
	assert_int_equal(try_seal(&p, GP_KEY_ED25519, "a.example", "x; none", &set, &diag), GP_ELIMIT);
}

/* What is told of a chain that is broken. */
static void test_told(void **state)
{
	struct gp_arc_result r = judge("ARC-Seal: a=x; i=2; d=b.example; s=t; b=AA\n"
				       "ARC-Message-Signature: i=3; d=c.example; s=u; a=?\n"
				       "ARC-Authentication-Results: i = 1 ; h;\n none\n\n",
				       "");

	(void)state;
	assert_arc(r, GP_AUTH_FAIL, "the set i=1 is not complete");
	assert_int_equal(r.n_sets, 3);
	assert_str(r.sets[0].results, "h;\n none");
	assert_str(r.sets[0].domain, "");
	assert_str(r.sets[1].domain, "b.example");
	assert_str(r.sets[1].selector, "t");
	assert_str(r.sets[2].message_domain, "c.example");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_none, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_length_tag, setup, teardown),
		cmocka_unit_test_setup_teardown(test_temporary, setup, teardown),
		cmocka_unit_test_setup_teardown(test_failed_chain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(test_override, setup, teardown),
		cmocka_unit_test_setup_teardown(test_override_of_another_from, setup, teardown),
		cmocka_unit_test_setup_teardown(test_longest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_fields, setup, teardown),
		cmocka_unit_test_setup_teardown(test_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
