/*
 * A published key record against the key.
 */
#include "milter-dkim/published.h"

/* Below this, others may soon not accept a key (RFC 8301, 3.2). */
#define RSA_BITS_WANTED 2048

static const struct {
	const char *code;
	bool is_error;
} problems[GP_PUBLISHED_PROBLEMS] = {
	[GP_PUBLISHED_NO_ANSWER] = {"no-answer", true},
	[GP_PUBLISHED_BOGUS] = {"bogus", true},
	[GP_PUBLISHED_NO_NAME] = {"no-name", true},
	[GP_PUBLISHED_NO_RECORD] = {"no-record", true},
	[GP_PUBLISHED_SEVERAL] = {"several", true},
	[GP_PUBLISHED_MALFORMED] = {"malformed", true},
	[GP_PUBLISHED_REVOKED] = {"revoked", true},
	[GP_PUBLISHED_OTHER_KEY] = {"other-key", true},
	[GP_PUBLISHED_NO_EMAIL] = {"no-email", true},
	[GP_PUBLISHED_NO_SHA256] = {"no-sha256", true},
	[GP_PUBLISHED_SHORT] = {"short", false},
	[GP_PUBLISHED_TESTING] = {"testing", false},
};

const char *gp_published_code(enum gp_published_problem p)
{
	return problems[p].code;
}

bool gp_published_is_error(enum gp_published_problem p)
{
	return problems[p].is_error;
}

static void find(struct gp_published *p, enum gp_published_problem problem, const char *words)
{
	p->found[problem] = true;
	p->words[problem] = words;
}

static void compare(struct gp_published *p, struct gp_arena *arena, const struct gp_key *key,
		    const struct gp_dkim_record *r)
{
	if (!r->is_revoked && !gp_key_same_public(r->key, key))
		find(p, GP_PUBLISHED_OTHER_KEY, "the record has another key than the one we sign with");
	if (r->is_revoked)
		find(p, GP_PUBLISHED_REVOKED, "the record says that the key is revoked (empty p=)");
	if (!r->allows_email)
		find(p, GP_PUBLISHED_NO_EMAIL, "the record is not for mail (s=)");
	if (!r->allows_sha256)
		find(p, GP_PUBLISHED_NO_SHA256, "the record does not allow SHA-256 (h=)");
	if (!r->is_revoked && r->type == GP_KEY_RSA && r->bits < RSA_BITS_WANTED)
		find(p, GP_PUBLISHED_SHORT,
		     gp_arena_printf(arena, "the key has %u bits only; 2048 are usual", r->bits));
	if (r->is_testing)
		find(p, GP_PUBLISHED_TESTING,
		     "the record says that the domain only tests (t=y): receivers treat failures "
		     "as if there were no signature");
}

static void look_at(struct gp_published *p, struct gp_arena *arena, const struct gp_key *key,
		    const struct gp_dns_answer *answer)
{
	struct gp_dkim_record record = {0};
	struct gp_diag diag;

	p->record = answer->records[0].text;
	if (answer->n_records > 1)
		find(p, GP_PUBLISHED_SEVERAL,
		     gp_arena_printf(arena, "there are %zu TXT records; which one a receiver takes is "
					    "chance: leave one", answer->n_records));
	if (gp_dkim_record_parse(arena, NULL, p->record, &record, &diag))
		find(p, GP_PUBLISHED_MALFORMED,
		     gp_arena_printf(arena, "the record is malformed: %s", diag.text));
	else
		compare(p, arena, key, &record);
	gp_dkim_record_done(&record);
}

void gp_published_finish(struct gp_ask *ask, struct gp_arena *arena, const struct gp_key *key,
			 struct gp_published *ret)
{
	struct gp_dns_answer answer;
	int r = gp_ask_finish(ask, &answer);

	*ret = (struct gp_published){0};
	if (r == GP_EINVAL) {
		find(ret, GP_PUBLISHED_NO_NAME, "selector and domain make no name that could be "
						"asked for");
	} else if (r) {
		find(ret, GP_PUBLISHED_NO_ANSWER, "the DNS did not answer; try again");
	} else if (answer.security == GP_DNS_BOGUS) {
		find(ret, GP_PUBLISHED_BOGUS, "DNSSEC says that the answer is forged");
	} else if (answer.rcode == GP_DNS_NXDOMAIN) {
		find(ret, GP_PUBLISHED_NO_NAME, "the name does not exist: publish the record");
	} else if (answer.n_records == 0) {
		find(ret, GP_PUBLISHED_NO_RECORD, "the name has no TXT record: publish it");
	} else {
		ret->ttl_s = answer.ttl_s;
		look_at(ret, arena, key, &answer);
	}
}

bool gp_published_is_good(const struct gp_published *p)
{
	return !gp_published_error(p);
}

const char *gp_published_error(const struct gp_published *p)
{
	for (size_t i = 0; i < GP_PUBLISHED_PROBLEMS; i++)
		if (p->found[i] && problems[i].is_error)
			return p->words[i];
	return NULL;
}
