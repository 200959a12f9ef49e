/*
 * ARC from strangers' bytes: a message, judged and sealed twice by a.example.
 *
 * A chain has no more sets than it may and asks for no more keys than it has signatures; it
 * says why it fails; what is believed is of a chain that passes.  Where we seal, what we
 * sealed passes if it passed before, and is closed if it failed.
 */
#include "lib/auth/arc.h"
#include "lib/base/clock.h"
#include "lib/base/codec.h"
#include "lib/base/limits.h"
#include "tests/fakes/fake_dns.h"
#include "tests/fuzz/fuzz.h"

static struct gp_key *key;
static char zone[300];

static void make_key(void)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(100), text = GP_BUF_INIT(100);

	FUZZ_CHECK(gp_key_generate(GP_KEY_ED25519, 0, &key, NULL) == GP_OK);
	gp_key_public(key, &bytes);
	gp_base64_encode(bytes.data, bytes.len, &text);
	snprintf(zone, sizeof(zone), "s._domainkey.a.example TXT v=DKIM1; k=ed25519; p=%s\n",
		 gp_buf_cstr(&text));
}

static void check_result(const struct gp_arc_result *r, size_t n_questions)
{
	bool is_good = r->status == GP_AUTH_NONE || r->status == GP_AUTH_PASS;

	FUZZ_CHECK(is_good || r->status == GP_AUTH_FAIL);
	FUZZ_CHECK(is_good == (r->reason.len == 0));
	FUZZ_CHECK(r->n_sets <= GP_MAX_ARC_SETS && n_questions <= r->n_sets + 1);
	FUZZ_CHECK(r->status != GP_AUTH_PASS || r->n_sets > 0);
	FUZZ_CHECK(r->status != GP_AUTH_NONE || r->n_sets == 0);
	FUZZ_CHECK(!r->is_override || (r->status == GP_AUTH_PASS && r->override_set < r->n_sets));
}

/* Judges, and seals if that is allowed: the status, and the set. */
static enum gp_auth_status pass_on(struct gp_arena *a, const struct gp_fields *fields,
				   struct gp_str body, struct gp_arc_seal *ret, int *ret_sealed)
{
	const struct gp_sign_as as = {
		.domain = GP_STR("a.example"), .selector = GP_STR("s"), .key = key};
	const struct gp_str trusted = GP_STR("a.example");
	struct gp_resolver *dns = gp_fake_dns_open(zone, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 1000);
	struct gp_body_hasher *hasher = gp_body_hasher_new(a);
	struct gp_arc_result result;
	struct gp_arc_verify *v;
	struct gp_asker asker;
	struct gp_sign sign;

	gp_asker_init(&asker, dns, batch, a);
	gp_sign_begin(&sign, a, &gp_sign_defaults, hasher);
	v = gp_arc_verify_begin(&asker, NULL, &gp_dkim_defaults, fields, hasher, 1800000000);
	gp_body_hasher_add(hasher, body);
	gp_body_hasher_finish(hasher);
	gp_arc_verify_finish(v, &trusted, 1, &result);
	check_result(&result, asker.seen.len);
	*ret_sealed = gp_arc_seal(&sign, fields, hasher, &result, GP_STR("h; dmarc=pass"), &as, 1800000000,
				  ret, NULL);
	gp_batch_free(&batch);
	gp_resolver_close(&dns);
	return result.status;
}

static void put_on_top(struct gp_arena *a, struct gp_fields *ret, const struct gp_arc_seal *set,
		       const struct gp_fields *fields)
{
	const struct {
		const char *name;
		struct gp_str value;
	} own[] = {{"ARC-Seal", set->seal},
		   {"ARC-Message-Signature", set->signature},
		   {"ARC-Authentication-Results", set->results}};

	*ret = (struct gp_fields){0};
	for (size_t i = 0; i < GP_ARRAY_SIZE(own); i++)
		gp_fields_add(a, ret, gp_str(own[i].name),
			      gp_str(gp_arena_printf(a, " %.*s", GP_STR_FMT(own[i].value))));
	for (size_t i = 0; i < fields->list.len; i++)
		gp_fields_add(a, ret, fields->list.items[i].name, fields->list.items[i].value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_fields fields, next;
	struct gp_str body;

	if (!key)
		make_key();
	gp_fields_parse(a, gp_str_n(data, size), &fields, &body);
	for (int round = 0; round < 2; round++) {
		struct gp_arc_seal set;
		enum gp_auth_status before, after;
		int r;

		before = pass_on(a, &fields, body, &set, &r);
		if (r)
			break;
		put_on_top(a, &next, &set, &fields);
		after = pass_on(a, &next, body, &set, &r);
		FUZZ_CHECK(next.is_cut || after == (before == GP_AUTH_FAIL ? GP_AUTH_FAIL : GP_AUTH_PASS));
		FUZZ_CHECK(before != GP_AUTH_FAIL || r == GP_ELIMIT);
		fields = next;
	}
	gp_arena_free(a);
	return 0;
}
