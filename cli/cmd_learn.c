/*
 * gatepost learn spam|ham, gatepost unlearn: teach Bayes from sorted mail.
 *
 * Messages are tokenized one by one and committed in batches, each of which is
 * one durable transaction: an interruption falls between two of them, and the
 * same command goes on where it stopped, because the store knows the digest of
 * every message learned.
 */
#include <jansson.h>
#include <signal.h>
#include <stdio.h>

#include "cli/context.h"
#include "cli/input.h"
#include "cli/progress.h"
#include "lib/base/clock.h"
#include "milter-spam/options.h"

#define BATCH_MESSAGES 500
/* Tokens of a batch in memory: 500 × 3,000 × 8 bytes = 12 MB at the most. */
#define COMMIT_MS 120000 /* a batch on a slow disk */

struct learn_options {
	bool dry_run, json;
};

struct learn {
	const struct learn_options *o;
	enum gp_bayes_class class;
	struct gp_store *store;
	size_t size_max;
	struct gp_arena *message_arena; /* of the message at hand */
	struct gp_arena *batch_arena;	/* tokens of the batch */
	struct gp_bayes_message batch[BATCH_MESSAGES];
	size_t n_batch;
	struct gp_progress progress;
	uint64_t counts[GP_LEARNED_UNKNOWN + 1];
	uint64_t messages;
	int status; /* exit status of a failure that ended the walk */
};

static const struct gp_opt options[] = {
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

static enum gp_learned predict(enum gp_bayes_class want, enum gp_bayes_class is)
{
	if (want == GP_BAYES_NONE)
		return is == GP_BAYES_NONE ? GP_LEARNED_UNKNOWN : GP_LEARNED_REMOVED;
	if (is == want)
		return GP_LEARNED_SAME;
	return is == GP_BAYES_NONE ? GP_LEARNED_NEW : GP_LEARNED_MOVED;
}

/* What a commit would do, without doing it. */
static int dry_run(struct learn *l, struct gp_diag *diag)
{
	for (size_t i = 0; i < l->n_batch; i++) {
		enum gp_bayes_class is = GP_BAYES_NONE;
		int r = gp_store_bayes_seen(l->store, GP_STR(""), l->batch[i].digest,
					    gp_clock_mono_ms() + COMMIT_MS, &is);

		if (r && r != GP_ENOENT) {
			gp_store_last_error(l->store, diag);
			return r;
		}
		l->batch[i].learned = predict(l->class, is);
	}
	return GP_OK;
}

static int commit(struct learn *l)
{
	struct gp_diag diag = {""};
	int r;

	if (l->n_batch == 0)
		return GP_OK;
	if (l->o->dry_run)
		r = dry_run(l, &diag);
	else
		r = gp_store_bayes_learn(l->store, GP_STR(""), l->batch, l->n_batch,
					 gp_clock_mono_ms() + COMMIT_MS, &diag);
	if (r) {
		l->status = r == GP_ETEMP ? GP_EXIT_TEMPFAIL : GP_EXIT_UNAVAILABLE;
		gp_progress_done(&l->progress);
		gp_cli_fail(l->status, "store: %s", *diag.text ? diag.text : gp_err_name(r));
		return r;
	}
	for (size_t i = 0; i < l->n_batch; i++)
		l->counts[l->batch[i].learned]++;
	l->messages += l->n_batch;
	l->n_batch = 0;
	gp_arena_reset(l->batch_arena);
	return GP_OK;
}

static int learn_one(void *arg, const char *label, struct gp_str bytes)
{
	struct learn *l = arg;
	struct gp_message_options mail_options = {.body_max = l->size_max};
	struct gp_message *mail = gp_message_parse(l->message_arena, &mail_options, bytes);
	struct gp_bayes_message *b = &l->batch[l->n_batch++];
	struct gp_token_list tokens;

	(void)label;
	gp_token_collect(l->message_arena, mail, gp_str(NULL), &tokens);
	*b = (struct gp_bayes_message){.class = l->class, .n_tokens = tokens.n};
	b->tokens = gp_arena_dup(l->batch_arena, tokens.hashes,
				 tokens.n * sizeof(*tokens.hashes));
	gp_message_digest(mail, b->digest);
	gp_arena_reset(l->message_arena);
	gp_progress_step(&l->progress, bytes.len);
	if (l->n_batch == BATCH_MESSAGES || interrupted) {
		int r = commit(l);

		if (r)
			return r;
	}
	return interrupted ? GP_ELIMIT : GP_OK;
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
	const char *as = l->class == GP_BAYES_SPAM ? " as spam"
			 : l->class == GP_BAYES_HAM ? " as ham" : "";

	if (l->o->json) {
		json_t *root = json_pack("{s:I,s:I,s:b,s:b}", "messages", (json_int_t)l->messages,
					 "unreadable", (json_int_t)errors, "dry_run",
					 (int)l->o->dry_run, "interrupted", (int)interrupted);

		for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
			json_object_set_new(root, words[i], json_integer((json_int_t)l->counts[i]));
		json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
		putchar('\n');
		json_decref(root);
		return;
	}
	printf("%llu messages%s%s", (unsigned long long)l->messages, as, l->messages ? ":" : "");
	for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
		if (l->counts[i])
			printf(" %llu %s", (unsigned long long)l->counts[i], words[i]);
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
			  l->class == GP_BAYES_NONE ? "unlearning" : "learning",
			  gp_input_size(paths->items, paths->len));
	l->message_arena = gp_arena_new(1 << 18);
	l->batch_arena = gp_arena_new(1 << 20);
	r = gp_input_walk(&in, paths->items, paths->len);
	if (r == GP_OK)
		r = commit(l);
	gp_progress_done(&l->progress);
	gp_arena_free(l->message_arena);
	gp_arena_free(l->batch_arena);
	print_summary(l, in.errors);
	if (l->status)
		return l->status;
	return interrupted ? 130 : in.errors ? GP_EXIT_DATA : 0;
}

static int run_class(const struct gp_command *cmd, enum gp_bayes_class class, struct gp_cli *cli,
		     int argc, char **argv)
{
	struct learn_options o = {0};
	struct gp_opt_list paths = {0};
	struct gp_snapshot *snap;
	struct learn *l;
	int status = gp_cli_options(cmd, cli, argc, argv, &o, &paths);

	if (status >= 0)
		return status;
	if (paths.len == 0)
		return gp_cli_fail(GP_EXIT_USAGE, "%s: name files, directories or \"-\"", cmd->name);
	status = gp_cli_load(cli, &snap);
	if (status)
		return status;
	l = GP_ARENA_NEW(cli->arena, struct learn);
	l->o = &o;
	l->class = class;
	l->size_max = (size_t)((const struct spam_conf *)gp_snapshot_get(snap, &spam_table))
			      ->size_max;
	status = gp_cli_open_store(snap, o.dry_run ? 0 : GP_STORE_BAYES, &l->store);
	if (!status)
		status = learn_paths(l, &paths);
	gp_store_close(&l->store);
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
