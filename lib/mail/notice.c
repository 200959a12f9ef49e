/*
 * Notices; see the header.
 */
#include "lib/mail/notice.h"

#include "lib/base/rand.h"
#include "lib/mail/date.h"

void gp_notice_value(struct gp_buf *out, struct gp_str value)
{
	for (size_t i = 0; i < value.len && i < GP_NOTICE_VALUE_MAX; i++) {
		unsigned char c = (unsigned char)value.ptr[i];

		if (c >= ' ' && c < 0x7f)
			gp_buf_add_chr(out, (char)c);
		else
			gp_buf_printf(out, "\\x%02X", c);
	}
}

void gp_notice_header(struct gp_buf *out, const struct gp_notice *notice, const char *what,
		      struct gp_str value)
{
	char date[GP_DATE_TEXT];
	uint64_t id;

	gp_rand_bytes(&id, sizeof(id));
	if (*notice->from)
		gp_buf_printf(out, "From: %s\n", notice->from);
	else
		gp_buf_printf(out, "From: Gatepost <postmaster@%s>\n", notice->host);
	gp_buf_add_cstr(out, "To: ");
	for (size_t i = 0; i < notice->n_to; i++)
		gp_buf_printf(out, "%s%s", i ? ",\n\t" : "", notice->to[i]);
	gp_buf_printf(out, "\nSubject: %s", what);
	gp_notice_value(out, value);
	gp_buf_printf(out, "\nDate: %s\nMessage-ID: <%016llx.gatepost@%s>\n",
		      gp_date_format(notice->now_s, date), (unsigned long long)id, notice->host);
	gp_buf_add_cstr(out, "Auto-Submitted: auto-generated\nMIME-Version: 1.0\n"
			     "Content-Type: text/plain; charset=us-ascii\n\n");
}

void gp_notice_line(struct gp_buf *out, const char *name, struct gp_str value)
{
	if (value.len == 0)
		return;
	gp_buf_printf(out, "%-12s", name);
	gp_notice_value(out, value);
	gp_buf_add_chr(out, '\n');
}
