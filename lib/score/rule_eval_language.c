/*
 * Eval functions over the language of a message's text, under SpamAssassin's names
 * (Mail::SpamAssassin::Plugin::TextCat); rule_textcat.h guesses it.
 */
#include "lib/base/num.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_textcat.h"

/* Text with less than this for each language of the guess is taken for Scots where it is English. */
#define SURE_LENGTH 1024
#define EIGHT_BIT_RUN 8

static struct gp_str unmistaken(struct gp_str code, bool is_sure)
{
	return !is_sure && gp_str_eq(code, GP_STR("sco")) ? GP_STR("en") : code;
}

static bool is_wanted(struct gp_str wanted, struct gp_str code, bool is_sure)
{
	struct gp_str word;

	while (gp_str_next_word(&wanted, &word))
		if (gp_str_eq(unmistaken(word, is_sure), code))
			return true;
	return false;
}

/* Is there a guess, and none of ok_languages among it? */
static bool check_language(struct gp_eval *e, const struct gp_rule_eval *row,
			   const struct gp_str *args, size_t n_args)
{
	const struct gp_message *m = e->in->message;
	struct gp_str wanted = gp_textcat_wanted(e->set), word, rest, guess;
	GP_BUF_AUTO detected = GP_BUF_INIT(GP_RULE_EVIDENCE_MAX);
	uint64_t length = 0, n = 0;

	if (gp_textcat_has_word(wanted, GP_STR("all")))
		return false;
	guess = gp_message_noted(m, GP_STR("X-Languages"));
	if (gp_num_parse_uint(gp_message_noted(m, GP_STR("X-Languages-Length")), 10, &length))
		return false;
	for (rest = guess; gp_str_next_word(&rest, &word);)
		n++;
	gp_buf_add_cstr(&detected, "Languages detected:");
	for (rest = guess; gp_str_next_word(&rest, &word);) {
		bool is_sure = length >= SURE_LENGTH * n;
		struct gp_str code = unmistaken(gp_str_sub(word, 0, gp_str_find_chr(word, '.', 0)), is_sure);

		if (is_wanted(wanted, code, is_sure))
			return false;
		gp_buf_printf(&detected, " %.*s", GP_STR_FMT(code));
	}
	e->evidence = e->detail = gp_arena_str(e->arena, gp_buf_str(&detected));
	return n > 0;
}

static bool is_eight_bit(char c)
{
	return (unsigned char)c > 0x7f;
}

/* A run of bytes beyond ASCII, where all of ok_languages do without: their own texts have such runs. */
static bool check_body_8bits(struct gp_eval *e, const struct gp_rule_eval *row,
			     const struct gp_str *args, size_t n_args)
{
	static const struct gp_str in_runs = GP_STR("all am ar be bg cs el et fa fi he hi hy is ja ka "
						    "ko mr pt ru ta th tr uk vi yi zh");
	struct gp_str wanted = gp_textcat_wanted(e->set), word, text;
	size_t run = 0;

	while (gp_str_next_word(&wanted, &word))
		if (gp_textcat_has_word(in_runs, word))
			return false;
	text = gp_eval_subject(e, GP_RULE_BODY)->text; /* a line end ends a run */
	for (size_t i = 0; i < text.len; i++) {
		run = is_eight_bit(text.ptr[i]) ? run + 1 : 0;
		if (run < EIGHT_BIT_RUN)
			continue;
		e->evidence = gp_str_sub(text, i + 1 - run, run);
		return true;
	}
	return false;
}

const struct gp_rule_eval gp_rule_evals_language[] = {
	{"check_language", 0, 0, check_language, 0, false},
	{"check_body_8bits", 0, 0, check_body_8bits, 0, false},
	{0},
};
