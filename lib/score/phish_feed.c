/*
 * Lines of feeds, and the search among the hashes of their links.
 */
#include "lib/score/phish_feed.h"

#include <stdlib.h>

#include "lib/base/err.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"

static const struct {
	unsigned field; /* that has the link */
	unsigned score; /* that has a score; 0: none has */
	bool is_table;	/* of fields, with their names in the first line */
} formats[GP_PHISH_FORMATS] = {
	[GP_PHISH_OPENPHISH] = {0, 0, false},
	[GP_PHISH_PHISHTANK] = {1, 0, true},
	[GP_PHISH_PHISHSTATS] = {2, 1, true},
};

static bool is_comment(struct gp_str line)
{
	line = gp_str_trim(line);
	return line.len && line.ptr[0] == '#';
}

static struct gp_str field_of(struct gp_str line, unsigned n)
{
	struct gp_str field = {0};

	for (unsigned i = 0; i <= n; i++)
		if (!gp_str_next(&line, ',', &field))
			return GP_STR("");
	return field;
}

/* Without quotes, wherever they stand; empty if it is longer than a link may be. */
static struct gp_str without_quotes(struct gp_phish_reader *r, struct gp_str s)
{
	size_t n = 0;

	if (s.len > sizeof(r->unquoted))
		return GP_STR("");
	if (gp_str_find_chr(s, '"', 0) == s.len)
		return s;
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '"')
			r->unquoted[n++] = s.ptr[i];
	return gp_str_n(r->unquoted, n);
}

/* The number at its start, as Perl has it; 0: none. */
static double number_of(struct gp_str s)
{
	size_t n = 0;
	double value;

	s = gp_str_trim(s);
	n += s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
	while (n < s.len && gp_is_digit(s.ptr[n]))
		n++;
	n += n < s.len && s.ptr[n] == '.';
	while (n < s.len && gp_is_digit(s.ptr[n]))
		n++;
	return gp_num_parse_double(gp_str_sub(s, 0, n), &value) == GP_OK ? value : 0;
}

static struct gp_str uri_of(struct gp_phish_reader *r, struct gp_str line)
{
	unsigned score = formats[r->format].score;

	if (!formats[r->format].is_table)
		return line.len <= GP_PHISH_URI_MAX ? line : GP_STR("");
	if (score && !(number_of(without_quotes(r, field_of(line, score))) > r->above))
		return GP_STR("");
	return without_quotes(r, field_of(line, formats[r->format].field));
}

bool gp_phish_next(struct gp_phish_reader *r, struct gp_str *ret)
{
	struct gp_str line;

	while (gp_str_next(&r->rest, '\n', &line)) {
		if (line.len && line.ptr[line.len - 1] == '\r')
			line.len--;
		if ((r->lines++ == 0 && formats[r->format].is_table) || is_comment(line))
			continue;
		*ret = uri_of(r, line);
		if (ret->len)
			return true;
	}
	return false;
}

void gp_phish_feed_init(struct gp_phish_feed *f, struct gp_str text, struct gp_arena *a)
{
	size_t lines = gp_str_count(text, '\n') + 1;

	*f = (struct gp_phish_feed){.cap = GP_MIN(lines, (size_t)GP_MAX_PHISH_URIS)};
	f->hashes = GP_ARENA_NEW_N(a, f->cap, uint64_t);
}

bool gp_phish_feed_add(struct gp_phish_feed *f, struct gp_str uri)
{
	if (f->len == f->cap)
		return false;
	f->hashes[f->len++] = gp_hash_table(uri.ptr, uri.len);
	return true;
}

static int compare(const void *x, const void *y)
{
	const uint64_t *a = x, *b = y;

	return *a < *b ? -1 : *a > *b;
}

void gp_phish_feed_finish(struct gp_phish_feed *f)
{
	if (f->len)
		qsort(f->hashes, f->len, sizeof(*f->hashes), compare);
}

bool gp_phish_feed_has(const struct gp_phish_feed *f, struct gp_str uri)
{
	uint64_t hash = gp_hash_table(uri.ptr, uri.len);

	return f->len && bsearch(&hash, f->hashes, f->len, sizeof(*f->hashes), compare);
}
