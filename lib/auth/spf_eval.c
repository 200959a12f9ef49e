/*
 * check_host() (RFC 7208, 4 and 5, redirect= of 6.1).
 *
 * One function a mechanism, in a table.  What the DNS could not say becomes a
 * temperror where the RFC says so; every limit of 4.6.4 is counted here.
 *
 * Void lookups are counted by term, on the term's own question, as 4.6.4 has it
 * ("the number of terms for which DNS queries return …").  Others count every answer without
 * a record, so that an `mx` with three exchanges that have no IPv6 address makes a
 * permerror for whoever comes by IPv6; the questions are bounded without that.
 */
#include <stdlib.h>

#include "lib/auth/spf_int.h"

#define TERMS_MAX 10 /* that ask (4.6.4) */
#define VOID_MAX 2   /* answers without a record (4.6.4) */

enum step {
	NO_MATCH,
	MATCH,
	STOP, /* the outcome is there: an error */
};

#define SAY(e, ...) gp_str(gp_arena_printf((e)->asker->arena, __VA_ARGS__))

static enum step stop(struct gp_spf_outcome *o, enum gp_auth_status status, struct gp_str reason)
{
	o->status = status;
	o->reason = reason;
	return STOP;
}

/* The end of every question: STOP or NO_MATCH.  A name that cannot be asked for is
 * one that does not exist (4.8). */
static enum step settle(struct gp_spf_eval *e, struct gp_str name, int result,
			struct gp_dns_answer *answer, struct gp_spf_outcome *o)
{
	if (result == GP_EINVAL) {
		*answer = (struct gp_dns_answer){.rcode = GP_DNS_NXDOMAIN};
		return NO_MATCH;
	}
	if (result == GP_ELIMIT)
		return stop(o, GP_AUTH_PERMERROR, GP_STR("too many DNS questions or records"));
	if (result)
		return stop(o, GP_AUTH_TEMPERROR,
			    SAY(e, "the DNS did not answer for %.*s", GP_STR_FMT(name)));
	if (answer->security == GP_DNS_BOGUS)
		return stop(o, GP_AUTH_TEMPERROR,
			    SAY(e, "DNSSEC validation failed for %.*s", GP_STR_FMT(name)));
	return NO_MATCH;
}

static enum step count_void(struct gp_spf_eval *e, struct gp_spf_outcome *o)
{
	if (++e->n_void <= VOID_MAX)
		return NO_MATCH;
	return stop(o, GP_AUTH_PERMERROR,
		    SAY(e, "more than %d terms ask for what does not exist", VOID_MAX));
}

/* The question of a term. */
static enum step ask(struct gp_spf_eval *e, struct gp_str name, enum gp_dns_type type,
		     struct gp_dns_answer *answer, struct gp_spf_outcome *o)
{
	int r = gp_ask(e->asker, name, type, answer);
	enum step step = settle(e, name, r, answer, o);

	if (step == STOP || r || answer->n_records)
		return step;
	return count_void(e, o);
}

/* Mechanisms: `name` is the target. */

typedef enum step match_fn(struct gp_spf_eval *e, const struct gp_spf_term *term,
			   struct gp_str name, struct gp_spf_outcome *o);

static enum step match_all(struct gp_spf_eval *e, const struct gp_spf_term *term,
			   struct gp_str name, struct gp_spf_outcome *o)
{
	return MATCH;
}

static enum step match_network(struct gp_spf_eval *e, const struct gp_spf_term *term,
			       struct gp_str name, struct gp_spf_outcome *o)
{
	return gp_cidr_contains(&term->net, &e->client) ? MATCH : NO_MATCH;
}

/* RFC 7208, 5.2: the table. */
static enum step match_include(struct gp_spf_eval *e, const struct gp_spf_term *term,
			       struct gp_str name, struct gp_spf_outcome *o)
{
	struct gp_spf_outcome inner = {0};

	gp_spf_check_host(e, name, &inner);
	if (inner.status == GP_AUTH_PASS) {
		o->reason = inner.reason;
		return MATCH;
	}
	if (inner.status == GP_AUTH_TEMPERROR || inner.status == GP_AUTH_PERMERROR)
		return stop(o, inner.status, inner.reason);
	if (inner.status == GP_AUTH_NONE)
		return stop(o, GP_AUTH_PERMERROR,
			    SAY(e, "\"%.*s\" leads nowhere: %.*s", GP_SPF_SHOW(term->text),
				GP_STR_FMT(inner.reason)));
	return NO_MATCH;
}

static unsigned prefix(const struct gp_spf_eval *e, const struct gp_spf_term *term)
{
	return e->client.family == 4 ? term->bits4 : term->bits6;
}

