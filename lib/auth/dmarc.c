/*
 * DMARC: from the author's domain and what SPF and DKIM found to a result
 * (RFC 9989, 4.10 and 5.3).
 *
 * What is aligned is found out for SPF and for DKIM, although one would do, because
 * reports say both (RFC 9990).  An organisational domain is only looked for where
 * comparing names does not decide: the author's when the identifier is another name,
 * the identifier's when it is within the author's organisational domain, outside of
 * which it cannot have the same one.
 *
 * Where From shows several authors each is judged, as 11.5 recommends, and the worst
 * result counts; a message passes only if all of them do.
 */
#include "lib/auth/dmarc.h"

#include "lib/auth/author.h"
#include "lib/auth/orgdomain.h"
#include "lib/base/buf.h"

/* Of a result's reason. */
#define REASON_MAX 1000

struct gp_dmarc {
	struct gp_arena *arena;
	struct gp_asker *asker;
	struct gp_orgfinder *finder;
	struct gp_authors authors;
};

enum alignment { NOT_ALIGNED, ALIGNED, NOT_KNOWN };

/* One author being judged. */
struct judging {
	struct gp_dmarc *d;
	const struct gp_auth_result *in;
	const struct gp_policy *policy;
	struct gp_dmarc_result *out;
	bool has_org; /* out->org was looked for */
	int org_result;
	bool is_uncertain;
};

struct gp_dmarc *gp_dmarc_begin(struct gp_asker *asker, enum gp_orgdomain how,
				const struct gp_psl *psl, const struct gp_fields *fields)
{
	struct gp_dmarc *d = GP_ARENA_NEW(asker->arena, struct gp_dmarc);

	d->arena = asker->arena;
	d->asker = asker;
	d->finder = gp_orgfinder_new(asker, how, psl);
	gp_authors_read(d->arena, fields, &d->authors);
	for (size_t i = 0; i < d->authors.n; i++)
		gp_orgfinder_ask(d->finder, d->authors.domains[i]);
	return d;
}

struct gp_str gp_dmarc_from(const struct gp_dmarc *d)
{
	const struct gp_authors *a = &d->authors;

	return a->n == 1 && !a->problem.len ? a->domains[0] : GP_STR("");
}

/* Alignment. */

static struct gp_str last_label(struct gp_str name)
{
	size_t dot = gp_str_find_last(name, '.');

	return dot < name.len ? gp_str_sub(name, dot + 1, name.len) : name;
}

static void find_org(struct judging *j)
{
	struct gp_org org;

	if (j->has_org)
		return;
	j->has_org = true;
	j->org_result = gp_orgfinder_find(j->d->finder, j->out->from, &org);
	j->out->org = org.domain;
}

/* What can be said without a question about the identifier; ALIGNED: it is the author's
 * domain, NOT_KNOWN: its own organisational domain decides. */
static enum alignment compare(struct judging *j, struct gp_str id, bool is_strict)
{
	if (!id.len || j->d->authors.n_fields != 1)
		return NOT_ALIGNED;
	if (gp_str_eq(id, j->out->from))
		return ALIGNED;
	if (is_strict || !gp_str_eq(last_label(id), last_label(j->out->from)))
		return NOT_ALIGNED;
	find_org(j);
	return j->org_result || gp_dns_name_is_within(id, j->out->org) ? NOT_KNOWN : NOT_ALIGNED;
}

static enum alignment align(struct judging *j, struct gp_str id, bool is_strict)
{
	enum alignment a = compare(j, id, is_strict);
	struct gp_org org;

	if (a != NOT_KNOWN || j->org_result)
		return a;
	if (gp_orgfinder_find(j->d->finder, id, &org))
		return NOT_KNOWN;
	return gp_str_eq(org.domain, j->out->org) ? ALIGNED : NOT_ALIGNED;
}

static void prefetch(struct judging *j, enum gp_auth_status status, struct gp_str id,
		     bool is_strict)
{
	bool may_count = status == GP_AUTH_PASS || status == GP_AUTH_TEMPERROR;

	if (may_count && compare(j, id, is_strict) == NOT_KNOWN && !j->org_result)
		gp_orgfinder_ask(j->d->finder, id);
}

/* Is the identifier aligned, and is it an authenticated one?  One whose check could not
 * be completed leaves the result open (5.3.6). */
static bool counts(struct judging *j, enum gp_auth_status status, struct gp_str id, bool is_strict)
{
	enum alignment a;

	if (status != GP_AUTH_PASS && status != GP_AUTH_TEMPERROR)
		return false;
	a = align(j, id, is_strict);
	if (a == NOT_KNOWN || (a == ALIGNED && status == GP_AUTH_TEMPERROR))
		j->is_uncertain = true;
	return a == ALIGNED && status == GP_AUTH_PASS;
}

