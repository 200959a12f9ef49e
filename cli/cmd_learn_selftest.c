/*
 * gatepost learn self-test: whether learning from moves works, for people and for monitoring.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/selftest.h"
#include "cli/text.h"
#include "lib/base/clock.h"
#include "lib/base/num.h"

#define DETAIL_MAX 500	 /* bytes of one on a terminal */
#define PROGRESS_MS 2000 /* a step that lasts longer shows how its time goes by */

struct command_options {
	struct selftest_options test;
	const char *timeout;
	bool json, quiet;
};

#define OPTION(name_, arg_, help_, kind_, field_)                                                  \
	{0, name_, arg_, help_, kind_, offsetof(struct command_options, field_)}

static const struct gp_opt options[] = {
	OPTION("user", "NAME", "whose mailbox the canary goes through", GP_OPT_STRING, test.user),
	OPTION("imap", "HOST[:PORT]", "log in there (or at /SOCKET) instead of running Dovecot's imap",
	       GP_OPT_STRING, test.imap),
	OPTION("master", "USER", "log in as this master user of Dovecot", GP_OPT_STRING, test.login),
	OPTION("password-file", "FILE", "its password (without --master the user's own), in the first line",
	       GP_OPT_STRING, test.password_file),
	OPTION("ca-file", "FILE", "who may have signed the server's certificate", GP_OPT_STRING,
	       test.ca_file),
	OPTION("no-verify", NULL, "take any certificate", GP_OPT_FLAG, test.no_verify),
	OPTION("dovecot-config", "FILE", "Dovecot's configuration, where it is not the installed one",
	       GP_OPT_STRING, test.dovecot_config),
	OPTION("junk", "FOLDER", "the Junk folder, where SPECIAL-USE does not tell", GP_OPT_STRING,
	       test.junk),
	OPTION("timeout", "TIME", "for all steps together (30s)", GP_OPT_STRING, timeout),
	OPTION("quiet", NULL, "say only what failed", GP_OPT_FLAG, quiet),
	OPTION("json", NULL, "one JSON object", GP_OPT_FLAG, json),
	GP_OPT_END,
};

static volatile sig_atomic_t is_stopped;

static void on_signal(int number)
{
	(void)number;
	is_stopped = 1;
}

struct display {
	const struct command_options *o;
	struct gp_arena *arena;
	const char *title;
	int64_t began_ms;
	bool is_terminal, is_drawn;
};

static void begun(void *arg, const char *title)
{
	struct display *d = arg;

	d->title = title;
	d->began_ms = gp_clock_mono_ms();
}

static void tick(void *arg)
{
	struct display *d = arg;
	int64_t ms = gp_clock_mono_ms() - d->began_ms;

	if (!d->is_terminal || ms < PROGRESS_MS)
		return;
	fprintf(stderr, "\r\033[K ...  %6.1f s  %s", (double)ms / 1000, d->title);
	fflush(stderr);
	d->is_drawn = true;
}

static void done(void *arg, const struct selftest_result *r)
{
	struct display *d = arg;
	/* A server's words may be in it. */
	const char *detail = gp_text_show(d->arena, gp_str(r->detail), DETAIL_MAX);

	if (d->is_drawn)
		fputs("\r\033[K", stderr);
	d->is_drawn = false;
	if (d->o->json || (d->o->quiet && r->is_ok))
		return;
	printf("%s  %6.3f s  %s%s%s%s\n", r->is_ok ? " ok " : "FAIL", (double)r->us / 1e6, r->title,
	       *detail ? (r->is_ok ? " (" : ": ") : "", detail, *detail && r->is_ok ? ")" : "");
	if (!r->is_ok && r->remedy)
		printf("                %s\n", r->remedy);
	fflush(stdout);
}

