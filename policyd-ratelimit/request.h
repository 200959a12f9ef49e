/*
 * Requests of Postfix's policy protocol (SMTPD_POLICY_README): lines "name=value", ended
 * by an empty line.
 *
 *	n = policy_request_parse(bytes, &request, &why);
 *	n > 0: a request, which took n bytes; its texts point into them
 *	n == 0: more bytes are needed
 *	n < 0: no request, `why` says what is wrong: close the connection
 *
 * Unknown attributes are passed over: later versions have more.  What cannot come from
 * Postfix is malformed: a line without "=", a name twice, a NUL, no or another "request",
 * an unknown protocol_state, more than POLICY_REQUEST_MAX bytes.
 */
#ifndef POLICYD_REQUEST_H
#define POLICYD_REQUEST_H

#include <stddef.h>
#include <stdint.h>

#include "lib/base/ip.h"
#include "lib/base/str.h"

/* Some thirty attributes, of which Postfix limits each to a few KiB. */
#define POLICY_REQUEST_MAX 65536

/* Where in the session it is asked: protocol_state. */
enum policy_stage {
	POLICY_CONNECT,
	POLICY_EHLO,
	POLICY_HELO,
	POLICY_MAIL,
	POLICY_RCPT,
	POLICY_DATA,
	POLICY_END_OF_MESSAGE,
	POLICY_VRFY,
	POLICY_ETRN,
	POLICY_STAGES
};

/* Name, and the Postfix version that sends it first. */
#define POLICY_ATTRIBUTES(X)                                                                       \
	X(request, "2.1")                                                                          \
	X(protocol_state, "2.1")                                                                   \
	X(protocol_name, "2.1")                                                                    \
	X(helo_name, "2.1")                                                                        \
	X(queue_id, "2.1")                                                                         \
	X(sender, "2.1")                                                                           \
	X(recipient, "2.1")                                                                        \
	X(recipient_count, "2.1")                                                                  \
	X(client_address, "2.1")                                                                   \
	X(client_name, "2.1")                                                                      \
	X(reverse_client_name, "2.1")                                                              \
	X(instance, "2.1")                                                                         \
	X(sasl_method, "2.2")                                                                      \
	X(sasl_username, "2.2")                                                                    \
	X(sasl_sender, "2.2")                                                                      \
	X(size, "2.2")                                                                             \
	X(ccert_subject, "2.2")                                                                    \
	X(ccert_issuer, "2.2")                                                                     \
	X(ccert_fingerprint, "2.2")                                                                \
	X(encryption_protocol, "2.3")                                                              \
	X(encryption_cipher, "2.3")                                                                \
	X(encryption_keysize, "2.3")                                                               \
	X(etrn_domain, "2.5")                                                                      \
	X(stress, "2.6")                                                                           \
	X(ccert_pubkey_fingerprint, "2.9")                                                         \
	X(client_port, "3.0")                                                                      \
	X(policy_context, "3.1")                                                                   \
	X(server_address, "3.2")                                                                   \
	X(server_port, "3.2")                                                                      \
	X(compatibility_level, "3.8")                                                              \
	X(mail_version, "3.8")

enum policy_attribute {
#define POLICY_ENUM(name, since) POLICY_##name,
	POLICY_ATTRIBUTES(POLICY_ENUM)
#undef POLICY_ENUM
	POLICY_ATTRIBUTES_N
};

struct policy_request {
	enum policy_stage stage;
	struct gp_str texts[POLICY_ATTRIBUTES_N]; /* empty: absent, or empty */
	int64_t recipients;			  /* recipient_count; 0 before DATA */
	int64_t size;				  /* bytes: announced, at END-OF-MESSAGE real; 0 unknown */
	struct gp_ip client;			  /* family 0: none ("unknown", a local one) */
};

long policy_request_parse(struct gp_str bytes, struct policy_request *ret, const char **ret_why);
/* "RCPT" …; never NULL. */
const char *policy_stage_name(enum policy_stage stage);

static inline struct gp_str policy_get(const struct policy_request *r, enum policy_attribute a)
{
	return r->texts[a];
}

#endif
