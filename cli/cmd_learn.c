/*
 * gatepost learn spam|ham, gatepost unlearn: teach Bayes from sorted mail.
 *
 * Through the controller where one runs, because it is the one writer of what is
 * learned; else straight into the store (learn_sink.h).
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "cli/input.h"
#include "cli/learn_sink.h"

struct learn_options {
	bool dry_run, json;
	const char *user;
};

struct learn {
	const struct learn_options *o;
	struct learn_sink *sink;
	struct gp_progress progress;
};

static const struct gp_opt options[] = {
	{0, "user", "NAME", "in this user's name: into the scopes that bayes.scope says",
	 GP_OPT_STRING, offsetof(struct learn_options, user)},
	{'n', "dry-run", NULL, "read everything, say what would be learned, change nothing",
	 GP_OPT_FLAG, offsetof(struct learn_options, dry_run)},
	{0, "json", NULL, "the summary as a JSON object", GP_OPT_FLAG,
	 offsetof(struct learn_options, json)},
	GP_OPT_END,
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	(void)number;
	interrupted = 1;
}

/* The first Ctrl-C ends after the batch at hand, a second one at once. */
static void catch_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND | SA_RESTART};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

static int learn_one(void *arg, const char *label, struct gp_str bytes)
{
	struct learn *l = arg;
	int r = l->sink->add(l->sink, label, bytes);

	return r ? r : interrupted ? GP_ELIMIT : GP_OK;
}

static void learn_error(void *arg, const char *text)
{
	struct learn *l = arg;

	gp_progress_done(&l->progress);
	fprintf(stderr, "gatepost: %s\n", text);
}

static void print_summary(const struct learn *l, unsigned errors)
{
	static const char *const words[] = {
		[GP_LEARNED_NEW] = "new",	  [GP_LEARNED_SAME] = "known",
		[GP_LEARNED_MOVED] = "relearned", [GP_LEARNED_REMOVED] = "unlearned",
		[GP_LEARNED_UNKNOWN] = "unknown",
	};
	const struct learn_counts *c = &l->sink->counts;
	const char *as = l->sink->class == GP_BAYES_SPAM ? " as spam"
			 : l->sink->class == GP_BAYES_HAM ? " as ham" : "";

	if (l->o->json) {
		json_t *root = json_pack("{s:I,s:I,s:I,s:b,s:b}", "messages",
					 (json_int_t)c->messages, "unreadable", (json_int_t)errors,
					 "refused", (json_int_t)c->refused, "dry_run",
					 (int)l->o->dry_run, "interrupted", (int)interrupted);

		for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
			json_object_set_new(root, words[i], json_integer((json_int_t)c->by_outcome[i]));
		json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(root);
		return;
	}
	printf("%llu messages%s%s", (unsigned long long)c->messages, as, c->messages ? ":" : "");
	for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
		if (c->by_outcome[i])
			printf(" %llu %s", (unsigned long long)c->by_outcome[i], words[i]);
	if (c->refused)
		printf(" %llu refused", (unsigned long long)c->refused);
	printf("%s%s\n", l->o->dry_run ? " (nothing was changed)" : "",
	       interrupted ? " (interrupted; run it again to go on)" : "");
	if (errors)
		printf("%u could not be read\n", errors);
}

static int learn_paths(struct learn *l, struct gp_opt_list *paths)
{
	struct gp_input in = {.message = learn_one, .error = learn_error, .arg = l};
	int r;

	catch_signals();
	gp_progress_begin(&l->progress,
			  l->sink->class == GP_BAYES_NONE ? "unlearning" : "learning",
			  gp_input_size(paths->items, paths->len));
	r = gp_input_walk(&in, paths->items, paths->len);
	if (!l->sink->status)
		r = l->sink->flush(l->sink);
	gp_progress_done(&l->progress);
	print_summary(l, in.errors);
	if (l->sink->status)
		return l->sink->status;
	return r == GP_OK && interrupted ? 130 : in.errors ? GP_EXIT_DATA : 0;
}

/* The controller's way, but for a dry run, which only looks. */
static int open_sink(const struct gp_snapshot *snap, const struct learn_sink *base,
		     struct gp_arena *arena, struct learn_sink **ret)
{
	int status = base->is_dry ? -1 : learn_remote_open(snap, base, arena, ret);

	return status < 0 ? learn_store_open(snap, base, arena, ret) : status;
}

static int run_class(const struct gp_command *cmd, enum gp_bayes_class class, struct gp_cli *cli,
		     int argc, char **argv)
{
	struct learn_options o = {0};
	struct gp_opt_list paths = {0};
	struct learn l = {.o = &o};
	struct learn_sink base = {.class = class, .progress = &l.progress};
	struct gp_snapshot *snap;
	int status = gp_cli_options(cmd, cli, argc, argv, &o, &paths);

	if (status >= 0)
		return status;
	if (paths.len == 0)
		return gp_cli_fail(GP_EXIT_USAGE, "%s: name files, directories or \"-\"", cmd->name);
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	base.user = o.user ? o.user : "";
	base.is_dry = o.dry_run;
	status = open_sink(snap, &base, cli->arena, &l.sink);
	if (!status) {
		status = learn_paths(&l, &paths);
		l.sink->close(l.sink);
	}
	gp_snapshot_unref(snap);
	return status;
}

static int run_spam(struct gp_cli *cli, int argc, char **argv)
{
	return run_class(&gp_cmd_learn_spam, GP_BAYES_SPAM, cli, argc, argv);
}

static int run_ham(struct gp_cli *cli, int argc, char **argv)
{
	return run_class(&gp_cmd_learn_ham, GP_BAYES_HAM, cli, argc, argv);
}

static int run_unlearn(struct gp_cli *cli, int argc, char **argv)
{
	return run_class(&gp_cmd_unlearn, GP_BAYES_NONE, cli, argc, argv);
}

#define OPERANDS "FILE|DIRECTORY|MBOX|-..."

const struct gp_command gp_cmd_learn_spam = {
	.name = "learn spam",
	.operands = OPERANDS,
	.summary = "teach Bayes that messages are spam",
	.options = options,
	.run = run_spam,
};

const struct gp_command gp_cmd_learn_ham = {
	.name = "learn ham",
	.operands = OPERANDS,
	.summary = "teach Bayes that messages are wanted",
	.options = options,
	.run = run_ham,
};

const struct gp_command gp_cmd_unlearn = {
	.name = "unlearn",
	.operands = OPERANDS,
	.summary = "take back what was learned from messages",
	.options = options,
	.run = run_unlearn,
};
