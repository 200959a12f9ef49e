/*
 * What most commands need first: the configuration, the scanner, the store.
 */
#ifndef GP_CLI_CONTEXT_H
#define GP_CLI_CONTEXT_H

#include "cli/cmd.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "lib/score/scanner.h"
#include "lib/store/store.h"

/* The tables of the whole suite. */
size_t gp_cli_tables(const struct gp_conf_table *const **ret);
/* Loads the file given by -c (else the installed one if it is there, else defaults).
 * Errors are printed; the result is an exit status, 0 if all is well. */
int gp_cli_load(struct gp_cli *cli, struct gp_snapshot **ret);
/* Prints a report's errors, sorted, to standard error. */
void gp_cli_print_report(struct gp_conf_report *report);

/* Prints the sample configuration, or the settings one a line (for the manual page);
 * the build calls it. */
int gp_cli_print_tables(bool as_sample);

/* Opens the store of the configuration, to write GP_STORE_… `writes`. */
int gp_cli_open_store(const struct gp_snapshot *snap, unsigned writes, struct gp_store **ret);
/* Loads the rules; problems in rule files are counted into *ret_errors, not printed. */
int gp_cli_open_scanner(const struct gp_snapshot *snap, struct gp_scanner **ret,
			unsigned *ret_errors);

/* A message is read whole, because a signature stands before what it signs. */
#define GP_CLI_MESSAGE_MAX ((size_t)1 << 30)
/* Reads a file, or standard input for "-", to its end; errors are printed. */
int gp_cli_read_message(const char *path, struct gp_buf *ret);
/* This host's name, "localhost" if it has none. */
const char *gp_cli_host_name(struct gp_arena *arena);

#endif
