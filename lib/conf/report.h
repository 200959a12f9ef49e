/*
 * What is wrong with a configuration: all of it, each with file and line.
 *
 * Whoever reads settings adds to a report; the program prints it once.
 */
#ifndef GP_CONF_REPORT_H
#define GP_CONF_REPORT_H

#include <stddef.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/vec.h"

struct gp_conf_error {
	const char *file; /* NULL: no file, a default or the command line */
	unsigned line;	  /* 0: the file as a whole */
	const char *text;
};

struct gp_conf_report {
	struct gp_arena *arena; /* made by init, freed by done */
	GP_VEC(struct gp_conf_error) errors;
};

void gp_conf_report_init(struct gp_conf_report *r);
void gp_conf_report_done(struct gp_conf_report *r);
#define GP_CONF_REPORT_AUTO GP_CLEANUP(gp_conf_report_done) struct gp_conf_report

/* Copies file and the formatted text. */
void gp_conf_report_add(struct gp_conf_report *r, const char *file, unsigned line,
			const char *fmt, ...) GP_PRINTF(4, 5);
/* By file and line, for printing; errors of one line keep their order. */
void gp_conf_report_sort(struct gp_conf_report *r);
/* "FILE:LINE: TEXT", "FILE: TEXT" or "TEXT". */
void gp_conf_error_format(const struct gp_conf_error *e, struct gp_buf *out);

#endif
