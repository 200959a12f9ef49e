/*
 * Directives, and the reading of feeds.
 */
#include "lib/score/rule_phishing.h"

#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/score/phish_feed.h"
#include "lib/score/rule_cond.h"
#include "lib/score/rule_def.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_uri.h"

#define SCORE_MIN 6 /* of PhishStats, where phishing_phishstats_minscore is not there */
/* Slashes of a link that is more than a host and one name, "http://host/name". */
#define SLASHES_FEW 3

static const char *const feed_names[GP_PHISH_FORMATS] = {"OpenPhish", "PhishTank", "PhishStats"};

struct source {
	const char *path; /* NULL: not named */
	unsigned file, line; /* where it is named */
	struct gp_phish_feed feed;
};

struct gp_phishing {
	struct source sources[GP_PHISH_FORMATS];
	double score_min;
	bool without_query; /* phishing_uri_noparam */
};

static void error(struct gp_rule_builder *b, const char *text)
{
	gp_rule_note(b, GP_RULE_ERROR, "", "%s", text);
}

static struct gp_phishing *phishing_of(struct gp_rule_builder *b)
{
	if (!b->set->phishing) {
		b->set->phishing = GP_ARENA_NEW(b->arena, struct gp_phishing);
		b->set->phishing->score_min = SCORE_MIN;
	}
	return b->set->phishing;
}

static void set_feed(struct gp_rule_builder *b, enum gp_phish_format format, struct gp_str path)
{
	if (path.len == 0 || path.ptr[0] != '/')
		error(b, "wants the absolute path of a file");
	else
		phishing_of(b)->sources[format] = (struct source){
			.path = gp_arena_cstr(b->arena, path), .file = b->file, .line = b->line};
}

static void do_openphish(struct gp_rule_builder *b, struct gp_str value)
{
	set_feed(b, GP_PHISH_OPENPHISH, value);
}

static void do_phishtank(struct gp_rule_builder *b, struct gp_str value)
{
	set_feed(b, GP_PHISH_PHISHTANK, value);
}

static void do_phishstats(struct gp_rule_builder *b, struct gp_str value)
{
	set_feed(b, GP_PHISH_PHISHSTATS, value);
}

static void do_minscore(struct gp_rule_builder *b, struct gp_str value)
{
	if (gp_num_parse_double(value, &phishing_of(b)->score_min))
		error(b, "wants a number");
}

static void do_noparam(struct gp_rule_builder *b, struct gp_str value)
{
	bool is_on = gp_str_eq(value, GP_STR("1")) || gp_str_ieq(value, GP_STR("yes"));

	if (!is_on && !gp_str_eq(value, GP_STR("0")) && !gp_str_ieq(value, GP_STR("no")))
		error(b, "wants 0 or 1");
	else
		phishing_of(b)->without_query = is_on;
}

bool gp_rule_phishing_directive(struct gp_rule_builder *b, struct gp_str name, struct gp_str value)
{
	static const struct gp_rule_directive_row table[] = {
		{"phishing_openphish_feed", do_openphish},
		{"phishing_phishstats_feed", do_phishstats},
		{"phishing_phishstats_minscore", do_minscore},
		{"phishing_phishtank_feed", do_phishtank},
		{"phishing_uri_noparam", do_noparam},
	};

	return gp_map_get(&b->plugins, GP_STR("Phishing")) &&
	       gp_rule_directive_in(table, GP_ARRAY_SIZE(table), b, name, value);
}

static int read_file(const char *path, struct gp_buf *text, struct gp_diag *diag)
{
	struct stat st;

	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		gp_diag_set(diag, "%s: not a file", path);
		return GP_EINVAL;
	}
	return gp_file_read(path, text, diag);
}

static struct gp_str key_of(const struct gp_phishing *p, struct gp_str uri)
{
	return p->without_query ? gp_rule_uri_cut(uri, "?") : uri;
}

/* GP_EINVAL where there is not one link in it: that is something else than a feed. */
static int load(struct gp_rule_builder *b, enum gp_phish_format format, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_PHISH_FEED);
	struct gp_phishing *p = b->set->phishing;
	struct source *s = &p->sources[format];
	struct gp_phish_reader reader = {.format = format, .above = p->score_min};
	struct gp_rule_uris uris;
	struct gp_str uri;
	size_t lines = 0;
	int r = read_file(s->path, &text, diag);

	if (r)
		return r;
	gp_rule_uris_init(&uris, b->set, NULL, b->arena);
	reader.rest = gp_buf_str(&text);
	gp_phish_feed_init(&s->feed, reader.rest, b->arena);
	while (gp_phish_next(&reader, &uri)) {
		lines++;
		if (!gp_rule_uris_host(&uris, uri).len)
			continue;
		if (!gp_phish_feed_add(&s->feed, key_of(p, uri))) {
			gp_diag_set(diag, "%s: over %u links", s->path, GP_MAX_PHISH_URIS);
			s->feed.len = 0;
			return GP_ELIMIT;
		}
	}
	gp_phish_feed_finish(&s->feed);
	if (s->feed.len == 0) {
		gp_diag_set(diag, "%s: no link in it, in %u lines: no feed of %s's", s->path, reader.lines,
			    feed_names[format]);
		return GP_EINVAL;
	}
	return GP_OK;
}

/* At the directive's line. */
static void complain(struct gp_rule_builder *b, const struct source *s, const char *text)
{
	unsigned file = b->file, line = b->line;

	b->file = s->file;
	b->line = s->line;
	error(b, text);
	b->file = file;
	b->line = line;
}

/* Is a feed there? */
static bool load_all(struct gp_rule_builder *b, const char **ret_reason)
{
	struct gp_phishing *p = phishing_of(b);
	bool is_any = false;
	struct gp_diag diag;

	*ret_reason = "no feed is named (phishing_openphish_feed, …)";
	for (enum gp_phish_format i = 0; i < GP_PHISH_FORMATS; i++) {
		if (!p->sources[i].path)
			continue;
		if (load(b, i, &diag) == GP_OK) {
			is_any = true;
			continue;
		}
		complain(b, &p->sources[i], diag.text);
		*ret_reason = gp_arena_strdup(b->arena, diag.text);
	}
	return is_any;
}

static bool is_asked(const struct gp_rule_set *set)
{
	for (size_t i = 0; i < set->rules.len; i++)
		if (set->rules.items[i]->eval == gp_rule_evals_phishing &&
		    !set->rules.items[i]->inert)
			return true;
	return false;
}

void gp_rule_phishing_prepare(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;
	const char *reason;

	if (!gp_rule_plugin_wants(b, "Phishing", gp_rule_evals_phishing) || !is_asked(set) ||
	    load_all(b, &reason))
		return;
	for (size_t i = 0; i < set->rules.len; i++)
		if (set->rules.items[i]->eval == gp_rule_evals_phishing)
			gp_rule_make_inert(b, set->rules.items[i], "%s", reason);
}

const char *gp_phishing_find(const struct gp_phishing *p, struct gp_str uri)
{
	struct gp_str key = key_of(p, uri);

	if (p->without_query && gp_str_count(key, '/') <= SLASHES_FEW)
		return NULL;
	for (size_t i = 0; i < GP_PHISH_FORMATS; i++)
		if (gp_phish_feed_has(&p->sources[i].feed, key))
			return feed_names[i];
	return NULL;
}

void gp_phishing_each_file(const struct gp_phishing *p, void (*fn)(const char *path))
{
	for (size_t i = 0; p && i < GP_PHISH_FORMATS; i++)
		if (p->sources[i].path)
			fn(p->sources[i].path);
}
