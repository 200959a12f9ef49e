/*
 * A request and its reply, as the routes of the API see them: no library's types.
 *
 * A request lives in its own arena until its reply was given; names of header fields
 * are compared without regard to case.
 */
#ifndef GP_CONTROLLER_HTTP_REQUEST_H
#define GP_CONTROLLER_HTTP_REQUEST_H

#include <jansson.h>
#include <stdbool.h>
#include <sys/types.h>

#include "lib/base/buf.h"
#include "lib/base/ip.h"
#include "lib/base/vec.h"

/* Header fields and arguments of one request; rspamc sends a dozen, and a Rcpt for each
 * recipient (GP_MAX_RECIPIENTS). */
#define HTTP_FIELDS_MAX 1100
/* Bytes of one reply: /symbols of a full rule set has 700 KB, a history of 10,000 verdicts is
 * cut before. */
#define HTTP_REPLY_MAX ((size_t)32 << 20)

/* The words of a status line that are ours to choose. */
enum {
	HTTP_OK = 200,
	HTTP_ACCEPTED = 202,
	HTTP_NO_CONTENT = 204,
	HTTP_ALREADY = 208,
	HTTP_BAD_REQUEST = 400,
	HTTP_UNAUTHORIZED = 401,
	HTTP_FORBIDDEN = 403,
	HTTP_NOT_FOUND = 404,
	HTTP_BAD_METHOD = 405,
	HTTP_TOO_SLOW = 408,
	HTTP_TOO_LARGE = 413,
	HTTP_BAD_TYPE = 415,
	HTTP_TOO_MANY = 429,
	HTTP_FAILED = 500,
	HTTP_UNAVAILABLE = 503,
	HTTP_TIMED_OUT = 504,
};

struct http_field {
	struct gp_str name, value;
};
struct http_fields {
	struct http_field *items;
	size_t len, cap;
};

/* Who asks, as the kernel says. */
struct http_peer {
	bool is_unix;
	bool is_local;	 /* came by a unix socket or to a loopback address of ours */
	uid_t uid;	 /* unix sockets; (uid_t)-1: not known */
	struct gp_ip ip; /* family 0 with a unix socket */
};

struct http_request {
	struct gp_arena *arena;
	const struct http_route *route; /* once it was found */
	struct gp_str method, path;
	struct http_fields headers, arguments;
	struct http_peer peer;
	struct gp_buf *body; /* whoever must outlive the request takes it and leaves an empty one */
	int64_t began_us;
	int64_t deadline_ms; /* when the answer must be there */
};

struct http_reply {
	unsigned status;
	const char *type; /* of the content */
	struct gp_buf body;
};

/* Notes a field, copied into the request's arena; false when there are too many. */
bool http_fields_add(struct gp_arena *a, struct http_fields *fields, const char *name,
		     const char *value);
/* The first one's value with blanks at its ends cut off, or empty. */
struct gp_str http_field_get(const struct http_fields *fields, const char *name);
size_t http_field_count(const struct http_fields *fields, const char *name);

void http_reply_init(struct http_reply *r);
void http_reply_done(struct http_reply *r);
/* {"error": "…"}; replaces what was there. */
void http_reply_error(struct http_reply *r, unsigned status, const char *fmt, ...)
	GP_PRINTF(3, 4);
/* Takes root over; 500 when it cannot be written. */
void http_reply_json(struct http_reply *r, unsigned status, json_t *root);
void http_reply_text(struct http_reply *r, unsigned status, const char *type, struct gp_str text);

/* Text of strangers as a JSON string: what is no UTF-8 becomes U+FFFD, beyond max bytes it
 * is cut. */
json_t *http_json_text(struct gp_str s, size_t max);

#endif
