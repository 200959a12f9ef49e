/*
 * The end of a scan: what the DNS has said, evals, metas, scores.
 */
#include "lib/score/rule_scan_int.h"

#include <assert.h>
#include <math.h>

#include "lib/score/rule_dns.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_meta.h"
#include "lib/score/rule_trace.h"
#include "lib/score/rule_wake.h"

static inline uint64_t bits_of(double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return bits;
}

/* Whether none of the eight rules from there on has hit: a zero has no bits. */
static inline bool eight_missed(const double *h)
{
	return !(bits_of(h[0]) | bits_of(h[1]) | bits_of(h[2]) | bits_of(h[3]) | bits_of(h[4]) |
		 bits_of(h[5]) | bits_of(h[6]) | bits_of(h[7]));
}

/* The next rule that hit, from *at on; false when there is none. */
static bool next_hit(const struct gp_rule_scan *s, size_t *at)
{
	size_t i = *at, n = s->set->rules.len;

	while (i < n && s->hits[i] == 0) {
		while (i + 8 <= n && eight_missed(s->hits + i))
			i += 8;
		i += i < n && s->hits[i] == 0;
	}
	*at = i;
	return i < n;
}

static unsigned score_set(const struct gp_rule_input *in)
{
	return (in->has_network ? 1u : 0u) | (in->has_bayes ? 2u : 0u);
}

/* A rule whose score is 0 does not run: metas do not see it either. */
static bool is_off(const struct gp_rule *r, const struct gp_rule_input *in)
{
	return r->type != GP_RULE_FACT && r->score[score_set(in)] == 0 && !in->runs_all;
}

/* Where a limit stopped a pattern of its arguments, it has not hit, whatever it says. */
static void run_eval(struct gp_rule_scan *s, struct gp_eval *e, const struct gp_rule_call *c)
{
	unsigned limits_met = gp_pcre_limits_met(e->pcre);

	e->rule = c->rule;
	e->evidence = e->detail = (struct gp_str){0};
	s->hits[c->index] = c->eval->fn(e, c->eval, c->args, c->n_args);
	if (gp_pcre_limits_met(e->pcre) != limits_met) {
		s->hits[c->index] = 0;
		s->stats.limit_exceeded++;
		gp_rule_limit_hit(&s->limits, c->rule);
	}
	if (s->hits[c->index] != 0 && e->detail.len)
		*gp_vec_push(s->arena, &s->details) =
			(struct gp_rule_detail){.rule = c->rule, .text = e->detail};
	if (s->hits[c->index] != 0 && s->evidence)
		gp_rule_scan_remember(s, c->rule,
				      e->evidence.len ? e->evidence : gp_rule_trace_eval(e));
}

/* Does the message's kind of check want rules with these flags, and with no score? */
static bool is_wanted(const struct gp_rule_input *in, unsigned tflags, bool is_scored)
{
	return (is_scored || in->runs_all) && (!(tflags & GP_TFLAG_NET) || in->has_network) &&
	       (!(tflags & GP_TFLAG_LEARN) || in->has_bayes);
}

/* For calls of eval functions, first or last. */
static struct gp_eval eval_of(struct gp_rule_scan *s)
{
	return (struct gp_eval){.in = s->input,
				.set = s->set,
				.relays = &s->relays,
				.arena = s->arena,
				.dns = s->dns,
				.tags = &s->tags};
}

static void run_evals(struct gp_rule_scan *s, uint32_t *may_hold)
{
	const struct gp_rule_input *in = s->input;
	struct gp_eval e = eval_of(s);

	e.pcre = s->scratch->pcre;
	e.subjects = s->subjects;
	for (size_t i = 0; i < s->set->evals.len; i++) {
		const struct gp_rule_call *c = &s->set->calls[i];

		if (s->hits[c->index] != 0 || !is_wanted(in, c->tflags, c->scored >> score_set(in) & 1) ||
		    gp_rule_limit_is_undecided(&s->limits, c->rule))
			continue;
		run_eval(s, &e, c);
		if (s->hits[c->index] != 0)
			gp_rule_wake_users(s->set, c->index, may_hold);
	}
}

struct gp_str gp_rule_scan_asn(struct gp_rule_scan *s)
{
	if (s->dns)
		s->relays.asn = gp_rule_dns_finish_asn(s->dns);
	return s->relays.asn;
}

/* Waits for what the DNS has to say. */
static void collect_dns(struct gp_rule_scan *s)
{
	struct gp_rule_dns_stats stats;

	if (!s->dns)
		return;
	gp_rule_scan_asn(s);
	gp_rule_dns_finish(s->dns, s->scratch->pcre);
	gp_rule_dns_stats(s->dns, &stats);
	s->stats.asked = stats.asked;
	s->stats.late = stats.late;
	s->stats.refusing = stats.refusing;
}

