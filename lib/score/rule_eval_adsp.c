/*
 * Eval functions over what a domain says of its signing, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::DKIM): `adsp_override DOMAIN [PRACTICE]` of the rule
 * files.  The DNS is not asked: RFC 5617 is historic, and nobody publishes it.
 */
#include "lib/score/rule_eval_text.h"

/* The letter of a practice in check_dkim_adsp('…'). */
static char letter_of(struct gp_str practice)
{
	static const struct {
		const char *name;
		char letter;
	} practices[] = {{"nxdomain", 'N'},   {"unknown", 'U'},	   {"all", 'A'},	 {"discardable", 'D'},
			 {"custom_low", '1'}, {"custom_med", '2'}, {"custom_high", '3'}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(practices); i++)
		if (gp_str_ieq(practice, gp_str(practices[i].name)))
			return practices[i].letter;
	return practice.len ? 'U' : 'D';
}

/* Does "example.com", "*.example.com" or "*" mean the domain? */
static bool is_meant(struct gp_str pattern, struct gp_str domain)
{
	return gp_str_starts(pattern, GP_STR("*"))
		       ? gp_str_iends(domain, gp_str_sub(pattern, 1, pattern.len)) &&
				 domain.len > pattern.len - 1
		       : gp_str_ieq(pattern, domain);
}

/* The practice of a domain by the nearest line; 0: none. */
static char practice_of(struct gp_eval *e, struct gp_str domain)
{
	const struct gp_rule_list *list = gp_rule_list_get(e->set, GP_STR("adsp_override"));
	size_t nearest = 0;
	char letter = 0;

	for (size_t i = 0; i < list->items.len; i++) {
		struct gp_str rest = list->items.items[i], pattern = {0};
		size_t near;

		if (!gp_str_next_word(&rest, &pattern) || !is_meant(pattern, domain))
			continue;
		near = pattern.len + 2 * !gp_str_starts(pattern, GP_STR("*"));
		if (near < nearest)
			continue;
		nearest = near;
		letter = letter_of(gp_str_trim(rest));
	}
	return letter;
}

static bool has_author_signature(const struct gp_eval *e, struct gp_str domain)
{
	for (size_t i = 0; i < e->in->auth->n_dkim; i++)
		if (e->in->auth->dkim[i].status == GP_AUTH_PASS &&
		    gp_str_ieq(gp_eval_signer(&e->in->auth->dkim[i]), domain))
			return true;
	return false;
}

/* check_dkim_adsp(LETTERS, DOMAIN …): an author's domain (one of those named) has one of the
 * practices, and has not signed. */
static bool has_practice(struct gp_eval *e, struct gp_str letters, const struct gp_str *domains,
			 size_t n_domains)
{
	struct gp_eval_addrs from = {0};

	if (!e->in->auth)
		return false;
	if (gp_str_eq(letters, GP_STR("*")))
		letters = GP_STR("NAD123");
	gp_eval_add_addrs(e, GP_STR("From"), &from);
	for (size_t i = 0; i < from.items.len; i++) {
		struct gp_str domain = gp_eval_domain(from.items.items[i]);
		char letter = practice_of(e, domain);
		bool is_named = n_domains == 0;

		for (size_t k = 0; k < n_domains; k++)
			is_named |= is_meant(domains[k], domain);
		if (is_named && letter && gp_str_find_chr(letters, letter, 0) < letters.len &&
		    !has_author_signature(e, domain))
			return true;
	}
	return false;
}

static bool check_dkim_adsp(struct gp_eval *e, const struct gp_rule_eval *row,
			    const struct gp_str *args, size_t n_args)
{
	return has_practice(e, args[0], args + 1, n_args - 1);
}

static bool check_dkim_signall(struct gp_eval *e, const struct gp_rule_eval *row,
			       const struct gp_str *args, size_t n_args)
{
	return has_practice(e, GP_STR("A"), NULL, 0);
}

/* Every domain may sign some of its mail: says nothing. */
static bool check_dkim_signsome(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	return false;
}

/* The signatures were checked over the whole message. */
static bool check_dkim_dependable(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	return e->in->auth != NULL;
}

const struct gp_rule_eval gp_rule_evals_adsp[] = {
	{"check_dkim_adsp", 1, 1000, check_dkim_adsp, 0, false},
	{"check_dkim_signall", 0, 0, check_dkim_signall, 0, false},
	{"check_dkim_signsome", 0, 0, check_dkim_signsome, 0, false},
	{"check_dkim_dependable", 0, 0, check_dkim_dependable, 0, false},
	{0},
};
