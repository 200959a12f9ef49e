/*
 * Reading Postfix's main.cf and master.cf, as far as `gatepost check` needs them.
 *
 * Follows postconf(5) and master(5): comments, continuation lines, "-o
 * name=value" and "-o { name = value }", and expansion (postfix_expand.h).
 */
#ifndef GP_CLI_POSTFIX_H
#define GP_CLI_POSTFIX_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/map.h"
#include "lib/base/vec.h"

/* A line of master.cf. */
struct gp_postfix_service {
	struct gp_str name, type, command; /* "smtp", "inet", "smtpd" */
	bool is_chrooted;
	unsigned line;
	struct gp_map overrides; /* -o: name → const char * value */
};

struct gp_postfix {
	struct gp_arena *arena;
	const char *directory;
	struct gp_map main; /* name → const char * value, unexpanded */
	GP_VEC(struct gp_postfix_service) services;
	struct gp_map *faults; /* of values that were asked for: what is wrong → nothing */
};

/* Reads DIRECTORY/main.cf and master.cf into the arena. */
int gp_postfix_read(struct gp_arena *arena, const char *directory, struct gp_postfix *ret,
		    struct gp_diag *diag) GP_MUST_USE;
/* A parameter as the service sees it (service may be NULL), expanded; def when not set.  What
 * cannot be expanded, which ends Postfix's programs, is noted in the faults. */
struct gp_str gp_postfix_value(const struct gp_postfix *p, const struct gp_postfix_service *service,
			       const char *name, const char *def);
/* Takes the next milter address ("unix:/path", "inet:host:port") off a list value. */
bool gp_postfix_next_milter(struct gp_str *rest, struct gp_str *ret_address);

#endif
