/*
 * Bayes: from token counts to the probability that a message is spam.
 *
 * A pure decision: no I/O, no allocation, no state.  The caller collects the
 * tokens (lib/score/token.h), fetches their counts and the totals from the
 * store, and asks:
 *
 *	struct gp_bayes_view views[] = {{counts, totals}};
 *	gp_bayes_classify(&tokens, views, 1, &gp_bayes_defaults, &result);
 *	if (result.is_usable) … result.probability …
 *
 * The probability is fine-grained: it also orders messages that are both
 * certain spam.  lib/score/bayes.c says how it is made and why.
 */
#ifndef GP_SCORE_BAYES_H
#define GP_SCORE_BAYES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/score/token.h"
#include "lib/store/store.h"

struct gp_bayes_params {
	double strength;    /* Robinson's s > 0: weight of the prior, in messages */
	double prior;	    /* Robinson's x, 0 < x < 1: what an unknown token says */
	double min_dev;	    /* 0 … 0.5: tokens nearer to 0.5 than this say nothing */
	uint32_t spam_min;  /* messages a token must have been in to speak for spam */
	double field_max;   /* > 0: a field weighs at most as much as so many tokens */
	double dependence;  /* 0 … 1: evidence counts so much, as tokens are not independent */
	double odds_weight; /* ≥ 0: weight of the odds beside Fisher's indicator */
	double odds_half;   /* > 0: log odds that get half of that weight */
	double steepness;   /* > 0: of the curve from statistic to probability */
	double own_half;    /* > 0: own messages of a class that weigh as much as everybody's */
	uint64_t min_spam, min_ham; /* learned messages before there is an answer */
};

/* What was found by cross-validation (bench/accuracy/README.md). */
extern const struct gp_bayes_params gp_bayes_defaults;

#define GP_BAYES_EVIDENCE_MAX 15

/* A token that had a say. */
struct gp_bayes_evidence {
	size_t index;	    /* into the token list */
	double probability; /* that a message with it is spam */
	struct gp_bayes_count count, own; /* in the first and in the second view */
};

/* What was learned in one scope, of a message's tokens. */
struct gp_bayes_view {
	const struct gp_bayes_count *counts; /* counts[i] belongs to tokens->hashes[i] */
	struct gp_bayes_totals totals;
};

#define GP_BAYES_VIEWS 2

struct gp_bayes_result {
	bool is_usable;	    /* enough was learned; else the rest is as for no tokens */
	double probability; /* 0 … 1; 0.5 where nothing is known */
	size_t n_known;	    /* tokens that were ever learned */
	size_t n_used;	    /* those of them that had a say */
	struct gp_bayes_evidence evidence[GP_BAYES_EVIDENCE_MAX]; /* weightiest first */
	size_t n_evidence;
};

/* By one view, or by two: everybody's and, second, the user's own, which weighs the more the
 * more he taught (bayes.c says how). */
void gp_bayes_classify(const struct gp_token_list *tokens, const struct gp_bayes_view *views,
		       size_t n_views, const struct gp_bayes_params *params,
		       struct gp_bayes_result *ret_result);

/* SpamAssassin's symbols: from ≤ probability < to (the last ones: ≤ to). */
struct gp_bayes_band {
	const char *symbol;
	double from, to;
};

/* BAYES_00 … BAYES_99 divide 0 … 1; BAYES_999 comes on top of BAYES_99.  NULL symbol ends it. */
extern const struct gp_bayes_band gp_bayes_bands[];
bool gp_bayes_in_band(const struct gp_bayes_band *band, double probability);

#endif
