/*
 * Who signs a message.
 *
 * RFC 6376 leaves open which domain signs; DMARC wants that of From.  With several addresses in
 * From (RFC 5322 allows it, hardly anybody sends it) the first one that has keys signs, and the
 * sender must be allowed every one of them: a second From is how an account would borrow a name.
 *
 * A domain without keys is signed by its nearest parent that has some, as i=@sub.example.org:
 * cron mail and bounces of host.example.org then pass DMARC's relaxed alignment.  Only parents
 * that the table or the directory name are asked, so nobody signs for a foreign domain by
 * accident; a key record with t=s does not allow it.
 */
#include "milter-dkim/signer.h"

#include "lib/auth/author.h"
#include "lib/auth/senders.h"
#include "lib/base/limits.h"
#include "lib/dns/dnsname.h"
#include "lib/mail/addr.h"
#include "milter-dkim/sign.h"

/* Signatures of a message that are read to find out who signed it already. */
#define SIGNATURES_READ 20

struct author {
	struct gp_str local, domain;
};

struct authors {
	GP_VEC(struct author) list;
	bool is_cut; /* there were more */
};

static void add_author(struct gp_arena *arena, struct authors *a, const struct gp_addr *addr)
{
	char folded[GP_DNS_NAME_MAX + 1];

	if (addr->domain.len == 0 || gp_dns_name_fold(addr->domain, folded))
		return;
	if (a->list.len >= GP_MAX_ADDRESSES) {
		a->is_cut = true;
		return;
	}
	*gp_vec_push(arena, &a->list) =
		(struct author){addr->local, gp_arena_str(arena, gp_str(folded))};
}

/* All addresses of all fields of that name. */
static void read_field(struct gp_arena *arena, const struct gp_fields *fields, struct gp_str name,
		       struct authors *a)
{
	for (size_t i = 0; i < fields->list.len && !a->is_cut; i++) {
		struct gp_addr_list list;

		if (!gp_str_ieq(fields->list.items[i].name, name))
			continue;
		gp_addr_parse(arena, fields->list.items[i].value, &list);
		a->is_cut = list.is_cut;
		for (size_t k = 0; k < list.len; k++)
			add_author(arena, a, &list.items[k]);
	}
}

static void read_envelope(struct gp_arena *arena, struct gp_str from, struct authors *a)
{
	struct gp_addr addr;

	if (gp_addr_first(arena, from, &addr))
		add_author(arena, a, &addr);
}

/* The addresses that choose the keys: as the settings say, else From. */
static void read_authors(struct gp_session *s, const struct dkim_message *m, struct authors *a)
{
	struct gp_arena *arena = s->msg.arena;

	if (m->conf->sign.domain_from == DKIM_FROM_SENDER)
		read_field(arena, &m->fields, GP_STR("Sender"), a);
	else if (m->conf->sign.domain_from == DKIM_FROM_ENVELOPE)
		read_envelope(arena, s->msg.from, a);
	if (a->list.len == 0)
		read_field(arena, &m->fields, GP_STR("From"), a);
}

static struct gp_str address_of(struct gp_session *s, const struct author *a)
{
	return gp_str(gp_arena_printf(s->msg.arena, "%.*s@%.*s", GP_STR_FMT(a->local),
				      GP_STR_FMT(a->domain)));
}

/* All at once, so that a second author need not wait for the first. */
static void ask_for_keys(struct gp_session *s, const struct dkim_message *m,
			 const struct authors *a)
{
	const struct dkim_signer *signers;
	bool is_none;

	for (size_t i = 0; i < a->list.len; i++) {
		const struct author *author = &a->list.items[i];

		if (!dkim_keyring_find_line(m->snap->keyring, author->local, author->domain,
					    s->msg.arena, &signers, &is_none) &&
		    !is_none)
			gp_lookups_ask(m->lookups, m->snap->directory.keys, address_of(s, author));
	}
}

/* What the directory says about an author.  GP_ENOENT: nothing; GP_EINVAL with ret->problem:
 * nothing that is of use. */
static int find_in_directory(struct gp_session *s, const struct dkim_message *m,
			     const struct author *author, struct dkim_signing *ret)
{
	struct gp_str words, address = address_of(s, author);
	struct gp_diag diag = {""};
	int r;

	if (!m->lookups || !m->snap->directory.keys)
		return GP_ENOENT;
	r = gp_lookups_words(m->lookups, m->snap->directory.keys, address, &words);
	if (r)
		return r;
	r = dkim_keyring_pick(m->snap->keyring, words, author->domain, s->msg.arena, &ret->signers,
			      &ret->n_signers, &diag);
	if (r)
		ret->problem = gp_arena_printf(s->msg.arena, "ldap: %.*s: %s", GP_STR_FMT(address),
					       diag.text);
	return r;
}

