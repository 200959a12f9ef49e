/*
 * What is said to the client: a text with places for what was met.
 *
 *	{limit} its name    {max} {used}    {window} "1h"    {retry} "20 minutes"
 *	{key} by what it counted    {account}    {{ a brace
 *
 * Sizes are written as in the configuration ("500M") where bytes are counted.  Keys and accounts are
 * strangers' words of any length: the rest of a long one is "...".
 */
#ifndef POLICYD_LIMIT_TEXT_H
#define POLICYD_LIMIT_TEXT_H

#include <stdint.h>

#include "lib/base/arena.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/base/str.h"

/* Bytes of a key or an account, so that what stands behind it has room in an answer of 400. */
#define LIMIT_TEXT_WORD_MAX 160

struct limit_text {
	const struct limit_text_piece *pieces;
	size_t len;
};

/* What is filled in. */
struct limit_met {
	struct gp_str limit, window, key, account;
	int64_t max, used, window_ms;
	int64_t retry_ms; /* -1: the message alone is above the limit */
	bool is_size;	  /* max and used are bytes */
};

/* In the arena; GP_EINVAL with the diag: an unknown name, a brace without its other. */
int limit_text_parse(struct gp_str text, struct gp_arena *arena, struct limit_text *ret,
		     struct gp_diag *diag) GP_MUST_USE;
void limit_text_format(const struct limit_text *text, const struct limit_met *met,
		       struct gp_buf *out);
/* "20 seconds", "5 minutes", "3 hours", "2 days", rounded up; "smaller parts" for -1: the message
 * alone is above the limit. */
void limit_text_duration(int64_t ms, struct gp_buf *out);

#endif
