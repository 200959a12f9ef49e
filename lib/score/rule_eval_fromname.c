/*
 * Eval functions over names in From that look like another's address
 * (Mail::SpamAssassin::Plugin::FromNameSpoof): "boss@example.com" <x@example.net>.
 *
 * Who owns an address: fns_add_addrlist says so, else the first label of its registered domain.
 */
#include "lib/base/num.h"
#include "lib/score/rule_email.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_field.h"
#include "lib/score/rule_host.h"

#define EXTRA_CHARS 50 /* fns_extrachars */
#define LISTS "fns_addrlist "

enum fact {
	CONTAINS_EMAIL,
	ADDRESS_DIFFERS,
	DOMAIN_DIFFERS,
	OWNER_DIFFERS,
	EQUALS_TO,
	EQUALS_REPLY_TO,
	FACTS,
};

struct from_name {
	bool facts[FACTS];
	struct gp_str address; /* that the name shows */
};

static struct gp_str read_header(struct gp_eval *e, const char *spec)
{
	return gp_eval_lower(e, gp_str_trim(gp_field_read(gp_str(spec), e->set, e->in, e->relays,
							  e->arena)));
}

static struct gp_str domain_of(struct gp_eval *e, struct gp_str address)
{
	struct gp_str host = gp_eval_domain(address);

	return gp_rule_host_is_valid(e->set, host) ? gp_rule_host_trim(e->set, host) : GP_STR("");
}

/* The list that has the address, or the same below the registered domain. */
static struct gp_str listed_owner(struct gp_eval *e, struct gp_str address, struct gp_str domain)
{
	static const struct gp_str prefix = GP_STR(LISTS);
	struct gp_str user = gp_str_sub(address, 0, gp_str_find_last(address, '@'));
	struct gp_str other = gp_str(gp_arena_printf(e->arena, "%.*s@%.*s", GP_STR_FMT(user),
						     GP_STR_FMT(domain)));

	GP_MAP_EACH(&e->set->lists, entry)
		if (gp_str_starts(entry->key, prefix) &&
		    (gp_rule_list_matches(entry->value, address) ||
		     gp_rule_list_matches(entry->value, other)))
			return gp_eval_lower(e, gp_str_sub(entry->key, prefix.len, SIZE_MAX));
	return (struct gp_str){0};
}

static struct gp_str owner_of(struct gp_eval *e, struct gp_str address, struct gp_str domain)
{
	struct gp_str listed = listed_owner(e, address, domain);

	return listed.ptr ? listed : gp_str_sub(domain, 0, gp_str_find_chr(domain, '.', 0));
}

static bool is_ignored(struct gp_eval *e)
{
	const struct gp_rule_list *headers = gp_rule_list_get(e->set, GP_STR("fns_ignore_headers"));
	const struct gp_rule_list *signers = gp_rule_list_get(e->set, GP_STR("fns_ignore_dkim"));
	const struct gp_auth_result *auth = e->in->auth;

	for (size_t i = 0; i < headers->items.len; i++)
		if (gp_message_header(e->in->message, gp_arena_cstr(e->arena, headers->items.items[i])))
			return true;
	for (size_t i = 0; auth && i < auth->n_dkim; i++)
		if (auth->dkim[i].status == GP_AUTH_PASS &&
		    gp_rule_list_has(signers, auth->dkim[i].domain))
			return true;
	return false;
}

static size_t count_others(struct gp_str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.len; i++)
		n += !gp_is_alnum(s.ptr[i]);
	return n;
}

/* The address in the name; empty if there is none that stands for the whole name. */
static struct gp_str address_in(struct gp_eval *e, struct gp_str name, struct from_name *f)
{
	double extra = gp_rule_list_number(e->set, "fns_extrachars", EXTRA_CHARS);
	struct gp_str address = {0};

	for (size_t at = 0; !address.len && (at = gp_str_find_chr(name, '@', at)) < name.len; at++)
		address = gp_rule_email_around(e->set, name, at, 0);
	if (address.len == 0)
		return address;
	f->facts[CONTAINS_EMAIL] = true;
	if ((double)(name.len - address.len) + (double)(count_others(name) - count_others(address)) >
	    extra)
		return GP_STR("");
	return address;
}

static void compare(struct gp_eval *e, struct from_name *f, struct gp_str from)
{
	struct gp_str from_domain = domain_of(e, from), domain = domain_of(e, f->address);
	const struct gp_eval_addrs *to = gp_eval_to_addrs(e);

	f->facts[ADDRESS_DIFFERS] = !gp_str_eq(f->address, from);
	f->facts[DOMAIN_DIFFERS] = !gp_str_eq(domain, from_domain);
	f->facts[OWNER_DIFFERS] = !gp_str_eq(owner_of(e, f->address, domain),
					     owner_of(e, from, from_domain));
	f->facts[EQUALS_REPLY_TO] = gp_str_eq(f->address, read_header(e, "Reply-To:addr"));
	for (size_t i = 0; i < to->items.len; i++)
		f->facts[EQUALS_TO] |= gp_str_eq(f->address, to->items.items[i]);
}

static const struct from_name *from_name_of(struct gp_eval *e)
{
	struct from_name *f = e->memo[GP_EVAL_FROM_NAME];
	struct gp_str from;

	if (f)
		return f;
	f = e->memo[GP_EVAL_FROM_NAME] = GP_ARENA_NEW(e->arena, struct from_name);
	from = read_header(e, "From:addr");
	if (is_ignored(e) || domain_of(e, from).len == 0)
		return f;
	f->address = address_in(e, read_header(e, "From:name"), f);
	if (f->address.len)
		compare(e, f, from);
	return f;
}

static bool check_fact(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	const struct from_name *f = from_name_of(e);

	e->evidence = f->address;
	return f->facts[row->what];
}

/* check_fromname_spoof([LEVEL]): 0 any difference, 1 another owner, 2 another domain. */
static bool check_spoof(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
			size_t n_args)
{
	static const enum fact also[] = {ADDRESS_DIFFERS, OWNER_DIFFERS, DOMAIN_DIFFERS};
	const struct from_name *f = from_name_of(e);
	double level = gp_rule_list_number(e->set, "fns_check", 1);

	if (n_args && (gp_num_parse_double(args[0], &level) || level < 0 || level > 2))
		level = 1;
	e->evidence = f->address;
	return f->facts[ADDRESS_DIFFERS] && f->facts[also[(int)GP_MIN(level, 2.0)]];
}

const struct gp_rule_eval gp_rule_evals_fromname[] = {
	{"check_fromname_spoof", 0, 1, check_spoof, 0, false},
	{"check_fromname_different", 0, 0, check_fact, ADDRESS_DIFFERS, false},
	{"check_fromname_domain_differ", 0, 0, check_fact, DOMAIN_DIFFERS, false},
	{"check_fromname_contains_email", 0, 0, check_fact, CONTAINS_EMAIL, false},
	{"check_fromname_equals_to", 0, 0, check_fact, EQUALS_TO, false},
	{"check_fromname_owners_differ", 0, 0, check_fact, OWNER_DIFFERS, false},
	{"check_fromname_equals_replyto", 0, 0, check_fact, EQUALS_REPLY_TO, false},
	{0},
};