static void align_dkim(struct judging *j)
{
	const struct gp_auth_result *in = j->in;
	struct gp_dmarc_result *out = j->out;

	for (size_t i = 0; i < in->n_dkim; i++)
		prefetch(j, in->dkim[i].status, in->dkim[i].domain, out->is_strict_dkim);
	for (size_t i = 0; i < in->n_dkim; i++) {
		const struct gp_dkim_result *dkim = &in->dkim[i];

		if (counts(j, dkim->status, dkim->domain, out->is_strict_dkim)) {
			if (!out->is_dkim_aligned || gp_str_eq(dkim->domain, out->from))
				out->dkim_domain = dkim->domain;
			out->is_dkim_aligned = true;
		} else if (!out->is_dkim_aligned && dkim->status == GP_AUTH_PASS) {
			out->dkim_domain = dkim->domain;
		}
	}
}

/* SPF's MAIL FROM identity only; of a bounce that is postmaster@HELO (RFC 7208, 2.4). */
static void align_spf(struct judging *j)
{
	const struct gp_spf_result *spf = &j->in->mailfrom;

	prefetch(j, spf->status, spf->domain, j->out->is_strict_spf);
	j->out->spf_domain = spf->domain;
	j->out->is_spf_aligned = counts(j, spf->status, spf->domain, j->out->is_strict_spf);
}

/* The policy. */

/* 3.2.13: NXDOMAIN for the name itself.  Where _dmarc below it exists, so does it. */
static int author_exists(struct judging *j, bool *ret)
{
	struct gp_dns_answer answer;
	int r;

	*ret = true;
	if (gp_orgfinder_policy(j->d->finder, j->out->from)->exists)
		return GP_OK;
	r = gp_ask(j->d->asker, j->out->from, GP_DNS_A, &answer);
	if (r)
		return r;
	if (answer.security == GP_DNS_BOGUS)
		return GP_ETEMP;
	/* Behind an alias it is the target that does not exist. */
	*ret = answer.rcode != GP_DNS_NXDOMAIN || !gp_str_eq(answer.name, j->out->from);
	return GP_OK;
}

/* Of a subdomain, sp= or np=.  Where the DNS does not tell, the weaker; where the message has
 * spent its questions, which is its sender's doing, the stronger. */
static enum gp_dmarc_policy subdomain_policy(struct judging *j, bool has_failed)
{
	const struct gp_dmarc_record *r = &j->policy->record;
	bool exists = true;
	int e;

	if (!has_failed || r->np == r->sp)
		return r->sp;
	e = author_exists(j, &exists);
	if (e)
		return e == GP_ELIMIT ? GP_MAX(r->sp, r->np) : GP_MIN(r->sp, r->np);
	j->out->is_nonexistent = !exists;
	return exists ? r->sp : r->np;
}

/* Which of p=, sp= and np= holds (4.10.1); whether the author exists is only asked where
 * it matters: on failure. */
static void choose_policy(struct judging *j, bool has_failed)
{
	const struct gp_dmarc_record *r = &j->policy->record;
	struct gp_dmarc_result *out = j->out;

	out->published =
		gp_str_eq(j->policy->domain, out->from) ? r->p : subdomain_policy(j, has_failed);
	out->policy = out->published;
	if (r->is_testing && out->policy != GP_DMARC_NONE)
		out->policy = (enum gp_dmarc_policy)(out->policy - 1);
}

static void take_record(struct judging *j)
{
	const struct gp_dmarc_record *r = &j->policy->record;
	struct gp_dmarc_result *out = j->out;

	out->has_record = true;
	out->record = j->policy->text;
	out->record_domain = j->policy->domain;
	out->is_strict_dkim = r->is_strict_dkim;
	out->is_strict_spf = r->is_strict_spf;
	out->is_testing = r->is_testing;
	out->wants_reports = r->wants_reports;
	out->pct = r->pct;
	if (!gp_str_eq(out->record_domain, out->from))
		find_org(j);
}

/* The reason in words. */

static void explain_dkim(const struct judging *j, struct gp_buf *b)
{
	const struct gp_auth_result *in = j->in;
	size_t n = 0;

	for (size_t i = 0; i < in->n_dkim; i++) {
		if (in->dkim[i].status != GP_AUTH_PASS)
			continue;
		gp_buf_printf(b, "%s%.*s", n++ ? ", " : "DKIM passed for ",
			      GP_STR_FMT(in->dkim[i].domain));
	}
	if (n)
		gp_buf_printf(b, " but is not aligned with %.*s", GP_STR_FMT(j->out->from));
	else if (in->n_dkim_seen)
		gp_buf_add_cstr(b, "no DKIM signature passed");
	else
		gp_buf_add_cstr(b, "there is no DKIM signature");
}

static void explain_failure(const struct judging *j, struct gp_buf *b)
{
	const struct gp_spf_result *spf = &j->in->mailfrom;

	if (j->d->authors.n_fields > 1)
		gp_buf_add_cstr(b, "From is there more than once, so nothing is aligned; ");
	if (spf->status == GP_AUTH_PASS)
		gp_buf_printf(b, "SPF passed for %.*s but is not aligned with %.*s; ",
			      GP_STR_FMT(spf->domain), GP_STR_FMT(j->out->from));
	else
		gp_buf_printf(b, "SPF did not pass (%s); ", gp_auth_status_name(spf->status));
	explain_dkim(j, b);
}

