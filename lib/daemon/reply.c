/*
 * From a failure and a setting to what SMTP is told.
 */
#include "lib/daemon/reply.h"

const struct gp_conf_enum gp_on_error_names[] = {
	{"accept", GP_ON_ERROR_ACCEPT},
	{"tempfail", GP_ON_ERROR_TEMPFAIL},
	{"accept-and-mark", GP_ON_ERROR_MARK},
	{NULL, 0},
};
const struct gp_conf_enum gp_on_error_names_nomark[] = {
	{"accept", GP_ON_ERROR_ACCEPT},
	{"tempfail", GP_ON_ERROR_TEMPFAIL},
	{NULL, 0},
};

/* The classes of failure under "tempfail": what helps to try again, and what is
 * wrong with the message itself and stays so. */
static const struct {
	int err;
	const char *code, *xcode;
	enum gp_answer answer;
} failures[] = {
	{GP_ETEMP, "451", "4.7.1", GP_TEMPFAIL},
	{GP_ELIMIT, "451", "4.3.2", GP_TEMPFAIL},
	{GP_EACCES, "451", "4.3.5", GP_TEMPFAIL},
	{GP_ENOENT, "451", "4.3.5", GP_TEMPFAIL},
	{GP_ESYS, "451", "4.3.0", GP_TEMPFAIL},
	{GP_EINVAL, "550", "5.6.0", GP_REJECT},
};

struct gp_failure_reply gp_reply_for(int err, enum gp_on_error setting)
{
	struct gp_failure_reply reply = {.answer = GP_CONTINUE};

	if (err == GP_OK)
		return reply;
	if (setting != GP_ON_ERROR_TEMPFAIL) {
		reply.answer = GP_ACCEPT;
		reply.is_marked = setting == GP_ON_ERROR_MARK;
		return reply;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(failures); i++)
		if (failures[i].err == err)
			return (struct gp_failure_reply){failures[i].answer, false,
							 failures[i].code, failures[i].xcode};
	return (struct gp_failure_reply){GP_TEMPFAIL, false, "451", "4.3.0"};
}

struct gp_failure_reply gp_reply_set(struct gp_session *s, int err, enum gp_on_error setting,
				     const char *what)
{
	struct gp_failure_reply reply = gp_reply_for(err, setting);

	if (reply.answer == GP_TEMPFAIL)
		gp_session_set_reply(s, reply.code, reply.xcode,
				     "%s is not available, try again later", what);
	else if (reply.answer == GP_REJECT)
		gp_session_set_reply(s, reply.code, reply.xcode, "%s cannot be processed", what);
	return reply;
}

enum gp_answer gp_reply_reject(struct gp_session *s, const char *text)
{
	gp_session_set_reply(s, "550", "5.7.1", "%s", text);
	return GP_REJECT;
}

enum gp_answer gp_reply_greylist(struct gp_session *s, const char *text)
{
	gp_session_set_reply(s, "451", "4.7.1", "%s", text);
	return GP_TEMPFAIL;
}

enum gp_answer gp_reply_too_big(struct gp_session *s)
{
	gp_session_set_reply(s, "552", "5.3.4", "Message too big");
	return GP_REJECT;
}

void gp_reply_complete(struct gp_session *s, enum gp_answer answer)
{
	if (s->reply_code[0] == (answer == GP_REJECT ? '5' : '4'))
		return;
	if (answer == GP_REJECT)
		gp_session_set_reply(s, "550", "5.7.1", "Message refused");
	else if (answer == GP_TEMPFAIL)
		gp_session_set_reply(s, "451", "4.7.1", "Try again later");
}

enum gp_answer gp_reply_shutdown(struct gp_session *s)
{
	/* 421 makes the MTA end the SMTP session, whose next one finds the successor. */
	gp_session_set_reply(s, "421", "4.3.2", "Filter is shutting down");
	return GP_TEMPFAIL;
}