static enum step match_a(struct gp_spf_eval *e, const struct gp_spf_term *term, struct gp_str name,
			 struct gp_spf_outcome *o)
{
	struct gp_dns_answer answer = {0};
	enum step step = ask(e, name, gp_spf_address_type(e), &answer, o);

	if (step != STOP && gp_spf_has_client(e, &answer, prefix(e, term)))
		step = MATCH;
	return step;
}

static int by_preference(const void *a, const void *b)
{
	const struct gp_dns_record *x = a, *y = b;

	return (x->preference > y->preference) - (x->preference < y->preference);
}

/* The addresses of up to ten exchanges, asked for together, looked at in order. */
static enum step match_exchanges(struct gp_spf_eval *e, const struct gp_spf_term *term,
				 const struct gp_dns_record *exchanges, size_t n,
				 struct gp_spf_outcome *o)
{
	struct gp_ask *asks[GP_SPF_NAMES_MAX] = {0};

	for (size_t i = 0; i < n; i++)
		if (exchanges[i].text.len) /* a null MX has none */
			asks[i] = gp_ask_begin(e->asker, exchanges[i].text, gp_spf_address_type(e));
	for (size_t i = 0; i < n; i++) {
		struct gp_dns_answer answer = {0};

		if (!asks[i])
			continue;
		if (settle(e, exchanges[i].text, gp_ask_finish(asks[i], &answer), &answer, o) ==
		    STOP)
			return STOP;
		if (gp_spf_has_client(e, &answer, prefix(e, term)))
			return MATCH;
	}
	return NO_MATCH;
}

static enum step match_mx(struct gp_spf_eval *e, const struct gp_spf_term *term, struct gp_str name,
			  struct gp_spf_outcome *o)
{
	struct gp_dns_answer mx = {0};
	enum step step = ask(e, name, GP_DNS_MX, &mx, o);

	if (step == STOP || mx.n_records == 0)
		return step;
	qsort(mx.records, mx.n_records, sizeof(*mx.records), by_preference);
	step = match_exchanges(e, term, mx.records, GP_MIN(mx.n_records, (size_t)GP_SPF_NAMES_MAX),
			       o);
	if (step == NO_MATCH && mx.n_records > GP_SPF_NAMES_MAX)
		return stop(o, GP_AUTH_PERMERROR,
			    SAY(e, "%.*s has more than %d MX records", GP_STR_FMT(name),
				GP_SPF_NAMES_MAX));
	return step;
}

static enum step match_ptr(struct gp_spf_eval *e, const struct gp_spf_term *term,
			   struct gp_str name, struct gp_spf_outcome *o)
{
	bool was_asked = e->ptr.is_asked;

	if (gp_spf_ptr_has(e, name))
		return MATCH;
	return e->ptr.is_void && !was_asked ? count_void(e, o) : NO_MATCH;
}

/* An A record, whatever the client's family (5.7). */
static enum step match_exists(struct gp_spf_eval *e, const struct gp_spf_term *term,
			      struct gp_str name, struct gp_spf_outcome *o)
{
	struct gp_dns_answer answer = {0};
	enum step step = ask(e, name, GP_DNS_A, &answer, o);

	return step != STOP && answer.n_records ? MATCH : step;
}

static const struct {
	match_fn *match; /* NULL: a modifier */
	bool asks;
} terms[GP_SPF_KINDS] = {
	[GP_SPF_ALL] = {match_all, false},     [GP_SPF_INCLUDE] = {match_include, true},
	[GP_SPF_A] = {match_a, true},	       [GP_SPF_MX] = {match_mx, true},
	[GP_SPF_PTR] = {match_ptr, true},      [GP_SPF_IP4] = {match_network, false},
	[GP_SPF_IP6] = {match_network, false}, [GP_SPF_EXISTS] = {match_exists, true},
	[GP_SPF_REDIRECT] = {NULL, true},
};

/* The target of a term; NO_MATCH if it can be no name. */
static enum step find_target(struct gp_spf_eval *e, struct gp_str spec, struct gp_str domain,
			     struct gp_str *ret, struct gp_spf_outcome *o)
{
	int r = gp_spf_macro_target(e, spec, domain, ret);

	if (r == GP_ELIMIT)
		return stop(o, GP_AUTH_PERMERROR, GP_STR("macros expand to too much"));
	return r ? NO_MATCH : MATCH;
}

static enum step count_term(struct gp_spf_eval *e, enum gp_spf_kind kind, struct gp_spf_outcome *o)
{
	if (!terms[kind].asks || ++e->n_terms <= TERMS_MAX)
		return NO_MATCH;
	return stop(o, GP_AUTH_PERMERROR, SAY(e, "more than %d terms ask the DNS", TERMS_MAX));
}

static enum step match_term(struct gp_spf_eval *e, const struct gp_spf_term *term,
			    struct gp_str domain, struct gp_spf_outcome *o)
{
	struct gp_str name = {0};
	enum step step = count_term(e, term->kind, o);