/* The keys of one author: of the table, of the directory, of the folder of keys, of the nearest
 * parent.  GP_OK also with none; else the directory failed. */
static int find_author(struct gp_session *s, const struct dkim_message *m,
		       const struct author *author, struct dkim_signing *ret, bool *ret_none)
{
	const struct dkim_keyring *k = m->snap->keyring;
	struct gp_arena *arena = s->msg.arena;
	int r;

	ret->n_signers = dkim_keyring_find_line(k, author->local, author->domain, arena,
						&ret->signers, ret_none);
	if (ret->n_signers || *ret_none)
		return GP_OK;
	r = find_in_directory(s, m, author, ret);
	*ret_none = r == GP_OK && ret->n_signers == 0;
	if (r != GP_ENOENT)
		return r;
	ret->n_signers = dkim_keyring_find(k, author->local, author->domain, arena, &ret->signers,
					   ret_none);
	if (ret->n_signers == 0 && !*ret_none && m->conf->sign.subdomains)
		ret->n_signers = dkim_keyring_find_parent(k, author->domain, arena, &ret->signers,
							  ret_none);
	return GP_OK;
}

/* The first author that has keys; NULL if there is none.  GP_E…: the directory failed. */
static int find_keys(struct gp_session *s, const struct dkim_message *m, const struct authors *a,
		     struct dkim_signing *ret, const struct author **ret_author, bool *ret_none)
{
	*ret_author = NULL;
	if (!m->snap->keyring)
		return GP_OK;
	if (m->lookups && m->snap->directory.keys)
		ask_for_keys(s, m, a);
	for (size_t i = 0; !*ret_author && i < a->list.len; i++) {
		bool is_none = false;
		int r = find_author(s, m, &a->list.items[i], ret, &is_none);

		if (r)
			return r;
		*ret_none = *ret_none || is_none;
		if (ret->n_signers)
			*ret_author = &a->list.items[i];
	}
	return GP_OK;
}

/* The words of the directory for an account that the map does not have. */
static int words_of_account(const struct gp_session *s, const struct dkim_message *m,
			    struct gp_str *ret_words)
{
	if (!m->lookups || !m->snap->directory.senders)
		return GP_ENOENT;
	return gp_lookups_words(m->lookups, m->snap->directory.senders, s->msg.auth_user, ret_words);
}

static bool is_limited(const struct dkim_message *m)
{
	return m->conf->sign.senders || m->snap->directory.senders;
}

/* An account that neither the map nor the directory has may use nothing.  Mail without an account comes from
 * networks.own, where there is nobody to ask for a password: it is held to the map only if the
 * map has the client's network. */
static bool may_use(const struct gp_session *s, const struct dkim_message *m, struct gp_str local,
		    struct gp_str domain)
{
	struct gp_sender_claim claim = {s->msg.auth_user, &s->client, local, domain};
	struct gp_str words;

	switch (gp_senders_find(m->conf->sign.senders, &claim)) {
	case GP_SENDER_ALLOWED:
		return true;
	case GP_SENDER_REFUSED:
		return false;
	case GP_SENDER_UNKNOWN:
		break;
	}
	if (!is_limited(m) || claim.account.len == 0)
		return true;
	return words_of_account(s, m, &words) == GP_OK && gp_sender_words_allow(words, &claim);
}

static bool may_use_all(const struct gp_session *s, const struct dkim_message *m,
			const struct authors *a)
{
	for (size_t i = 0; i < a->list.len; i++)
		if (!may_use(s, m, a->list.items[i].local, a->list.items[i].domain))
			return false;
	return !a->is_cut;
}

/* Does a signature by these keys speak for that author, as DMARC sees it? */
static bool is_lent(const struct author *author, const struct dkim_signing *signing)
{
	for (size_t i = 0; i < signing->n_signers; i++)
		if (gp_dns_name_is_within(author->domain, signing->signers[i].domain) ||
		    gp_dns_name_is_within(signing->signers[i].domain, author->domain))
			return true;
	return false;
}

static bool has_domain(const struct authors *a, struct gp_str domain)
{
	for (size_t i = 0; i < a->list.len; i++)
		if (gp_str_eq(a->list.items[i].domain, domain))
			return true;
	return false;
}

/* A From that a reader could take for more than lib/mail/addr.h reads in it (lib/auth/author.h):
 * such a domain must be allowed as a whole. */
