/*
 * Bayes: Robinson's token probabilities, Fisher's combination, by field.
 *
 * 1. A token seen in c of C learned spam and g of G learned ham messages has
 *    p = (c/C) / (c/C + g/G), drawn towards the prior x with strength s:
 *    f = (s·x + n·p) / (s + n), n = c + g.  Tokens with |f − 0.5| < min_dev
 *    have no say; with the defaults a token must be nearly pure.  To speak
 *    for spam it must have been met in spam_min messages: of what was met
 *    only once, more belongs to ham's long tail than chance would have it.
 * 2. Fisher's method asks how unlikely the f are if they were chance: the sum
 *    of −2·ln f over n independent tokens is chi-square with 2n degrees.  They
 *    are not independent: one mailing list adds thirty tokens to the header
 *    that all say the same.  So each field (enum gp_token_field) weighs as
 *    much as field_max tokens at the most: its tokens share that weight,
 *    times a coarse weight of the field.
 *    This is what makes the difference to others of the kind: spam that came
 *    through a list is not drowned by the list's headers, nor a newsletter by
 *    its HTML.  What is left of dependence between fields scales both the sum
 *    and the degrees down.
 * 3. Fisher's indicator (Qspam − Qham)/2 knows "both" and "neither" as unsure.
 *    It has no resolution at its ends and for the unsure; so a bounded share
 *    of the log odds d = ln Qspam − ln Qham is added: d / (odds_half + |d|).
 * 4. A logistic curve makes a probability of the statistic, so that the bands
 *    BAYES_00 … BAYES_99 mean what they mean elsewhere.
 *
 * Two views (everybody's and the user's own) make one before step 1: the share of a
 * class in which a token was met, c/C, becomes (1 − λ)·(c/C) + λ·(own c/own C) with
 * λ = own C / (own C + own_half), for each class apart.  So somebody who taught nothing
 * is judged as everybody, ten lessons shift little, hundreds decide, and one who only
 * ever taught spam keeps everybody's ham.  own_half is such that a single lesson cannot
 * silence a pure token (1/51 < 0.5 − min_dev).  Not the two probabilities are mixed: a
 * user's few lessons would then say "unsure" where everybody's know better.
 *
 * Not here: tokenising, storage, whose scopes these are, and any learning from our own
 * verdicts.
 */
#include "lib/score/bayes.h"

#include <assert.h>
#include <math.h>

const struct gp_bayes_params gp_bayes_defaults = {
	.strength = 0.03,
	.prior = 0.5,
	.min_dev = 0.475,
	.spam_min = 2,
	.field_max = 2,
	.dependence = 0.3,
	.odds_weight = 0.5,
	.odds_half = 5,
	.steepness = 10,
	.min_spam = 10,
	.min_ham = 10,
	.own_half = 50,
};

const struct gp_bayes_band gp_bayes_bands[] = {
	{"BAYES_00", 0.00, 0.01},
	{"BAYES_05", 0.01, 0.05},
	{"BAYES_20", 0.05, 0.20},
	{"BAYES_40", 0.20, 0.40},
	{"BAYES_50", 0.40, 0.60},
	{"BAYES_60", 0.60, 0.80},
	{"BAYES_80", 0.80, 0.95},
	{"BAYES_95", 0.95, 0.99},
	{"BAYES_99", 0.99, 1.00},
	{"BAYES_999", 0.999, 1.00},
	{NULL, 0, 0},
};

bool gp_bayes_in_band(const struct gp_bayes_band *band, double probability)
{
	return probability >= band->from && (probability < band->to || band->to >= 1);
}

/*
 * How much a field may weigh beside others.  Names that the sender chose and the relays that it
 * came through tell more than the text, headers that its program wrote less.  Fitted coarsely,
 * to a factor of two, so that they hold for mail that was not fitted on.
 */
