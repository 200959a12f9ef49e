/*
 * Eval functions over links whose text names another place than they lead to
 * (Mail::SpamAssassin::Plugin::HTTPSMismatch, ::URIEval).
 */
#include "lib/base/ip.h"
#include "lib/base/num.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_eval_html.h"
#include "lib/score/rule_host.h"

/* The scheme's length if s begins with http: or https: (with only_https: the latter). */
static size_t scheme_len(struct gp_str s, bool only_https)
{
	if (gp_str_istarts(s, GP_STR("https:")))
		return 6;
	return !only_https && gp_str_istarts(s, GP_STR("http:")) ? 5 : 0;
}

/* The registered domain of the host behind "//"; empty if there is none, or an address. */
static struct gp_str domain_at(const struct gp_rule_set *set, struct gp_str s)
{
	size_t n = 0;
	struct gp_str host;
	struct gp_ip ip;

	while (n < s.len && !gp_is_space(s.ptr[n]) && !strchr("/:?#", s.ptr[n]))
		n++;
	host = gp_str_sub(s, 0, n);
	if (gp_ip_parse(host, &ip) == GP_OK || !gp_rule_host_is_valid(set, host))
		return (struct gp_str){0};
	return gp_rule_host_trim(set, host);
}

/* Where a link leads: the domain, if it is http://NAME or https://NAME. */
static struct gp_str target_domain(const struct gp_rule_set *set, struct gp_str target)
{
	size_t n = scheme_len(target, false);

	if (!n || !gp_str_starts(gp_str_sub(target, n, SIZE_MAX), GP_STR("//")))
		return (struct gp_str){0};
	return domain_at(set, gp_str_sub(target, n + 2, SIZE_MAX));
}

/* Whether the text names https://ELSEWHERE. */
static bool names_another(const struct gp_rule_set *set, struct gp_str text, struct gp_str domain)
{
	const struct gp_str scheme = GP_STR("https://");
	size_t at = gp_str_ifind(text, scheme, 0);
	struct gp_str named;

	if (at == text.len)
		return false;
	named = domain_at(set, gp_str_sub(text, at + scheme.len, SIZE_MAX));
	return named.len && !gp_str_ieq(named, domain);
}

/* check_https_http_mismatch(MIN, MAX): with at least MIN and below MAX distinct links to names. */
static bool https_http(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		       size_t n_args)
{
	double min = 1, max = 0;

	if ((n_args > 0 && gp_num_parse_double(args[0], &min)) ||
	    (n_args > 1 && gp_num_parse_double(args[1], &max)))
		return false;
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next) {
		struct gp_map links;
		bool found = false;

		gp_map_init(&links, e->arena, false);
		for (size_t i = 0; i < h->anchors.items.len; i++) {
			struct gp_str target = h->targets.items.items[i];
			struct gp_str domain = target_domain(e->set, target);

			if (!domain.len)
				continue;
			gp_map_set(&links, target, e);
			if (!names_another(e->set, h->anchors.items.items[i], domain))
				continue;
			found = true;
			e->evidence = target;
		}
		if (found && (double)links.len >= min && (n_args < 2 || (double)links.len < max))
			return true;
	}
	return false;
}

/* "http://1.2.3.4", also with a user's name before it. */
static bool leads_to_address(struct gp_str s, bool only_https)
{
	size_t at = scheme_len(s, only_https), user;
	unsigned numbers = 0;

	if (!at)
		return false;
	while (at < s.len && s.ptr[at] == '/')
		at++;
	user = gp_str_find_chr(s, '@', at);
	if (user < s.len && user > at && user < gp_str_find_chr(s, '/', at))
		at = user + 1;
	while (numbers < 4) {
		size_t from = at;

		while (at < s.len && gp_is_digit(s.ptr[at]))
			at++;
		if (at == from || (++numbers < 4 && (at == s.len || s.ptr[at++] != '.')))
			return false;
	}
	return true;
}

static bool https_ip(struct gp_eval *e, const struct gp_rule_eval *row, const struct gp_str *args,
		     size_t n_args)
{
	for (const struct gp_rule_html *h = gp_eval_html(e); h; h = h->next) {
		for (size_t i = 0; i < h->anchors.items.len; i++) {
			struct gp_str text = h->anchors.items.items[i];
			struct gp_str target = h->targets.items.items[i];

			if (!leads_to_address(target, false) || leads_to_address(text, true) ||
			    gp_str_ifind(text, GP_STR("https:"), 0) == text.len)
				continue;
			e->evidence = target;
			return true;
		}
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_html_link[] = {
	{"check_https_http_mismatch", 0, 2, https_http, 0, false},
	{"check_https_ip_mismatch", 0, 0, https_ip, 0, false},
	{0},
};
