/*
 * milter-spam: a description of the program; lib/daemon runs it.
 */
#include "lib/proto/sent.h"
#include "milter-spam/spam.h"

#include <stdio.h>

#include "lib/base/log.h"
#include "lib/daemon/daemon.h"
#include "lib/daemon/directory.h"
#include "lib/daemon/drain.h"
#include "lib/daemon/sandbox.h"
#include "lib/daemon/storage.h"

struct gp_store *spam_store;
struct gp_history *spam_sent;
struct gp_ldap *spam_ldap;

static const struct gp_conf_table *const tables[] = {GP_CONF_SHARED_TABLES, &spam_table};

static void free_scanner(void *arg)
{
	gp_scanner_free(arg);
}

/* What PCRE2 does alone, and compiled files that are there for nothing. */
static void log_engine(const struct gp_rule_report *r)
{
	const char *said = "";

	if (r->no_vectorscan)
		gp_log_info("rules: PCRE2 runs alone, without vectorscan: %s", r->no_vectorscan);
	for (size_t i = 0; i < GP_RULE_TARGETS; i++) {
		const struct gp_rule_target_status *t = &r->targets[i];

		if (!t->is_refused || strcmp(said, t->reason) == 0)
			continue;
		said = t->reason;
		gp_log_warning("rules: cache: %s: %s; compiled anew for now", t->name, t->reason);
	}
}

/* Lines that could not be used are said, the rest of the rules goes on. */
static void log_problems(const struct gp_rule_report *r)
{
	for (size_t i = 0; i < r->problems.len; i++) {
		const struct gp_rule_problem *p = &r->problems.items[i];

		if (p->kind == GP_RULE_ERROR)
			gp_log_warning("%s:%u: %s%s%s", p->file, p->line, p->rule,
				       *p->rule ? ": " : "", p->text);
	}
	if (r->rules == 0)
		gp_log_warning("no rules are there (see rules.paths): only Bayes and lists judge");
	gp_log_info("rules: %u loaded, %u active, %u inert, %u lines in error", r->rules,
		    r->active, r->inert, r->errors);
	log_engine(r);
}

/* Files that lost more than a line are no reason not to serve, but one to keep better rules. */
static int refuse_broken(const struct gp_rule_report *r, struct gp_conf_report *report)
{
	if (r->broken == 0 || gp_daemon_starting())
		return GP_OK;
	for (size_t i = 0; i < r->problems.len; i++) {
		const struct gp_rule_problem *p = &r->problems.items[i];

		if (p->is_broken)
			gp_conf_report_add(report, p->file, p->line, "%s", p->text);
	}
	return GP_EINVAL;
}

/* The rules of a configuration, which the snapshot then owns. */
static int load_rules(struct gp_snapshot *snap, struct spam_snapshot *data,
		      struct gp_conf_report *report)
{
	struct gp_rule_report problems;
	struct gp_diag diag;
	int r;

	gp_rule_report_init(&problems);
	r = gp_scanner_new(snap, &problems, &data->scanner, &diag);
	if (r) {
		gp_conf_complain(snap, &gp_conf_rules_table, "paths", report, "%s", diag.text);
	} else {
		gp_arena_on_end(gp_snapshot_arena(snap), free_scanner, data->scanner);
		r = refuse_broken(&problems, report);
		if (r == GP_OK)
			log_problems(&problems);
	}
	gp_rule_report_done(&problems);
	return r;
}

static int configure(struct gp_snapshot *snap, struct gp_conf_report *report)
{
	struct spam_snapshot *data = GP_ARENA_NEW(gp_snapshot_arena(snap), struct spam_snapshot);
	struct gp_diag diag;
	int r;

	if (gp_scanner_check_engine(snap, &diag)) {
		gp_conf_complain(snap, &gp_conf_rules_table, "engine", report, "%s", diag.text);
		return GP_EINVAL;
	}
	r = load_rules(snap, data, report);
	if (r)
		return r;
	data->conf = spam_conf_with_rules(snap, gp_scanner_rules(data->scanner));
	gp_snapshot_set_data(snap, data);
	r = spam_directory_setup(snap, &data->directory, report);
	data->directory.ldap = spam_ldap; /* a reload: it is open already */
	return r ? r : spam_auth_configure(snap, &data->auth, report);
}

