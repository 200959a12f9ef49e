/*
 * Domain names as text (RFC 1035, RFC 5891 for IDN, RFC 3596 for IPv6 reverse names).
 */
#include "lib/dns/dnsname.h"

#include <idn2.h>
#include <stdint.h>
#include <stdio.h>

#include "lib/base/utf8.h"

#define LABEL_MAX_LEN 63

/* Bytes that a question may hold.  Wider than host names: "_dmarc", RFC 2317's "0/25",
 * hashes and e-mail addresses in block lists; narrower than the wire, because what a
 * stranger writes into a HELO must not act in libraries that read zone format. */
static bool is_allowed(char c)
{
	return c > ' ' && c < 0x7f && !strchr("\\\"();@$,<>[]{}", c);
}

/* The length of \DDD at the start of s, for a byte that is not written plainly; else 0. */
static size_t escape_len(struct gp_str s)
{
	unsigned byte = 0;

	if (s.len < 4 || s.ptr[0] != '\\')
		return 0;
	for (int i = 1; i < 4; i++) {
		if (!gp_is_digit(s.ptr[i]))
			return 0;
		byte = byte * 10 + (unsigned)(s.ptr[i] - '0');
	}
	return byte < 256 && byte != '.' && !is_allowed((char)byte) ? 4 : 0;
}

static int check(struct gp_str s, bool with_escapes)
{
	size_t label = 0;

	if (s.len == 0 || s.len > GP_DNS_NAME_MAX)
		return GP_EINVAL;
	for (size_t i = 0; i < s.len; i++) {
		if (s.ptr[i] == '.') {
			if (label == 0)
				return GP_EINVAL;
			label = 0;
		} else if (++label > LABEL_MAX_LEN) {
			return GP_EINVAL;
		} else if (!is_allowed(s.ptr[i])) {
			size_t len = with_escapes ? escape_len(gp_str_sub(s, i, 4)) : 0;

			if (len == 0)
				return GP_EINVAL;
			i += len - 1;
		}
	}
	return label ? GP_OK : GP_EINVAL;
}

static int fold(struct gp_str name, bool with_escapes, char ret[GP_DNS_NAME_MAX + 1])
{
	/* A-labels are longer than what they stand for in UTF-8, if at all shorter
	 * by less than this. */
	char text[4 * GP_DNS_NAME_MAX];
	uint8_t *ascii = NULL;
	int r;

	if (name.len && name.ptr[name.len - 1] == '.')
		name.len--;
	if (!gp_str_is_ascii(name)) {
		if (!gp_utf8_is_valid(name) || gp_str_find_chr(name, '\0', 0) < name.len ||
		    !gp_str_copy(text, sizeof(text), name) ||
		    idn2_lookup_u8((const uint8_t *)text, &ascii,
				   IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL) != IDN2_OK)
			return GP_EINVAL;
		name = gp_str((const char *)ascii);
	}
	r = check(name, with_escapes);
	if (r == GP_OK) {
		for (size_t i = 0; i < name.len; i++)
			ret[i] = gp_lower(name.ptr[i]);
		ret[name.len] = '\0';
	}
	idn2_free(ascii);
	return r;
}

int gp_dns_name_fold(struct gp_str name, char ret[GP_DNS_NAME_MAX + 1])
{
	return fold(name, false, ret);
}

int gp_dns_name_fold_escaped(struct gp_str name, char ret[GP_DNS_NAME_MAX + 1])
{
	return fold(name, true, ret);
}

struct gp_str gp_dns_name_escape(struct gp_arena *arena, struct gp_str name)
{
	char *out = gp_arena_alloc(arena, 4 * name.len + 1);
	size_t n = 0;

	for (size_t i = 0; i < name.len; i++) {
		if (is_allowed(name.ptr[i]))
			out[n++] = name.ptr[i];
		else
			n += (size_t)snprintf(out + n, 5, "\\%03u", (unsigned char)name.ptr[i]);
	}
	return gp_str_n(out, n);
}

bool gp_dns_name_is_within(struct gp_str name, struct gp_str domain)
{
	return domain.len > 0 && gp_str_iends(name, domain) &&
	       (name.len == domain.len || name.ptr[name.len - domain.len - 1] == '.');
}

int gp_dns_name_reverse(const struct gp_ip *ip, const char *zone, char ret[GP_DNS_NAME_MAX + 1])
{
	static const char HEX[] = "0123456789abcdef";
	char digits[4 * 16 + 1];
	size_t n = 0;
	int len;

	if (ip->family == 4) {
		n = (size_t)snprintf(digits, sizeof(digits), "%u.%u.%u.%u", ip->bytes[3],
				     ip->bytes[2], ip->bytes[1], ip->bytes[0]);
	} else if (ip->family == 6) {
		for (int i = 15; i >= 0; i--) {
			digits[n++] = HEX[ip->bytes[i] & 15];
			digits[n++] = '.';
			digits[n++] = HEX[ip->bytes[i] >> 4];
			digits[n++] = '.';
		}
		n--;
	} else {
		return GP_EINVAL;
	}
	if (!zone)
		zone = ip->family == 4 ? "in-addr.arpa" : "ip6.arpa";
	if (n + 1 + strlen(zone) > GP_DNS_NAME_MAX)
		return GP_EINVAL;
	len = snprintf(ret, GP_DNS_NAME_MAX + 1, "%.*s.%s", (int)n, digits, zone);
	return check(gp_str_n(ret, (size_t)len), false);
}

int gp_dns_name_from_wire(struct gp_arena *arena, struct gp_str wire, struct gp_str *ret,
			  size_t *ret_len)
{
	char text[4 * 256];
	size_t n = 0, at = 0;

	for (;;) {
		size_t label;

		if (at >= wire.len || at > 254)
			return GP_EINVAL;
		label = (unsigned char)wire.ptr[at++];
		if (label == 0)
			break;
		if (label > LABEL_MAX_LEN || label > wire.len - at || at + label > 254)
			return GP_EINVAL;
		if (n)
			text[n++] = '.';
		for (; label; label--, at++) {
			if (is_allowed(wire.ptr[at]) && wire.ptr[at] != '.')
				text[n++] = gp_lower(wire.ptr[at]);
			else
				n += (size_t)snprintf(text + n, 5, "\\%03u",
						      (unsigned char)wire.ptr[at]);
		}
	}
	*ret = gp_arena_str(arena, gp_str_n(text, n));
	*ret_len = at;
	return GP_OK;
}
