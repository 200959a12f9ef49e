/*
 * Answers; see the header.
 */
#include "policyd-ratelimit/answer.h"

const struct gp_conf_enum answer_names[] = {
	{"dunno", ANSWER_DUNNO},
	{"warn", ANSWER_WARN},
	{"prepend", ANSWER_PREPEND},
	{"hold", ANSWER_HOLD},
	{"defer_if_permit", ANSWER_DEFER_IF_PERMIT},
	{"defer", ANSWER_DEFER},
	{"reject", ANSWER_REJECT},
	{NULL, 0},
};

/* The word of access(5), the enhanced status code that goes with it, and what is said
 * where no text is given. */
static const struct {
	const char *word, *code, *text;
} forms[ANSWER_ACTIONS] = {
	[ANSWER_DUNNO] = {"DUNNO", NULL, NULL},
	[ANSWER_WARN] = {"WARN", NULL, "policy"},
	[ANSWER_PREPEND] = {"PREPEND", NULL, NULL},
	[ANSWER_HOLD] = {"HOLD", NULL, "policy"},
	[ANSWER_DEFER_IF_PERMIT] = {"DEFER_IF_PERMIT", "4.7.1", "Try again later"},
	[ANSWER_DEFER] = {"451", "4.7.1", "Try again later"},
	[ANSWER_REJECT] = {"550", "5.7.1", "Refused by policy"},
};

static size_t count_digits(struct gp_str s)
{
	size_t n = 0;

	while (n < s.len && s.ptr[n] >= '0' && s.ptr[n] <= '9')
		n++;
	return n;
}

/* RFC 3463: class "." subject "." detail, and a blank or the end.  0: there is none. */
static size_t code_length(struct gp_str text)
{
	size_t at = 2;

	if (text.len < 2 || !strchr("245", text.ptr[0]) || text.ptr[1] != '.')
		return 0;
	for (int part = 0; part < 2; part++) {
		size_t n = count_digits(gp_str_sub(text, at, text.len));

		at += n;
		if (n < 1 || n > 3 || (part == 0 && (at == text.len || text.ptr[at++] != '.')))
			return 0;
	}
	return at == text.len || text.ptr[at] == ' ' ? at : 0;
}

/* Of this class, and something behind it. */
static bool has_code(struct gp_str text, char class)
{
	size_t len = code_length(text);

	return len > 0 && len < text.len && text.ptr[0] == class;
}

int answer_check_text(enum answer_action action, struct gp_str text, struct gp_diag *diag)
{
	size_t len = code_length(text);
	const char *code = forms[action].code;

	if (len == 0 || !code)
		return GP_OK;
	if (gp_str_trim(gp_str_sub(text, len, text.len)).len == 0)
		gp_diag_set(diag, "\"%.*s\" is a status code alone; write what is said behind it",
			    (int)len, text.ptr);
	else if (text.ptr[0] != *code)
		gp_diag_set(diag, "begins with the status code %.*s, but action = \"%s\" needs one of %c.x.x",
			    (int)len, text.ptr, gp_conf_enum_name(answer_names, (int)action), *code);
	else
		return GP_OK;
	return GP_EINVAL;
}

static void add_text(struct gp_buf *out, struct gp_str text)
{
	bool is_long = text.len > ANSWER_TEXT_MAX;

	text = gp_str_sub(text, 0, ANSWER_TEXT_MAX - (is_long ? strlen("...") : 0));
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		gp_buf_add_chr(out, c < ' ' ? ' ' : c > '~' ? '?' : (char)c);
	}
	gp_buf_add_cstr(out, is_long ? "..." : "");
}

void answer_format(const struct answer *a, struct gp_buf *out)
{
	const char *code = forms[a->action].code, *text = forms[a->action].text;
	struct gp_str said = a->text.len > 0 || !text ? a->text : gp_str(text);

	gp_buf_add_cstr(out, "action=");
	gp_buf_add_cstr(out, forms[a->action].word);
	if (code && !has_code(said, *code)) {
		gp_buf_add_chr(out, ' ');
		gp_buf_add_cstr(out, code);
	}
	if (said.len > 0 && a->action != ANSWER_DUNNO) {
		gp_buf_add_chr(out, ' ');
		add_text(out, said);
	}
	gp_buf_add_cstr(out, "\n\n");
}
