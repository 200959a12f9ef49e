/*
 * The smallest milter on lib/daemon: reads everything, adds one header, and does
 * what the subject asks for ("reject", "tempfail", "discard", "slow").
 */
#include <stdio.h>
#include <time.h>

#include "lib/base/log.h"
#include "lib/conf/shared.h"
#include "lib/daemon/daemon.h"

struct example_conf {
	struct gp_daemon_conf daemon;
	int64_t delay_ms;
};

static const struct gp_conf_row rows[] = {
	GP_DAEMON_ROWS(struct example_conf, daemon, "unix:/run/gatepost/example.sock", ""),
	{"delay", GP_CONF_DURATION, offsetof(struct example_conf, delay_ms), "0s", .min = 0,
	 .max = 60000, .help = "How long each answer takes."},
};

static const struct gp_conf_table table = {
	.group = "milter-spam", .title = "Example.", .rows = rows,
	.n_rows = GP_ARRAY_SIZE(rows), .size = sizeof(struct example_conf),
};

static const struct gp_conf_table *const tables[] = {
	&gp_conf_top_table, &gp_conf_log_table, &gp_conf_metrics_table, &table,
};

struct state {
	size_t headers, header_bytes, body_bytes;
	int forged; /* X-Example fields that came in */
	enum gp_answer wanted;
};

static enum gp_answer on_mail(struct gp_session *s)
{
	s->msg.data = GP_ARENA_NEW(s->msg.arena, struct state);
	return GP_CONTINUE;
}

static enum gp_answer on_header(struct gp_session *s, struct gp_str name, struct gp_str value)
{
	struct state *state = s->msg.data;

	state->headers++;
	state->header_bytes += name.len + value.len;
	if (gp_str_ieq(name, GP_STR("X-Example")))
		state->forged++;
	if (!gp_str_ieq(name, GP_STR("Subject")))
		return GP_CONTINUE;
	value = gp_str_trim(value);
	if (gp_str_eq(value, GP_STR("reject")))
		return GP_REJECT; /* remembered, given at the end */
	if (gp_str_eq(value, GP_STR("tempfail")))
		state->wanted = GP_TEMPFAIL;
	if (gp_str_eq(value, GP_STR("discard")))
		state->wanted = GP_DISCARD;
	return GP_CONTINUE;
}

static enum gp_answer on_body(struct gp_session *s, struct gp_str chunk)
{
	((struct state *)s->msg.data)->body_bytes += chunk.len;
	return GP_CONTINUE;
}

static enum gp_answer on_eom(struct gp_session *s)
{
	const struct example_conf *conf = gp_snapshot_get(s->snap, &table);
	const struct state *state = s->msg.data;
	struct timespec delay = {conf->delay_ms / 1000, conf->delay_ms % 1000 * 1000000};
	char text[200];

	if (conf->delay_ms)
		nanosleep(&delay, NULL);
	snprintf(text, sizeof(text), "headers=%zu/%zu body=%zu rcpts=%zu qid=%.*s", state->headers,
		 state->header_bytes, state->body_bytes, s->msg.rcpts.len,
		 GP_STR_FMT(s->msg.queue_id));
	if (gp_session_delete_headers(s, "X-Example", state->forged) < 0 ||
	    gp_session_add_header(s, "X-Example", text) < 0)
		return GP_TEMPFAIL;
	return state->wanted;
}

static size_t health(struct gp_health *entries, size_t max)
{
	(void)max;
	entries[0] = (struct gp_health){.name = "example", .is_ok = true, .detail = "fine"};
	return 1;
}

static const struct gp_milter milter = {
	.name = "example", .actions = GP_MILTER_ADD_HEADERS | GP_MILTER_CHANGE_HEADERS,
	.on_mail = on_mail, .on_header = on_header, .on_body = on_body, .on_eom = on_eom,
};

static const struct gp_daemon example = {
	.name = "example-milter", .summary = "Adds a header to every message.",
	.tables = tables, .n_tables = GP_ARRAY_SIZE(tables),
	.own = &table, .own_offset = offsetof(struct example_conf, daemon),
	.health = health, .service = &gp_milter_service,
	.milter = &milter,
};

int main(int argc, char **argv)
{
	return gp_daemon_main(&example, argc, argv);
}
