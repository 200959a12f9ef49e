/*
 * What stands behind an @ comes first, since the part before it may look like a
 * host.  A host ends in a top-level domain of the rule files' list.
 */
#include "lib/score/rule_field_host.h"

#include "lib/dns/dnsname.h"
#include "lib/score/rule_host.h"

#define HOST_MAX 251 /* before its last dot */

static bool is_glue(char c)
{
	return c == '.' || c == '_' || c == '-';
}

/* The longest beginning of `s` (no white space in it) that ends where a host name can end; empty
 * if there is none. */
static struct gp_str longest_host(const struct gp_rule_set *set, struct gp_str s)
{
	for (size_t end = GP_MIN(s.len, (size_t)HOST_MAX + 64); end > 1; end--) {
		size_t dot = end;

		if (end < s.len && (is_glue(s.ptr[end]) || gp_is_alnum(s.ptr[end])))
			continue;
		while (dot > 0 && gp_is_alnum(s.ptr[dot - 1]))
			dot--;
		if (dot < 2 || dot == end || s.ptr[dot - 1] != '.')
			continue;
		/* Any name in front of it will do: what stands there is judged later. */
		if (gp_rule_host_is_valid(set, gp_str_sub(s, dot - 2, end - dot + 2)) ||
		    !gp_is_alnum(s.ptr[dot - 2]))
			return gp_str_sub(s, 0, end);
	}
	return GP_STR("");
}

static size_t run_length(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && !gp_is_space(s.ptr[n]))
		n++;
	return n;
}

static struct gp_str behind_at(const struct gp_rule_set *set, struct gp_str line)
{
	for (size_t i = line.len; i-- > 0;) {
		struct gp_str rest = gp_str_sub(line, i + 1, SIZE_MAX), host;

		if (line.ptr[i] != '@')
			continue;
		host = longest_host(set, gp_str_sub(rest, 0, run_length(rest)));
		if (host.len)
			return gp_rule_host_is_valid(set, host) ? host : GP_STR("");
	}
	return GP_STR("");
}

static struct gp_str any_host(const struct gp_rule_set *set, struct gp_str line)
{
	while (line.len) {
		size_t n = run_length(line);
		struct gp_str host = longest_host(set, gp_str_sub(line, 0, n));

		if (host.len && gp_rule_host_is_valid(set, host))
			return host;
		/* Behind what was no host, a space, or a character that cannot begin one. */
		line = gp_str_sub(line, host.len ? host.len : n ? n : 1, SIZE_MAX);
		while (line.len && is_glue(line.ptr[0]))
			line = gp_str_sub(line, 1, SIZE_MAX);
	}
	return line;
}

static struct gp_str host_of(const struct gp_rule_field *f, const struct gp_rule_set *set,
			     struct gp_str line)
{
	struct gp_str host;

	if (f->modifiers & GP_FIELD_ADDR) { /* an address by now */
		host = gp_str_after_last(line, '@');
		return host.len < line.len ? gp_str_sub(host, 0, run_length(host)) : GP_STR("");
	}
	host = behind_at(set, line);
	return host.len ? host : any_host(set, line);
}

static bool is_ip_char(char c)
{
	return gp_is_digit(c) || (gp_lower(c) >= 'a' && gp_lower(c) <= 'f') || c == ':' || c == '.';
}

/* The first address of the line that stands by itself. */
static bool ip_of(struct gp_str line, struct gp_ip *ret)
{
	for (size_t i = 0, n; i < line.len; i += n + 1) {
		struct gp_str word;

		for (n = 0; i + n < line.len && is_ip_char(line.ptr[i + n]);)
			n++;
		word = gp_str_sub(line, i, n);
		if (n == 0 || (i && (gp_is_alnum(line.ptr[i - 1]) || line.ptr[i - 1] == '_')))
			continue;
		if (i + n < line.len && (gp_is_alnum(line.ptr[i + n]) || line.ptr[i + n] == '_'))
			continue;
		if (gp_ip_parse(word, ret) == GP_OK)
			return true;
	}
	return false;
}

static void add_ip(const struct gp_rule_field *f, const struct gp_ip *ip, struct gp_buf *out)
{
	char text[GP_IP_TEXT], reversed[GP_DNS_NAME_MAX + 1];

	if (!(f->modifiers & GP_FIELD_REVIP))
		gp_buf_add_cstr(out, gp_ip_format(ip, text));
	else if (gp_dns_name_reverse(ip, "x", reversed) == GP_OK)
		gp_buf_add_str(out, gp_str_n(reversed, strlen(reversed) - 2)); /* without ".x" */
}

bool gp_field_hosts(const struct gp_rule_field *f, const struct gp_rule_set *set,
		    struct gp_str value, struct gp_buf *out)
{
	size_t start = out->len;
	struct gp_str line, host;
	struct gp_ip ip;

	while (gp_str_next(&value, '\n', &line)) {
		size_t was = out->len;

		if (was > start)
			gp_buf_add_chr(out, '\n');
		host = f->modifiers & GP_FIELD_HOST ? host_of(f, set, line) : GP_STR("");
		if (host.len && f->modifiers & GP_FIELD_DOMAIN)
			host = gp_rule_host_is_valid(set, host) ? gp_rule_host_trim(set, host) : host;
		if (f->modifiers & GP_FIELD_HOST)
			gp_buf_add_str(out, host);
		else if (ip_of(line, &ip))
			add_ip(f, &ip, out);
		if (out->len == was + (was > start))
			out->len = was; /* nothing there: no empty line either */
	}
	return out->len > start;
}
