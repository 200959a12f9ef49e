/*
 * IP addresses and sets of networks.
 *
 * IPv4-mapped IPv6 addresses (::ffff:192.0.2.1) are folded into IPv4 on
 * parsing, so that one host has one form.  No names are resolved here.
 */
#ifndef GP_BASE_IP_H
#define GP_BASE_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

struct sockaddr;

struct gp_ip {
	uint8_t family;	   /* 4, 6, or 0 for "none" (a unix socket, not known) */
	uint8_t bytes[16]; /* network order; 4 used for IPv4, the rest zero */
};

/* A network: the address with its host bits cleared. */
struct gp_cidr {
	struct gp_ip ip;
	uint8_t bits;
};

/* "192.0.2.1", "2001:db8::1", also "[2001:db8::1]" and "IPv6:2001:db8::1" (RFC 5321). */
int gp_ip_parse(struct gp_str text, struct gp_ip *ret) GP_MUST_USE;
/* As gp_ip_parse with an optional "/BITS"; host bits set are GP_EINVAL. */
int gp_cidr_parse(struct gp_str text, struct gp_cidr *ret) GP_MUST_USE;
/* Family 0 for anything but AF_INET and AF_INET6; NULL is fine. */
struct gp_ip gp_ip_from_sockaddr(const struct sockaddr *sa);

#define GP_IP_TEXT 64
/* The canonical text (RFC 5952), "" for family 0. */
const char *gp_ip_format(const struct gp_ip *ip, char buf[GP_IP_TEXT]);
const char *gp_cidr_format(const struct gp_cidr *net, char buf[GP_IP_TEXT]);

bool gp_ip_equal(const struct gp_ip *a, const struct gp_ip *b);
bool gp_cidr_contains(const struct gp_cidr *net, const struct gp_ip *ip);
/* The network of `bits` (of the address's family) around ip: /24 or /64 for greylisting. */
struct gp_cidr gp_cidr_around(const struct gp_ip *ip, unsigned bits);
/* 127.0.0.0/8 and ::1. */
bool gp_ip_is_loopback(const struct gp_ip *ip);
/* Private, link-local and loopback ranges (RFC 1918, 3927, 4193, 4291, 6598). */
bool gp_ip_is_private(const struct gp_ip *ip);

/* A set of networks; filled once, then read by any number of threads. */
struct gp_netset {
	struct gp_cidr *nets; /* sorted, disjoint once sealed */
	size_t len, cap;
};

void gp_netset_add(struct gp_arena *a, struct gp_netset *set, struct gp_cidr net);
/* Sorts and drops what a wider network covers; call once before the first look-up. */
void gp_netset_seal(struct gp_netset *set);
/* True if a network holds ip; family 0 is in no set.  O(log n). */
bool gp_netset_has(const struct gp_netset *set, const struct gp_ip *ip);

#endif
