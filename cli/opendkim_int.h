/*
 * What the files of the OpenDKIM import share; for opendkim*.c only.
 *
 *	opendkim.c           opendkim.conf and its data sets, read
 *	opendkim_params.c    the parameters, a table: what becomes of each
 *	opendkim_convert*.c  the functions of that table
 *	opendkim_keys.c      KeyTable, SigningTable, Domain, read
 *	opendkim_table.c     and written as our key table
 */
#ifndef GP_CLI_OPENDKIM_INT_H
#define GP_CLI_OPENDKIM_INT_H

#include "cli/opendkim.h"
#include "lib/base/map.h"

/* A line of opendkim.conf. */
struct odk_param {
	struct gp_str name, value;
	const char *file;
	unsigned line;
};

/* A member of a data set. */
struct odk_entry {
	struct gp_str key, value;
	const char *file;
	unsigned line;
};

enum odk_set_kind { ODK_SET_LIST, ODK_SET_FILE, ODK_SET_PATTERNS };

struct odk_set {
	enum odk_set_kind kind;
	GP_VEC(struct odk_entry) entries;
};

struct odk {
	const struct gp_opendkim_files *files;
	struct gp_arena *arena;
	struct gp_opendkim_result *result;
	const char *table_path;
	GP_VEC(struct odk_param) params;
};

/* import.h's, on what the result collects. */
#define odk_note(o, ...) gp_import_note(&(o)->result->import, __VA_ARGS__)
#define odk_set(o, ...) gp_import_set(&(o)->result->import, __VA_ARGS__)
#define odk_set_text(o, path, text) gp_import_set_text(&(o)->result->import, path, text)
#define odk_set_list(o, path, items, n) gp_import_set_list(&(o)->result->import, path, items, n)

/* The last one of that name, or NULL. */
const struct odk_param *odk_get(const struct odk *o, const char *name);
bool odk_is_true(const struct odk_param *p);
/* Below BaseDirectory where it is relative. */
const char *odk_path(const struct odk *o, struct gp_str path);
/* The members of a parameter's data set; false (and a note) where its kind is one that we
 * cannot read. */
bool odk_read_set(struct odk *o, const struct odk_param *p, struct odk_set *ret);

/* Reads a file's parameters, includes too. */
int odk_read_conf(struct odk *o, const char *path, unsigned depth,
		  struct gp_diag *diag) GP_MUST_USE;

/* Goes through all parameters. */
void odk_convert_params(struct odk *o);
/* Makes the key table. */
void odk_convert_keys(struct odk *o);

#endif
