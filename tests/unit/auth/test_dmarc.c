/*
 * DMARC: discovery, alignment, policy, authors; each row a message and a zone.
 */
#include "tests/unit/test.h"

#include "lib/auth/author.h"
#include "lib/auth/dmarc.h"
#include "lib/auth/orgdomain.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"

#define DKIM_MAX 4

/* What SPF or a signature found; domain NULL ends a list. */
struct id {
	enum gp_auth_status status;
	const char *domain;
};

struct expected {
	enum gp_auth_status status;
	enum gp_dmarc_policy published, policy;
	const char *at;	    /* where the record was found, NULL: there is none */
	const char *org;    /* NULL: not looked at */
	const char *reason; /* a part of it, NULL: not looked at */
};

struct row {
	const char *zone;
	const char *header;
	struct id spf;
	struct id dkim[DKIM_MAX];
	struct expected want;
};

struct message {
	struct gp_arena *arena;
	struct gp_resolver *dns;
	struct gp_batch *batch;
	struct gp_asker asker;
	struct gp_fields fields;
	struct gp_dkim_result dkim[DKIM_MAX];
	struct gp_auth_result result;
	struct gp_dmarc *d;
};

static struct gp_psl *psl;

static void begin(struct message *m, const char *zone, const char *header, enum gp_orgdomain how)
{
	struct gp_str body;

	*m = (struct message){.arena = gp_arena_new(0)};
	m->dns = gp_fake_dns_open(zone, NULL);
	m->batch = gp_batch_new(gp_clock_mono_ms() + 50);
	gp_asker_init(&m->asker, m->dns, m->batch, m->arena);
	gp_fields_parse(m->arena, gp_str(header), &m->fields, &body);
	m->d = gp_dmarc_begin(&m->asker, how, psl, &m->fields);
}

static void finish(struct message *m, const struct id *spf, const struct id *dkim)
{
	m->result.mailfrom.status = spf->status;
	m->result.mailfrom.domain = gp_str(spf->domain);
	m->result.dkim = m->dkim;
	while (m->result.n_dkim < DKIM_MAX && dkim[m->result.n_dkim].domain) {
		const struct id *id = &dkim[m->result.n_dkim];

		m->dkim[m->result.n_dkim].status = id->status;
		m->dkim[m->result.n_dkim++].domain = gp_str(id->domain);
	}
	m->result.n_dkim_seen = m->result.n_dkim;
	gp_dmarc_finish(m->d, &m->result);
}

static void end(struct message *m)
{
	gp_batch_free(&m->batch);
	gp_resolver_close(&m->dns);
	gp_arena_free(m->arena);
}

/* Fails with the number of the row that is wrong. */
#define CHECK(cond)                                                                               \
	do {                                                                                      \
		if (!(cond))                                                                      \
			fail_msg("row %zu (%s): %s; got %s, published %s, policy %s, at '%.*s', " \
				 "org '%.*s': %.*s",                                              \
				 n, row->header, #cond, gp_auth_status_name(r->status),           \
				 gp_dmarc_policy_name(r->published),                              \
				 gp_dmarc_policy_name(r->policy), GP_STR_FMT(r->record_domain),   \
				 GP_STR_FMT(r->org), GP_STR_FMT(r->reason));                      \
	} while (0)

static void check_row(const struct row *row, size_t n, enum gp_orgdomain how)
{
	const struct expected *want = &row->want;
	const struct gp_dmarc_result *r;
	struct message m;

	begin(&m, row->zone, row->header, how);
	finish(&m, &row->spf, row->dkim);
	r = &m.result.dmarc;
	CHECK(r->status == want->status);
	CHECK(r->published == want->published);
	CHECK(r->policy == want->policy);
	CHECK(r->has_record == (want->at != NULL));
	CHECK(!want->at || gp_str_eq(r->record_domain, gp_str(want->at)));
	CHECK(!want->org || gp_str_eq(r->org, gp_str(want->org)));
	CHECK(!want->reason || gp_str_find(r->reason, gp_str(want->reason), 0) < r->reason.len);
	end(&m);
}

static void check_rows(const struct row *rows, size_t n, enum gp_orgdomain how)
{
	for (size_t i = 0; i < n; i++)
		check_row(&rows[i], i, how);
}

#define NONE GP_AUTH_NONE
#define PASS GP_AUTH_PASS
#define FAIL GP_AUTH_FAIL
#define TEMP GP_AUTH_TEMPERROR
#define PERM GP_AUTH_PERMERROR
#define P_NONE GP_DMARC_NONE
#define P_QUAR GP_DMARC_QUARANTINE
#define P_REJ GP_DMARC_REJECT

