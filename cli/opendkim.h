/*
 * An OpenDKIM configuration turned into ours: opendkim.conf(5) of OpenDKIM 2.9 … 2.11 with the
 * files it names, into the text of a gatepost.conf and a key table, and a list of what could
 * not be carried over.
 *
 * What it promises: a message whose From address OpenDKIM would have signed is signed by the
 * same keys, with the same d= and s=.  Header lists and canonicalisation are carried over where
 * they were set; where they were not, our defaults hold.
 */
#ifndef GP_CLI_OPENDKIM_H
#define GP_CLI_OPENDKIM_H

#include "cli/import.h"
#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

/* Where files come from; as gp_file_read(). */
struct gp_opendkim_files {
	int (*read)(void *arg, const char *path, struct gp_buf *out, struct gp_diag *diag);
	void *arg;
};

struct gp_opendkim_result {
	const char *conf; /* gatepost.conf; names the key table as `table_path` */
	const char *keys; /* the key table, "" if there is none */
	struct gp_import import;
	GP_VEC(const char *) key_paths; /* files of keys, each once; %d stands for a domain */
};

/* Reads `path`.  Everything in the arena.  Fails only if `path` itself cannot be read: what is
 * wrong in it becomes notes. */
int gp_opendkim_import(const struct gp_opendkim_files *files, const char *path,
		       const char *table_path, struct gp_arena *arena,
		       struct gp_opendkim_result *ret, struct gp_diag *diag) GP_MUST_USE;

#endif
