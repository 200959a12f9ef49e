/*
 * gatepost scan --headers: what the rule files' add_header and rewrite_header make of a message.
 */
#ifndef GP_CLI_SCAN_HEADERS_H
#define GP_CLI_SCAN_HEADERS_H

#include <jansson.h>

#include "lib/score/scanner.h"
#include "milter-spam/policy.h"

/* One message judged, for its headers. */
struct gp_scan_headers {
	const struct gp_rule_set *set;
	const struct gp_message *mail;
	const struct gp_scan_result *result;
	const struct spam_decision *decision;
};

/* Each added header, then each rewritten one, as [name, value]. */
json_t *gp_scan_headers(const struct gp_scan_headers *h);
/* The same for people, one a line. */
void gp_scan_headers_print(const struct gp_scan_headers *h);

#endif
