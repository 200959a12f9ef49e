/*
 * Headers as the rule files say (headers.from_rules): add_header, rewrite_header,
 * subjprefix.  What they come to is worked out by lib/score/rule_markup.h.
 *
 * A rewritten Subject, From or To is kept as X-Spam-Prev-…, as SpamAssassin does.
 */
#include "config.h"
#include "lib/base/log.h"
#include "lib/score/rule_markup.h"
#include "milter-spam/spam.h"

#define VALUE_MAX (64u << 10)
/* Fields of one name that are rewritten; honest mail has one. */
#define REWRITES_MAX 10

static void warn(const struct gp_session *s, const char *name)
{
	gp_log_warning("qid=%.*s: the MTA does not take the header %s", GP_STR_FMT(s->msg.queue_id),
		       name);
}

static void add(struct gp_session *s, const char *name, const char *value)
{
	if (gp_session_add_header(s, name, value))
		warn(s, name);
}

/* "a\nb" has folds of its own; each line end in a milter's value must be followed by white space,
 * which a field's raw text has. */
static void rewrite(struct gp_session *s, const struct gp_markup *markup, enum gp_rewrite which,
		    struct gp_str old, int nth)
{
	const char *name = gp_rewrite_names[which];
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);
	const char *kept;

	if (!gp_markup_rewrite(markup, which, old, &value))
		return;
	kept = gp_arena_printf(s->msg.arena, "%.*s", GP_STR_FMT(gp_str_trim(old)));
	if (old.ptr ? gp_session_change_header(s, name, nth, gp_buf_cstr(&value))
		    : gp_session_add_header(s, name, gp_buf_cstr(&value)))
		warn(s, name);
	if (markup->is_spam)
		add(s, gp_arena_printf(s->msg.arena, "X-Spam-Prev-%s", name),
		    old.ptr ? kept : "(nonexistent)");
}

static void rewrite_all(struct gp_session *s, const struct spam_message *m,
			const struct gp_markup *markup, enum gp_rewrite which)
{
	struct gp_str name = gp_str(gp_rewrite_names[which]);
	int nth = 0;

	for (size_t i = 0; i < m->mail->headers.len && nth < REWRITES_MAX; i++)
		if (gp_str_ieq(m->mail->headers.items[i].name, name))
			rewrite(s, markup, which, m->mail->headers.items[i].raw, ++nth);
	if (nth == 0)
		rewrite(s, markup, which, (struct gp_str){0}, 1);
}

void spam_write_markup(struct gp_session *s, const struct spam_message *m, bool is_spam)
{
	const struct gp_markup markup = {
		.set = gp_scanner_rules(m->scanner),
		.scan = m->result.rules,
		.symbols = &m->result.symbols,
		.score = m->result.score,
		.required = m->decision.required,
		.bayes = m->result.bayes.is_usable ? m->result.bayes.probability : -1,
		.version = "gatepost-" GP_VERSION,
		.is_spam = is_spam,
	};
	GP_BUF_AUTO name = GP_BUF_INIT(256);
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);

	for (size_t i = 0; gp_markup_header(&markup, i, &name, &value); i++) {
		add(s, gp_buf_cstr(&name), gp_buf_cstr(&value));
		gp_buf_reset(&name);
		gp_buf_reset(&value);
	}
	for (enum gp_rewrite which = 0; which < GP_REWRITES; which++)
		rewrite_all(s, m, &markup, which);
}