/* The examples of RFC 9989, 4.10 and B.4, and those of B.1. */
static void rfc_examples(void **state)
{
	static const char simple[] = "_dmarc.example.com TXT v=DMARC1; p=reject\n"
				     "_dmarc.signing.example.com TXT v=DMARC1; p=none\n"
				     "example.com A 192.0.2.1\n"
				     "deep.example.com A 192.0.2.1\n";
	static const char bank[] = "_dmarc.bank.example TXT v=DMARC1; p=reject; psd=y\n"
				   "_dmarc.giant.bank.example TXT v=DMARC1; p=quarantine\n";
	static const char deep[] = "From: a@a.b.c.d.e.f.g.h.i.j.k.example.com\n\n";
	const struct row rows[] = {
		/* B.4.1 */
		{simple,
		 "From: a@example.com\n\n",
		 {PASS, "example.com"},
		 {{PASS, "signing.example.com"}},
		 {PASS, P_REJ, P_REJ, "example.com", "example.com",
		  "SPF for example.com and DKIM for signing.example.com"}},
		{simple,
		 "From: a@example.com\n\n",
		 {FAIL, "example.com"},
		 {{PASS, "signing.example.com"}},
		 {PASS, P_REJ, P_REJ, "example.com", "example.com",
		  "DKIM for signing.example.com passed"}},
		/* B.4.2 */
		{simple,
		 deep,
		 {PASS, "example.com"},
		 {{PASS, "signing.example.com"}},
		 {PASS, P_REJ, P_REJ, "example.com", "example.com", NULL}},
		{simple,
		 deep,
		 {FAIL, "example.com"},
		 {{FAIL, "signing.example.com"}},
		 {FAIL, P_REJ, P_REJ, "example.com", "example.com", "no DKIM signature passed"}},
		/* B.4.3 */
		{bank,
		 "From: a@giant.bank.example\n\n",
		 {PASS, "mail.giant.bank.example"},
		 {{PASS, "mail.mega.bank.example"}},
		 {PASS, P_QUAR, P_QUAR, "giant.bank.example", "giant.bank.example",
		  "SPF for mail.giant.bank.example passed"}},
		{bank,
		 "From: a@giant.bank.example\n\n",
		 {NONE, ""},
		 {{PASS, "mail.mega.bank.example"}},
		 {FAIL, P_QUAR, P_QUAR, "giant.bank.example", "giant.bank.example",
		  "DKIM passed for mail.mega.bank.example but is not aligned"}},
		/* 4.10.2, the three at its end */
		{"_dmarc.mail.example.com TXT v=DMARC1;p=none\n_dmarc.example.com TXT "
		 "v=DMARC1;p=reject\n",
		 "From: a@a.mail.example.com\n\n",
		 {PASS, "b.example.com"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "example.com", "example.com", NULL}},
		{"_dmarc.mail.example.com TXT v=DMARC1;p=none;psd=n\n_dmarc.example.com TXT "
		 "v=DMARC1;p=reject\n",
		 "From: a@a.mail.example.com\n\n",
		 {PASS, "b.example.com"},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "mail.example.com", "mail.example.com",
		  "not aligned with a.mail.example.com"}},
		{"_dmarc.com TXT v=DMARC1;p=reject;psd=y;sp=quarantine\na.mail.example.com A "
		 "192.0.2.1\n",
		 "From: a@a.mail.example.com\n\n",
		 {PASS, "b.example.com"},
		 {{0}},
		 {PASS, P_QUAR, P_QUAR, "com", "example.com", NULL}},
		/* B.1.1, B.1.2: strict, relaxed, none */
		{simple,
		 "From: sender@example.com\n\n",
		 {PASS, "example.com"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "example.com", NULL, NULL}},
		{simple,
		 "From: sender@example.com\n\n",
		 {PASS, "child.example.com"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "example.com", NULL, NULL}},
		{simple,
		 "From: sender@child.example.com\n\n",
		 {PASS, "example.net"},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "example.com", NULL,
		  "SPF passed for example.net but is not aligned with child.example.com"}},
		{simple,
		 "From: sender@example.com\n\n",
		 {NONE, ""},
		 {{PASS, "example.com"}},
		 {PASS, P_REJ, P_REJ, "example.com", NULL, NULL}},
		{simple,
		 "From: sender@child.example.com\n\n",
		 {NONE, ""},
		 {{PASS, "example.com"}},
		 {PASS, P_REJ, P_REJ, "example.com", NULL, NULL}},
		{simple,
		 "From: sender@child.example.com\n\n",
		 {NONE, ""},
		 {{PASS, "example.net"}},
		 {FAIL, P_REJ, P_REJ, "example.com", NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_TREE_WALK);
}

