/*
 * The decision of lib/score/bayes.c on hand-made counts.
 */
#include "tests/unit/test.h"

#include <math.h>

#include "lib/score/bayes.h"

#define TOKENS 40

/* Tokens of made-up messages: their fields and counts. */
struct mail {
	uint64_t hashes[TOKENS];
	struct gp_token_source sources[TOKENS];
	struct gp_bayes_count counts[TOKENS];
	size_t n;
};

static const struct gp_bayes_totals learned = {.spam = 100, .ham = 100};

static void add(struct mail *mail, unsigned field, size_t times, uint32_t spam, uint32_t ham)
{
	for (size_t i = 0; i < times; i++, mail->n++) {
		assert_true(mail->n < TOKENS);
		mail->hashes[mail->n] = mail->n + 1;
		mail->sources[mail->n] =
			(struct gp_token_source){.ptr = "x", .len = 1, .field = (uint8_t)field};
		mail->counts[mail->n] = (struct gp_bayes_count){spam, ham};
	}
}

static struct gp_bayes_result classify(const struct mail *mail,
				       const struct gp_bayes_totals *totals)
{
	const struct gp_token_list list = {mail->hashes, mail->sources, mail->n, false};
	struct gp_bayes_result result;

	gp_bayes_classify(&list, &(struct gp_bayes_view){mail->counts, *totals}, 1,
			  &gp_bayes_defaults, &result);
	return result;
}

/* By two views: everybody's counts are those of `all`, the user's those of `own`. */
static double classify_own(const struct mail *all, const struct gp_bayes_totals *totals,
			   const struct mail *own, uint64_t own_spam, uint64_t own_ham)
{
	const struct gp_token_list list = {all->hashes, all->sources, all->n, false};
	const struct gp_bayes_view views[] = {
		{all->counts, *totals}, {own->counts, {.spam = own_spam, .ham = own_ham}}};
	struct gp_bayes_result result;

	gp_bayes_classify(&list, views, 2, &gp_bayes_defaults, &result);
	assert_true(result.probability >= 0 && result.probability <= 1);
	return result.probability;
}

static const char *symbol(double probability)
{
	for (const struct gp_bayes_band *b = gp_bayes_bands; b->symbol; b++) {
		if (gp_bayes_in_band(b, probability))
			return b->symbol;
	}
	return "none";
}

static void test_needs_learning(void **state)
{
	struct mail mail = {.n = 0};
	struct gp_bayes_result r;

	add(&mail, GP_TOKEN_WORD, 10, 9, 0);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 9, .ham = 1000});
	assert_false(r.is_usable);
	assert_true(r.probability == 0.5);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 1000, .ham = 9});
	assert_false(r.is_usable);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 10, .ham = 10});
	assert_true(r.is_usable);
}

static void test_knows_nothing(void **state)
{
	struct mail mail = {.n = 0};
	struct gp_bayes_result r = classify(&mail, &learned);

	assert_true(r.is_usable);
	assert_true(r.probability == 0.5);
	add(&mail, GP_TOKEN_WORD, 10, 0, 0);
	add(&mail, GP_TOKEN_WORD, 10, 50, 50);
	r = classify(&mail, &learned);
	assert_true(r.probability == 0.5);
	assert_int_equal(r.n_known, 10);
	assert_int_equal(r.n_used, 0);
	assert_string_equal(symbol(r.probability), "BAYES_50");
}

static void test_tells_spam_from_ham(void **state)
{
	struct mail spam = {.n = 0}, ham = {.n = 0};
	struct gp_bayes_result r;

	for (unsigned field = 0; field < 8; field++) {
		add(&spam, field, 3, 20, 0);
		add(&ham, field, 3, 0, 20);
	}
	r = classify(&spam, &learned);
	assert_true(r.probability > 0.999);
	assert_int_equal(r.n_used, 24);
	assert_int_equal(r.n_evidence, GP_BAYES_EVIDENCE_MAX);
	r = classify(&ham, &learned);
	assert_true(r.probability < 0.001);
}

/* Scaling one class's totals scales its counts' meaning, not the verdict's side. */
static void test_balances_classes(void **state)
{
	struct mail mail = {.n = 0};
	struct gp_bayes_result r;

	for (unsigned field = 0; field < 8; field++)
		add(&mail, field, 3, 100, 3);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 200, .ham = 20000});
	assert_true(r.probability > 0.99);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 20000, .ham = 6});
	assert_false(r.is_usable);
	r = classify(&mail, &(struct gp_bayes_totals){.spam = 200000, .ham = 20});
	assert_true(r.probability < 0.01);
}

/* Thirty tokens of one field must not shout down a few fields that say the opposite. */
static void test_one_field_does_not_outweigh_others(void **state)
{
	struct mail mail = {.n = 0};
	struct gp_bayes_result r;

	add(&mail, GP_TOKEN_LIST, 30, 0, 90);
	add(&mail, GP_TOKEN_WORD, 2, 30, 0);
	add(&mail, GP_TOKEN_SUBJECT, 2, 30, 0);
	add(&mail, GP_TOKEN_URL_HOST, 2, 30, 0);
	r = classify(&mail, &learned);
	assert_true(r.probability > 0.5);
}

static void test_more_evidence_is_more_certain(void **state)
{
	struct mail mail = {.n = 0};
	double last = 0.5;

	for (unsigned field = 0; field < 12; field++) {
		struct gp_bayes_result r;

		add(&mail, field, 2, 40, 0);
		r = classify(&mail, &learned);
		assert_true(r.probability > last);
		last = r.probability;
	}
	assert_true(last < 1);
}

