/*
 * SPF macros.  Three lines: HELO, sender, and the text that is expanded.  Whatever the
 * bytes: what is valid in a term is valid in an explanation, a domain-spec is a valid
 * macro-string, valid texts joined are valid; a valid text expands within its ceiling, its
 * two halves (where both are valid) to the two halves of the whole; and a target, where
 * it can be asked for at all, is at most a name long.
 */
#include "lib/auth/spf_int.h"
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

#define DOMAIN GP_STR("domain.example")

static void no_answer(struct gp_resolver *r, struct gp_dns_question *q)
{
	gp_job_finish(&q->job, GP_ETEMP);
}

static bool is_valid(struct gp_str s)
{
	return gp_spf_macro_is_valid(s, GP_SPF_IN_EXPLANATION);
}

static int expand(struct gp_spf_eval *e, struct gp_str s, struct gp_buf *out)
{
	int r = gp_spf_macro_expand(e, s, DOMAIN, out);

	FUZZ_CHECK(r == GP_OK || r == GP_ENOENT || r == GP_ELIMIT);
	FUZZ_CHECK(out->len <= GP_MAX_SPF_EXPANSION);
	return r;
}

static void check_halves(struct gp_spf_eval *e, struct gp_str s, size_t at)
{
	GP_BUF_AUTO whole = GP_BUF_INIT(GP_MAX_SPF_EXPANSION);
	GP_BUF_AUTO halves = GP_BUF_INIT(GP_MAX_SPF_EXPANSION);
	struct gp_str left = gp_str_sub(s, 0, at), right = gp_str_sub(s, at, s.len);
	int r;

	if (!is_valid(left) || !is_valid(right))
		return;
	FUZZ_CHECK(is_valid(s));
	r = expand(e, s, &whole);
	if (r == GP_OK) {
		FUZZ_CHECK(expand(e, left, &halves) == GP_OK);
		FUZZ_CHECK(expand(e, right, &halves) == GP_OK);
		FUZZ_CHECK(gp_str_eq(gp_buf_str(&whole), gp_buf_str(&halves)));
	}
}

static void check_target(struct gp_spf_eval *e, struct gp_str s)
{
	char name[GP_DNS_NAME_MAX + 1];
	struct gp_str target;

	if (!gp_spf_domain_spec_is_valid(s))
		return;
	FUZZ_CHECK(gp_spf_macro_is_valid(s, GP_SPF_IN_TERM));
	if (gp_spf_macro_target(e, s, DOMAIN, &target))
		return;
	for (size_t i = 0; i < target.len; i++)
		FUZZ_CHECK(target.ptr[i] > ' ' && target.ptr[i] < 0x7f);
	FUZZ_CHECK(target.len <= GP_DNS_NAME_MAX || gp_str_find_chr(target, '\\', 0) < target.len ||
		   gp_str_find_chr(target, '.', 0) == target.len);
	if (gp_dns_name_fold_escaped(target, name) == GP_OK)
		FUZZ_CHECK(strlen(name) <= GP_DNS_NAME_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gp_resolver_ops OPS = {.ask = no_answer};
	struct gp_resolver resolver = {.ops = &OPS};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 60000);
	struct gp_asker asker;
	struct gp_spf_query q = {.now_s = 1};
	struct gp_spf_eval e = {.asker = &asker, .query = &q, .client = {.family = 6}};
	struct gp_str text = gp_str_n(data, size);

	gp_asker_init(&asker, &resolver, batch, arena);
	gp_str_next(&text, '\n', &e.helo);
	gp_str_next(&text, '\n', &e.sender);
	e.local = gp_str_sub(e.sender, 0, gp_str_find_chr(e.sender, '@', 0));
	e.domain = gp_str_sub(e.sender, e.local.len + 1, e.sender.len);
	FUZZ_CHECK(!gp_spf_macro_is_valid(text, GP_SPF_IN_TERM) || is_valid(text));
	for (size_t at = 0; at <= text.len; at += text.len / 16 + 1)
		check_halves(&e, text, at);
	check_target(&e, text);
	gp_batch_free(&batch);
	gp_arena_free(arena);
	return 0;
}
