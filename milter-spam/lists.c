/*
 * Looking senders, recipients and accounts up in the maps.
 */
#include "milter-spam/lists.h"

#include <math.h>

#include "lib/base/num.h"

/* A threshold's name in a settings map and where it goes. */
static const struct {
	const char *name;
	size_t offset;
} threshold_names[] = {
	{"greylist", offsetof(struct gp_thresholds, greylist)},
	{"add_header", offsetof(struct gp_thresholds, add_header)},
	{"quarantine", offsetof(struct gp_thresholds, quarantine)},
	{"reject", offsetof(struct gp_thresholds, reject)},
	{"discard", offsetof(struct gp_thresholds, discard)},
};

bool spam_sender_find(const struct gp_mapfile *map, const struct spam_sender *sender,
		      bool use_header_from, double score, double *ret_score,
		      struct gp_str *ret_key)
{
	struct gp_map_hit hit;

	if (!gp_mapfile_find_address(map, sender->envelope, &hit) &&
	    !gp_mapfile_find_ip(map, &sender->client, &hit) &&
	    !(use_header_from && gp_mapfile_find_address(map, sender->header_from, &hit)))
		return false;
	*ret_score = score;
	if (hit.value.len && gp_num_parse_double(hit.value, ret_score))
		*ret_score = score; /* reported when the map was loaded */
	*ret_key = hit.key;
	return true;
}

static double *threshold_slot(struct gp_thresholds *t, struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(threshold_names); i++)
		if (gp_str_eq(gp_str(threshold_names[i].name), name))
			return (double *)(void *)((char *)t + threshold_names[i].offset);
	return NULL;
}

/* Takes "name=value" off the words of a settings line. */
static bool next_setting(struct gp_str *rest, struct gp_str *ret_name, struct gp_str *ret_value)
{
	struct gp_str word;
	size_t eq;

	if (!gp_str_next_word(rest, &word))
		return false;
	eq = gp_str_find_chr(word, '=', 0);
	*ret_name = gp_str_sub(word, 0, eq);
	*ret_value = gp_str_sub(word, eq + 1, word.len);
	return true;
}

/* "@example.org" and "example.org" mean every address of the domain. */
static bool pattern_matches(struct gp_str pattern, const struct spam_sender *sender)
{
	size_t at = gp_str_find_chr(sender->envelope, '@', 0);
	struct gp_str domain = gp_str_sub(sender->envelope, at + 1, sender->envelope.len);

	if (gp_str_starts(pattern, GP_STR("@")))
		return gp_str_ieq(gp_str_sub(pattern, 1, pattern.len), domain);
	return gp_str_glob(pattern, sender->envelope) ||
	       (gp_str_find_chr(pattern, '@', 0) == pattern.len && gp_str_ieq(pattern, domain));
}

/* `is_set`: thresholds that were named before, by their place in threshold_names. */
static void apply(struct spam_settings *s, struct gp_str name, struct gp_str value,
		  const struct spam_sender *sender, bool *is_set)
{
	double *slot = threshold_slot(&s->thresholds, name), number;
	size_t at = slot ? (size_t)(slot - (double *)&s->thresholds) : 0;

	if (slot) {
		if (!is_set[at] && gp_num_parse_double(value, &number) == GP_OK) {
			*slot = number > 0 ? number : (double)INFINITY;
			is_set[at] = true;
		}
		return;
	}
	if (!pattern_matches(value, sender))
		return;
	s->matched = value;
	if (gp_str_eq(name, GP_STR("welcome")))
		s->adjust += SPAM_WELCOME_SCORE;
	else if (gp_str_eq(name, GP_STR("block")))
		s->adjust += SPAM_BLOCK_SCORE;
}

bool spam_settings_words(const struct gp_mapfile *map, struct gp_str key, bool is_account,
			 struct gp_str *ret_words)
{
	struct gp_map_hit hit;

	if (!(is_account && gp_mapfile_find(map, key, &hit)) &&
	    !gp_mapfile_find_address(map, key, &hit))
		return false;
	*ret_words = hit.value;
	return true;
}

struct spam_settings spam_settings_read(struct gp_str words, const struct gp_thresholds *defaults,
					const struct spam_sender *sender)
{
	struct spam_settings s = {.thresholds = *defaults};
	bool is_set[sizeof(s.thresholds) / sizeof(double)] = {false};
	struct gp_str name, value;

	while (next_setting(&words, &name, &value))
		apply(&s, name, value, sender, is_set);
	return s;
}

int spam_settings_next(struct gp_str *words, struct gp_str *ret_name, struct gp_str *ret_value,
		       struct gp_diag *diag)
{
	struct gp_thresholds scratch;
	double number;

	if (!next_setting(words, ret_name, ret_value))
		return GP_ENOENT;
	if (threshold_slot(&scratch, *ret_name)) {
		if (gp_num_parse_double(*ret_value, &number) == GP_OK && number >= 0)
			return GP_OK;
		gp_diag_set(diag, "%.*s=%.*s: a score of 0 or above is wanted",
			    GP_STR_FMT(*ret_name), GP_STR_FMT(*ret_value));
	} else if (!gp_str_eq(*ret_name, GP_STR("welcome")) &&
		   !gp_str_eq(*ret_name, GP_STR("block"))) {
		gp_diag_set(diag,
			    "unknown setting \"%.*s\" (greylist, add_header, quarantine, reject, "
			    "discard, welcome, block)",
			    GP_STR_FMT(*ret_name));
	} else if (ret_value->len) {
		return GP_OK;
	} else {
		gp_diag_set(diag, "%.*s= names nobody", GP_STR_FMT(*ret_name));
	}
	return GP_EINVAL;
}

struct check {
	const struct gp_mapfile *map;
	struct gp_conf_report *report;
};

static void check_sender(const struct gp_map_hit *entry, void *arg)
{
	struct check *c = arg;
	double score;

	if (entry->value.len && gp_num_parse_double(entry->value, &score))
		gp_conf_report_add(c->report, gp_mapfile_path(c->map), entry->line,
				   "\"%.*s\" is not a score; write a number or nothing",
				   GP_STR_FMT(entry->value));
}

static void check_settings(const struct gp_map_hit *entry, void *arg)
{
	struct check *c = arg;
	struct gp_str rest = entry->value, name, value;
	struct gp_diag diag;
	int r;

	while ((r = spam_settings_next(&rest, &name, &value, &diag)) != GP_ENOENT)
		if (r)
			gp_conf_report_add(c->report, gp_mapfile_path(c->map), entry->line, "%s",
					   diag.text);
}

void spam_sender_map_check(const struct gp_mapfile *map, struct gp_conf_report *report)
{
	struct check c = {map, report};

	if (map)
		gp_mapfile_each(map, check_sender, &c);
}

void spam_settings_map_check(const struct gp_mapfile *map, struct gp_conf_report *report)
{
	struct check c = {map, report};

	if (map)
		gp_mapfile_each(map, check_settings, &c);
}
