/*
 * Eval functions over lists of addresses and subjects, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::WLBLEval, ::WelcomeListSubject, and what ::SPF and
 * ::DKIM have of lists).
 */
#include "lib/score/rule_eval_text.h"

/* What a row's function compares with its list. */
enum what { FROM, TO, REPLY_TO, SUBJECT };

static const struct gp_rule_list *list(const struct gp_eval *e, const char *name)
{
	return gp_rule_list_get(e->set, gp_str(name));
}

static bool any_matches(const struct gp_eval_addrs *addrs, const struct gp_rule_list *l)
{
	for (size_t i = 0; l->items.len && i < addrs->items.len; i++)
		if (gp_rule_list_matches(l, addrs->items.items[i]))
			return true;
	return false;
}

/* Entries for subjects match anywhere in it. */
static bool is_within(struct gp_eval *e, const struct gp_rule_list *l, struct gp_str subject)
{
	for (size_t i = 0; subject.len && i < l->items.len; i++) {
		const char *glob =
			gp_arena_printf(e->arena, "*%.*s*", GP_STR_FMT(l->items.items[i]));

		if (gp_str_glob(gp_str(glob), subject))
			return true;
	}
	return false;
}

static bool matches(struct gp_eval *e, enum what what, const struct gp_rule_list *l)
{
	struct gp_str s;

	if (!l->items.len)
		return false;
	switch (what) {
	case FROM:
		return any_matches(gp_eval_from_addrs(e), l);
	case TO:
		return any_matches(gp_eval_to_addrs(e), l);
	case REPLY_TO:
		s = gp_eval_addr(e, "Reply-To");
		break;
	case SUBJECT:
		return is_within(e, l, gp_str_trim(gp_eval_header(e, "Subject")));
	}
	return s.len && gp_rule_list_matches(l, s);
}

/* The list of a row; by name, as rows are of one type. */
static const struct {
	const char *function, *list;
} lists[] = {
	{"check_from_in_blocklist", "blocklist_from"},
	{"check_from_in_blacklist", "blocklist_from"},
	{"check_to_in_blocklist", "blocklist_to"},
	{"check_to_in_blacklist", "blocklist_to"},
	{"check_to_in_welcomelist", "welcomelist_to"},
	{"check_to_in_whitelist", "welcomelist_to"},
	{"check_to_in_more_spam", "more_spam_to"},
	{"check_to_in_all_spam", "all_spam_to"},
	{"check_subject_in_welcomelist", "welcomelist_subject"},
	{"check_subject_in_whitelist", "welcomelist_subject"},
	{"check_subject_in_blocklist", "blocklist_subject"},
	{"check_subject_in_blacklist", "blocklist_subject"},
};

static bool check_list(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(lists); i++)
		if (gp_str_eq(gp_str(row->name), gp_str(lists[i].function)))
			return matches(e, (enum what)row->what, list(e, lists[i].list));
	return false;
}

/* A list that the rule names: one of enlist_addrlist, or of the directives above. */
static bool check_named_list(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_list *named =
		gp_rule_list_named(e->set, e->arena, GP_STR("enlist_addrlist"), args[0]);

	return matches(e, (enum what)row->what,
		       named->items.len ? named : gp_rule_list_get(e->set, args[0]));
}

/* "[192.0.2.1]", "[192.0.2.0/24]", "[192.0.2.0]/24" or "[192.0.2]" for the client, else its name. */
static bool is_relay(struct gp_eval *e, const struct gp_relay *r, struct gp_str wanted)
{
	struct gp_relay_nets nets = {0};
	size_t end;

	if (wanted.len < 2 || wanted.ptr[0] != '[')
		return gp_str_ieq(r->rdns, wanted) ||
		       (gp_str_iends(r->rdns, wanted) &&
			r->rdns.ptr[r->rdns.len - wanted.len - 1] == '.');
	end = gp_str_find_chr(wanted, ']', 0);
	wanted = gp_str(gp_arena_printf(e->arena, "%.*s%.*s", GP_STR_FMT(gp_str_sub(wanted, 1, end - 1)),
					GP_STR_FMT(gp_str_sub(wanted, end + 1, wanted.len))));
	return gp_relay_nets_add(e->arena, &nets, wanted) == GP_OK &&
	       gp_relay_nets_has(&nets, &r->address);
}

/* Did the relay that handed it over, or (all trusted) any of them, fit? */
static bool any_relay_is(struct gp_eval *e, struct gp_str wanted)
{
	const struct gp_relay_list *l = &e->relays->lists[GP_RELAYS_UNTRUSTED];
	size_t n = GP_MIN(l->items.len, (size_t)1);

	if (!n) {
		l = &e->relays->lists[GP_RELAYS_TRUSTED];
		n = l->items.len;
	}
	for (size_t i = 0; i < n; i++)
		if (is_relay(e, l->items.items[i], wanted))
			return true;
	return false;
}

enum verdict { NOT_LISTED, FORGED, LISTED };

/* Lines "ADDRESS RELAY": the address alone is no proof. */
static enum verdict rcvd_verdict(struct gp_eval *e, const char *name)
{
	const struct gp_eval_addrs *from = gp_eval_from_addrs(e);
	const struct gp_rule_list *l = list(e, name);
	enum verdict verdict = NOT_LISTED;

	if (!e->relays->lists[GP_RELAYS_UNTRUSTED].items.len &&
	    !e->relays->lists[GP_RELAYS_TRUSTED].items.len)
		return NOT_LISTED;
	for (size_t k = 0; k < from->items.len; k++) {
		for (size_t i = 0; i < l->items.len; i++) {
			struct gp_str rest = l->items.items[i], pattern = {0};

			if (!gp_str_next_word(&rest, &pattern) ||
			    !gp_str_glob(pattern, from->items.items[k]))
				continue;
			if (any_relay_is(e, gp_str_trim(rest)))
				return LISTED;
			if (!gp_rule_list_matches(list(e, "welcomelist_allows_relays"),
						  from->items.items[k]))
				verdict = FORGED;
		}
	}
	return verdict;
}

