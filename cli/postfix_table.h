/*
 * The right sides of Postfix's lookup tables, of the types that are text: what an access table
 * may answer (access(5)), whoever asks.
 *
 * Of indexed types (hash, btree, lmdb, cdb, dbm) the source beside the index is read, as
 * postmap(1) does; a proxy: is looked through; of pipemap, unionmap and randmap all parts.
 * Tables that only a server or a program knows are not asked.
 */
#ifndef GP_CLI_POSTFIX_TABLE_H
#define GP_CLI_POSTFIX_TABLE_H

#include "cli/postfix.h"

typedef void gp_postfix_table_fn(void *arg, struct gp_str value);
/* Calls fn for each right side of "type:name", each for as long as the call lasts.  Else, the diag
 * says why: GP_ENOENT: of a type that is not read; others: the file cannot be read. */
int gp_postfix_table_each(const struct gp_postfix *p, struct gp_str table, gp_postfix_table_fn *fn,
			  void *arg, struct gp_diag *diag) GP_MUST_USE;
/* Does the word name a table, "type:name"? */
bool gp_postfix_is_table(struct gp_str word);

#endif