static bool may_show_all(const struct gp_session *s, const struct dkim_message *m,
			 const struct authors *from)
{
	struct gp_authors shown;

	gp_authors_read(s->msg.arena, &m->fields, &shown);
	for (size_t i = 0; i < shown.n; i++)
		if (!has_domain(from, shown.domains[i]) &&
		    !may_use(s, m, GP_STR(""), shown.domains[i]))
			return false;
	return !shown.problem.len || may_use(s, m, GP_STR(""), GP_STR(""));
}

/* May the sender use the addresses that chose the keys, and show what From shows?  What is
 * foreign there borrows nothing: keys that Sender or the envelope chose make no pass of it. */
static bool is_allowed(struct gp_session *s, const struct dkim_message *m, const struct authors *a,
		       const struct dkim_signing *signing)
{
	struct authors from = {0}, borrowed = {0};

	if (!is_limited(m))
		return true;
	if (!may_use_all(s, m, a))
		return false;
	if (m->conf->sign.domain_from == DKIM_FROM_AUTHOR)
		return may_show_all(s, m, a);
	read_field(s->msg.arena, &m->fields, GP_STR("From"), &from);
	borrowed.is_cut = from.is_cut;
	for (size_t i = 0; i < from.list.len; i++)
		if (is_lent(&from.list.items[i], signing))
			*gp_vec_push(s->msg.arena, &borrowed.list) = from.list.items[i];
	return may_use_all(s, m, &borrowed);
}

/* Is there a signature of that domain already? */
static bool is_signed_by(struct gp_session *s, const struct dkim_message *m, struct gp_str domain)
{
	const struct gp_field *field;

	for (size_t n = 0; n < SIGNATURES_READ; n++) {
		struct gp_tags tags;

		field = gp_fields_get(&m->fields, GP_STR("DKIM-Signature"), n);
		if (!field)
			break;
		if (gp_tags_parse(s->msg.arena, field->value, &tags, NULL) == GP_OK &&
		    gp_str_ieq(gp_tags_value(&tags, "d", ""), domain))
			return true;
	}
	return false;
}

/* Drops the signers whose domain has signed. */
static void drop_signed(struct gp_session *s, const struct dkim_message *m,
			struct dkim_signing *signing)
{
	struct dkim_signer *kept =
		GP_ARENA_NEW_N(s->msg.arena, DKIM_SIGNERS_MAX, struct dkim_signer);
	size_t n = 0;

	for (size_t i = 0; i < signing->n_signers; i++)
		if (!is_signed_by(s, m, signing->signers[i].domain))
			kept[n++] = signing->signers[i];
	signing->signers = kept;
	signing->n_signers = n;
}

/* Does this kind of mail get signatures at all? */
static bool is_wanted(const struct dkim_message *m)
{
	switch (m->origin) {
	case DKIM_AUTHENTICATED:
		return m->conf->sign.authenticated;
	case DKIM_OWN_NETWORK:
		return m->conf->sign.own_networks;
	case DKIM_INBOUND:
		break;
	}
	return false;
}

void dkim_sign_ask(struct gp_session *s, struct dkim_message *m)
{
	const struct dkim_directory *d = &m->snap->directory;
	struct gp_sender_claim claim = {.account = s->msg.auth_user, .client = &s->client};

	if (!d->ldap || !is_wanted(m))
		return;
	m->lookups = gp_lookups_new(d->ldap, d->timeout_ms, s->msg.arena);
	if (claim.account.len &&
	    gp_senders_find(m->conf->sign.senders, &claim) == GP_SENDER_UNKNOWN)
		gp_lookups_ask(m->lookups, d->senders, claim.account);
}

/* Why a message that is not allowed is not: because it is unknown whether it is? */
static const char *refusal(const struct gp_session *s, const struct dkim_message *m)
{
	struct gp_str words;
	int r = words_of_account(s, m, &words);

	return r == GP_OK || r == GP_ENOENT ? "not-allowed" : "no-directory";
}

const char *dkim_signer_choose(struct gp_session *s, const struct dkim_message *m,
			       struct dkim_signing *ret)
{
	struct authors authors = {0};
	const struct author *author;
	bool is_none = false;
	int r;

	if (!is_wanted(m))
		return "off";
	if (s->msg.from.len == 0 && !m->conf->sign.bounces)
		return "bounce";
	if (m->fields.is_cut)
		return "too-large";
	read_authors(s, m, &authors);
	if (authors.list.len == 0)
		return "no-from";
	r = find_keys(s, m, &authors, ret, &author, &is_none);
	if (r)
		return ret->problem ? "bad-entry" : "no-directory";
	if (!author)
		return is_none ? "none" : "no-key";
	if (!is_allowed(s, m, &authors, ret))
		return refusal(s, m);
	ret->domain = author->domain;
	if (!m->conf->sign.resign)
		drop_signed(s, m, ret);
	return ret->n_signers ? "" : "signed";
}
