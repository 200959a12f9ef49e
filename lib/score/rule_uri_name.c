/*
 * Which names in URIs can be those of hosts.
 */
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_uri.h"

#define LABEL_MAX 63
#define NAME_MAX_BYTES 253

struct gp_str gp_rule_uri_cut(struct gp_str s, const char *ends)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] && strchr(ends, s.ptr[i]))
			return gp_str_sub(s, 0, i);
	return s;
}

static bool is_label(struct gp_str label)
{
	if (!label.len || label.len > LABEL_MAX || label.ptr[0] == '-' ||
	    label.ptr[label.len - 1] == '-')
		return false;
	for (size_t i = 0; i < label.len; i++)
		if (!gp_is_alnum(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_')
			return false;
	return true;
}

bool gp_rule_uris_is_name(struct gp_str host)
{
	struct gp_str rest, label, last = {0}, before = {0};
	unsigned n = 0;

	while (host.len && host.ptr[host.len - 1] == '.')
		host.len--;
	if (!host.len || host.len > NAME_MAX_BYTES)
		return false;
	for (rest = host; gp_str_next(&rest, '.', &label); n++) {
		if (!is_label(label))
			return false;
		before = last;
		last = label;
	}
	return n > 1 && gp_str_find_chr(last, '_', 0) == last.len &&
	       gp_str_find_chr(before, '_', 0) == before.len;
}

bool gp_rule_uris_has_domain(const struct gp_rule_uris *u, struct gp_str host)
{
	size_t dot = host.len;

	while (dot && host.ptr[dot - 1] != '.')
		dot--;
	host = gp_str_sub(host, dot, SIZE_MAX);
	if (!dot || !host.len)
		return false;
	if (u->domains->items.len)
		return gp_rule_list_has(u->domains, host);
	for (size_t i = 0; i < host.len; i++)
		if (!gp_is_alpha(host.ptr[i]) && !gp_str_istarts(host, GP_STR("xn--")))
			return false;
	return host.len > 1;
}

static struct gp_str behind_last(struct gp_str s, char c)
{
	for (size_t i = s.len; i; i--)
		if (s.ptr[i - 1] == c)
			return gp_str_sub(s, i, SIZE_MAX);
	return s;
}

struct gp_str gp_rule_uris_host(const struct gp_rule_uris *u, struct gp_str s)
{
	size_t n = 0;
	struct gp_ip ip;

	if (gp_str_istarts(s, GP_STR("mailto:"))) {
		s = gp_rule_uri_cut(gp_str_sub(s, 7, SIZE_MAX), "?");
		n = gp_str_find_chr(s, '@', 0);
		if (n == s.len || gp_str_find_chr(s, '@', n + 1) < s.len)
			return GP_STR("");
		s = gp_str_sub(s, n + 1, SIZE_MAX);
	} else {
		if (gp_str_istarts(s, GP_STR("javascript:")) || gp_str_istarts(s, GP_STR("cid:")) ||
		    gp_str_istarts(s, GP_STR("file:")))
			return GP_STR("");
		while (n < s.len && gp_is_alpha(s.ptr[n]))
			n++;
		if (n && n < s.len && s.ptr[n] == ':') {
			s = gp_str_sub(s, n + 1, SIZE_MAX);
			for (n = 0; n < 2 && gp_str_starts(s, GP_STR("/")); n++)
				s = gp_str_sub(s, 1, SIZE_MAX);
		}
		s = behind_last(gp_rule_uri_cut(s, "/?#"), '@');
		n = s.len;
		while (n && gp_is_digit(s.ptr[n - 1]))
			n--;
		if (n && s.ptr[n - 1] == ':')
			s = gp_str_sub(s, 0, n - 1);
	}
	if (gp_ip_parse(s, &ip) != GP_OK && !(gp_rule_uris_is_name(s) && gp_rule_uris_has_domain(u, s)))
		return GP_STR("");
	return s;
}
