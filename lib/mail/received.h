/*
 * Received: what a hop says it was given, and by whom (RFC 5321 §4.4, RFC 3848).
 *
 * Reads the forms of Postfix, Exim, sendmail, Exchange, qmail, Courier, Gmail
 * and those who copy them.  The fields are claims: only the headers of trusted
 * hops are worth anything, and which these are is not decided here.
 *
 * Postfix does not show its own Received to milters; gp_received_synthesise
 * writes it from what the session knows.
 */
#ifndef GP_MAIL_RECEIVED_H
#define GP_MAIL_RECEIVED_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/arena.h"

struct gp_received {
	struct gp_str helo;	/* what the client called itself */
	struct gp_str rdns;	/* verified name of the client; empty if unknown */
	struct gp_str ip;	/* canonical text, IPv4-mapped as IPv4; empty if there is none */
	struct gp_str ident;
	struct gp_str by, with, id;
	struct gp_str for_addr, envelope_from;
	struct gp_str auth;	/* the user, or "authenticated" where the name is not given */
	int64_t time_s;		/* since the epoch; 0 if unreadable */
	bool has_from;		/* came over a connection: not a local pickup */
	bool is_authenticated;
	bool is_tls;
};

/* Parses a header's (raw or unfolded) value; never fails, fields may be empty.
 * Everything in *ret lives in the arena. */
void gp_received_parse(struct gp_arena *a, struct gp_str value, struct gp_received *ret);

/* What is known of the session: libmilter's connection data and Postfix' macros. */
struct gp_received_session {
	struct gp_str by;	   /* {j} */
	struct gp_str client_addr; /* {client_addr}: "192.0.2.1" or "IPv6:2001:db8::1" or without prefix */
	struct gp_str client_name; /* {client_name}: verified, or empty or "unknown" */
	struct gp_str helo;
	struct gp_str queue_id;	   /* {i} */
	struct gp_str auth_authen; /* {auth_authen}; empty: not authenticated */
	struct gp_str tls_version, cipher, cipher_bits; /* {tls_version} … ; empty: no TLS */
	struct gp_str rcpt;	   /* given if it is the only one */
	int64_t time_s;
	bool is_smtp;		   /* HELO instead of EHLO */
};

/* The value of the Received header that Postfix puts before the message, with a
 * leading space; a stranger's bytes in it are neutralised as Postfix does. */
struct gp_str gp_received_synthesise(struct gp_arena *a, const struct gp_received_session *s);

#endif
