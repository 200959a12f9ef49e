/*
 * One list holds the suffixes of all depths, since their dots tell them apart.  Below
 * .us names are registered under "city.state.us" (RFC 1480), which no list says.
 */
#include "lib/score/rule_host.h"

#include "lib/dns/dnsname.h"
#include "lib/score/rule_list.h"

/* The last n labels; the whole name if it has no more. */
static struct gp_str last_labels(struct gp_str host, unsigned n)
{
	size_t at = host.len;

	while (at > 0) {
		if (host.ptr[at - 1] == '.' && --n == 0)
			break;
		at--;
	}
	return gp_str_sub(host, at, SIZE_MAX);
}

static unsigned count_labels(struct gp_str host)
{
	unsigned n = 1;

	for (size_t i = 0; i < host.len; i++)
		n += host.ptr[i] == '.';
	return n;
}

static bool is_label_valid(struct gp_str label, bool may_underscore)
{
	if (label.len == 0 || label.len > 63 || label.ptr[0] == '-' ||
	    label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!gp_is_alnum(label.ptr[i]) && label.ptr[i] != '-' &&
		    (label.ptr[i] != '_' || !may_underscore))
			return false;
	return true;
}

bool gp_rule_host_is_valid(const struct gp_rule_set *set, struct gp_str host)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, GP_STR("util_rb"));
	unsigned left = count_labels(host);
	struct gp_str rest = host, label;

	if (left < 2 || host.len > GP_DNS_NAME_MAX || host.ptr[host.len - 1] == '.')
		return false;
	for (; gp_str_next(&rest, '.', &label); left--)
		if (!is_label_valid(label, left > 2))
			return false;
	return list->items.len == 0 || gp_rule_list_has(list, last_labels(host, 1));
}

static bool is_us_state(struct gp_str s)
{
	static const char states[] = "ak al ar az ca co ct dc de fl ga gu hi ia id il in ks ky la ma md "
				     "me mi mn mo ms mt nc nd ne nh nj nm nv ny oh ok or pa pr ri sc "
				     "sd tn tx ut va vi vt wa wi wv wy";
	struct gp_str rest = gp_str(states), state;

	while (gp_str_next_word(&rest, &state))
		if (gp_str_ieq(s, state))
			return true;
	return false;
}

/* Labels of the suffix below which names of .us are registered; 0: as anywhere else. */
static unsigned us_suffix(struct gp_str host)
{
	struct gp_str four = last_labels(host, 4), first, second, state;

	if (!gp_str_iends(host, GP_STR(".us")) || count_labels(host) < 3)
		return 0;
	state = gp_str_sub(last_labels(host, 2), 0, last_labels(host, 2).len - 3);
	if (!is_us_state(state))
		return 0;
	if (count_labels(four) == 4 && gp_str_next(&four, '.', &first) &&
	    gp_str_next(&four, '.', &second) &&
	    ((gp_str_ieq(first, GP_STR("pvt")) && gp_str_ieq(second, GP_STR("k12"))) ||
	     gp_str_ieq(first, GP_STR("ci")) || gp_str_ieq(first, GP_STR("co"))))
		return 4;
	return 3;
}

struct gp_str gp_rule_host_trim(const struct gp_rule_set *set, struct gp_str host)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, GP_STR("util_rb"));
	unsigned n = us_suffix(host);

	if (n == 0) {
		for (n = 3; n > 1; n--)
			if (count_labels(host) >= n && gp_rule_list_has(list, last_labels(host, n)))
				break;
	}
	return last_labels(host, n + 1);
}