static void test_contradiction_is_unsure(void **state)
{
	static const enum gp_token_field alike[] = {GP_TOKEN_WORD,     GP_TOKEN_CASE,
						    GP_TOKEN_PAIR,     GP_TOKEN_SPARSE,
						    GP_TOKEN_URL_HOST, GP_TOKEN_URL_PATH};
	struct mail mail = {.n = 0};
	struct gp_bayes_result r;

	for (unsigned i = 0; i < GP_ARRAY_SIZE(alike); i++)
		add(&mail, alike[i], 2, i % 2 ? 50 : 0, i % 2 ? 0 : 50);
	r = classify(&mail, &learned);
	assert_int_equal(r.n_used, 12);
	assert_true(fabs(r.probability - 0.5) < 1e-6);
}

static void test_evidence_is_sorted(void **state)
{
	struct mail mail = {.n = 0};
	struct gp_bayes_result r;

	add(&mail, GP_TOKEN_WORD, 1, 5, 0);
	add(&mail, GP_TOKEN_WORD, 1, 0, 90);
	add(&mail, GP_TOKEN_WORD, 1, 50, 50);
	add(&mail, GP_TOKEN_WORD, 1, 90, 0);
	add(&mail, GP_TOKEN_WORD, 20, 10, 0);
	r = classify(&mail, &learned);
	assert_int_equal(r.n_evidence, GP_BAYES_EVIDENCE_MAX);
	for (size_t i = 1; i < r.n_evidence; i++)
		assert_true(fabs(r.evidence[i - 1].probability - 0.5) >=
			    fabs(r.evidence[i].probability - 0.5));
	assert_true(r.evidence[0].index == 1 || r.evidence[0].index == 3);
	assert_int_equal(r.evidence[0].count.spam + r.evidence[0].count.ham, 90);
}

static void test_bands_divide_the_range(void **state)
{
	static const struct {
		double probability;
		const char *symbol;
	} cases[] = {
		{0, "BAYES_00"},    {0.0099, "BAYES_00"}, {0.01, "BAYES_05"}, {0.05, "BAYES_20"},
		{0.2, "BAYES_40"},  {0.5, "BAYES_50"},	  {0.6, "BAYES_60"},  {0.8, "BAYES_80"},
		{0.95, "BAYES_95"}, {0.99, "BAYES_99"},	  {1, "BAYES_99"},
	};
	const struct gp_bayes_band *b = gp_bayes_bands;

	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_string_equal(symbol(cases[i].probability), cases[i].symbol);
	while (strcmp(b->symbol, "BAYES_999") != 0)
		b++;
	assert_true(gp_bayes_in_band(b, 0.9995));
	assert_true(gp_bayes_in_band(b, 1));
	assert_false(gp_bayes_in_band(b, 0.998));
}

/* What everybody calls spam, one user calls ham: the more he says so, the more it counts. */
static void test_own_counts_grow(void **state)
{
	struct mail all = {.n = 0}, own = {.n = 0};
	double before = 1;

	for (unsigned field = GP_TOKEN_WORD; field <= GP_TOKEN_PAIR; field++) {
		add(&all, field, 5, 30, 0);
		add(&own, field, 5, 0, 0);
	}
	assert_true(classify_own(&all, &learned, &own, 0, 0) ==
		    classify(&all, &learned).probability);
	for (uint32_t ham = 1; ham <= 512; ham *= 2) {
		double p;

		for (size_t i = 0; i < own.n; i++)
			own.counts[i] = (struct gp_bayes_count){0, ham};
		p = classify_own(&all, &learned, &own, ham, ham);
		assert_true(p <= before);
		before = p;
		if (ham == 1)
			assert_true(p > 0.4); /* one message makes it unsure, but does not turn it */
	}
	assert_true(before <= 0.5); /* everybody's spam stands: unsure */
	for (size_t i = 0; i < own.n; i++)
		own.counts[i] = (struct gp_bayes_count){0, 1024};
	assert_true(classify_own(&all, &learned, &own, 1024, 1024) < 0.1);
}

/* Who only ever taught one class keeps everybody's of the other; who alone taught is enough. */
static void test_own_by_class(void **state)
{
	struct mail all = {.n = 0}, own = {.n = 0};
	const struct gp_bayes_totals none = {0};

	add(&all, GP_TOKEN_WORD, 10, 0, 80);
	add(&own, GP_TOKEN_WORD, 10, 0, 0);
	assert_true(classify_own(&all, &learned, &own, 500, 0) < 0.2);
	add(&all, GP_TOKEN_PAIR, 10, 0, 0);
	add(&own, GP_TOKEN_PAIR, 10, 40, 0);
	for (size_t i = 0; i < all.n; i++)
		all.counts[i] = (struct gp_bayes_count){0, 0};
	assert_true(classify_own(&all, &none, &own, 50, 50) > 0.8);
	assert_true(classify_own(&all, &none, &own, 50, 5) == 0.5); /* too little ham */
	/* Left of what was unlearned: counts without messages. */
	assert_true(classify_own(&all, &(struct gp_bayes_totals){0, 50, 0}, &own, 0, 0) == 0.5);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_needs_learning),
		cmocka_unit_test(test_knows_nothing),
		cmocka_unit_test(test_tells_spam_from_ham),
		cmocka_unit_test(test_balances_classes),
		cmocka_unit_test(test_one_field_does_not_outweigh_others),
		cmocka_unit_test(test_more_evidence_is_more_certain),
		cmocka_unit_test(test_contradiction_is_unsure),
		cmocka_unit_test(test_evidence_is_sorted),
		cmocka_unit_test(test_own_counts_grow),
		cmocka_unit_test(test_own_by_class),
		cmocka_unit_test(test_bands_divide_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
