/*
 * Keys by the words of a directory.
 *
 * The words name domains and selectors, never files: who may write to the directory gets no
 * file of this host read, and a key that signs was seen by --check.
 */
#include "lib/dns/dnsname.h"
#include "milter-dkim/keyring.h"

struct pick {
	const struct dkim_keyring *keyring;
	struct gp_arena *arena;
	struct dkim_signer *signers;
	size_t n;
	struct gp_str domain;	/* of the words at hand */
	bool has_selector;	/* since the last d= */
	struct gp_diag *diag;
};

/* Adds the keys of the domain at hand, or the one with this selector. */
static int add_keys(struct pick *p, struct gp_str selector)
{
	const struct dkim_signer *found = NULL;
	bool is_none = false;
	size_t n = dkim_keyring_find(p->keyring, (struct gp_str){0}, p->domain, p->arena, &found,
				     &is_none);
	size_t before = p->n;

	for (size_t i = 0; i < n && p->n < DKIM_SIGNERS_MAX; i++)
		if (gp_str_eq(found[i].domain, p->domain) &&
		    (selector.len == 0 || gp_str_ieq(found[i].selector, selector)))
			p->signers[p->n++] = found[i];
	if (p->n > before || p->n == DKIM_SIGNERS_MAX)
		return GP_OK;
	gp_diag_set(p->diag, "neither sign.keys nor sign.key_directory has a key of %.*s%s%.*s",
		    GP_STR_FMT(p->domain), selector.len ? " with selector " : "",
		    GP_STR_FMT(selector));
	return GP_EINVAL;
}

/* The end of the words about one domain. */
static int end_domain(struct pick *p, bool is_named)
{
	return is_named && !p->has_selector ? add_keys(p, (struct gp_str){0}) : GP_OK;
}

static int begin_domain(struct pick *p, struct gp_str name)
{
	char folded[GP_DNS_NAME_MAX + 1];

	if (gp_dns_name_fold(name, folded)) {
		gp_diag_set(p->diag, "d=%.*s: no domain", GP_STR_FMT(name));
		return GP_EINVAL;
	}
	p->domain = gp_arena_str(p->arena, gp_str(folded));
	p->has_selector = false;
	return GP_OK;
}

static int take_word(struct pick *p, struct gp_str word, bool *is_named)
{
	struct gp_str value = gp_str_sub(word, 2, word.len);
	int r;

	if (gp_str_istarts(word, GP_STR("s=")) && value.len) {
		p->has_selector = true;
		return add_keys(p, value);
	}
	if (!gp_str_istarts(word, GP_STR("d=")) || value.len == 0) {
		gp_diag_set(p->diag, "\"%.*s\": expected d=DOMAIN, s=SELECTOR or none",
			    GP_STR_FMT(word));
		return GP_EINVAL;
	}
	r = end_domain(p, *is_named);
	*is_named = true;
	return r ? r : begin_domain(p, value);
}

int dkim_keyring_pick(const struct dkim_keyring *k, struct gp_str words, struct gp_str author,
		      struct gp_arena *arena, const struct dkim_signer **ret, size_t *ret_n,
		      struct gp_diag *diag)
{
	struct pick p = {.keyring = k, .arena = arena, .domain = author, .diag = diag};
	struct gp_str word;
	bool is_named = false;
	int r = GP_OK;

	p.signers = GP_ARENA_NEW_N(arena, DKIM_SIGNERS_MAX, struct dkim_signer);
	while (r == GP_OK && gp_str_next_word(&words, &word)) {
		if (gp_str_ieq(word, GP_STR("none")) || gp_str_ieq(word, GP_STR("d=none"))) {
			*ret_n = 0;
			return GP_OK;
		}
		r = take_word(&p, word, &is_named);
	}
	if (r == GP_OK)
		r = end_domain(&p, is_named);
	if (r)
		return r;
	*ret = p.signers;
	*ret_n = p.n;
	return GP_OK;
}
