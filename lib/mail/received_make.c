/*
 * The Received header that Postfix writes and hides from milters.
 */
#include "lib/base/buf.h"
#include "lib/mail/date.h"
#include "lib/mail/received.h"

#define FIELD_MAX 512 /* of one value; a host name has 255, Postfix cuts helo at 512 */
#define VALUE_MAX (16 * FIELD_MAX)

/* A stranger's bytes: what could end a comment or begin another field becomes '?'. */
static void add_neutral(struct gp_buf *out, struct gp_str s)
{
	s = gp_str_sub(s, 0, FIELD_MAX);
	for (size_t i = 0; i < s.len; i++) {
		bool is_bad = (unsigned char)s.ptr[i] < 33 || s.ptr[i] == 127 ||
			      memchr("<>()\\\";", s.ptr[i], 7);

		gp_buf_add_chr(out, is_bad ? '?' : s.ptr[i]);
	}
}

/* A host name or address: nothing that could be read as anything else. */
static void add_host(struct gp_buf *out, struct gp_str s)
{
	s = gp_str_sub(s, 0, FIELD_MAX);
	for (size_t i = 0; i < s.len; i++) {
		bool is_good = gp_is_alnum(s.ptr[i]) || (s.ptr[i] & 0x80) || memchr(".-_:", s.ptr[i], 4);

		gp_buf_add_chr(out, is_good ? s.ptr[i] : '?');
	}
}

static void add_client(struct gp_buf *out, const struct gp_received_session *s)
{
	struct gp_str addr = s->client_addr;

	if (gp_str_istarts(addr, GP_STR("IPv6:")))
		addr = gp_str_sub(addr, 5, addr.len);
	gp_buf_add_cstr(out, " from ");
	add_neutral(out, s->helo.len ? s->helo : GP_STR("unknown"));
	gp_buf_add_cstr(out, " (");
	add_host(out, s->client_name.len ? s->client_name : GP_STR("unknown"));
	gp_buf_add_cstr(out, gp_str_find_chr(addr, ':', 0) < addr.len ? " [IPv6:" : " [");
	add_host(out, addr.len ? addr : GP_STR("unknown"));
	gp_buf_add_cstr(out, "])");
}

static void add_tls(struct gp_buf *out, const struct gp_received_session *s)
{
	gp_buf_add_cstr(out, "\n\t(using ");
	add_neutral(out, s->tls_version);
	gp_buf_add_cstr(out, " with cipher ");
	add_neutral(out, s->cipher);
	gp_buf_add_cstr(out, " (");
	add_neutral(out, s->cipher_bits);
	gp_buf_add_cstr(out, " bits))");
}

struct gp_str gp_received_synthesise(struct gp_arena *a, const struct gp_received_session *s)
{
	GP_BUF_AUTO out = GP_BUF_INIT(VALUE_MAX);
	char date[GP_DATE_TEXT];

	add_client(&out, s);
	if (s->tls_version.len)
		add_tls(&out, s);
	if (s->auth_authen.len) {
		gp_buf_add_cstr(&out, "\n\t(Authenticated sender: ");
		add_neutral(&out, s->auth_authen);
		gp_buf_add_chr(&out, ')');
	}
	gp_buf_add_cstr(&out, "\n\tby ");
	add_host(&out, s->by.len ? s->by : GP_STR("localhost"));
	gp_buf_printf(&out, " (Postfix) with %s%s%s id ", s->is_smtp ? "SMTP" : "ESMTP",
		      s->tls_version.len ? "S" : "", s->auth_authen.len ? "A" : "");
	add_neutral(&out, s->queue_id.len ? s->queue_id : GP_STR("NOQUEUE"));
	if (s->rcpt.len) {
		gp_buf_add_cstr(&out, "\n\tfor <");
		add_neutral(&out, s->rcpt);
		gp_buf_add_chr(&out, '>');
	}
	gp_buf_printf(&out, "; %s (UTC)", gp_date_format(s->time_s, date));
	return gp_arena_str(a, gp_buf_str(&out));
}
