/*
 * The alert mail; see the header.
 */
#include "policyd-ratelimit/alert_mail.h"

#include "lib/base/num.h"
#include "lib/mail/date.h"
#include "lib/mail/notice.h"
#include "policyd-ratelimit/note.h"

const char *alert_mail_host(void)
{
	return note_host();
}

/* For a shell: a stranger's name of a host may be anything. */
static void add_operand(struct gp_buf *out, const char *kind, struct gp_str key)
{
	gp_buf_printf(out, "'%s:", kind);
	for (size_t i = 0; i < key.len && i < GP_NOTICE_VALUE_MAX; i++) {
		if (key.ptr[i] == '\'')
			gp_buf_add_cstr(out, "'\\''");
		else
			gp_notice_value(out, gp_str_sub(key, i, 1));
	}
	gp_buf_add_cstr(out, "'\n");
}

void alert_mail_format(const struct contain_conf *conf, const struct contained *c, int64_t now_s,
		       struct gp_buf *out)
{
	const char *kind = gp_conf_enum_name(contain_kind_names, (int)c->kind);
	struct gp_notice notice = {.from = conf->alert_from, .to = conf->alert_mail.items,
				   .n_to = conf->alert_mail.len, .host = alert_mail_host(),
				   .now_s = now_s};
	char window[GP_NUM_TEXT], date[GP_DATE_TEXT];

	gp_notice_header(out, &notice, "contained: ", c->key);
	gp_buf_printf(out, "policyd-ratelimit contains a key since it exceeded a limit: its mail "
			   "is answered with \"%s\".\n\n",
		      gp_conf_enum_name(answer_names, (int)c->action));
	gp_notice_line(out, "by", gp_str(kind));
	gp_notice_line(out, "key", c->key);
	gp_notice_line(out, "limit", c->rule);
	gp_notice_line(out, "account", c->account);
	gp_notice_line(out, "reason", c->reason);
	gp_buf_printf(out, "%-12s%lld of %lld in %s\n", "used", (long long)c->used,
		      (long long)c->max, gp_num_format_duration(c->window_ms, window));
	gp_notice_line(out, "noticed on", c->host);
	gp_buf_printf(out, "%-12s%s\n\nTo look, and to release it:\n\n  gatepost ratelimit show ",
		      "until", gp_date_format(c->until_s, date));
	add_operand(out, kind, c->key);
	gp_buf_add_cstr(out, "  gatepost ratelimit release ");
	add_operand(out, kind, c->key);
}
