/*
 * How much in how long, as it is written: "100 per 1h", "500M per 1d".
 *
 * A limit has some of these, which all hold at once.  An override may also say "0 per 1h": nothing at
 * all.  Pure.
 */
#ifndef POLICYD_LIMIT_WINDOW_H
#define POLICYD_LIMIT_WINDOW_H

#include <stddef.h>

#include "lib/base/err.h"
#include "lib/base/str.h"
#include "lib/store/limit.h"

/* Of one limit: a minute, an hour, a day, and some to spare; each is asked for every message. */
#define LIMIT_WINDOWS_MAX 8
/* Bytes of a window's name, "90s": what gp_num_format_duration writes. */
#define LIMIT_WINDOW_NAME_MAX 32

struct limit_window {
	struct gp_limit limit;
	char name[LIMIT_WINDOW_NAME_MAX]; /* the length in its shortest form; part of the key in the
					     store */
};

struct limit_windows {
	size_t len; /* 0: unlimited */
	struct limit_window items[LIMIT_WINDOWS_MAX];
};

/* How the numbers are meant. */
struct limit_window_form {
	enum gp_limit_kind kind;
	int64_t burst; /* GCRA; 0: as much as the window allows */
	bool is_size;  /* "500M": sizes rather than numbers */
	bool has_zero; /* "0 per 1h" is right too; no such window is for the store */
};

/* "MAX per LENGTH" into *ret.  GP_EINVAL, with what is wrong in the diag. */
int limit_window_parse(struct gp_str text, const struct limit_window_form *form,
		       struct limit_window *ret, struct gp_diag *diag) GP_MUST_USE;
/* Several, separated by commas, or "unlimited".  Two of the same length are an error. */
int limit_windows_parse(struct gp_str text, const struct limit_window_form *form,
			struct limit_windows *ret, struct gp_diag *diag) GP_MUST_USE;
/* One of 0; NULL: there is none. */
const struct limit_window *limit_windows_zero(const struct limit_windows *windows);
/* Adds one; GP_EINVAL: there is one of this length, GP_ELIMIT: too many. */
int limit_windows_add(struct limit_windows *windows, const struct limit_window *window,
		      struct gp_diag *diag) GP_MUST_USE;

#endif
