/*
 * IP addresses and sets of networks.
 */
#include "lib/base/ip.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "lib/base/num.h"
#include "lib/base/vec.h"

static const uint8_t mapped_prefix[12] = {[10] = 0xff, [11] = 0xff};

static struct gp_ip from_in4(const void *bytes)
{
	struct gp_ip ip = {.family = 4};

	memcpy(ip.bytes, bytes, 4);
	return ip;
}

static struct gp_ip from_in6(const uint8_t bytes[16])
{
	struct gp_ip ip = {.family = 6};

	if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
		return from_in4(bytes + 12);
	memcpy(ip.bytes, bytes, 16);
	return ip;
}

static unsigned ip_bits(const struct gp_ip *ip)
{
	return ip->family == 4 ? 32 : ip->family == 6 ? 128 : 0;
}

int gp_ip_parse(struct gp_str text, struct gp_ip *ret)
{
	char buf[INET6_ADDRSTRLEN];
	uint8_t bytes[16];

	if (text.len >= 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
		text = gp_str_sub(text, 1, text.len - 2);
	if (gp_str_istarts(text, GP_STR("IPv6:")))
		text = gp_str_sub(text, 5, text.len);
	if (memchr(text.ptr ? text.ptr : "", '\0', text.len) ||
	    !gp_str_copy(buf, sizeof(buf), text))
		return GP_EINVAL;
	if (inet_pton(AF_INET, buf, bytes) == 1)
		*ret = from_in4(bytes);
	else if (inet_pton(AF_INET6, buf, bytes) == 1)
		*ret = from_in6(bytes);
	else
		return GP_EINVAL;
	return GP_OK;
}

/* Clears the host bits; true if any was set. */
static bool mask(struct gp_ip *ip, unsigned bits)
{
	bool had_bits = false;

	for (unsigned i = 0; i < sizeof(ip->bytes); i++) {
		unsigned keep = bits > i * 8 ? GP_MIN(bits - i * 8, 8u) : 0;
		uint8_t kept = (uint8_t)(ip->bytes[i] & (0xff00u >> keep));

		had_bits |= kept != ip->bytes[i];
		ip->bytes[i] = kept;
	}
	return had_bits;
}

int gp_cidr_parse(struct gp_str text, struct gp_cidr *ret)
{
	size_t slash = gp_str_find_chr(text, '/', 0);
	struct gp_cidr net;
	uint64_t bits;

	if (gp_ip_parse(gp_str_sub(text, 0, slash), &net.ip) < 0)
		return GP_EINVAL;
	if (slash < text.len) {
		if (gp_num_parse_uint(gp_str_sub(text, slash + 1, text.len), 10, &bits) < 0)
			return GP_EINVAL;
		/* "::ffff:192.0.2.0/120" became 192.0.2.0/24. */
		if (net.ip.family == 4 && gp_str_find_chr(text, ':', 0) < slash)
			bits = bits >= 96 ? bits - 96 : UINT64_MAX;
	} else {
		bits = ip_bits(&net.ip);
	}
	if (bits > ip_bits(&net.ip) || mask(&net.ip, (unsigned)bits))
		return GP_EINVAL;
	net.bits = (uint8_t)bits;
	*ret = net;
	return GP_OK;
}

struct gp_ip gp_ip_from_sockaddr(const struct sockaddr *sa)
{
	if (sa && sa->sa_family == AF_INET)
		return from_in4(&((const struct sockaddr_in *)(const void *)sa)->sin_addr);
	if (sa && sa->sa_family == AF_INET6)
		return from_in6(((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr.s6_addr);
	return (struct gp_ip){0};
}

const char *gp_ip_format(const struct gp_ip *ip, char buf[GP_IP_TEXT])
{
	buf[0] = '\0';
	if (ip->family)
		inet_ntop(ip->family == 4 ? AF_INET : AF_INET6, ip->bytes, buf, GP_IP_TEXT);
	return buf;
}

const char *gp_cidr_format(const struct gp_cidr *net, char buf[GP_IP_TEXT])
{
	size_t len = strlen(gp_ip_format(&net->ip, buf));

	if (net->bits != ip_bits(&net->ip))
		snprintf(buf + len, GP_IP_TEXT - len, "/%u", (unsigned)net->bits);
	return buf;
}

bool gp_ip_equal(const struct gp_ip *a, const struct gp_ip *b)
{
	return a->family == b->family && memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

bool gp_cidr_contains(const struct gp_cidr *net, const struct gp_ip *ip)
{
	struct gp_ip masked = *ip;

	if (ip->family == 0)
		return false;
	mask(&masked, net->bits);
	return gp_ip_equal(&masked, &net->ip);
}

struct gp_cidr gp_cidr_around(const struct gp_ip *ip, unsigned bits)
{
	struct gp_cidr net = {*ip, (uint8_t)GP_MIN(bits, ip_bits(ip))};

	mask(&net.ip, net.bits);
	return net;
}

static bool in_any(const struct gp_ip *ip, const struct gp_cidr *nets, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (gp_cidr_contains(&nets[i], ip))
			return true;
	return false;
}

bool gp_ip_is_loopback(const struct gp_ip *ip)
{
	static const struct gp_cidr nets[] = {
		{{4, {127}}, 8},
		{{6, {[15] = 1}}, 128},
	};

	return in_any(ip, nets, GP_ARRAY_SIZE(nets));
}

bool gp_ip_is_private(const struct gp_ip *ip)
{
	static const struct gp_cidr nets[] = {
		{{4, {10}}, 8},	      {{4, {172, 16}}, 12},   {{4, {192, 168}}, 16},
		{{4, {100, 64}}, 10}, {{4, {169, 254}}, 16},  {{4, {127}}, 8},
		{{6, {0xfc}}, 7},     {{6, {0xfe, 0x80}}, 10}, {{6, {[15] = 1}}, 128},
	};

	return in_any(ip, nets, GP_ARRAY_SIZE(nets));
}

void gp_netset_add(struct gp_arena *a, struct gp_netset *set, struct gp_cidr net)
{
	set->nets = gp_vec_room(a, set->nets, set->len, &set->cap, sizeof(*set->nets));
	set->nets[set->len++] = net;
}

/* By family and address, the wider network first. */
static int compare(const void *va, const void *vb)
{
	const struct gp_cidr *a = va, *b = vb;
	int order = memcmp(a->ip.bytes, b->ip.bytes, sizeof(a->ip.bytes));

	if (a->ip.family != b->ip.family)
		return a->ip.family - b->ip.family;
	return order ? order : a->bits - b->bits;
}

void gp_netset_seal(struct gp_netset *set)
{
	size_t kept = 0;

	if (set->len == 0)
		return;
	qsort(set->nets, set->len, sizeof(*set->nets), compare);
	for (size_t i = 1; i < set->len; i++)
		if (!gp_cidr_contains(&set->nets[kept], &set->nets[i].ip))
			set->nets[++kept] = set->nets[i];
	set->len = kept + 1;
}

bool gp_netset_has(const struct gp_netset *set, const struct gp_ip *ip)
{
	/* The networks are disjoint: only the last one that begins at or before ip can hold it. */
	struct gp_cidr wanted = {*ip, UINT8_MAX};
	size_t low = 0, high = set->len;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (compare(&set->nets[mid], &wanted) <= 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low > 0 && gp_cidr_contains(&set->nets[low - 1], ip);
}