static const double field_weights[GP_TOKEN_FIELDS] = {
	[GP_TOKEN_WORD] = 1,	       [GP_TOKEN_CASE] = 1,	    [GP_TOKEN_PAIR] = 1,
	[GP_TOKEN_SPARSE] = 1,	       [GP_TOKEN_HIDDEN] = 1,	    [GP_TOKEN_SUBJECT] = 2,
	[GP_TOKEN_SUBJECT_PAIR] = 2,   [GP_TOKEN_FROM_NAME] = 2,    [GP_TOKEN_FROM_ADDR] = 2,
	[GP_TOKEN_REPLY_TO] = 2,       [GP_TOKEN_SENDER] = 2,	    [GP_TOKEN_RCPT] = 1,
	[GP_TOKEN_URL_HOST] = 1,       [GP_TOKEN_URL_PATH] = 1,	    [GP_TOKEN_MIME] = 1,
	[GP_TOKEN_HTML] = 1,	       [GP_TOKEN_SHAPE] = 1,	    [GP_TOKEN_HEADER_NAME] = 0.5,
	[GP_TOKEN_HEADER_ORDER] = 0.5, [GP_TOKEN_HEADER] = 0.5,	    [GP_TOKEN_LIST] = 0.5,
	[GP_TOKEN_MAILER] = 0.5,       [GP_TOKEN_MESSAGE_ID] = 0.5, [GP_TOKEN_DATE] = 0.5,
	[GP_TOKEN_RECEIVED] = 2,
};

/* What the tokens of one field say together. */
struct field_sum {
	double ln_spam; /* sum of −ln f: large where the tokens speak against spam */
	double ln_ham;	/* sum of −ln (1 − f): large where they speak against ham */
	unsigned n;
};

/* A class in up to two views: messages learned, and the second's weight λ. */
struct class_totals {
	double all, own, weight;
};

static struct class_totals class_totals(uint64_t all, uint64_t own,
					const struct gp_bayes_params *params)
{
	double n = (double)own;

	return (struct class_totals){
		.all = (double)all,
		.own = n,
		.weight = all == 0 ? 1 : n / (n + params->own_half),
	};
}

/* The share of the class's messages that had the token. */
static double share(const struct class_totals *c, uint32_t all, uint32_t own)
{
	double ret = 0;

	if (c->all > 0)
		ret += (1 - c->weight) * all / c->all;
	if (c->own > 0)
		ret += c->weight * own / c->own;
	return ret;
}

/* f of a token; negative: it has no say.  What is in both views was learned into both, so
 * the larger count is that of its messages. */
static double token_probability(const struct gp_bayes_count *count,
				const struct gp_bayes_count *own, const struct class_totals *s,
				const struct class_totals *h, const struct gp_bayes_params *params)
{
	double n = fmax((double)count->spam + count->ham, (double)own->spam + own->ham);
	double spam = share(s, count->spam, own->spam);
	double ham = share(h, count->ham, own->ham);
	double f;

	/* Counts without messages: a token is left of what was unlearned. */
	if (!(spam + ham > 0))
		return -1;
	f = (params->strength * params->prior + n * spam / (spam + ham)) / (params->strength + n);
	if (fabs(f - 0.5) < params->min_dev || (f > 0.5 && n < params->spam_min))
		return -1;
	return f;
}

/* Keeps the weightiest, in order; equal ones in the order of the message. */
static void keep_evidence(struct gp_bayes_result *result, size_t index, double f,
			  const struct gp_bayes_count *count, const struct gp_bayes_count *own)
{
	struct gp_bayes_evidence *list = result->evidence;
	size_t at = result->n_evidence;

	if (at == GP_BAYES_EVIDENCE_MAX) {
		if (fabs(f - 0.5) <= fabs(list[at - 1].probability - 0.5))
			return;
		at--;
	} else {
		result->n_evidence++;
	}
	for (; at > 0 && fabs(f - 0.5) > fabs(list[at - 1].probability - 0.5); at--)
		list[at] = list[at - 1];
	list[at] = (struct gp_bayes_evidence){index, f, *count, *own};
}

