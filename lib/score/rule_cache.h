/*
 * Compiled databases on disk.
 *
 * One file per target; its key is the SHA-256 of all literals of its patterns,
 * the vectorscan version and the CPU features, so a file either fits exactly
 * or is stale.  A database is code to the matcher: it is believed only when
 * file and folder belong to root, to our own user or to the one whose task is
 * compiling (cache_owner), can be written by nobody else and are no symbolic
 * links, and when its own digest is right.  Anything else is left alone, and
 * the database compiled anew, in memory.
 */
#ifndef GP_SCORE_RULE_CACHE_H
#define GP_SCORE_RULE_CACHE_H

#include "lib/score/rule_set.h"

/* Called before and after each target; done counts from 0 to total. */
typedef void gp_rule_compile_progress(void *arg, const char *target, unsigned done, unsigned total);

/* Why PCRE2 runs alone under these options, or NULL. */
const char *gp_rule_no_vectorscan(const struct gp_rule_options *options);

/* Compiles every target of the set whose file in dir is missing or stale (all with `force`) and
 * replaces the files atomically.  GP_ENOENT: PCRE2 runs alone.  GP_EACCES: a folder whose files
 * would not be believed.  The set itself is not changed: load it again. */
int gp_rule_cache_compile(const struct gp_rule_set *set, const char *dir, bool force,
			  gp_rule_compile_progress *progress, void *arg,
			  struct gp_diag *diag) GP_MUST_USE;

/* For gp_rule_set_load: gives every target its database, from a good file or compiled now, and
 * notes why not. */
void gp_rule_cache_load(struct gp_rule_set *set);

#endif
