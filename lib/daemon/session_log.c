/*
 * A message's envelope in a log line.
 */
#include "lib/daemon/session_log.h"

static void add_address(struct gp_logline *l, const char *key, struct gp_str address)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_LOG_VALUE_MAX);

	gp_buf_printf(&text, "<%.*s>", GP_STR_FMT(gp_str_sub(address, 0, GP_LOG_VALUE_MAX - 2)));
	gp_logline_str(l, key, gp_buf_str(&text));
}

void gp_session_log(struct gp_logline *l, const struct gp_session *s)
{
	char ip[GP_IP_TEXT];

	gp_logline_str(l, "qid", s->msg.queue_id.len ? s->msg.queue_id : GP_STR("-"));
	add_address(l, "from", s->msg.from);
	if (s->msg.n_rcpts_seen)
		gp_logline_int(l, "rcpts", (int64_t)s->msg.n_rcpts_seen);
	if (s->msg.rcpts.len)
		add_address(l, "to", s->msg.rcpts.items[0].address);
	gp_logline_cstr(l, "client", s->client.family ? gp_ip_format(&s->client, ip) : "local");
	gp_logline_str(l, "helo", s->helo);
	if (s->msg.auth_user.len)
		gp_logline_str(l, "user", s->msg.auth_user);
}