/*
 * ln of the probability that chi-square with 2n degrees of freedom is 2m or more:
 * exp(−m) · Σ m^i / i! for i < n, kept as a logarithm because it underflows.
 */
static double ln_chi_square(double m, unsigned n)
{
	double ln_term = 0, ln_sum = 0;

	if (m <= 0)
		return 0;
	for (unsigned i = 1; i < n; i++) {
		double high, low;

		ln_term += log(m / i);
		high = fmax(ln_sum, ln_term);
		low = fmin(ln_sum, ln_term);
		ln_sum = high + log1p(exp(low - high));
	}
	return fmin(ln_sum - m, 0);
}

/* Steps 2 and 3; 0 where nothing is known, ±(0.5 + odds_weight) at the ends. */
static double combine(const struct field_sum sums[GP_TOKEN_FIELDS],
		      const struct gp_bayes_params *params)
{
	double spam = 0, ham = 0, n = 0, ln_spam, ln_ham, odds;
	unsigned degrees;

	for (unsigned i = 0; i < GP_TOKEN_FIELDS; i++) {
		double share = field_weights[i];

		if (sums[i].n > params->field_max)
			share *= params->field_max / sums[i].n;
		spam += share * sums[i].ln_spam;
		ham += share * sums[i].ln_ham;
		n += share * sums[i].n;
	}
	if (n <= 0)
		return 0;
	degrees = (unsigned)fmax(round(n * params->dependence), 1);
	ln_spam = ln_chi_square(spam * params->dependence, degrees);
	ln_ham = ln_chi_square(ham * params->dependence, degrees);
	odds = ln_spam - ln_ham;
	return (exp(ln_spam) - exp(ln_ham)) / 2 +
	       params->odds_weight * odds / (params->odds_half + fabs(odds));
}

/* Was so much of a class learned, in either view? */
static bool is_enough(const struct class_totals *c, uint64_t min)
{
	return fmax(c->all, c->own) >= fmax((double)min, 1);
}

void gp_bayes_classify(const struct gp_token_list *tokens, const struct gp_bayes_view *views,
		       size_t n_views, const struct gp_bayes_params *params,
		       struct gp_bayes_result *ret_result)
{
	const struct gp_bayes_totals none = {0}, *all = &views[0].totals;
	const struct gp_bayes_totals *own = n_views > 1 ? &views[1].totals : &none;
	const struct class_totals spam = class_totals(all->spam, own->spam, params);
	const struct class_totals ham = class_totals(all->ham, own->ham, params);
	struct field_sum sums[GP_TOKEN_FIELDS] = {0};

	*ret_result = (struct gp_bayes_result){.probability = 0.5};
	if (!is_enough(&spam, params->min_spam) || !is_enough(&ham, params->min_ham))
		return;
	ret_result->is_usable = true;
	for (size_t i = 0; i < tokens->n; i++) {
		struct field_sum *sum = &sums[tokens->sources[i].field];
		const struct gp_bayes_count nothing = {0}, *count = &views[0].counts[i];
		const struct gp_bayes_count *mine = n_views > 1 ? &views[1].counts[i] : &nothing;
		double f;

		assert(tokens->sources[i].field < GP_TOKEN_FIELDS);
		if (count->spam == 0 && count->ham == 0 && mine->spam == 0 && mine->ham == 0)
			continue;
		ret_result->n_known++;
		f = token_probability(count, mine, &spam, &ham, params);
		if (f < 0)
			continue;
		ret_result->n_used++;
		sum->ln_spam -= log(f);
		sum->ln_ham -= log(1 - f);
		sum->n++;
		keep_evidence(ret_result, i, f, count, mine);
	}
	ret_result->probability = 1 / (1 + exp(-params->steepness * combine(sums, params)));
}
