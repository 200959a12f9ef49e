/*
 * gatepost check: the configuration of all programs, the rules and maps that it
 * names, and how Postfix would reach the sockets.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/check_policy.h"
#include "cli/context.h"
#include "cli/dkim.h"
#include "cli/ldap_uses.h"
#include "cli/reach.h"
#include "config.h"
#include "milter-dkim/options.h"
#include "milter-dkim/setup.h"
#include "milter-spam/options.h"
#include "milter-virus/options.h"

struct check_options {
	const char *postfix;
};

static const struct gp_opt options[] = {
	{0, "postfix", "DIRECTORY", "also read main.cf and master.cf there", GP_OPT_STRING,
	 offsetof(struct check_options, postfix)},
	GP_OPT_END,
};

static void check_service(struct gp_reach *r, const struct gp_postfix_service *service)
{
	static const struct {
		const char *command, *parameter;
	} uses[] = {{"smtpd", "smtpd_milters"}, {"cleanup", "non_smtpd_milters"}};

	for (size_t i = 0; i < GP_ARRAY_SIZE(uses); i++) {
		struct gp_str list, address;

		if (!gp_str_eq(service->command, gp_str(uses[i].command)))
			continue;
		list = gp_postfix_value(r->postfix, service, uses[i].parameter, "");
		while (gp_postfix_next_milter(&list, &address))
			gp_reach_look(r, service, uses[i].parameter, GP_STR(""), address);
	}
}

/* One program's socket; true if Postfix reaches it, or cannot miss it. */
static bool check_program(struct gp_reach *r, const char *program, const char *socket)
{
	gp_reach_begin(r, program, socket);
	if (gp_reach_is_inet(r)) {
		printf("Postfix: %s listens on %s, no chroot can hide it\n", program, socket);
		return true;
	}
	for (size_t i = 0; i < r->postfix->services.len; i++)
		check_service(r, &r->postfix->services.items[i]);
	return r->used > 0;
}

/* What Postfix's own programs end with. */
static void tell_faults(struct gp_reach *r)
{
	GP_MAP_EACH(r->postfix->faults, fault) {
		fprintf(stderr, "%.*s: Postfix's programs end with this\n", GP_STR_FMT(fault->key));
		r->problems++;
	}
}

/* Not every site runs every program: one of them must be reached. */
static int check_postfix(struct gp_cli *cli, struct gp_snapshot *snap, const char *directory)
{
	const struct spam_conf *spam = gp_snapshot_get(snap, &spam_table);
	const struct dkim_conf *dkim = gp_snapshot_get(snap, &dkim_table);
	const struct virus_conf *virus = gp_snapshot_get(snap, &virus_table);
	const struct {
		const char *program, *socket;
	} programs[] = {{"milter-spam", spam->daemon.socket},
			{"milter-dkim", dkim->daemon.socket},
			{"milter-virus", virus->daemon.socket}};
	struct gp_postfix postfix;
	struct gp_diag diag;
	struct gp_reach r = {.postfix = &postfix};
	bool is_reached = false;

	if (gp_postfix_read(cli->arena, directory, &postfix, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	r.queue = gp_postfix_value(&postfix, NULL, "queue_directory", GP_QUEUEDIR);
	for (size_t i = 0; i < GP_ARRAY_SIZE(programs); i++)
		is_reached |= check_program(&r, programs[i].program, programs[i].socket);
	gp_check_policy(&r, snap);
	tell_faults(&r);
	is_reached |= r.used > 0;
	if (!is_reached && r.problems == 0) {
		fprintf(stderr, "%s: no service names a socket of ours in smtpd_milters or "
			"check_policy_service\n",
			directory);
		r.problems++;
	}
	return r.problems ? GP_EXIT_CONFIG : 0;
}

static int check_rules(const struct gp_snapshot *snap)
{
	struct gp_scanner *scanner = NULL;
	unsigned errors = 0;
	size_t n;
	int status = gp_cli_open_scanner(snap, &scanner, &errors);

	if (status)
		return status;
	n = gp_rule_set_count(gp_scanner_rules(scanner));
	printf("rules: %zu loaded\n", n);
	gp_scanner_free(scanner);
	if (n == 0)
		return gp_cli_fail(GP_EXIT_CONFIG,
				   "rules: none are there; nothing would be found (see rules.paths)");
	if (errors)
		return gp_cli_fail(GP_EXIT_CONFIG,
				   "rules: %u lines do not parse; see gatepost rules lint", errors);
	return 0;
}

static void count_key(const struct dkim_signer *signer, void *arg)
{
	(void)signer;
	++*(unsigned *)arg;
}

/* Everything that milter-dkim makes of its settings: keys, the seal's key, the suffix list. */
static int check_dkim(struct gp_cli *cli, struct gp_snapshot *snap)
{
	struct dkim_keyring *ring;
	unsigned n = 0;
	int status;
	GP_CONF_REPORT_AUTO report;

	gp_conf_report_init(&report);
	if (dkim_setup(snap, &report)) {
		gp_cli_print_report(&report);
		return GP_EXIT_CONFIG;
	}
	status = gp_cli_keyring(cli, snap, &ring);
	if (status)
		return status;
	dkim_keyring_each(ring, count_key, &n);
	printf("keys: %u sign mail%s\n", n, n ? "; gatepost dkim check compares them with the DNS" : "");
	return 0;
}

/* What libldap makes of the settings, without a server: gatepost ldap test asks one. */
static int check_directory(struct gp_cli *cli, const struct gp_snapshot *snap)
{
	const struct gp_conf_ldap *conf = gp_snapshot_get(snap, &gp_conf_ldap_table);
	struct gp_ldap_use *uses;
	struct gp_ldap *ldap;
	struct gp_diag diag;

	/* The daemons read it at each connect; one that we may not read, they may. */
	if (*conf->password_file == '/' && access(conf->password_file, F_OK) < 0 && errno == ENOENT)
		return gp_cli_fail(GP_EXIT_CONFIG, "ldap.password_file: there is no %s", conf->password_file);
	if (gp_directory_open(conf, &ldap, &diag))
		return gp_cli_fail(GP_EXIT_CONFIG, "%s", diag.text);
	if (ldap)
		printf("directory: %zu servers, %zu queries; gatepost ldap test asks them\n",
		       conf->servers.len, gp_ldap_uses_find(cli, snap, &uses));
	gp_ldap_close(&ldap);
	return 0;
}

static int run_check(struct gp_cli *cli, int argc, char **argv)
{
	struct check_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_snapshot *snap;
	int status = gp_cli_options(&gp_cmd_check, cli, argc, argv, &o, &operands);
	int worse;

	if (status >= 0)
		return status;
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	printf("configuration: %s\n", gp_snapshot_file(snap) ? gp_snapshot_file(snap)
							     : "defaults, no file");
	status = check_rules(snap);
	worse = check_dkim(cli, snap);
	status = GP_MAX(status, worse);
	worse = check_directory(cli, snap);
	status = GP_MAX(status, worse);
	if (o.postfix) {
		worse = check_postfix(cli, snap, o.postfix);
		status = GP_MAX(status, worse);
	}
	if (!status)
		puts("ok");
	gp_snapshot_unref(snap);
	return status;
}

const struct gp_command gp_cmd_check = {
	.name = "check",
	.operands = "",
	.summary = "check the configuration of all programs, rules and maps",
	.options = options,
	.run = run_check,
};
