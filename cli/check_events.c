/*
 * The way of an event: Postfix's log, the controller, which follows it, the control socket.  Each
 * piece may be configured not to meet the next one, and then limits on events count nothing,
 * silently.
 */
#include "cli/check_events.h"

#include <stdio.h>

#include "controller/options.h"
#include "policyd-ratelimit/options.h"

static void problem(struct gp_reach *r, const char *text)
{
	fprintf(stderr, "Postfix, the controller and policyd-ratelimit: %s\n", text);
	r->problems++;
}

static bool is_from_log(const struct limit_rule *rule)
{
	return rule->count == LIMIT_BOUNCES || rule->count == LIMIT_AUTH_FAILURES;
}

static bool is_believed(const struct gp_conf_list *names, struct gp_str tag)
{
	for (size_t i = 0; i < names->len; i++)
		if (gp_str_glob(gp_str(names->items[i]), tag))
			return true;
	return false;
}

/* Service NULL: the queue manager, which has no name of its own as a rule. */
static void check_name(struct gp_reach *r, const struct maillog_conf *conf,
		       const struct gp_postfix_service *service)
{
	struct gp_arena *arena = r->postfix->arena;
	struct gp_str name = gp_postfix_value(r->postfix, service, "syslog_name", "postfix");
	const char *tag = gp_arena_printf(arena, "%.*s/%s", GP_STR_FMT(name),
					  service ? "smtpd" : "qmgr");

	if (!is_believed(&conf->names, gp_str(tag)))
		problem(r, gp_arena_printf(arena, "lines of %s are not believed: controller.maillog.names "
					   "has no pattern for that syslog_name", tag));
}

static void check_log(struct gp_reach *r, const struct maillog_conf *conf)
{
	struct gp_str file = gp_postfix_value(r->postfix, NULL, "maillog_file", "");
	const struct gp_postfix *p = r->postfix;

	if (file.len > 0 && !gp_str_eq(file, gp_str(conf->source)))
		problem(r, gp_arena_printf(p->arena, "Postfix logs into %.*s (maillog_file), and "
					   "controller.maillog.source is %s",
					   GP_STR_FMT(file), conf->source));
	check_name(r, conf, NULL);
	for (size_t i = 0; i < p->services.len; i++)
		if (gp_str_eq(p->services.items[i].command, GP_STR("smtpd")))
			check_name(r, conf, &p->services.items[i]);
}

void gp_check_events(struct gp_reach *r, const struct gp_snapshot *snap,
		     const struct limit_rules *rules)
{
	const struct controller_conf *controller = gp_snapshot_get(snap, &controller_table);
	const struct ratelimit_conf *ratelimit = gp_snapshot_get(snap, &ratelimit_table);
	const struct maillog_conf *conf = &controller->maillog;
	bool is_wanted = false;

	for (size_t i = 0; i < rules->len; i++) {
		if (!is_from_log(&rules->items[i]))
			continue;
		is_wanted = true;
		if (!*conf->source)
			problem(r, gp_arena_printf(r->postfix->arena,
						   "limit \"%.*s\" counts nothing: controller.maillog.source "
						   "is empty, so nobody looks for %s in Postfix's log",
						   GP_STR_FMT(rules->items[i].name),
						   rules->items[i].count == LIMIT_BOUNCES
							   ? "bounces" : "failed logins"));
	}
	if (!is_wanted || !*conf->source)
		return;
	if (strcmp(conf->socket, ratelimit->contain.control_socket) != 0)
		problem(r, gp_arena_printf(r->postfix->arena,
					   "controller.maillog.socket is %s, and "
					   "policyd-ratelimit.control_socket is \"%s\"",
					   conf->socket, ratelimit->contain.control_socket));
	check_log(r, conf);
}