static enum verdict from_verdict(struct gp_eval *e)
{
	return matches(e, FROM, list(e, "welcomelist_from")) ? LISTED
							     : rcvd_verdict(e, "welcomelist_from_rcvd");
}

static enum verdict default_verdict(struct gp_eval *e)
{
	return rcvd_verdict(e, "def_welcomelist_from_rcvd");
}

/* flag: the lists that come with the rules. */
static bool check_from_in_welcomelist(struct gp_eval *e, const struct gp_rule_eval *row,
				      const struct gp_str *args, size_t n_args)
{
	return (row->flag ? default_verdict(e) : from_verdict(e)) == LISTED;
}

static bool check_forged_in_welcomelist(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	enum verdict own = from_verdict(e), stock = default_verdict(e);

	return row->flag ? stock == FORGED && own == NOT_LISTED : own == FORGED && stock == NOT_LISTED;
}

/* flag: def_.  SPF must have passed for the envelope sender that is listed. */
static bool check_spf_welcomelist(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	struct gp_str sender = gp_eval_addr(e, "EnvelopeFrom");

	if (!e->in->auth || e->in->auth->mailfrom.status != GP_AUTH_PASS || !sender.len)
		return false;
	return gp_rule_list_matches(list(e, row->flag ? "def_welcomelist_from_spf"
						      : "welcomelist_from_spf"), sender) ||
	       gp_rule_list_matches(list(e, row->flag ? "def_welcomelist_auth" : "welcomelist_auth"),
				    sender);
}

/* Has the domain signed, validly?  ".example.org" and "*.example.org": one below it. */
static bool is_signed_by(const struct gp_eval *e, struct gp_str domain)
{
	domain = gp_eval_domain(domain);
	if (gp_str_starts(domain, GP_STR("*.")))
		domain = gp_str_sub(domain, 1, domain.len);
	for (size_t i = 0; i < e->in->auth->n_dkim; i++) {
		struct gp_str signer = gp_eval_signer(&e->in->auth->dkim[i]);

		if (e->in->auth->dkim[i].status != GP_AUTH_PASS)
			continue;
		if (gp_str_starts(domain, GP_STR(".")) ? gp_str_iends(signer, domain)
						       : gp_str_ieq(signer, domain))
			return true;
	}
	return false;
}

/* Lines "ADDRESS [DOMAIN]": signed by the domain (of an address that stands there instead its domain
 * counts), or the author's own. */
static bool check_dkim_welcomelist(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_list *pairs = list(e, row->flag ? "def_welcomelist_from_dkim"
							     : "welcomelist_from_dkim");
	const struct gp_rule_list *auth = list(e, row->flag ? "def_welcomelist_auth" : "welcomelist_auth");
	struct gp_eval_addrs from = {0};

	if (!e->in->auth || !e->in->auth->n_dkim)
		return false;
	gp_eval_add_addrs(e, GP_STR("From"), &from);
	for (size_t k = 0; k < from.items.len; k++) {
		struct gp_str addr = from.items.items[k], own = gp_eval_domain(addr);

		if (is_signed_by(e, own) && gp_rule_list_matches(auth, addr))
			return true;
		for (size_t i = 0; i < pairs->items.len; i++) {
			struct gp_str rest = pairs->items.items[i], pattern = {0};

			if (!gp_str_next_word(&rest, &pattern) || !gp_str_glob(pattern, addr))
				continue;
			rest = gp_str_trim(rest);
			if (is_signed_by(e, rest.len ? rest : own))
				return true;
		}
	}
	return false;
}

#define LIST(name, what) {name, 0, 0, check_list, what, false}
#define PAIR(prefix, suffix, fn, flag)                                                             \
	{prefix "welcomelist" suffix, 0, 0, fn, 0, flag}, {prefix "whitelist" suffix, 0, 0, fn, 0, flag}

const struct gp_rule_eval gp_rule_evals_list[] = {
	LIST("check_from_in_blocklist", FROM),
	LIST("check_from_in_blacklist", FROM),
	LIST("check_to_in_blocklist", TO),
	LIST("check_to_in_blacklist", TO),
	LIST("check_to_in_welcomelist", TO),
	LIST("check_to_in_whitelist", TO),
	LIST("check_to_in_more_spam", TO),
	LIST("check_to_in_all_spam", TO),
	LIST("check_subject_in_welcomelist", SUBJECT),
	LIST("check_subject_in_whitelist", SUBJECT),
	LIST("check_subject_in_blocklist", SUBJECT),
	LIST("check_subject_in_blacklist", SUBJECT),
	{"check_from_in_list", 1, 1, check_named_list, FROM, false},
	{"check_to_in_list", 1, 1, check_named_list, TO, false},
	{"check_replyto_in_list", 1, 1, check_named_list, REPLY_TO, false},
	PAIR("check_from_in_", "", check_from_in_welcomelist, false),
	PAIR("check_from_in_default_", "", check_from_in_welcomelist, true),
	PAIR("check_forged_in_", "", check_forged_in_welcomelist, false),
	PAIR("check_forged_in_default_", "", check_forged_in_welcomelist, true),
	PAIR("check_for_spf_", "_from", check_spf_welcomelist, false),
	PAIR("check_for_def_spf_", "_from", check_spf_welcomelist, true),
	PAIR("check_for_dkim_", "_from", check_dkim_welcomelist, false),
	PAIR("check_for_def_dkim_", "_from", check_dkim_welcomelist, true),
	{0},
};
