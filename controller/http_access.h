/*
 * Who may ask what of the HTTP API.
 *
 * Pure decisions over a request's header.  The rules:
 *   - no request names a file (File, Path, Shm): any client could have one read;
 *   - the password is in the header field Password, never in the address, where it would be
 *     logged; a wrong one is refused, also where none is needed;
 *   - a Host that is a name must be one of ours (a browser that was lured by DNS rebinding
 *     sends the stranger's name), and an Origin must be that of the Host (a page elsewhere
 *     must not ask); programs like rspamc send neither;
 *   - what changes something, or shows whose mail there was, needs the right password, or by
 *     unix socket the peer's uid: the address of a client opens nothing;
 *   - what only shows counts is open by unix socket and on loopback addresses, unless
 *     http.read_password asks for the password there as well.
 */
#ifndef GP_CONTROLLER_HTTP_ACCESS_H
#define GP_CONTROLLER_HTTP_ACCESS_H

#include "controller/http_request.h"
#include "lib/base/digest.h"
#include "lib/conf/schema.h"

enum http_level {
	HTTP_OPEN,   /* says nothing: /ping */
	HTTP_READ,   /* counts, rules, verdicts over mail that the client brings */
	HTTP_SECRET, /* whose mail there was */
	HTTP_CHANGE,
};

struct http_access {
	bool has_password;
	unsigned char password[GP_SHA256_SIZE];
	bool read_password;
	const uid_t *uids; /* peers that need no password */
	size_t n_uids;
	struct gp_conf_list hosts; /* names that are ours beside localhost */
};

struct http_refusal {
	unsigned status;
	const char *text;
};

/* NULL: go on.  The literal lives for ever. */
const struct http_refusal *http_access_check(const struct http_access *a, enum http_level level,
					     const struct http_request *rq);

/* The name or address of "host", "host:port", "[v6]:port"; empty if it is none of them. */
struct gp_str http_host_name(struct gp_str host);

/* Sets the password from the text of a password file; GP_EINVAL when it is empty. */
int http_access_set_password(struct http_access *a, const char *text, size_t len) GP_MUST_USE;

/* A user's name or number. */
int http_uid_parse(const char *text, uid_t *ret) GP_MUST_USE;

#endif
