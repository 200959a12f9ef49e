/*
 * Eval functions over the relays of a message, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::RelayEval, ::VBounce, and one each of ::WLBLEval and ::SPF).
 */
#include "lib/mail/relay_form.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_host.h"

static const struct gp_relay_list *list_of(const struct gp_eval *e, enum gp_relay_lists which)
{
	return &e->relays->lists[which];
}

/* what: GP_RELAYS_TRUSTED for "all are", GP_RELAYS_LISTS for "there are none". */
static bool check_relays(struct gp_eval *e, const struct gp_rule_eval *row,
			 const struct gp_str *args, size_t n_args)
{
	bool has_trusted = list_of(e, GP_RELAYS_TRUSTED)->items.len != 0;

	return !list_of(e, GP_RELAYS_UNTRUSTED)->items.len && !e->relays->unreadable &&
	       has_trusted == (row->what == GP_RELAYS_TRUSTED);
}

static bool check_relays_unparseable(struct gp_eval *e, const struct gp_rule_eval *row,
				     const struct gp_str *args, size_t n_args)
{
	return e->relays->unreadable != 0;
}

/* A whole address of IPv4 that is none of a private network. */
static bool is_public_ipv4(struct gp_str s, struct gp_ip *ret)
{
	return gp_relay_ip_len(s, 0) == s.len && s.len && gp_ip_parse(s, ret) == GP_OK &&
	       ret->family == 4 && !gp_ip_is_private(ret);
}

static bool check_for_numeric_helo(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);
	struct gp_ip ip;

	for (size_t i = 0; i < list->items.len; i++)
		if (is_public_ipv4(list->items.items[i]->helo, &ip))
			return true;
	return false;
}

static bool helo_ip_mismatch(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);

	for (size_t i = 0; i < list->items.len; i++) {
		struct gp_ip helo, ip;

		if (is_public_ipv4(list->items.items[i]->helo, &helo) &&
		    is_public_ipv4(list->items.items[i]->ip, &ip) &&
		    memcmp(helo.bytes, ip.bytes, 3) != 0)
			return true;
	}
	return false;
}

static bool check_for_sender_no_reverse(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);
	const struct gp_relay *r;

	if (!list->items.len)
		return false;
	r = list->items.items[list->items.len - 1];
	return gp_str_find_chr(r->rdns, '.', 0) < r->rdns.len && !r->is_private;
}

static bool is_domain_or_below(struct gp_str name, struct gp_str domain)
{
	return gp_str_ieq(name, domain) ||
	       (gp_str_iends(name, domain) && name.ptr[name.len - domain.len - 1] == '.');
}

/* The name of a large provider, from a client without one. */
static bool check_for_no_rdns_dotcom_helo(struct gp_eval *e, const struct gp_rule_eval *row,
					  const struct gp_str *args, size_t n_args)
{
	static const char *const providers[] = {
		"lycos.com", "lycos.co.uk", "hotmail.com", "localhost.com", "excite.com",
		"caramail.com", "cs.com", "aol.com", "msn.com", "yahoo.com", "drizzle.com",
	};
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);
	bool found = false; /* the last relay decides */

	for (size_t i = 0; i < list->items.len; i++) {
		const struct gp_relay *r = list->items.items[i];

		if (r->is_private)
			continue;
		found = false;
		for (size_t k = 0; k < GP_ARRAY_SIZE(providers); k++)
			found |= r->has_no_rdns && is_domain_or_below(r->helo, gp_str(providers[k]));
	}
	return found;
}

/* The last two or three labels, as the forgery check takes them for a domain. */
static struct gp_str rough_domain(struct gp_str host)
{
	size_t starts[3] = {0}, dots = 0, last;
	bool has_letter = false;

	for (size_t i = 0; i < host.len; i++)
		has_letter |= gp_is_alpha(host.ptr[i]);
	if (!has_letter)
		return host;
	for (size_t i = host.len; i-- > 0 && dots < 3;)
		if (host.ptr[i] == '.')
			starts[dots++] = i + 1;
	last = dots ? host.len - starts[0] : 0;
	if (dots >= 1) {
		struct gp_str top = gp_str_sub(host, starts[0], last);

		if (last >= 3 || gp_str_ieq(top, GP_STR("ie")) || gp_str_ieq(top, GP_STR("fr")) ||
		    gp_str_ieq(top, GP_STR("de")))
			return gp_str_sub(host, starts[1], host.len);
	}
	return dots >= 2 ? gp_str_sub(host, dots == 3 ? starts[2] : 0, host.len) : host;
}

