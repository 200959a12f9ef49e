/*
 * gp-auth-probe: lib/auth driven by Python tests, a JSON object a line.
 *
 * In: {"mode": "spf", "zone": "text for tests/fakes/fake_dns.h", …}, what else there
 * is depends on the mode.  "timeout_ms" (2000) is how long a zone's !timeout lasts,
 * "now" the time (seconds).  Out, in the same order: what the mode found, or
 * {"error": "…"} if the line could not be understood.
 *
 * A new mode is a file probe_NAME.c with one function, and a row in auth_probe.c.
 */
#ifndef GP_AUTH_PROBE_H
#define GP_AUTH_PROBE_H

#include <jansson.h>

#include "lib/auth/lookup.h"

/* What every mode is given; it lives as long as the case. */
struct probe {
	const json_t *in;
	struct gp_arena *arena;
	struct gp_asker asker;
	struct gp_resolver *resolver;
	int64_t now_s;
};

/* The value of a string, "" if it is not there. */
struct gp_str probe_str(const struct probe *p, const char *name);
/* Any bytes as a JSON string: those that are no UTF-8 become U+FFFD. */
json_t *probe_json(struct gp_str s);

/* A mode: the case's answer. */
json_t *probe_arc(struct probe *p);
json_t *probe_arc_seal(struct probe *p);
json_t *probe_authres(struct probe *p);
json_t *probe_dkim_sign(struct probe *p);
json_t *probe_dkim_verify(struct probe *p);
json_t *probe_spf(struct probe *p);

#endif
