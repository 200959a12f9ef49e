/*
 * Settings as rows of tables.
 *
 * A program describes its group of gatepost.conf by a table: one row per
 * setting, which says where the value goes in a plain C struct.  From the rows
 * come parsing, bounds, defaults, --print-config, the sample file and the
 * check of the man page.  Values have their final type after loading; nobody
 * asks for a setting by string at run time.
 *
 *	struct spam_conf { double reject; int64_t timeout_ms; struct gp_netset *exempt; };
 *	static const struct gp_conf_row rows[] = {
 *		{"thresholds.reject", GP_CONF_DOUBLE, offsetof(struct spam_conf, reject), "15.0",
 *		 .min = -1000, .max = 1000, .help = "Score from which a message is rejected."},
 *	…
 *	const struct gp_conf_table spam_table = {
 *		.group = "milter-spam", .rows = rows, .n_rows = GP_ARRAY_SIZE(rows),
 *		.size = sizeof(struct spam_conf)};
 *
 * Tables and rows are static and const.
 */
#ifndef GP_CONF_SCHEMA_H
#define GP_CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/err.h"
#include "lib/base/ip.h"
#include "lib/base/str.h"
#include "lib/conf/report.h"

struct gp_snapshot;

/* Type of a setting, the C type of its field, and how it is written. */
enum gp_conf_type {
	GP_CONF_BOOL,	       /* bool; true or false */
	GP_CONF_INT,	       /* int64_t; 42 */
	GP_CONF_DOUBLE,	       /* double; 4.5, an integer is fine */
	GP_CONF_STRING,	       /* const char *, never NULL ("" when not set) */
	GP_CONF_DURATION,      /* int64_t milliseconds; "90s", a bare integer is seconds */
	GP_CONF_SIZE,	       /* int64_t bytes; "10M", a bare integer is bytes */
	GP_CONF_ENUM,	       /* int; one of the row's names */
	GP_CONF_MODE,	       /* unsigned; file mode in octal, "0660" */
	GP_CONF_LIST,	       /* struct gp_conf_list; [ "a", "b" ] or "a" */
	GP_CONF_NETWORKS,      /* struct gp_netset, sealed; [ "192.0.2.0/24", "::1" ] */
	GP_CONF_PATH,	       /* const char *; absolute path or "" */
	GP_CONF_PASSWORD_FILE, /* const char *; path, relative ones below $CREDENTIALS_DIRECTORY */
	GP_CONF_MAP,	       /* struct gp_mapfile *; path of a map file, NULL when "" */
	GP_CONF_GROUPS,	       /* struct gp_conf_groups; { NAME = { … }; … }, as many as wanted */
};

enum gp_conf_flags {
	GP_CONF_REQUIRED = 1 << 0,  /* "" (or an empty list) is an error */
	GP_CONF_RESTART = 1 << 1,   /* takes effect at the next start only, not on reload */
	GP_CONF_SECRET = 1 << 2,    /* --print-config shows that it is set, not the value */
	GP_CONF_HIDDEN = 1 << 3,    /* for tests: not in the sample and not in the man page */
};

struct gp_conf_list {
	const char *const *items;
	size_t len;
};

/* One of a GP_CONF_GROUPS setting: in the order of the file; values is the struct of the row's
 * `item` table. */
struct gp_conf_group {
	const char *name;
	const void *values;
	const char *file; /* where it begins */
	unsigned line;
};

struct gp_conf_groups {
	const struct gp_conf_group *items;
	size_t len;
};

struct gp_conf_enum {
	const char *name; /* a NULL name ends the array */
	int value;
};

/* Looks at the parsed field; an error's diag says what is wrong with the value. */
typedef int gp_conf_check(const void *field, struct gp_diag *diag);

struct gp_conf_row {
	const char *path; /* within the group, "thresholds.reject"; for the top-level table a name */
	enum gp_conf_type type;
	size_t offset;	 /* of the field in the table's struct */
	const char *def; /* default as written in the file, without quotes; lists with ", " */
	double min, max; /* inclusive, in the field's unit (ms, bytes); both 0: no bounds */
	const char *unit; /* for the documentation ("points", "messages"), or NULL */
	unsigned flags;
	const struct gp_conf_enum *values; /* GP_CONF_ENUM */
	const struct gp_conf_table *item;  /* GP_CONF_GROUPS: rows of one of them, without groups
					    * within; its own group is not used */
	gp_conf_check *check;		   /* or NULL */
	const char *help;		   /* one sentence with a full stop */
};

struct gp_conf_table {
	const char *group; /* "milter-spam"; NULL: settings at the top level of the file */
	const char *title; /* one line for the sample file and the man page */
	const struct gp_conf_row *rows;
	size_t n_rows;
	size_t size; /* of the struct */
	/* Rules that span settings; reports by gp_conf_complain().  May be NULL. */
	void (*validate)(const void *values, const struct gp_snapshot *snap,
			 struct gp_conf_report *report);
};

/* Adds an error about the setting `path` of a table, at the place where it was set. */
void gp_conf_complain(const struct gp_snapshot *snap, const struct gp_conf_table *table,
		      const char *path, struct gp_conf_report *report, const char *fmt, ...)
	GP_PRINTF(5, 6);

/* The same about one of a row's groups. */
void gp_conf_complain_group(const struct gp_conf_table *table, const char *path,
			    const struct gp_conf_group *group, struct gp_conf_report *report,
			    const char *fmt, ...) GP_PRINTF(5, 6);

/* The name of an enum value of a row's list; "?" if it has none. */
const char *gp_conf_enum_name(const struct gp_conf_enum *values, int value);

/* Parses a milter or HTTP address: "unix:/path", "inet:port@host", "inet6:port@host".
 * A check function for such settings ("" passes). */
int gp_conf_check_socket(const void *field, struct gp_diag *diag) GP_MUST_USE;

/* The whole of a password file without its line end, in an own allocation of
 * *ret_size bytes plus NUL; release with gp_wipe_free(p, size).  At most 4 KiB;
 * the diag names the file. */
int gp_conf_secret_read(const char *path, char **ret, size_t *ret_size, struct gp_diag *diag)
	GP_MUST_USE;

#endif
