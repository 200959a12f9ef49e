/*
 * What the four methods found about a message, for people and for programs.
 * Shared by `gatepost auth` and `gatepost dkim verify`.
 */
#ifndef GP_CLI_AUTH_SHOW_H
#define GP_CLI_AUTH_SHOW_H

#include <jansson.h>
#include <stdio.h>

#include "lib/auth/result.h"
#include "lib/base/arena.h"

/* Which parts are shown. */
enum gp_auth_part {
	GP_SHOW_SPF = 1 << 0,
	GP_SHOW_DKIM = 1 << 1,
	GP_SHOW_ARC = 1 << 2,
	GP_SHOW_DMARC = 1 << 3,
};

/* Prints to standard output; strangers' text is cleaned and long records are cut.  The DNS
 * answers follow.  colour: with escape sequences for a terminal. */
void gp_auth_print(const struct gp_auth_result *r, unsigned parts, bool colour,
		   struct gp_arena *arena);
/* Adds "spf", "dkim", "arc", "dmarc" (as wanted) and "dns" to an object. */
void gp_auth_to_json(const struct gp_auth_result *r, unsigned parts, json_t *root);
/* "TXT" …; "?" for a type that is never asked for. */
const char *gp_dns_type_name(int type);

#endif
