/*
 * The Lua scripts of lib/store/scripts/, as constants (made at build time).
 */
#ifndef GP_STORE_SCRIPTS_H
#define GP_STORE_SCRIPTS_H

#include <stddef.h>

struct gp_script {
	const char *name, *sha1, *text;
	size_t len;
};

extern const struct gp_script gp_script_counter, gp_script_entries, gp_script_entry, gp_script_expire,
	gp_script_forget, gp_script_greylist, gp_script_learn, gp_script_limit, gp_script_limits,
	gp_script_scan, gp_script_swap, gp_script_tallies, gp_script_tally;

#endif
