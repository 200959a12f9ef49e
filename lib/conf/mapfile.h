/*
 * Map files: lists that administrators keep beside the configuration.
 *
 *	# comment
 *	user@example.org      reject=12 add_header=5
 *	@example.net          (any user of the domain; "example.net" is the same)
 *	.example.com          (any subdomain of example.com, not itself)
 *	*@news.*              (a glob, * and ?)
 *	192.0.2.0/24          (a network, for look-ups by address)
 *	"odd local"@example   (a key may be quoted where it holds spaces)
 *
 * The rest of the line is the value and may be empty.  Keys are compared
 * without regard to case.  A key twice in a file is an error with both lines.
 *
 * Precedence of a look-up by mail address: exact address, exact local part
 * with its +extension removed, domain, nearest parent with a leading dot,
 * globs in the order of the file.  By IP address: the longest network.
 *
 * Read-only after loading, shared by threads.
 */
#ifndef GP_CONF_MAPFILE_H
#define GP_CONF_MAPFILE_H

#include "lib/base/arena.h"
#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/conf/report.h"

struct gp_mapfile;

struct gp_map_hit {
	struct gp_str key;   /* as written */
	struct gp_str value; /* rest of the line, trimmed; may be empty */
	unsigned line;
};

/* Reads a file into the arena.  Errors go to the report with file:line, all of
 * them; GP_EINVAL then.  Limit: GP_MAX_MAP_FILE. */
int gp_mapfile_load(const char *path, struct gp_arena *arena, struct gp_mapfile **ret,
		    struct gp_conf_report *report) GP_MUST_USE;
/* As gp_mapfile_load, from text. */
int gp_mapfile_parse(const char *name, struct gp_str text, struct gp_arena *arena,
		     struct gp_mapfile **ret, struct gp_conf_report *report) GP_MUST_USE;

/* Look-ups; a NULL map has nothing.  The hit borrows from the map. */
bool gp_mapfile_find_address(const struct gp_mapfile *m, struct gp_str address,
			     struct gp_map_hit *ret);
/* Domain entries, dotted parents and globs only. */
bool gp_mapfile_find_domain(const struct gp_mapfile *m, struct gp_str domain,
			    struct gp_map_hit *ret);
bool gp_mapfile_find_ip(const struct gp_mapfile *m, const struct gp_ip *ip,
			struct gp_map_hit *ret);
/* The key as it is, no precedence: account names. */
bool gp_mapfile_find(const struct gp_mapfile *m, struct gp_str key, struct gp_map_hit *ret);

size_t gp_mapfile_len(const struct gp_mapfile *m);
/* Calls fn for every entry in the order of the file: to check values at load. */
void gp_mapfile_each(const struct gp_mapfile *m,
		     void (*fn)(const struct gp_map_hit *entry, void *arg), void *arg);
const char *gp_mapfile_path(const struct gp_mapfile *m);

/* Takes the next "name=number" off a value; GP_ENOENT at its end, GP_EINVAL (with
 * a diag) when it is none. */
int gp_mapfile_next_number(struct gp_str *rest, struct gp_str *ret_name, double *ret_number,
			   struct gp_diag *diag) GP_MUST_USE;

#endif
