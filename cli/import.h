/*
 * Another program's configuration turned into ours: what is collected on the way, and printed.
 *
 * Settings are collected by their path and printed in their groups; notes say what could not be
 * carried over, with its place, and stand as comments at the top.
 */
#ifndef GP_CLI_IMPORT_H
#define GP_CLI_IMPORT_H

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/vec.h"

enum gp_import_kind {
	GP_IMPORT_LOST,	    /* ours does not do that */
	GP_IMPORT_CHANGED,  /* ours does something near it */
	GP_IMPORT_NEEDLESS, /* nothing has to be done */
};

struct gp_import_note {
	enum gp_import_kind kind;
	const char *file; /* NULL: the configuration as a whole */
	unsigned line;
	const char *text;
};

/* One of our settings. */
struct gp_import_setting {
	const char *path;  /* "milter-dkim.sign.ttl" */
	const char *value; /* as it stands in the file */
};

struct gp_import {
	struct gp_arena *arena; /* everything is in there */
	GP_VEC(struct gp_import_note) notes;
	GP_VEC(struct gp_import_setting) settings;
};

void gp_import_note(struct gp_import *o, enum gp_import_kind kind, const char *file, unsigned line,
		    const char *fmt, ...) GP_PRINTF(5, 6);
/* Notes by their place. */
void gp_import_sort(struct gp_import *o);
unsigned gp_import_count(const struct gp_import *o, enum gp_import_kind kind);

/* Collects a setting; a later one of the same path replaces it.  The text is as in the file. */
void gp_import_set(struct gp_import *o, const char *path, const char *fmt, ...) GP_PRINTF(3, 4);
/* The same for a text, and for a list of texts: quoted. */
void gp_import_set_text(struct gp_import *o, const char *path, struct gp_str text);
void gp_import_set_list(struct gp_import *o, const char *path, const struct gp_str *items, size_t n);

/* "# Made from FROM by …", and the notes by their kind; comments. */
void gp_import_print_notes(const struct gp_import *o, const char *from, const char *command,
			   struct gp_buf *out);
/* Says on standard error how many things were not carried over, if any. */
void gp_import_complain(const struct gp_import *o);
/* All settings as gatepost.conf has them. */
void gp_import_print_settings(struct gp_import *o, struct gp_buf *out);

#endif