/* Letters, digits, _, - and dots, at least two labels, the first not of one letter. */
static bool looks_like_domain(struct gp_str s)
{
	size_t dot = 0;

	for (size_t i = 0; i < s.len; i++) {
		bool is_edge = i == 0 || i + 1 == s.len;

		if (s.ptr[i] == '.')
			dot = i;
		if (!gp_is_alnum(s.ptr[i]) && s.ptr[i] != '_' &&
		    (is_edge || (s.ptr[i] != '-' && s.ptr[i] != '.')))
			return false;
	}
	if (dot < 2) /* a name of one letter needs another label before the last */
		return false;
	for (size_t i = dot + 1; i < s.len; i++)
		if (s.ptr[i] == '-')
			return false;
	return true;
}

/* How often a relay says it is not whom the next one took it for.  flag: count HELO's addresses
 * that are far from the client's instead. */
static bool check_forged_received(struct gp_eval *e, const struct gp_rule_eval *row,
				  const struct gp_str *args, size_t n_args)
{
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);
	struct gp_str from_before = {0};
	int names = 0, addresses = 0;

	for (size_t i = 0; i < list->items.len; i++) {
		const struct gp_relay *r = list->items.items[i];
		struct gp_str by = rough_domain(gp_eval_lower(e, r->by));
		struct gp_str from = rough_domain(gp_eval_lower(e, r->rdns)), before = from_before;
		struct gp_ip helo, ip;
		bool is_by = looks_like_domain(by);

		if (is_by && gp_str_eq(r->ip, GP_STR("127.0.0.1")) &&
		    (gp_str_eq(from, GP_STR("localhost")) ||
		     gp_str_eq(from, GP_STR("localhost.localdomain"))))
			from = (struct gp_str){0};
		from_before = from;
		if (!is_by)
			continue;
		if (is_public_ipv4(r->helo, &helo) && gp_ip_parse(r->ip, &ip) == GP_OK &&
		    ip.family == 4 && memcmp(helo.bytes, ip.bytes, 2) != 0)
			addresses++;
		if (i > 0 && looks_like_domain(before) && !gp_str_eq(by, before) &&
		    !(gp_str_eq(by, GP_STR("msn.com")) && gp_str_eq(before, GP_STR("hotmail.com"))))
			names++;
	}
	return row->flag ? addresses > 0 : names > 1;
}

/* check_for_from_domain_in_received_headers('DOMAIN', 'true'): From is of DOMAIN, and a relay of
 * it has given the message to one of it; 'false': and none has. */
static bool check_from_domain_in_received(struct gp_eval *e, const struct gp_rule_eval *row,
					  const struct gp_str *args, size_t n_args)
{
	struct gp_str from = gp_eval_addr(e, "From");
	bool found = false;

	if (gp_str_ifind(from, args[0], 0) >= from.len)
		return false;
	for (unsigned l = GP_RELAYS_TRUSTED; l <= GP_RELAYS_UNTRUSTED; l++) {
		const struct gp_relay_list *list = list_of(e, l);

		for (size_t i = 0; i < list->items.len; i++)
			found |= is_domain_or_below(list->items.items[i]->rdns, args[0]) &&
				 is_domain_or_below(list->items.items[i]->by, args[0]);
	}
	return found == gp_str_eq(args[1], GP_STR("true"));
}

/* The registered domain of a host, lower case. */
static struct gp_str registered(struct gp_eval *e, struct gp_str host)
{
	host = gp_eval_lower(e, host);
	return gp_rule_host_is_valid(e->set, host) ? gp_rule_host_trim(e->set, host) : host;
}

