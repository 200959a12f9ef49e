/*
 * Tokens.  Whatever the message: no more than the cap, all distinct and none 0, each from a
 * field that exists, each printable within bounds; a second time gives the same; and the verdict
 * over any counts is a probability.
 */
#include <math.h>

#include "lib/base/limits.h"
#include "lib/mail/message.h"
#include "lib/score/bayes.h"
#include "lib/score/token.h"
#include "tests/fuzz/fuzz.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void check_list(struct gp_arena *a, const struct gp_token_list *list)
{
	uint64_t *sorted = gp_arena_dup(a, list->hashes, list->n * sizeof(*sorted));

	FUZZ_CHECK(list->n <= GP_MAX_TOKENS);
	qsort(sorted, list->n, sizeof(*sorted), compare);
	for (size_t i = 0; i < list->n; i++) {
		GP_BUF_AUTO text = GP_BUF_INIT(200);

		FUZZ_CHECK(sorted[i] != 0 && (i == 0 || sorted[i] != sorted[i - 1]));
		FUZZ_CHECK(list->sources[i].field < GP_TOKEN_FIELDS && list->sources[i].gap < 5);
		gp_token_format(&list->sources[i], &text);
		FUZZ_CHECK(text.err == GP_OK);
	}
}

/* Counts that follow from the hashes, so that the fuzzer can reach any of them. */
static void check_verdict(struct gp_arena *a, const struct gp_token_list *list)
{
	const struct gp_bayes_totals totals = {.spam = 255, .ham = 255};
	struct gp_bayes_count *counts = GP_ARENA_NEW_N(a, list->n + 1, struct gp_bayes_count);
	struct gp_bayes_count *own = GP_ARENA_NEW_N(a, list->n + 1, struct gp_bayes_count);
	struct gp_bayes_view views[] = {{counts, totals}, {own, {.spam = list->n, .ham = 3}}};
	struct gp_bayes_result r;

	for (size_t i = 0; i < list->n; i++)
		counts[i] = (struct gp_bayes_count){list->hashes[i] & 0xff,
						    (list->hashes[i] >> 8) & 0xff &
							    -(list->hashes[i] >> 16 & 1)};
	for (size_t i = 0; i < list->n; i++)
		own[i].spam = list->hashes[i] >> 17 & 3;
	gp_bayes_classify(list, views, 1 + list->n % 2, &gp_bayes_defaults, &r);
	FUZZ_CHECK(r.is_usable && r.probability >= 0 && r.probability <= 1);
	FUZZ_CHECK(r.n_used <= r.n_known && r.n_known <= list->n);
	FUZZ_CHECK(r.n_evidence <= GP_BAYES_EVIDENCE_MAX && r.n_evidence <= r.n_used);
	for (size_t i = 0; i < r.n_evidence; i++)
		FUZZ_CHECK(r.evidence[i].index < list->n && isfinite(r.evidence[i].probability));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_message *m =
		gp_message_parse(a, &(struct gp_message_options){0}, gp_str_n(data, size));
	struct gp_token_list list, again;

	gp_token_collect(a, m, gp_str_n(data, GP_MIN(size, 50)),
			 gp_str_n(data, GP_MIN(size, 80)), &list);
	check_list(a, &list);
	check_verdict(a, &list);
	gp_token_collect(a, m, gp_str_n(data, GP_MIN(size, 50)),
			 gp_str_n(data, GP_MIN(size, 80)), &again);
	FUZZ_CHECK(again.n == list.n);
	for (size_t i = 0; i < list.n; i++)
		FUZZ_CHECK(again.hashes[i] == list.hashes[i]);
	gp_arena_free(a);
	return 0;
}