static void discovery(void **state)
{
	static const struct row rows[] = {
		{"a.example A 192.0.2.1\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {NONE, P_NONE, P_NONE, NULL, "a.example", "no DMARC record for a.example"}},
		/* two records are as good as none, here and further up */
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.a.example TXT v=DMARC1;p=none\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {NONE, P_NONE, P_NONE, NULL, NULL, "more than one DMARC record for a.example"}},
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.a.example TXT "
		 "v=DMARC1;p=reject\n_dmarc.example TXT v=DMARC1;p=quarantine;psd=y\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "example", "a.example", NULL}},
		/* what is no DMARC record does not count */
		{"_dmarc.a.example TXT v=spf1 -all\n_dmarc.a.example TXT "
		 "v=DMARC1;p=reject\n_dmarc.a.example TXT v=dmarc1;p=none\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		/* the author's own p=, not sp= */
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=reject;np=reject\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=reject\nb.a.example A 192.0.2.1\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", "a.example", NULL}},
		/* a record in between does not hold for names below it, only the topmost does */
		{"_dmarc.b.a.example TXT v=DMARC1;p=none\n_dmarc.a.example TXT v=DMARC1;p=reject\n",
		 "From: a@c.b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", "a.example", NULL}},
		/* psd=y: the organisational domain below it has none, so the suffix' record holds,
		 * whatever stands lower */
		{"_dmarc.c.b.bank.example TXT v=DMARC1;p=none\n_dmarc.bank.example TXT "
		 "v=DMARC1;p=reject;psd=y\n",
		 "From: a@d.c.b.bank.example\n\n",
		 {PASS, "b.bank.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "bank.example", "b.bank.example", NULL}},
		/* the suffix itself as author */
		{"_dmarc.bank.example TXT v=DMARC1;p=reject;sp=none;psd=y\n",
		 "From: a@bank.example\n\n",
		 {PASS, "x.bank.example"},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "bank.example", "bank.example", NULL}},
		/* psd=y ends the walk: what is above it does not matter */
		{"_dmarc.bank.example TXT v=DMARC1;p=quarantine;psd=y\n_dmarc.example TXT "
		 "v=DMARC1;p=reject\n",
		 "From: a@a.bank.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "bank.example", "a.bank.example", NULL}},
		/* psd=n at the author's own record */
		{"_dmarc.a.b.example TXT v=DMARC1;p=reject;psd=n\n_dmarc.b.example TXT "
		 "v=DMARC1;p=none\n",
		 "From: a@a.b.example\n\n",
		 {PASS, "b.example"},
		 {{PASS, "x.a.b.example"}},
		 {PASS, P_REJ, P_REJ, "a.b.example", "a.b.example", "DKIM for x.a.b.example"}},
		/* psd=n below the common domain at the identifier's side */
		{"_dmarc.b.example TXT v=DMARC1;p=reject\n_dmarc.x.b.example TXT "
		 "v=DMARC1;p=none;psd=n\n",
		 "From: a@b.example\n\n",
		 {PASS, "x.b.example"},
		 {{PASS, "y.x.b.example"}},
		 {FAIL, P_REJ, P_REJ, "b.example", "b.example", NULL}},
		/* a top-level domain with a record that does not say psd=y takes all (11.8) */
		{"_dmarc.example TXT v=DMARC1;p=reject\n",
		 "From: a@a.example\n\n",
		 {PASS, "b.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "example", "example", NULL}},
		/* one label */
		{"_dmarc.localhost TXT v=DMARC1;p=reject\n",
		 "From: a@localhost\n\n",
		 {PASS, "localhost"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "localhost", NULL, NULL}},
		/* exactly eight labels: the seven-label name is next */
		{"_dmarc.b.c.d.e.f.g.example TXT v=DMARC1;p=reject;psd=n\n",
		 "From: a@a.b.c.d.e.f.g.example\n\n",
		 {PASS, "b.c.d.e.f.g.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "b.c.d.e.f.g.example", "b.c.d.e.f.g.example", NULL}},
		/* nine: what stands at eight is never seen (5.1.8) */
		{"_dmarc.b.c.d.e.f.g.h.example TXT v=DMARC1;p=reject;psd=n\n_dmarc.example TXT "
		 "v=DMARC1;p=quarantine;psd=y\n",
		 "From: a@a.b.c.d.e.f.g.h.example\n\n",
		 {PASS, "c.d.e.f.g.h.example"},
		 {{0}},
		 {PASS, P_QUAR, P_QUAR, "example", "h.example", NULL}},
		/* psd=y at the seven-label name of a long one: the domain below it was not asked
		   for */
		{"_dmarc.c.d.e.f.g.h.example TXT "
		 "v=DMARC1;p=reject;psd=y\n_dmarc.b.c.d.e.f.g.h.example TXT v=DMARC1;p=none\n",
		 "From: a@a.b.c.d.e.f.g.h.example\n\n",
		 {PASS, "x.b.c.d.e.f.g.h.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "c.d.e.f.g.h.example", "b.c.d.e.f.g.h.example", NULL}},
		/* behind an alias */
		{"_dmarc.a.example CNAME policy.other.example\npolicy.other.example TXT "
		 "v=DMARC1;p=reject\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_TREE_WALK);
}

static void policies(void **state)
{
	static const struct row rows[] = {
		/* t=y: one level lower */
		{"_dmarc.a.example TXT v=DMARC1;p=reject;t=y\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_QUAR, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=quarantine;t=y\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_NONE, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;t=y\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "a.example", NULL, NULL}},
		/* pct= has no effect (A.6) */
		{"_dmarc.a.example TXT v=DMARC1;p=reject;pct=0\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		/* np=: the name does not exist, exists without data, exists by _dmarc below it, is
		 * an alias of what does not exist */
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\nb.a.example TXT "
		 "x\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\n_dmarc.b.a.example "
		 "TXT x\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\nb.a.example CNAME "
		 "nothing.example\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;np=reject\nb.a.example A 192.0.2.1\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=reject\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		/* whether it exists is not known: the weaker */
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\nb.a.example A "
		 "!servfail\n",
		 "From: a@b.a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_QUAR, P_QUAR, "a.example", NULL, NULL}},
		/* but does not matter when it passes */
		{"_dmarc.a.example TXT v=DMARC1;p=none;sp=quarantine;np=reject\nb.a.example A "
		 "!servfail\n",
		 "From: a@b.a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {PASS, P_QUAR, P_QUAR, "a.example", NULL, NULL}},
		/* a malformed policy: as p=none where a report is wanted, else no DMARC */
		{"_dmarc.a.example TXT v=DMARC1;p=rejct\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {PERM, P_NONE, P_NONE, "a.example", NULL, "p= is not none, quarantine or reject"}},
		{"_dmarc.a.example TXT v=DMARC1;p=reject;sp=x;rua=mailto:r@a.example\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "a.example", NULL, NULL}},
		/* none is as p=none */
		{"_dmarc.a.example TXT v=DMARC1\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_NONE, P_NONE, "a.example", NULL, NULL}},
		/* but may not be the one of the walk's upper end that makes it the suffix' */
		{"_dmarc.a.example TXT v=DMARC1;p=x\n_dmarc.example TXT v=DMARC1;p=reject;psd=y\n",
		 "From: a@a.example\n\n",
		 {FAIL, ""},
		 {{0}},
		 {PERM, P_NONE, P_NONE, "a.example", NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_TREE_WALK);
}

static void alignment(void **state)
{
	static const char strict[] = "_dmarc.a.example TXT v=DMARC1;p=reject;adkim=s;aspf=s\n";
	static const char mixed[] = "_dmarc.a.example TXT v=DMARC1;p=reject;adkim=s\n";
	static const char plain[] = "_dmarc.a.example TXT v=DMARC1;p=reject\n";
	const struct row rows[] = {
		{strict,
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{PASS, "b.a.example"}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		{strict,
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{PASS, "a.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, "DKIM for a.example passed"}},
		{mixed,
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{PASS, "b.a.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, "SPF for b.a.example passed"}},
		/* a name that only ends alike */
		{plain,
		 "From: a@a.example\n\n",
		 {PASS, "xa.example"},
		 {{PASS, "a.example.evil.example"}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL,
		  "SPF passed for xa.example but is not aligned with a.example; DKIM passed for "
		  "a.example.evil.example but"}},
		/* only what passed counts */
		{plain,
		 "From: a@a.example\n\n",
		 {GP_AUTH_SOFTFAIL, "a.example"},
		 {{FAIL, "a.example"},
		  {GP_AUTH_POLICY, "a.example"},
		  {GP_AUTH_NEUTRAL, "a.example"}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL,
		  "SPF did not pass (softfail); no DKIM signature passed"}},
		{plain,
		 "From: a@a.example\n\n",
		 {NONE, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, "there is no DKIM signature"}},
		/* one of many signatures is enough */
		{plain,
		 "From: a@a.example\n\n",
		 {NONE, ""},
		 {{PASS, "b.example"},
		  {FAIL, "a.example"},
		  {PASS, "m.a.example"},
		  {PASS, "c.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, "DKIM for m.a.example passed"}},
		{plain,
		 "From: a@a.example\n\n",
		 {NONE, ""},
		 {{PASS, "m.a.example"}, {PASS, "a.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, "DKIM for a.example passed"}},
		/* a check that could not be completed leaves it open, if it could have helped */
		{plain,
		 "From: a@a.example\n\n",
		 {TEMP, "a.example"},
		 {{0}},
		 {TEMP, P_REJ, P_NONE, "a.example", NULL, NULL}},
		{plain,
		 "From: a@a.example\n\n",
		 {FAIL, "a.example"},
		 {{TEMP, "m.a.example"}},
		 {TEMP, P_REJ, P_NONE, "a.example", NULL, NULL}},
		{plain,
		 "From: a@a.example\n\n",
		 {TEMP, "b.example"},
		 {{TEMP, "c.example"}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		{plain,
		 "From: a@a.example\n\n",
		 {TEMP, "a.example"},
		 {{PASS, "a.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, NULL}},
		{plain,
		 "From: a@a.example\n\n",
		 {PERM, "a.example"},
		 {{PERM, "a.example"}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_TREE_WALK);
}

static void dns_errors(void **state)
{
	static const struct row rows[] = {
		/* at the author */
		{"_dmarc.b.a.example TXT !servfail\n_dmarc.a.example TXT v=DMARC1;p=reject\n",
		 "From: a@b.a.example\n\n",
		 {PASS, "b.a.example"},
		 {{0}},
		 {TEMP, P_NONE, P_NONE, NULL, NULL, "_dmarc.b.a.example"}},
		/* on the way up, before the end of the walk */
		{"_dmarc.a.example TXT !servfail\n_dmarc.example TXT v=DMARC1;p=reject;psd=y\n",
		 "From: a@b.a.example\n\n",
		 {PASS, "b.a.example"},
		 {{0}},
		 {TEMP, P_NONE, P_NONE, NULL, NULL, "the DNS gave no answer: _dmarc.a.example"}},
		/* behind it */
		{"_dmarc.a.example TXT v=DMARC1;p=reject;psd=n\n_dmarc.example TXT !servfail\n",
		 "From: a@b.a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "a.example", "a.example", NULL}},
		/* the author's record is there, its organisational domain is not known */
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.example TXT !servfail\n",
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{0}},
		 {TEMP, P_REJ, P_NONE, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.example TXT !servfail\n",
		 "From: a@a.example\n\n",
		 {PASS, "b.other"},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "a.example", NULL, NULL}},
		/* and not needed */
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.example TXT !servfail\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, NULL}},
		/* on the identifier's way */
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.b.a.example TXT !servfail\n",
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{0}},
		 {TEMP, P_REJ, P_NONE, "a.example", NULL, NULL}},
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.b.a.example TXT !servfail\n",
		 "From: a@a.example\n\n",
		 {PASS, "b.a.example"},
		 {{PASS, "c.a.example"}},
		 {PASS, P_REJ, P_REJ, "a.example", NULL, "DKIM for c.a.example passed"}},
		/* no answer in time, a broken DNSSEC chain */
		{"_dmarc.a.example TXT !timeout\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {TEMP, P_NONE, P_NONE, NULL, NULL, "_dmarc.a.example"}},
		{"_dmarc.a.example TXT v=DMARC1;p=reject\n_dmarc.a.example TXT !bogus\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {TEMP, P_NONE, P_NONE, NULL, NULL, "DNSSEC"}},
		{"_dmarc.a.example CNAME _dmarc.a.example\n",
		 "From: a@a.example\n\n",
		 {PASS, "a.example"},
		 {{0}},
		 {NONE, P_NONE, P_NONE, NULL, NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_TREE_WALK);
}

/* From in all its ways: both domains have a policy, SPF and DKIM pass for the attacker's. */
static void authors(void **state)
{
	static const char zone[] = "_dmarc.good.example TXT v=DMARC1;p=reject\n"
				   "_dmarc.evil.example TXT v=DMARC1;p=none\n"
				   "_dmarc.xn--bcher-kva.example TXT v=DMARC1;p=quarantine\n"
				   "_dmarc.slow.example TXT !servfail\n";
	static const struct {
		const char *header;
		enum gp_auth_status status;
		enum gp_dmarc_policy policy;
		const char *from; /* of the result */
	} rows[] = {
		{"From: x@evil.example\n\n", PASS, P_NONE, "evil.example"},
		{"From: \"a@good.example\" <x@evil.example>\n\n", PASS, P_NONE, "evil.example"},
		{"From: a@good.example <x@evil.example>\n\n", PASS, P_NONE, "evil.example"},
		{"From: =?utf-8?q?a=40good.example?= <x@evil.example>\n\n", PASS, P_NONE,
		 "evil.example"},
		{"From: (a@good.example) x@evil.example\n\n", PASS, P_NONE, "evil.example"},
		{"From: x@evil.example (a@good.example)\n\n", PASS, P_NONE, "evil.example"},
		{"From: \"a@good.example\"@evil.example\n\n", PASS, P_NONE, "evil.example"},
		{"From: <\"a@good.example> \"@evil.example>\n\n", PASS, P_NONE, "evil.example"},
		{"From: <@good.example,@good.example:x@evil.example>\n\n", PASS, P_NONE,
		 "evil.example"},
		{"From: x@evil.example, y@EVIL.example.\n\n", PASS, P_NONE, "evil.example"},
		{"From: List: x@evil.example;\n\n", PASS, P_NONE, "evil.example"},
		{"From:\n\tX\n\t<x@evil.example>\n\n", PASS, P_NONE, "evil.example"},
		{"From: <x @ evil . example>\n\n", PASS, P_NONE, "evil.example"},
		{"From: x@ (a comment (nested)) evil.example\n\n", PASS, P_NONE, "evil.example"},
		/* both are shown, so both are judged */
		{"From: x@evil.example, a@good.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: a@good.example, x@evil.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: <a@good.example> <x@evil.example>\n\n", FAIL, P_REJ, "good.example"},
		{"From: <x@evil.example> <a@good.example>\n\n", FAIL, P_REJ, "good.example"},
		{"From: <x@evil.example>, <a@good.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: <a@good.example@evil.example>\n\n", FAIL, P_REJ, "good.example"},
		{"From: <a@good.example, x@evil.example>\n\n", FAIL, P_REJ, "good.example"},
		{"From: a@good.example x@evil.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: a@good.example (c) x@evil.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: List: x@evil.example, a@good.example;\n\n", FAIL, P_REJ, "good.example"},
		{"From: x@evil.example; a@good.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: x@evil.example\nFrom: a@good.example\n\n", FAIL, P_REJ, "good.example"},
		{"From: a@good.example\nX: y\nfrom : x@evil.example\n\n", FAIL, P_REJ,
		 "good.example"},
		{"From: x@evil.example, a@slow.example\n\n", TEMP, P_NONE, "slow.example"},
		{"From: x@evil.example, a@unknown.example\n\n", NONE, P_NONE, "unknown.example"},
		{"From: x@evil.example, a@[192.0.2.1]\n\n", PERM, P_NONE, ""},
		/* twice the same: no RFC 5322 message, so nothing is aligned */
		{"From: x@evil.example\nFrom: x@evil.example\n\n", FAIL, P_NONE, "evil.example"},
		{"From: a@unknown.example\nFrom: a@unknown.example\n\n", PERM, P_NONE,
		 "unknown.example"},
		/* too many */
		{"From: a@a.x, a@b.x, a@c.x, a@d.x, a@e.x, a@good.example\n\n", PERM, P_NONE, ""},
		{"From: a@good.example, a@b.x, a@c.x, a@d.x, a@e.x\n\n", FAIL, P_REJ,
		 "good.example"},
		/* nobody */
		{"To: a@good.example\n\n", PERM, P_NONE, ""},
		{"From:\n\n", PERM, P_NONE, ""},
		{"From: undisclosed:;\n\n", PERM, P_NONE, ""},
		{"From: a@good.example <>\n\n", PERM, P_NONE, ""},
		{"From: MAILER-DAEMON\n\n", PERM, P_NONE, ""},
		{"From: x@192.0.2.1\n\n", PERM, P_NONE, ""},
		{"From: x@a..example\n\n", PERM, P_NONE, ""},
		/* U-labels are A-labels */
		{"From: x@B\303\274cher.example\n\n", FAIL, P_QUAR, "xn--bcher-kva.example"},
		{"From: x@\377.example\n\n", PERM, P_NONE, ""},
	};

	for (size_t n = 0; n < GP_ARRAY_SIZE(rows); n++) {
		const struct id spf = {PASS, "evil.example"},
				dkim[DKIM_MAX] = {{PASS, "evil.example"}};
		struct message m;

		begin(&m, zone, rows[n].header, GP_ORGDOMAIN_TREE_WALK);
		finish(&m, &spf, dkim);
		if (m.result.dmarc.status != rows[n].status ||
		    m.result.dmarc.policy != rows[n].policy ||
		    !gp_str_eq(m.result.dmarc.from, gp_str(rows[n].from)))
			fail_msg("%s%s %s '%.*s': %.*s", rows[n].header,
				 gp_auth_status_name(m.result.dmarc.status),
				 gp_dmarc_policy_name(m.result.dmarc.policy),
				 GP_STR_FMT(m.result.dmarc.from),
				 GP_STR_FMT(m.result.dmarc.reason));
		end(&m);
	}
}

static void the_author_for_dkim(void **state)
{
	struct message m;

	begin(&m, "", "From: x@Evil.Example\n\n", GP_ORGDOMAIN_TREE_WALK);
	assert_str(gp_dmarc_from(m.d), "evil.example");
	end(&m);
	begin(&m, "", "From: x@evil.example, y@good.example\n\n", GP_ORGDOMAIN_TREE_WALK);
	assert_str(gp_dmarc_from(m.d), "");
	end(&m);
	begin(&m, "", "From: x@evil.example, y@[1.2.3.4]\n\n", GP_ORGDOMAIN_TREE_WALK);
	assert_str(gp_dmarc_from(m.d), "");
	end(&m);
}

/* A header cut at its limit may hide a From. */
static void cut_header(void **state)
{
	const struct id spf = {PASS, "evil.example"}, dkim[DKIM_MAX] = {{0}};
	struct message m;

	begin(&m, "_dmarc.evil.example TXT v=DMARC1;p=none\n", "From: x@evil.example\n\n",
	      GP_ORGDOMAIN_TREE_WALK);
	m.fields.is_cut = true;
	m.d = gp_dmarc_begin(&m.asker, GP_ORGDOMAIN_TREE_WALK, NULL, &m.fields);
	finish(&m, &spf, dkim);
	assert_int_equal(m.result.dmarc.status, PERM);
	end(&m);
}

/* A From behind more header than is kept is judged all the same. */
static void from_behind_the_cut(void **state)
{
	static const char zone[] = "_dmarc.good.example TXT v=DMARC1;p=reject\n";
	static char junk[GP_MAX_AUTH_HEADER + 1];
	const struct id spf = {PASS, "evil.example"}, dkim[DKIM_MAX] = {{0}};
	struct message m;

	memset(junk, 'x', sizeof(junk));
	for (int i = 0; i < 2; i++) {
		begin(&m, zone, "", GP_ORGDOMAIN_TREE_WALK);
		if (i == 0)
			gp_fields_add(m.arena, &m.fields, GP_STR("X"), gp_str_n(junk, sizeof(junk)));
		while (!m.fields.is_cut)
			gp_fields_add(m.arena, &m.fields, GP_STR("X"), GP_STR("x"));
		gp_fields_add(m.arena, &m.fields, GP_STR("from"), GP_STR("ceo@good.example"));
		m.d = gp_dmarc_begin(&m.asker, GP_ORGDOMAIN_TREE_WALK, NULL, &m.fields);
		finish(&m, &spf, dkim);
		assert_int_equal(m.result.dmarc.status, FAIL);
		assert_int_equal(m.result.dmarc.policy, P_REJ);
		end(&m);
	}
}

/* But not any number of them. */
static void many_behind_the_cut(void **state)
{
	static char junk[GP_MAX_AUTH_HEADER + 1];
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_fields fields = {0};

	memset(junk, 'x', sizeof(junk));
	gp_fields_add(arena, &fields, GP_STR("X"), gp_str_n(junk, sizeof(junk)));
	for (int i = 0; i < 3; i++)
		gp_fields_add(arena, &fields, GP_STR("From"), gp_str_n(junk, sizeof(junk) / 3 * 2));
	assert_int_equal(fields.list.len, 1);
	for (int i = 0; i < 1000; i++)
		gp_fields_add(arena, &fields, GP_STR("From"), GP_STR("a@b"));
	assert_int_equal(fields.list.len, GP_MAX_AUTH_FROM);
	gp_arena_free(arena);
}

/* A megabyte of what opens and never closes takes no more than linear time. */
static void hostile_from(void **state)
{
	static const char *const pieces[] = {"(",  "\"", "<",	   "@",	       "a@b,", "(\"<",
					     "\\", "@[", "a@b.c ", "\r\n\t@a", "@(x)."};
	static char header[GP_MAX_AUTH_HEADER];

	for (size_t i = 0; i < GP_ARRAY_SIZE(pieces); i++) {
		struct gp_arena *arena = gp_arena_new(0);
		struct gp_fields fields = {0};
		struct gp_authors authors;
		size_t len = strlen(pieces[i]);

		for (size_t k = 0; k + len < sizeof(header) - 10; k += len)
			memcpy(header + k, pieces[i], len);
		gp_fields_add(arena, &fields, GP_STR("From"),
			      gp_str_n(header, sizeof(header) - 10));
		assert_false(fields.is_cut);
		gp_authors_read(arena, &fields, &authors);
		assert_true(authors.n <= GP_MAX_DMARC_AUTHORS &&
			    (authors.n || authors.problem.len));
		assert_true(gp_arena_size(arena) < (size_t)64 << 20);
		gp_arena_free(arena);
	}
}

static void many_from_fields(void **state)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_fields fields = {0};
	struct gp_authors authors;

	while (!fields.is_cut)
		gp_fields_add(arena, &fields, GP_STR("From"), GP_STR("a@b"));
	fields.is_cut = false;
	gp_authors_read(arena, &fields, &authors);
	assert_int_equal(authors.n, 1);
	assert_int_equal(authors.n_fields, fields.list.len);
	gp_arena_free(arena);
}

static void walk_names(void **state)
{
	static const struct {
		const char *domain, *names; /* separated by blanks */
	} rows[] = {
		{"com", "com"},
		{"a.mail.example.com", "a.mail.example.com mail.example.com example.com com"},
		{"a.b.c.d.e.f.g", "a.b.c.d.e.f.g b.c.d.e.f.g c.d.e.f.g d.e.f.g e.f.g f.g g"},
		{"a.b.c.d.e.f.g.h",
		 "a.b.c.d.e.f.g.h b.c.d.e.f.g.h c.d.e.f.g.h d.e.f.g.h e.f.g.h f.g.h g.h h"},
		{"a.b.c.d.e.f.g.h.i",
		 "a.b.c.d.e.f.g.h.i c.d.e.f.g.h.i d.e.f.g.h.i e.f.g.h.i f.g.h.i g.h.i h.i i"},
		{"a.b.c.d.e.f.g.h.i.j.mail.example.com",
		 "a.b.c.d.e.f.g.h.i.j.mail.example.com g.h.i.j.mail.example.com "
		 "h.i.j.mail.example.com "
		 "i.j.mail.example.com j.mail.example.com mail.example.com example.com com"},
		{"mail.a.b.c.d.e.f.g.example.com",
		 "mail.a.b.c.d.e.f.g.example.com c.d.e.f.g.example.com d.e.f.g.example.com "
		 "e.f.g.example.com "
		 "f.g.example.com g.example.com example.com com"},
		{"", ""},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct gp_str names[GP_WALK_MAX], rest = gp_str(rows[i].names), name;
		size_t n = gp_walk_names(gp_str(rows[i].domain), names), k = 0;

		for (; gp_str_next_word(&rest, &name); k++)
			assert_true(k < n && gp_str_eq(names[k], name));
		assert_int_equal(n, k);
	}
}

/* Each name is asked for once, however many walks pass it, and no more than needed. */
static void questions(void **state)
{
	static const char zone[] =
		"_dmarc.example.com TXT v=DMARC1;p=reject;sp=none;np=quarantine\n";
	const struct id spf = {PASS, "bounce.mail.example.com"}, nothing = {NONE, ""};
	const struct id dkim[DKIM_MAX] = {{PASS, "x.example.org"},
					  {FAIL, "f.example.com"},
					  {PASS, "mail.example.com"},
					  {PASS, "example.net"}};
	const struct id none[DKIM_MAX] = {{0}};
	struct message m;

	begin(&m, zone, "From: a@news.example.com\n\n", GP_ORGDOMAIN_TREE_WALK);
	assert_int_equal(gp_fake_dns_asked(m.dns, "_dmarc.news.example.com"), 1);
	assert_int_equal(gp_fake_dns_asked(m.dns, "_dmarc.example.com"), 1);
	assert_int_equal(gp_fake_dns_asked(m.dns, "_dmarc.com"), 1);
	finish(&m, &spf, dkim);
	assert_int_equal(m.result.dmarc.status, PASS);
	assert_true(m.result.dmarc.is_spf_aligned && m.result.dmarc.is_dkim_aligned);
	assert_int_equal(gp_fake_dns_asked(m.dns, "_dmarc.bounce.mail.example.com"), 1);
	assert_int_equal(gp_fake_dns_asked(m.dns, "_dmarc.mail.example.com"), 1);
	assert_int_equal(m.asker.seen.len, 5);
	end(&m);
	/* whether it exists: one more, on failure only */
	begin(&m, zone, "From: a@news.example.com\n\n", GP_ORGDOMAIN_TREE_WALK);
	finish(&m, &nothing, none);
	assert_int_equal(m.result.dmarc.status, FAIL);
	assert_true(m.result.dmarc.is_nonexistent);
	assert_int_equal(gp_fake_dns_asked(m.dns, "news.example.com"), 1);
	end(&m);
	/* a name of the greatest length and depth */
	begin(&m, zone,
	      "From: "
	      "a@1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0."
	      "1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2."
	      "3.4."
	      "5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.9.0.1.2.3.4.5.6.7.8.example\n\n",
	      GP_ORGDOMAIN_TREE_WALK);
	finish(&m, &nothing, none);
	assert_int_equal(m.result.dmarc.status, NONE);
	assert_true(m.asker.seen.len == GP_WALK_MAX);
	end(&m);
}

/* When the message's questions are spent that is no reason to try again. */
static void questions_spent(void **state)
{
	const struct id spf = {PASS, "b.a.example"}, none[DKIM_MAX] = {{0}};
	struct message m;

	begin(&m, "_dmarc.a.example TXT v=DMARC1;p=reject\n", "From: a@a.example\n\n",
	      GP_ORGDOMAIN_TREE_WALK);
	m.asker.left = 0;
	finish(&m, &spf, none);
	assert_int_equal(m.result.dmarc.status, TEMP);
	end(&m);
	begin(&m, "", "X: y\n\n", GP_ORGDOMAIN_TREE_WALK);
	m.asker.left = 0;
	gp_fields_add(m.arena, &m.fields, GP_STR("From"), GP_STR("a@a.example"));
	m.d = gp_dmarc_begin(&m.asker, GP_ORGDOMAIN_TREE_WALK, NULL, &m.fields);
	finish(&m, &spf, none);
	assert_int_equal(m.result.dmarc.status, PERM);
	end(&m);
	/* nor one to ask for less: does the author exist? */
	begin(&m, "_dmarc.a.example TXT v=DMARC1;p=none;sp=none;np=reject\n",
	      "From: x@nobody.a.example\n\n", GP_ORGDOMAIN_TREE_WALK);
	m.asker.left = 0;
	finish(&m, &(struct id){FAIL, "x.example"}, none);
	assert_int_equal(m.result.dmarc.status, FAIL);
	assert_int_equal(m.result.dmarc.policy, P_REJ);
	end(&m);
}

/* As RFC 7489: the author's record or that of the domain below the public suffix. */
static void public_suffixes(void **state)
{
	static const struct row rows[] = {
		{"_dmarc.example.co.uk TXT v=DMARC1;p=reject\n",
		 "From: a@b.c.example.co.uk\n\n",
		 {PASS, "d.example.co.uk"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "example.co.uk", "example.co.uk", NULL}},
		{"_dmarc.example.co.uk TXT v=DMARC1;p=reject\n_dmarc.c.example.co.uk TXT "
		 "v=DMARC1;p=none;psd=n\n",
		 "From: a@b.c.example.co.uk\n\n",
		 {FAIL, ""},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "example.co.uk", NULL, NULL}},
		{"_dmarc.co.uk TXT v=DMARC1;p=reject;psd=y\n",
		 "From: a@example.co.uk\n\n",
		 {PASS, "other.co.uk"},
		 {{0}},
		 {NONE, P_NONE, P_NONE, NULL, NULL, NULL}},
		{"_dmarc.example.co.uk TXT v=DMARC1;p=reject\n",
		 "From: a@example.co.uk\n\n",
		 {PASS, "other.co.uk"},
		 {{0}},
		 {FAIL, P_REJ, P_REJ, "example.co.uk", "example.co.uk", NULL}},
		{"_dmarc.b.example.com TXT v=DMARC1;p=reject\n",
		 "From: a@b.example.com\n\n",
		 {PASS, "example.com"},
		 {{0}},
		 {PASS, P_REJ, P_REJ, "b.example.com", "example.com", NULL}},
		{"_dmarc.example.com TXT !servfail\n",
		 "From: a@b.example.com\n\n",
		 {PASS, "example.com"},
		 {{0}},
		 {TEMP, P_NONE, P_NONE, NULL, NULL, NULL}},
	};

	check_rows(rows, GP_ARRAY_SIZE(rows), GP_ORGDOMAIN_PSL);
}

static int load_psl(void **state)
{
	struct gp_diag diag;

	return gp_psl_load("", &psl, &diag);
}

static int free_psl(void **state)
{
	gp_psl_free(&psl);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rfc_examples),
		cmocka_unit_test(discovery),
		cmocka_unit_test(policies),
		cmocka_unit_test(alignment),
		cmocka_unit_test(dns_errors),
		cmocka_unit_test(authors),
		cmocka_unit_test(the_author_for_dkim),
		cmocka_unit_test(cut_header),
		cmocka_unit_test(from_behind_the_cut),
		cmocka_unit_test(many_behind_the_cut),
		cmocka_unit_test(hostile_from),
		cmocka_unit_test(many_from_fields),
		cmocka_unit_test(walk_names),
		cmocka_unit_test(questions),
		cmocka_unit_test(questions_spent),
		cmocka_unit_test(public_suffixes),
	};

	return cmocka_run_group_tests_name("auth/dmarc", tests, load_psl, free_psl);
}
