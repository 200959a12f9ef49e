/*
 * The common part of a history item; the header says what it is for.
 */
#include "lib/daemon/history_item.h"

#include "lib/base/clock.h"

#define ADDRESS_MAX 320 /* 64 + 1 + 255 octets (RFC 5321, 4.5.3.1) */
#define RECIPIENTS_MAX 10
#define NAME_MAX_ 255 /* of a host; what a client calls itself is cut to it */
/* For what closes the item: time, CPU time, "cut". */
#define TAIL 80

void gp_history_item_begin(struct gp_jsonline *j, enum gp_history_program program,
			   const struct gp_session *s, const char *action, double score)
{
	char ip[GP_IP_TEXT];

	gp_jsonline_begin(j, GP_HISTORY_ITEM_MAX - TAIL);
	gp_jsonline_int(j, "v", 1);
	gp_jsonline_cstr(j, "program", gp_history_program_name(program));
	gp_jsonline_num(j, "time", (double)gp_clock_real_ms() / 1000, 3);
	gp_jsonline_str(j, "qid", s->msg.queue_id, NAME_MAX_);
	gp_jsonline_cstr(j, "action", action);
	gp_jsonline_num(j, "score", score, 3);
	gp_jsonline_str(j, "from", s->msg.from, ADDRESS_MAX);
	gp_jsonline_open(j, "to", '[');
	for (size_t i = 0; i < s->msg.rcpts.len && i < RECIPIENTS_MAX; i++)
		gp_jsonline_str(j, NULL, s->msg.rcpts.items[i].address, ADDRESS_MAX);
	gp_jsonline_close(j);
	gp_jsonline_int(j, "rcpts", (int64_t)s->msg.n_rcpts_seen);
	if (s->client.family)
		gp_jsonline_cstr(j, "client", gp_ip_format(&s->client, ip));
	if (s->helo.len)
		gp_jsonline_str(j, "helo", s->helo, NAME_MAX_);
	if (s->msg.auth_user.len)
		gp_jsonline_str(j, "user", s->msg.auth_user, ADDRESS_MAX);
}

struct gp_str gp_history_item_end(struct gp_jsonline *j, const struct gp_session *s, int64_t cpu_us)
{
	bool is_cut = j->is_cut;

	j->buf.max += TAIL;
	gp_jsonline_int(j, "time_ms", gp_clock_mono_ms() - s->msg.began_ms);
	gp_jsonline_num(j, "cpu_ms", (double)cpu_us / 1000, 2);
	if (is_cut)
		gp_jsonline_bool(j, "cut", true);
	return gp_jsonline_finish(j);
}
