/*
 * Eval functions that compare the plain and the HTML form of a multipart/alternative,
 * under SpamAssassin's names (Mail::SpamAssassin::Plugin::BodyEval).
 *
 * Two forms of one message have the same words; where they do not, the plain
 * one is there for filters to read.
 */
#include "lib/score/rule_eval_text.h"

#include "lib/base/num.h"
#include "lib/mail/html.h"

struct words {
	struct gp_map counts; /* word → how often */
	size_t n;	      /* different ones */
};

struct difference {
	double percent;	   /* of the HTML's words that the plain text lacks, the most of all */
	size_t html, text; /* different words, of the last alternative with HTML */
};

static bool is_word(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (gp_is_alnum(s.ptr[i]) || s.ptr[i] == '_' || (unsigned char)s.ptr[i] > 0x7f)
			return true;
	return false;
}

static void add_words(struct words *w, struct gp_str text)
{
	struct gp_str word;

	while (gp_str_next_word(&text, &word)) {
		uintptr_t n = (uintptr_t)gp_map_get(&w->counts, word);

		if (!is_word(word))
			continue;
		w->n += n == 0;
		gp_map_set(&w->counts, word, (void *)(n + 1));
	}
}

static void add_part(struct gp_eval *e, const struct gp_part *p, struct words *html,
		     struct words *text)
{
	struct gp_html rendered;

	if (!gp_str_eq(p->type, GP_STR("text/html"))) {
		add_words(text, p->decoded);
		return;
	}
	gp_html_render(e->arena, NULL, p->decoded, &rendered);
	add_words(html, rendered.text);
	add_words(html, rendered.hidden);
	if (html->n == 0 && rendered.stats.images) { /* a picture is a word */
		gp_map_set(&html->counts, GP_STR("\n"), (void *)1);
		html->n = 1;
	}
}

static bool is_within(const struct gp_message *m, unsigned part, unsigned outer)
{
	while (part && part != outer)
		part = m->parts.items[part].parent;
	return part == outer;
}

static void compare(struct gp_eval *e, unsigned alternative, struct difference *d)
{
	const struct gp_message *m = e->in->message;
	struct words html = {0}, text = {0};
	size_t missing = 0;
	double percent;

	gp_map_init(&html.counts, e->arena, false);
	gp_map_init(&text.counts, e->arena, false);
	for (unsigned i = 0; i < m->parts.len; i++)
		if (gp_str_starts(m->parts.items[i].type, GP_STR("text/")) && is_within(m, i, alternative))
			add_part(e, &m->parts.items[i], &html, &text);
	if (html.n == 0)
		return;
	GP_MAP_EACH(&html.counts, w)
		missing += (uintptr_t)gp_map_get(&text.counts, w->key) < (uintptr_t)w->value;
	percent = 100.0 * (double)missing / (double)html.n;
	d->html = html.n;
	d->text = text.n;
	d->percent = GP_MAX(d->percent, percent);
}

static const struct difference *difference_of(struct gp_eval *e)
{
	const struct gp_message *m = e->in->message;
	struct difference *d = e->memo[GP_EVAL_DIFFERENCE];
	bool is_invitation = m->parts.len == 3 &&
			     gp_str_eq(m->parts.items[0].type, GP_STR("multipart/alternative")) &&
			     gp_str_eq(m->parts.items[1].type, GP_STR("text/html")) &&
			     gp_str_eq(m->parts.items[2].type, GP_STR("text/calendar"));

	if (d)
		return d;
	d = e->memo[GP_EVAL_DIFFERENCE] = GP_ARENA_NEW(e->arena, struct difference);
	for (unsigned i = 0; !is_invitation && i < m->parts.len; i++)
		if (gp_str_eq(m->parts.items[i].type, GP_STR("multipart/alternative")))
			compare(e, i, d);
	return d;
}

/* multipart_alternative_difference(ABOVE, UP TO): percent. */
static bool check_difference(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	double percent = difference_of(e)->percent, min = 0, max = percent;

	if (!gp_eval_number(args[0], &min) || !gp_eval_number(args[1], &max))
		return false;
	return (min == 0 || percent > min) && percent <= max;
}

/* multipart_alternative_difference_count(TIMES, WORDS): more than WORDS words of HTML, and more
 * than so many times as many of text. */
static bool check_difference_count(struct gp_eval *e, const struct gp_rule_eval *row,
				   const struct gp_str *args, size_t n_args)
{
	const struct difference *d = difference_of(e);
	double times = 0, words = 0;

	return gp_num_parse_double(args[0], &times) == GP_OK &&
	       gp_num_parse_double(args[1], &words) == GP_OK && (double)d->html > words &&
	       (double)d->text / (double)d->html > times;
}

const struct gp_rule_eval gp_rule_evals_alternative[] = {
	{"multipart_alternative_difference", 2, 2, check_difference, 0, false},
	{"multipart_alternative_difference_count", 2, 2, check_difference_count, 0, false},
	{0},
};
