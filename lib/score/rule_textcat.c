/*
 * The models' file is looked for in the folders that rules come from, the last named first, and
 * then where Debian has it.
 */
#include "lib/score/rule_textcat.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/score/language.h"
#include "lib/score/language_text.h"
#include "lib/score/rule_cond.h"
#include "lib/score/rule_eval.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_markup_int.h"

#define FILE_NAME "languages"
#define USUAL_FOLDER "/usr/share/spamassassin"
#define NGRAMS_MAX 400
#define NGRAMS_LIMIT 10000
#define LANGUAGES_MAX 3
#define ACCEPTABLE 1.02

/* Of languages that are rare, and taken for others. */
static const struct gp_str inactive = GP_STR("bs cy eo et eu fy ga gd is la lt lv rm sa sco sl yi");

struct gp_textcat {
	struct gp_language_models *models;
	struct gp_language_settings settings;
};

static struct gp_str setting(const struct gp_rule_set *set, const char *name, struct gp_str otherwise)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, gp_str(name));

	return list->items.len ? list->items.items[0] : otherwise;
}

struct gp_str gp_textcat_wanted(const struct gp_rule_set *set)
{
	return setting(set, "ok_languages", GP_STR("all"));
}

bool gp_textcat_has_word(struct gp_str words, struct gp_str word)
{
	struct gp_str w;

	while (gp_str_next_word(&words, &w))
		if (gp_str_eq(w, word))
			return true;
	return false;
}

static bool mentions(struct gp_str text)
{
	return gp_str_ifind(text, GP_STR("languages"), 0) < text.len ||
	       gp_str_ifind(text, GP_STR("textcatresults"), 0) < text.len;
}

static bool markup_mentions(const struct gp_rule_markup *m)
{
	for (size_t k = 0; m && k < GP_ARRAY_SIZE(m->headers); k++)
		for (size_t i = 0; i < m->headers[k].len; i++)
			if (mentions(m->headers[k].items[i].text))
				return true;
	for (size_t i = 0; m && i < GP_REWRITES; i++)
		if (mentions(m->rewrite[i]))
			return true;
	return false;
}

/* By its text: one that says the word without need costs a guess, no more. */
static bool rule_asks(const struct gp_rule_set *set, const struct gp_rule *r)
{
	if (r->inert || r->type == GP_RULE_FACT)
		return false;
	if (r->eval && gp_str_eq(gp_str(r->eval->name), GP_STR("check_language")))
		return !gp_textcat_has_word(gp_textcat_wanted(set), GP_STR("all"));
	return mentions(gp_str(r->text));
}

/* The file in that folder, or NULL. */
static const char *file_in(struct gp_arena *a, const char *folder)
{
	const char *path = gp_arena_printf(a, "%s/" FILE_NAME, folder);
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? path : NULL;
}

static const char *find_file(const struct gp_rule_builder *b)
{
	const char *path = NULL;

	for (size_t i = b->n_paths; i && !path; i--)
		path = file_in(b->arena, b->paths[i - 1]);
	return path ? path : file_in(b->arena, USUAL_FOLDER);
}

static int load(const struct gp_rule_builder *b, struct gp_language_models **ret,
		struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_LANGUAGE_FILE);
	const char *path = find_file(b);
	int r;

	if (!path) {
		gp_diag_set(diag, "no file of language models (" FILE_NAME ") beside the rules, nor in "
				  USUAL_FOLDER);
		return GP_ENOENT;
	}
	r = gp_file_read(path, &text, diag);
	if (r)
		return r;
	r = gp_language_models_parse(gp_buf_str(&text), b->arena, ret, diag);
	if (r)
		gp_diag_prepend(diag, "%s", path);
	return r;
}

static unsigned whole_number(const struct gp_rule_set *set, const char *name, unsigned otherwise)
{
	double n = gp_rule_list_number(set, name, otherwise);

	return n >= 0 && n <= NGRAMS_LIMIT ? (unsigned)n : n < 0 ? 0 : NGRAMS_LIMIT;
}

/* What inactive_languages names and ok_languages does not. */
static void skip_inactive(const struct gp_rule_set *set, struct gp_language_models *m)
{
	struct gp_str skipped = setting(set, "inactive_languages", inactive);
	struct gp_str wanted = gp_textcat_wanted(set);

	for (size_t i = 0; i < m->languages.len; i++) {
		struct gp_language *l = &m->languages.items[i];

		l->is_skipped = gp_textcat_has_word(skipped, l->code) &&
				!gp_textcat_has_word(wanted, l->code);
	}
}

/* Without models: those that go by a guess do not run. */
static void give_up(struct gp_rule_builder *b, const char *reason)
{
	for (size_t i = 0; i < b->set->rules.len; i++) {
		struct gp_rule *r = b->set->rules.items[i];

		if (!rule_asks(b->set, r))
			continue;
		if (r->eval)
			gp_rule_make_inert(b, r, "%s", reason);
		else
			gp_rule_note_at(b, GP_RULE_WARNING, r, "languages are not guessed: %s", reason);
	}
}

void gp_textcat_prepare(struct gp_rule_builder *b)
{
	struct gp_rule_set *set = b->set;
	bool asks;
	struct gp_textcat *t;
	struct gp_diag diag;

	if (!gp_rule_plugin_wants(b, "TextCat", gp_rule_evals_language))
		return;
	asks = markup_mentions(set->markup);
	for (size_t i = 0; i < set->rules.len && !asks; i++)
		asks = rule_asks(set, set->rules.items[i]);
	if (!asks)
		return;
	t = GP_ARENA_NEW(b->arena, struct gp_textcat);
	if (load(b, &t->models, &diag)) {
		give_up(b, diag.text);
		return;
	}
	skip_inactive(set, t->models);
	t->settings = (struct gp_language_settings){
		.ngrams_max = whole_number(set, "textcat_max_ngrams", NGRAMS_MAX),
		.ngrams_above = whole_number(set, "textcat_optimal_ngrams", 0),
		.acceptable = gp_rule_list_number(set, "textcat_acceptable_score", ACCEPTABLE),
		.languages_max = gp_rule_list_number(set, "textcat_max_languages", LANGUAGES_MAX)};
	set->textcat = t;
}

static void set_tag(struct gp_rule_tags *tags, struct gp_str name, struct gp_str value)
{
	struct gp_tag_values *v = GP_ARENA_NEW(tags->arena, struct gp_tag_values);

	gp_tag_add(v, value);
	gp_map_set(&tags->captured, name, v);
}

void gp_textcat_note(const struct gp_textcat *t, const struct gp_rule_subject *body,
		     struct gp_rule_tags *tags)
{
	struct gp_str all = gp_str_sub(body->text, 0, body->text.len - (body->text.len > 0)), text;
	struct gp_language_guess guess = {.names = GP_STR("")};
	struct gp_message *m = tags->in->message;

	text = gp_language_text(tags->arena, all);
	if (text.len >= GP_LANGUAGE_TEXT_MIN)
		gp_language_guess(t->models, &t->settings, tags->arena, text, &guess);
	gp_message_note(m, GP_STR("X-Languages"), guess.names.len ? guess.names : GP_STR(""));
	gp_message_note(m, GP_STR("X-Languages-Length"),
			gp_str(gp_arena_printf(tags->arena, "%zu", text.len)));
	set_tag(tags, GP_STR("LANGUAGES"), guess.names);
	set_tag(tags, GP_STR("TEXTCATRESULTS"), guess.results);
}
