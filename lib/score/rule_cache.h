/*
 * Compiled databases on disk.
 *
 * One file per target; its key is the SHA-256 of all literals of its patterns,
 * the vectorscan version and the CPU features, so a file either fits exactly
 * or is stale.  It is believed only when owned by root or our own user and
 * writable by nobody else, and when its own digest is right: a database is
 * code to the matcher.  Anything else is compiled anew, in memory.
 */
#ifndef GP_SCORE_RULE_CACHE_H
#define GP_SCORE_RULE_CACHE_H

#include "lib/score/rule_set.h"

/* Called before and after each target; done counts from 0 to total. */
typedef void gp_rule_compile_progress(void *arg, const char *target, unsigned done, unsigned total);

/* Compiles every target of the set whose file in dir is missing or stale (all with `force`) and
 * replaces the files atomically.  GP_ENOENT: built without
 * vectorscan, or the CPU cannot run it.  The set itself is not changed: load it again. */
int gp_rule_cache_compile(const struct gp_rule_set *set, const char *dir, bool force,
			  gp_rule_compile_progress *progress, void *arg,
			  struct gp_diag *diag) GP_MUST_USE;

/* For gp_rule_set_load: gives every target its database, from a good file or compiled now, and
 * notes why not. */
void gp_rule_cache_load(struct gp_rule_set *set);

#endif