static void explain_pass(const struct judging *j, struct gp_buf *b)
{
	const struct gp_dmarc_result *out = j->out;

	if (out->is_spf_aligned)
		gp_buf_printf(b, "SPF for %.*s", GP_STR_FMT(out->spf_domain));
	if (out->is_dkim_aligned)
		gp_buf_printf(b, "%sDKIM for %.*s", out->is_spf_aligned ? " and " : "",
			      GP_STR_FMT(out->dkim_domain));
	gp_buf_printf(b, " passed, aligned with %.*s", GP_STR_FMT(out->from));
}

static void explain(struct judging *j, void (*how)(const struct judging *j, struct gp_buf *b))
{
	GP_BUF_AUTO b = GP_BUF_INIT(REASON_MAX);

	how(j, &b);
	j->out->reason = gp_arena_str(j->d->arena, gp_buf_str(&b));
}

static void give_up(struct judging *j, int error, struct gp_str problem, struct gp_str where)
{
	j->out->status = error == GP_ETEMP ? GP_AUTH_TEMPERROR : GP_AUTH_PERMERROR;
	j->out->policy = GP_DMARC_NONE; /* 5.3.6 */
	j->out->reason = gp_str(gp_arena_printf(j->d->arena, "%.*s%s%.*s", GP_STR_FMT(problem),
						where.len ? ": " : "", GP_STR_FMT(where)));
}

/* Judging. */

static void decide(struct judging *j)
{
	struct gp_dmarc_result *out = j->out;
	bool has_passed;

	align_spf(j);
	align_dkim(j);
	has_passed = out->is_spf_aligned || out->is_dkim_aligned;
	choose_policy(j, !has_passed && !j->is_uncertain);
	if (has_passed) {
		out->status = GP_AUTH_PASS;
		explain(j, explain_pass);
	} else if (j->is_uncertain) {
		give_up(j, j->org_result == GP_ELIMIT ? GP_ELIMIT : GP_ETEMP,
			GP_STR("an answer of the DNS is missing that could make the message pass"),
			GP_STR(""));
	} else {
		out->status = GP_AUTH_FAIL;
		explain(j, explain_failure);
	}
}

static void judge(struct gp_dmarc *d, struct gp_str author, const struct gp_auth_result *in,
		  struct gp_dmarc_result *out)
{
	struct judging j = {.d = d, .in = in, .out = out};
	int r;

	*out = (struct gp_dmarc_result){.from = author, .org = author, .pct = 100};
	r = gp_orgfinder_discover(d->finder, author, &j.policy);
	if (r) {
		give_up(&j, r, j.policy->problem,
			gp_str(gp_arena_printf(d->arena, "_dmarc.%.*s",
					       GP_STR_FMT(j.policy->domain))));
		return;
	}
	if (!j.policy) {
		bool is_ambiguous = gp_orgfinder_policy(d->finder, author)->n_records > 1;

		out->reason =
			gp_str(gp_arena_printf(d->arena,
					       is_ambiguous ? "more than one DMARC record for %.*s"
							    : "no DMARC record for %.*s",
					       GP_STR_FMT(author)));
		return;
	}
	take_record(&j);
	if (!j.policy->is_usable)
		give_up(&j, GP_EINVAL, GP_STR("the DMARC record cannot be applied"),
			j.policy->problem);
	else
		decide(&j);
}

/* Of several authors' results the one that counts has the highest. */
static int badness(const struct gp_dmarc_result *r)
{
	switch (r->status) {
	case GP_AUTH_FAIL:
		return r->policy == GP_DMARC_NONE ? 2 : 4 + (int)r->policy;
	case GP_AUTH_TEMPERROR:
		return 4;
	case GP_AUTH_PERMERROR:
		return 3;
	case GP_AUTH_PASS:
		return 0;
	case GP_AUTH_NONE:
	case GP_AUTH_SOFTFAIL:
	case GP_AUTH_NEUTRAL:
	case GP_AUTH_POLICY:
	case GP_AUTH_STATUSES:
		break;
	}
	return 1;
}

void gp_dmarc_finish(struct gp_dmarc *d, struct gp_auth_result *result)
{
	const struct gp_authors *a = &d->authors;
	struct gp_dmarc_result one, worst = {.pct = 100};
	bool has_any = a->problem.len > 0;

	if (has_any) {
		worst.status = GP_AUTH_PERMERROR;
		worst.reason = a->problem;
	}
	for (size_t i = 0; i < a->n; i++) {
		judge(d, a->domains[i], result, &one);
		if (!has_any || badness(&one) > badness(&worst))
			worst = one;
		has_any = true;
	}
	/* Malformed, and its owner has no say in it. */
	if (a->n_fields > 1 && worst.status == GP_AUTH_NONE) {
		worst.status = GP_AUTH_PERMERROR;
		worst.reason = GP_STR("From is there more than once");
	}
	if (a->n > 1)
		worst.reason = gp_str(gp_arena_printf(d->arena, "%zu domains in From: %.*s", a->n,
						      GP_STR_FMT(worst.reason)));
	result->dmarc = worst;
}