	if (step == STOP)
		return STOP;
	step = find_target(e, term->domain, domain, &name, o);
	return step == MATCH ? terms[term->kind].match(e, term, name, o) : step;
}

static void say_match(struct gp_spf_eval *e, const struct gp_spf_term *term,
		      struct gp_spf_outcome *o)
{
	o->status = term->qualifier;
	o->mechanism = term->text;
	o->reason = o->reason.len ? SAY(e, "matched \"%.*s\", which %.*s", GP_SPF_SHOW(term->text),
					GP_STR_FMT(o->reason))
				  : SAY(e, "matched \"%.*s\"", GP_SPF_SHOW(term->text));
}

/* No mechanism matched: redirect= or neutral (4.7, 6.1). */
static void end_of_record(struct gp_spf_eval *e, struct gp_str redirect, struct gp_str domain,
			  struct gp_spf_outcome *o)
{
	struct gp_str target, record = o->record;
	struct gp_spf_outcome next = {0};
	enum step step = redirect.len ? find_target(e, redirect, domain, &target, o) : NO_MATCH;

	if (step == STOP)
		return;
	if (step == NO_MATCH) {
		o->status = GP_AUTH_NEUTRAL;
		o->mechanism = GP_STR("default");
		o->reason = SAY(e, "no mechanism of %.*s matched", GP_STR_FMT(domain));
		return;
	}
	if (count_term(e, GP_SPF_REDIRECT, o) == STOP)
		return;
	gp_spf_check_host(e, target, &next);
	if (next.status == GP_AUTH_NONE)
		next.status = GP_AUTH_PERMERROR;
	next.reason =
		SAY(e, "redirected to %.*s: %.*s", GP_STR_FMT(target), GP_STR_FMT(next.reason));
	*o = next;
	o->record = record;
}

static void evaluate(struct gp_spf_eval *e, struct gp_str domain, struct gp_spf_outcome *o)
{
	struct gp_spf_modifiers modifiers;
	struct gp_spf_term term;
	struct gp_str rest;
	struct gp_diag diag;

	if (gp_spf_record_parse(o->record, &rest, &modifiers, &diag)) {
		stop(o, GP_AUTH_PERMERROR,
		     SAY(e, "record of %.*s: %s", GP_STR_FMT(domain), diag.text));
		return;
	}
	while (gp_spf_term_next(&rest, &term, NULL) == GP_OK) {
		enum step step;

		if (!terms[term.kind].match)
			continue;
		step = match_term(e, &term, domain, o);
		if (step == STOP)
			return;
		if (step == MATCH) {
			say_match(e, &term, o);
			o->exp = modifiers.exp;
			o->exp_domain = domain;
			return;
		}
	}
	end_of_record(e, modifiers.redirect, domain, o);
}

/* The record of a domain (4.4, 4.5): its text, or the outcome. */
static bool find_record(struct gp_spf_eval *e, struct gp_str domain, struct gp_spf_outcome *o)
{
	struct gp_dns_answer answer = {0};
	struct gp_str record = {0};
	size_t n = 0;

	if (settle(e, domain, gp_ask(e->asker, domain, GP_DNS_TXT, &answer), &answer, o) == STOP)
		return false;
	for (size_t i = 0; i < answer.n_records; i++)
		if (gp_spf_is_record(answer.records[i].text)) {
			record = answer.records[i].text;
			n++;
		}
	if (n == 1) {
		o->record = record;
		return true;
	}
	if (n > 1)
		stop(o, GP_AUTH_PERMERROR, SAY(e, "%.*s has %zu records", GP_STR_FMT(domain), n));
	else if (answer.rcode == GP_DNS_NXDOMAIN)
		stop(o, GP_AUTH_NONE, SAY(e, "%.*s does not exist", GP_STR_FMT(domain)));
	else
		stop(o, GP_AUTH_NONE, SAY(e, "%.*s has no SPF record", GP_STR_FMT(domain)));
	return false;
}

/* Several labels, the last of them no number: not an IP address (4.3). */
static bool is_domain(const char *name)
{
	const char *top = strrchr(name, '.');

	return top && top[1 + strspn(top + 1, "0123456789")] != '\0';
}

void gp_spf_check_host(struct gp_spf_eval *e, struct gp_str domain, struct gp_spf_outcome *o)
{
	char name[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold_escaped(domain, name) || !is_domain(name)) {
		stop(o, GP_AUTH_NONE, SAY(e, "\"%.*s\" is no domain", GP_SPF_SHOW(domain)));
		return;
	}
	domain = gp_str(gp_arena_strdup(e->asker->arena, name));
	if (find_record(e, domain, o))
		evaluate(e, domain, o);
}
