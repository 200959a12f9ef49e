/*
 * The settings of containment.
 */
#include "policyd-ratelimit/contain_options.h"

#include <unistd.h>

#include "lib/io/smtp.h"
#include "policyd-ratelimit/options.h"

int contain_check_control(const void *field, struct gp_diag *diag)
{
	struct gp_str text = gp_str(*(const char *const *)field);

	if (text.len == 0 || gp_str_starts(text, GP_STR("unix:")))
		return gp_conf_check_socket(field, diag);
	gp_diag_set(diag, "\"%.*s\" is no \"unix:/path\"", GP_STR_FMT(text));
	return GP_EINVAL;
}

static bool is_address(const char *text)
{
	size_t len = strlen(text);

	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || strchr("<>,;\x7f", *c))
			return false;
	return len > 0 && len <= 320; /* RFC 5321: 64 + 1 + 255 */
}

void contain_validate(const struct ratelimit_conf *conf, const struct gp_snapshot *snap,
		      struct gp_conf_report *report)
{
	const struct contain_conf *c = &conf->contain;

	if (*c->control_socket && strcmp(c->control_socket, conf->daemon.socket) == 0)
		gp_conf_complain(snap, &ratelimit_table, "control_socket", report,
				 "is the socket that Postfix asks too");
	if (*c->alert_command && access(c->alert_command, X_OK) < 0)
		gp_conf_complain(snap, &ratelimit_table, "alert_command", report,
				 "%s cannot be executed", c->alert_command);
	if (c->alert_mail.len > GP_SMTP_RECIPIENTS_MAX)
		gp_conf_complain(snap, &ratelimit_table, "alert_mail", report,
				 "more than %d addresses", GP_SMTP_RECIPIENTS_MAX);
	for (size_t i = 0; i < c->alert_mail.len; i++)
		if (!is_address(c->alert_mail.items[i]))
			gp_conf_complain(snap, &ratelimit_table, "alert_mail", report,
					 "\"%s\" is no bare address", c->alert_mail.items[i]);
	if (*c->alert_from && !is_address(c->alert_from))
		gp_conf_complain(snap, &ratelimit_table, "alert_from", report,
				 "\"%s\" is no bare address", c->alert_from);
}