static void print_json(const struct selftest *t, const struct selftest_report *report)
{
	json_t *root = json_object(), *steps = json_array();

	json_object_set_new(root, "ok", json_boolean(!report->failed));
	json_object_set_new(root, "user", gp_json_text(gp_str(t->o->user)));
	json_object_set_new(root, "canary", json_string(t->message_id));
	for (size_t i = 0; i < report->n; i++) {
		const struct selftest_result *r = &report->results[i];
		json_t *step = json_pack("{s:s,s:b,s:f}", "step", r->name, "ok", (int)r->is_ok, "ms",
					 (double)r->us / 1000);

		json_object_set_new(step, r->is_ok ? "detail" : "error", gp_json_text(gp_str(r->detail)));
		if (!r->is_ok && r->remedy)
			json_object_set_new(step, "remedy", json_string(r->remedy));
		json_array_append_new(steps, step);
	}
	json_object_set_new(root, "failed", report->failed ? json_string(report->failed) : json_null());
	json_object_set_new(root, "steps", steps);
	gp_json_print(root);
}

static int test(const struct command_options *o, const struct gp_snapshot *snap,
		struct gp_arena *arena, int64_t timeout_ms)
{
	struct display d = {.o = o, .arena = arena, .is_terminal = !o->json && isatty(STDERR_FILENO) == 1};
	struct selftest t = {
		.o = &o->test, .snap = snap, .arena = arena, .link = {.fd = -1},
		.wait = {.deadline_ms = gp_clock_mono_ms() + timeout_ms, .is_stopped = &is_stopped,
			 .tick = tick, .arg = &d},
		.message = GP_BUF_INIT((size_t)1 << 16), .began_s = gp_clock_real_s(),
	};
	struct selftest_report report;

	t.canary = canary_new(t.began_s);
	canary_message_id(&t.canary, t.message_id);
	canary_write(&t.canary, &t.message);
	imap_init(&t.imap, &t.wait);
	selftest_run(&t, &report, begun, done, &d);
	if (o->json)
		print_json(&t, &report);
	imap_close(&t.imap);
	learn_link_close(&t.link);
	gp_buf_done(&t.message);
	return report.failed ? GP_EXIT_UNAVAILABLE : 0;
}

static int check_options(const struct command_options *o, int64_t *ret_timeout_ms)
{
	const struct selftest_options *t = &o->test;

	if (!t->user)
		return gp_cli_fail(GP_EXIT_USAGE, "learn self-test: say --user NAME");
	if (t->imap ? !t->password_file : t->login || t->password_file || t->ca_file || t->no_verify)
		return gp_cli_fail(GP_EXIT_USAGE, "learn self-test: --imap and --password-file belong "
						  "together; --master, --ca-file, --no-verify to them");
	if (t->imap && t->dovecot_config)
		return gp_cli_fail(GP_EXIT_USAGE, "learn self-test: --dovecot-config is for a test without "
						  "--imap");
	if (gp_num_parse_duration(gp_str(o->timeout), ret_timeout_ms) != GP_OK || *ret_timeout_ms <= 0)
		return gp_cli_fail(GP_EXIT_USAGE, "learn self-test: --timeout: \"%s\" is no time", o->timeout);
	return 0;
}

static int run_selftest(struct gp_cli *cli, int argc, char **argv)
{
	struct command_options o = {.timeout = "30s"};
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};
	struct gp_opt_list operands = {0};
	struct gp_snapshot *snap;
	int64_t timeout_ms;
	int status = gp_cli_options(&gp_cmd_learn_selftest, cli, argc, argv, &o, &operands);

	if (status < 0)
		status = check_options(&o, &timeout_ms);
	else
		return status;
	if (!status)
		status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
	signal(SIGPIPE, SIG_IGN);
	status = test(&o, snap, cli->arena, timeout_ms);
	gp_snapshot_unref(snap);
	return status;
}

const struct gp_command gp_cmd_learn_selftest = {
	.name = "learn self-test",
	.operands = "",
	.summary = "send a canary through the whole path of learning, and take it back",
	.details = "It is put into INBOX over IMAP, moved into Junk, learned as spam by the controller,\n"
		   "unlearned and removed.  The exit status is 0 only if all of this happened.\n"
		   "\"gatepost learn --self-test\" is the same.",
	.options = options,
	.run = run_selftest,
};
