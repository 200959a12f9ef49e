/*
 * The text of a configuration with its includes put in, and where each line
 * came from.
 *
 * libconfig could include files itself, but its versions differ in what a
 * relative or absolute name means, some end the process when the name is a
 * directory, and some wrap around numbers beyond 32 bits without a word.  So
 * includes are expanded and numbers checked here, and libconfig sees one text.
 *
 * @include "FILE" on a line of its own; relative names are looked up beside the
 * file that includes; at most 10 deep, GP_MAX_CONF_FILE in all.
 */
#ifndef GP_CONF_SOURCE_H
#define GP_CONF_SOURCE_H

#include "lib/base/buf.h"
#include "lib/conf/report.h"

struct gp_conf_place {
	const char *file;
	unsigned line;
};

struct gp_conf_source {
	struct gp_arena *arena;
	struct gp_buf text;
	unsigned n_includes;
	GP_VEC(struct gp_conf_place) lines; /* place of each line of text */
};

/* Reads a file (with all it includes), or takes a text in place of it.  Errors of
 * reading go to `fatal`; numbers that do not fit to `later`, which matters only
 * if libconfig finds the syntax right. */
int gp_conf_source_read(struct gp_conf_source *s, const char *file, struct gp_conf_report *fatal,
			struct gp_conf_report *later) GP_MUST_USE;
int gp_conf_source_text(struct gp_conf_source *s, const char *name, struct gp_str text,
			struct gp_conf_report *fatal, struct gp_conf_report *later) GP_MUST_USE;

/* Where a line (from 1) of the expanded text came from. */
struct gp_conf_place gp_conf_source_place(const struct gp_conf_source *s, unsigned line);
/* The text of that line, trimmed, for messages. */
struct gp_str gp_conf_source_line(const struct gp_conf_source *s, unsigned line);

#endif
