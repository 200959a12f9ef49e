/*
 * The alert mail; see the header.  RFC 3834: it is no reply and asks for none.
 */
#include "policyd-ratelimit/alert_mail.h"

#include "lib/base/num.h"
#include "lib/base/rand.h"
#include "lib/mail/date.h"
#include "policyd-ratelimit/note.h"

#define SHOWN_MAX 200

const char *alert_mail_host(void)
{
	return note_host();
}

/* Printable ASCII; all else as \xNN. */
static void add_safe(struct gp_buf *out, struct gp_str text)
{
	for (size_t i = 0; i < text.len && i < SHOWN_MAX; i++) {
		unsigned char c = (unsigned char)text.ptr[i];

		if (c >= ' ' && c < 0x7f)
			gp_buf_add_chr(out, (char)c);
		else
			gp_buf_printf(out, "\\x%02X", c);
	}
}

/* For a shell: a stranger's name of a host may be anything. */
static void add_operand(struct gp_buf *out, const char *kind, struct gp_str key)
{
	gp_buf_printf(out, "'%s:", kind);
	for (size_t i = 0; i < key.len && i < SHOWN_MAX; i++) {
		if (key.ptr[i] == '\'')
			gp_buf_add_cstr(out, "'\\''");
		else
			add_safe(out, gp_str_sub(key, i, 1));
	}
	gp_buf_add_cstr(out, "'\n");
}

static void add_header(const struct contain_conf *conf, const struct contained *c, int64_t now_s,
		       struct gp_buf *out)
{
	char date[GP_DATE_TEXT];
	uint64_t id;

	gp_rand_bytes(&id, sizeof(id));
	if (*conf->alert_from)
		gp_buf_printf(out, "From: %s\n", conf->alert_from);
	else
		gp_buf_printf(out, "From: Gatepost <postmaster@%s>\n", alert_mail_host());
	gp_buf_add_cstr(out, "To: ");
	for (size_t i = 0; i < conf->alert_mail.len; i++)
		gp_buf_printf(out, "%s%s", i ? ",\n\t" : "", conf->alert_mail.items[i]);
	gp_buf_add_cstr(out, "\nSubject: contained: ");
	add_safe(out, c->key);
	gp_buf_printf(out, "\nDate: %s\nMessage-ID: <%016llx.gatepost@%s>\n",
		      gp_date_format(now_s, date), (unsigned long long)id, alert_mail_host());
	gp_buf_add_cstr(out, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
			     "Content-Type: text/plain; charset=us-ascii\n\n");
}

static void add_line(struct gp_buf *out, const char *name, struct gp_str value)
{
	if (value.len == 0)
		return;
	gp_buf_printf(out, "%-12s", name);
	add_safe(out, value);
	gp_buf_add_chr(out, '\n');
}

void alert_mail_format(const struct contain_conf *conf, const struct contained *c, int64_t now_s,
		       struct gp_buf *out)
{
	const char *kind = gp_conf_enum_name(contain_kind_names, (int)c->kind);
	char window[GP_NUM_TEXT], date[GP_DATE_TEXT];

	add_header(conf, c, now_s, out);
	gp_buf_printf(out, "policyd-ratelimit contains a key since it exceeded a limit: its mail "
			   "is answered with \"%s\".\n\n",
		      gp_conf_enum_name(answer_names, (int)c->action));
	add_line(out, "by", gp_str(kind));
	add_line(out, "key", c->key);
	add_line(out, "limit", c->rule);
	add_line(out, "account", c->account);
	add_line(out, "reason", c->reason);
	gp_buf_printf(out, "%-12s%lld of %lld in %s\n", "used", (long long)c->used,
		      (long long)c->max, gp_num_format_duration(c->window_ms, window));
	add_line(out, "noticed on", c->host);
	gp_buf_printf(out, "%-12s%s\n\nTo look, and to release it:\n\n  gatepost ratelimit show ",
		      "until", gp_date_format(c->until_s, date));
	add_operand(out, kind, c->key);
	gp_buf_add_cstr(out, "  gatepost ratelimit release ");
	add_operand(out, kind, c->key);
}
