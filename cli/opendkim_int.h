/*
 * What the files of the OpenDKIM import share; for opendkim*.c only.
 *
 *	opendkim.c           opendkim.conf and its data sets, read
 *	opendkim_params.c    the parameters, a table: what becomes of each
 *	opendkim_convert*.c  the functions of that table
 *	opendkim_keys.c      KeyTable, SigningTable, Domain, read
 *	opendkim_table.c     and written as our key table
 *	opendkim_settings.c  our settings, collected and printed
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

/* One of our settings. */
struct odk_setting {
	const char *path;  /* "milter-dkim.sign.ttl" */
	const char *value; /* as it stands in the file */
};

struct odk {
	const struct gp_opendkim_files *files;
	struct gp_arena *arena;
	struct gp_opendkim_result *result;
	const char *table_path;
	GP_VEC(struct odk_param) params;
	GP_VEC(struct odk_setting) settings;
};

void odk_note(struct odk *o, enum gp_opendkim_kind kind, const char *file, unsigned line,
	      const char *fmt, ...) GP_PRINTF(5, 6);
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

/* Collects a setting; a later one of the same path replaces it.  The text is as in the file. */
void odk_set(struct odk *o, const char *path, const char *fmt, ...) GP_PRINTF(3, 4);
/* The same for a text, and for a list of texts: quoted. */
void odk_set_text(struct odk *o, const char *path, struct gp_str text);
void odk_set_list(struct odk *o, const char *path, const struct gp_str *items, size_t n);
/* All settings as gatepost.conf has them. */
void odk_print_settings(struct odk *o, struct gp_buf *out);

#endif
