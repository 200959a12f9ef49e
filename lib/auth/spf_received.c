/*
 * The Received-SPF field (RFC 7208, 9.1).
 *
 * Everything in it that a stranger wrote stands in a quoted-string or a comment, in
 * printable ASCII and cut: nothing in it can end the field or look like a part of it.
 */
#include "lib/auth/spf.h"
#include "lib/base/buf.h"

#define VALUE_MAX 320 /* bytes of one value: an address of full length; lines stay below 998 */
#define FIELD_MAX 8192

static char printable(char c)
{
	return c >= ' ' && c < 0x7f ? c : '?';
}

/* Escapes with a backslash what is in `special`. */
static void add_escaped(struct gp_buf *out, struct gp_str s, const char *special)
{
	for (size_t i = 0; i < GP_MIN(s.len, (size_t)VALUE_MAX); i++) {
		char c = printable(s.ptr[i]);

		if (strchr(special, c))
			gp_buf_add_chr(out, '\\');
		gp_buf_add_chr(out, c);
	}
}

/* RFC 5322, 3.2.3. */
static bool is_dot_atom(struct gp_str s)
{
	char before = '.';

	for (size_t i = 0; i < s.len; before = s.ptr[i++])
		if (s.ptr[i] == '.'
			    ? before == '.'
			    : !gp_is_alnum(s.ptr[i]) && (s.ptr[i] == '\0' ||
							 !strchr("!#$%&'*+-/=?^_`{|}~", s.ptr[i])))
			return false;
	return before != '.' && s.len <= VALUE_MAX;
}

static void add_pair(struct gp_buf *out, const char *key, struct gp_str value)
{
	if (value.len == 0)
		return;
	gp_buf_printf(out, "\n\t%s=", key);
	if (is_dot_atom(value)) {
		gp_buf_add_str(out, value);
	} else {
		gp_buf_add_chr(out, '"');
		add_escaped(out, value, "\"\\");
		gp_buf_add_chr(out, '"');
	}
	gp_buf_add_chr(out, ';');
}

/* The key "problem" is for errors, "mechanism" for what matched (9.1). */
static bool is_error(enum gp_auth_status status)
{
	return status == GP_AUTH_TEMPERROR || status == GP_AUTH_PERMERROR;
}

struct gp_str gp_spf_received(struct gp_arena *arena, const struct gp_spf_result *r,
			      const struct gp_spf_query *q)
{
	GP_BUF_AUTO out = GP_BUF_INIT(FIELD_MAX);
	char ip[GP_IP_TEXT];

	gp_buf_printf(&out, "%s (", gp_auth_status_name(r->status));
	if (q->receiver.len) {
		add_escaped(&out, q->receiver, "()\\");
		gp_buf_add_cstr(&out, ": ");
	}
	add_escaped(&out, r->reason, "()\\");
	gp_buf_add_cstr(&out, ")");
	add_pair(&out, "receiver", q->receiver);
	add_pair(&out, "identity", r->is_helo ? GP_STR("helo") : GP_STR("mailfrom"));
	if (is_error(r->status))
		add_pair(&out, "problem", r->reason);
	else
		add_pair(&out, "mechanism", r->mechanism);
	add_pair(&out, "client-ip", gp_str(gp_ip_format(&q->client, ip)));
	add_pair(&out, "helo", q->helo);
	add_pair(&out, "envelope-from", q->mailfrom);
	return gp_arena_str(arena, gp_str_n(out.data, out.len - 1)); /* without the last ';' */
}
