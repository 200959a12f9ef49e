/*
 * Key records as published against our key.
 */
#include "tests/unit/test.h"

#include <stdio.h>

#include "milter-dkim/published.h"
#include "lib/base/codec.h"
#include "lib/dns/dns_zone.h"

static struct gp_arena *arena;
static struct gp_key *ours, *other;

static const char *public_of(const struct gp_key *key)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(4096), text = GP_BUF_INIT(8192);

	gp_key_public(key, &bytes);
	gp_base64_encode(bytes.data, bytes.len, &text);
	return gp_arena_cstr(arena, gp_buf_str(&text));
}

/* The codes found with that zone, "a b", and whether that is good. */
static const char *check(const char *zone, bool is_good)
{
	GP_BUF_AUTO found = GP_BUF_INIT(1024);
	struct gp_batch *batch = gp_batch_new(INT64_MAX);
	struct gp_resolver *resolver;
	struct gp_published p;
	struct gp_asker asker;
	struct gp_diag diag;

	assert_int_equal(gp_dns_zone_parse(gp_str(zone), "zone", &resolver, &diag), GP_OK);
	gp_asker_init(&asker, resolver, batch, arena);
	gp_published_finish(gp_signature_ask(&asker, GP_STR("example.org"), GP_STR("s1")), arena,
			    ours, &p);
	for (unsigned i = 0; i < GP_PUBLISHED_PROBLEMS; i++) {
		assert_int_equal(p.found[i], p.words[i] != NULL);
		if (p.found[i])
			gp_buf_printf(&found, "%s%s", found.len ? " " : "", gp_published_code(i));
	}
	assert_int_equal(gp_published_is_good(&p), is_good);
	assert_int_equal(gp_published_error(&p) == NULL, is_good);
	gp_batch_free(&batch);
	gp_resolver_close(&resolver);
	return gp_arena_cstr(arena, gp_buf_str(&found));
}

static const char *record(const char *tags, const struct gp_key *key)
{
	return gp_arena_printf(arena, "s1._domainkey.example.org. TXT \"%s p=%s\"\n", tags,
			       key ? public_of(key) : "");
}

static void test_good(void **state)
{
	(void)state;
	assert_string_equal(check(record("v=DKIM1; k=ed25519;", ours), true), "");
	assert_string_equal(check(record("v=DKIM1; k=ed25519; t=y;", ours), true), "testing");
}

static void test_absent(void **state)
{
	(void)state;
	assert_string_equal(check("", false), "no-name");
	assert_string_equal(check("s1._domainkey.example.org. A 192.0.2.1\n", false), "no-record");
}

static void test_bad(void **state)
{
	const char *good = record("v=DKIM1; k=ed25519;", ours);

	(void)state;
	assert_string_equal(check(record("v=DKIM1; k=ed25519;", other), false), "other-key");
	assert_string_equal(check(record("v=DKIM1; k=ed25519;", NULL), false), "revoked");
	assert_string_equal(check(record("v=DKIM2; k=ed25519;", ours), false), "malformed");
	assert_string_equal(check(record("v=DKIM1; k=ed25519; s=x; h=sha1;", ours), false),
			    "no-email no-sha256");
	assert_string_equal(check(gp_arena_printf(arena, "%s%s", good,
						  "s1._domainkey.example.org. TXT \"x\"\n"),
				  false), "several");
}

static int setup(void **state)
{
	(void)state;
	arena = gp_arena_new(0);
	assert_int_equal(gp_key_generate(GP_KEY_ED25519, 0, &ours, NULL), GP_OK);
	assert_int_equal(gp_key_generate(GP_KEY_ED25519, 0, &other, NULL), GP_OK);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	gp_key_unref(&ours);
	gp_key_unref(&other);
	gp_arena_free(arena);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_good),
					   cmocka_unit_test(test_absent),
					   cmocka_unit_test(test_bad)};

	return cmocka_run_group_tests(tests, setup, teardown);
}