static int open_directory(struct gp_snapshot *snap, struct gp_diag *diag)
{
	struct spam_snapshot *data = gp_snapshot_data(snap);
	int r = gp_directory_open(gp_snapshot_get(snap, &gp_conf_ldap_table), &spam_ldap, diag);

	data->directory.ldap = spam_ldap;
	return r;
}

static int start(struct gp_snapshot *snap, struct gp_diag *diag)
{
	const struct gp_conf_top *top = gp_snapshot_get(snap, &gp_conf_top_table);
	int r;

	spam_register_metrics();
	r = spam_auth_start(snap, diag);
	if (r == GP_OK)
		r = open_directory(snap, diag);
	if (r)
		return r;
	r = gp_storage_open(top, GP_STORE_SPAM, &spam_store, diag);
	if (r == GP_OK)
		r = gp_history_open(spam_store, gp_snapshot_get(snap, &gp_conf_history_table),
				    GP_HISTORY_SPAM, top->store_timeout_ms, &spam_history, diag);
	return r ? r
		 : gp_history_open_ring(spam_store, GP_STR(GP_SENT_TABLE), GP_SENT_RING,
					top->store_timeout_ms, &spam_sent, diag);
}

static void stop(void)
{
	/* One that outlived stop_grace may ask still: it ends with the process. */
	if (gp_drain_sessions() > 0)
		return;
	gp_history_close(&spam_history);
	gp_history_close(&spam_sent);
	gp_store_close(&spam_store);
	gp_ldap_close(&spam_ldap);
	spam_auth_stop();
}

static void reloaded(struct gp_snapshot *snap)
{
	spam_count_switched_off(NULL);
	if (spam_ldap)
		gp_ldap_flush(spam_ldap);
}

/* Names the rules that limits have switched off; that is no failure. */
static void rules_health(struct gp_health *entry)
{
	GP_BUF_AUTO names = GP_BUF_INIT(sizeof(entry->detail));
	size_t n = spam_count_switched_off(&names);

	*entry = (struct gp_health){.name = "rules", .is_ok = true};
	if (n)
		snprintf(entry->detail, sizeof(entry->detail), "%zu switched off: %s", n,
			 gp_buf_cstr(&names));
}

static size_t health(struct gp_health *entries, size_t max)
{
	if (max < 3)
		return 0;
	gp_storage_health(spam_store, &entries[0]);
	rules_health(&entries[1]);
	return gp_directory_health(spam_ldap, &entries[2]) ? 3 : 2;
}

/* What a reload reads again, and the store. */
static void sandbox(const struct gp_snapshot *snap)
{
	const struct gp_conf_rules *rules = gp_snapshot_get(snap, &gp_conf_rules_table);
	const struct spam_snapshot *data = gp_snapshot_data(snap);

	for (size_t i = 0; i < rules->paths.len; i++)
		gp_sandbox_read(rules->paths.items[i]);
	gp_rule_set_each_file(gp_scanner_rules(data->scanner), gp_sandbox_read_folder_of);
	gp_sandbox_read(rules->cache);
	gp_sandbox_read("/etc/passwd"); /* whose the cache is */
	spam_auth_sandbox(snap);
	gp_storage_sandbox(gp_snapshot_get(snap, &gp_conf_top_table));
}

static const struct gp_daemon milter_spam = {
	.name = "milter-spam",
	.summary = "spam filter for Postfix: rules, Bayes, lists, greylisting",
	.tables = tables,
	.n_tables = GP_ARRAY_SIZE(tables),
	.own = &spam_table,
	.own_offset = offsetof(struct spam_conf, daemon),
	.configure = configure,
	.start = start,
	.stop = stop,
	.reloaded = reloaded,
	.health = health,
	.sandbox = sandbox,
	.service = &gp_milter_service,
	.milter = &spam_milter,
};

int main(int argc, char **argv)
{
	return gp_daemon_main(&milter_spam, argc, argv);
}
