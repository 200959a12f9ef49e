/*
 * A clamav-milter.conf(5), of ClamAV 0.103 … 1.4, turned into ours: the text of a gatepost.conf
 * and notes on what could not be carried over.
 *
 * What it promises: mail in which clamav-milter would have found something meets the same fate,
 * and so does mail that cannot be scanned; mail that it let pass unscanned, by network, user or
 * size, is not refused for it.  The clamd that it asked goes on scanning (engine = "clamd").
 */
#ifndef GP_CLI_CLAMAV_MILTER_H
#define GP_CLI_CLAMAV_MILTER_H

#include "cli/import.h"

/* `text` is the file's, `name` its name for the notes.  Everything in the arena of `import`, which
 * is set. */
void gp_clamav_milter_import(struct gp_import *import, const char *name, struct gp_str text);

#endif