/* is_last: those that need the rules that run last; or the others. */
static void run_metas(struct gp_rule_scan *s, uint32_t *may_hold, bool is_last)
{
	for (size_t i = 0; i < s->set->metas.len; i++) {
		const struct gp_rule *r;
		double value;

		if (!gp_rule_wake_is_awake(may_hold, i))
			continue;
		r = s->set->metas.items[i];
		if (r->is_last != is_last || s->hits[r->index] != 0 || is_off(r, s->input))
			continue;
		value = gp_meta_eval(r->meta, s->hits, s->input->has_network);
		if (value == 0)
			continue;
		/* As SpamAssassin: a hit is never worth less than nothing. */
		s->hits[r->index] = isfinite(value) && value > 0 ? value : 1;
		gp_rule_wake_users(s->set, r->index, may_hold);
		if (s->evidence)
			gp_rule_scan_remember(s, r,
					      gp_rule_trace_meta(s->set, r, s->hits, s->arena));
	}
}

static struct gp_rule_detail detail_of(const struct gp_rule_scan *s, const struct gp_rule *r)
{
	for (size_t i = 0; i < s->details.len; i++)
		if (s->details.items[i].rule == r)
			return s->details.items[i];
	return (struct gp_rule_detail){0};
}

static double score_of(const struct gp_rule_scan *s, const struct gp_rule *r)
{
	struct gp_rule_detail detail = detail_of(s, r);

	if (s->cut.rule && r == s->set->circuit)
		return s->cut.score;
	return detail.has_score ? detail.score
				: gp_rule_points(r, score_set(s->input), s->hits[r->index]);
}

/* Evals over the points of all others, then metas that need them. */
static void run_last(struct gp_rule_scan *s, uint32_t *may_hold)
{
	const struct gp_rule_input *in = s->input;
	struct gp_eval e = eval_of(s);

	e.hits = s->hits;
	e.score_set = score_set(in);
	for (size_t i = 0; i < s->set->last.len; i++) {
		const struct gp_rule *r = s->set->last.items[i];

		if (s->hits[r->index] != 0 || !is_wanted(in, r->tflags, r->score[e.score_set] != 0))
			continue;
		e.rule = r;
		e.evidence = e.detail = (struct gp_str){0};
		e.has_score = false;
		if (!r->eval->fn(&e, r->eval, r->args, r->n_args))
			continue;
		s->hits[r->index] = 1;
		*gp_vec_push(s->arena, &s->details) =
			(struct gp_rule_detail){r, e.detail, e.has_score, e.score};
		if (s->evidence)
			gp_rule_scan_remember(s, r, e.evidence);
		gp_rule_wake_users(s->set, r->index, may_hold);
	}
	s->stats.is_store_missing = e.is_store_missing;
	run_metas(s, may_hold, true);
}

void gp_rule_scan_finish(struct gp_rule_scan *s, struct gp_symbols *out)
{
	uint32_t *may_hold;

	assert(!s->is_finished);
	s->is_finished = true;
	collect_dns(s);
	gp_rule_scan_late(s);
	may_hold = gp_rule_wake_begin(s->set, s->input->has_network, s->arena);
	for (size_t i = 0; next_hit(s, &i); i++) {
		if (is_off(s->set->rules.items[i], s->input))
			s->hits[i] = 0;
		else
			gp_rule_wake_users(s->set, (unsigned)i, may_hold);
	}
	run_evals(s, may_hold);
	gp_rule_scan_release(s);
	run_metas(s, may_hold, false);
	gp_rule_circuit_cut(s->set, s->hits, score_set(s->input), &s->cut);
	if (s->set->last.len && !s->cut.rule) {
		run_last(s, may_hold);
		gp_rule_circuit_cut(s->set, s->hits, score_set(s->input), &s->cut);
	}
	if (s->cut.rule)
		gp_rule_scan_remember(s, s->set->circuit, gp_str(s->cut.rule->name));
	if (s->dns)
		gp_rule_dns_block(s->set, s->hits);
	for (size_t i = 0; next_hit(s, &i); i++) {
		const struct gp_rule *r = s->set->rules.items[i];
		struct gp_symbol *symbol;

		s->stats.hits++;
		if (r->name[0] == '_' && r->name[1] == '_')
			continue;
		symbol = gp_symbols_add(out, r->name, score_of(s, r), r->describe);
		symbol->hits = s->hits[i];
		symbol->detail = detail_of(s, r).text;
		if (s->evidence)
			symbol->evidence = s->evidence[i];
		else if (s->dns && r->query)
			gp_rule_dns_hit(s->dns, r, &symbol->evidence);
	}
}

double gp_rule_scan_hits(const struct gp_rule_scan *s, const char *name)
{
	const struct gp_rule *r = gp_map_get(&s->set->by_name, gp_str(name));

	return r ? s->hits[r->index] : 0;
}

bool gp_rule_scan_next_hit(const struct gp_rule_scan *s, size_t *iter, struct gp_symbol *ret)
{
	const struct gp_rule *r;

	if (!next_hit(s, iter))
		return false;
	r = s->set->rules.items[*iter];
	*ret = (struct gp_symbol){.name = r->name,
				  .score = score_of(s, r),
				  .description = r->describe,
				  .hits = s->hits[*iter]};
	if (s->evidence)
		ret->evidence = s->evidence[*iter];
	++*iter;
	return true;
}

const struct gp_rule_scan_stats *gp_rule_scan_stats(const struct gp_rule_scan *s)
{
	return &s->stats;
}

const struct gp_rule_cut *gp_rule_scan_cut(const struct gp_rule_scan *s)
{
	return &s->cut;
}

const struct gp_rule_tags *gp_rule_scan_tags(const struct gp_rule_scan *s)
{
	return &s->tags;
}
