/*
 * milter-dkim's callbacks: the header is collected, the body streamed through the
 * hasher, everything decided at end of message.
 *
 * The MTA waits for no answer before end of message (lib/daemon/milter.h).
 */
#include "milter-dkim/dkim.h"

#include "lib/conf/shared.h"

static enum gp_answer on_mail(struct gp_session *s)
{
	struct dkim_message *m = GP_ARENA_NEW(s->msg.arena, struct dkim_message);

	m->conf = gp_snapshot_get(s->snap, &dkim_table);
	m->snap = gp_snapshot_data(s->snap);
	s->msg.data = m;
	return GP_CONTINUE;
}

static enum gp_answer on_header(struct gp_session *s, struct gp_str name, struct gp_str value)
{
	struct dkim_message *m = s->msg.data;

	gp_fields_add(s->msg.arena, &m->fields, name, value);
	return GP_CONTINUE;
}

static enum gp_answer on_eom(struct gp_session *s)
{
	(void)s;
	return GP_CONTINUE;
}

const struct gp_milter dkim_milter = {
	.name = "milter-dkim",
	.actions = GP_MILTER_ADD_HEADERS | GP_MILTER_CHANGE_HEADERS | GP_MILTER_QUARANTINE,
	.on_mail = on_mail,
	.on_header = on_header,
	.on_eom = on_eom,
};