static bool check_mailfrom_matches_rcvd(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	struct gp_str addr = gp_eval_addr(e, "EnvelopeFrom"), domain = gp_eval_domain(addr);
	const struct gp_relay_list *list = list_of(e, GP_RELAYS_UNTRUSTED);
	size_t n = 1;

	if (domain.len == addr.len || gp_str_find_chr(domain, '.', 0) >= domain.len)
		return false;
	if (!list->items.len) {
		list = list_of(e, GP_RELAYS_TRUSTED);
		n = list->items.len;
	}
	domain = registered(e, domain);
	for (size_t i = 0; i < n; i++)
		if (list->items.items[i]->rdns.len &&
		    gp_str_eq(registered(e, list->items.items[i]->rdns), domain))
			return true;
	return false;
}

static const struct gp_rule_list *bounce_relays(struct gp_eval *e)
{
	return gp_rule_list_get(e->set, GP_STR("welcomelist_bounce_relays"));
}

static bool have_any_bounce_relays(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	return bounce_relays(e)->items.len != 0;
}

/* Does a Received line within the body (quoted, or of an attached message) name one of ours? */
static bool check_bounce_relays(struct gp_eval *e, const struct gp_rule_eval *row,
				const struct gp_str *args, size_t n_args)
{
	const struct gp_rule_list *list = bounce_relays(e);
	struct gp_str rest = e->in->message->body, line, word;
	bool in_received = false;

	while (list->items.len && gp_str_next(&rest, '\n', &line)) {
		struct gp_str s = line;

		while (s.len && (s.ptr[0] == '>' || s.ptr[0] == ' '))
			s = gp_str_sub(s, 1, s.len);
		if (line.len == 0 || !gp_is_space(line.ptr[0]))
			in_received = false;
		in_received |= gp_str_istarts(s, GP_STR("Received:"));
		while (in_received && gp_str_next_word(&s, &word))
			if (gp_str_find_chr(word, '.', 1) < word.len && gp_rule_list_matches(list, word))
				return true;
	}
	return false;
}

/* Is there no envelope sender that SPF could be asked of?  What headers say of it may have been rewritten
 * where relays of ours have passed the message on. */
static bool check_spf_skipped_noenvfrom(struct gp_eval *e, const struct gp_rule_eval *row,
					const struct gp_str *args, size_t n_args)
{
	const struct gp_relay_list *external = list_of(e, GP_RELAYS_EXTERNAL);

	if (e->in->envelope_from.ptr)
		return e->in->envelope_from.len == 0;
	if (external->items.len && external->items.items[0]->envfrom.ptr)
		return false;
	if (list_of(e, GP_RELAYS_TRUSTED)->items.len &&
	    gp_rule_list_number(e->set, "always_trust_envelope_sender", 0) == 0)
		return true;
	return gp_eval_addr(e, "EnvelopeFrom").len == 0;
}

const struct gp_rule_eval gp_rule_evals_relay[] = {
	{"check_all_trusted", 0, 0, check_relays, GP_RELAYS_TRUSTED, false},
	{"check_no_relays", 0, 0, check_relays, GP_RELAYS_LISTS, false},
	{"check_relays_unparseable", 0, 0, check_relays_unparseable, 0, false},
	{"check_for_numeric_helo", 0, 0, check_for_numeric_helo, 0, false},
	{"helo_ip_mismatch", 0, 0, helo_ip_mismatch, 0, false},
	{"check_for_sender_no_reverse", 0, 0, check_for_sender_no_reverse, 0, false},
	{"check_for_no_rdns_dotcom_helo", 0, 0, check_for_no_rdns_dotcom_helo, 0, false},
	{"check_for_forged_received_trail", 0, 0, check_forged_received, 0, false},
	{"check_for_forged_received_ip_helo", 0, 0, check_forged_received, 0, true},
	{"check_for_from_domain_in_received_headers", 2, 2, check_from_domain_in_received, 0, false},
	{"check_mailfrom_matches_rcvd", 0, 0, check_mailfrom_matches_rcvd, 0, false},
	{"have_any_bounce_relays", 0, 0, have_any_bounce_relays, 0, false},
	{"check_welcomelist_bounce_relays", 0, 0, check_bounce_relays, 0, false},
	{"check_spf_skipped_noenvfrom", 0, 0, check_spf_skipped_noenvfrom, 0, false},
	{"check_whitelist_bounce_relays", 0, 0, check_bounce_relays, 0, false},
	{0},
};
