/*
 * gatepost ratelimit release: lifts a containment, and says how the mail that was held gets out.
 *
 * policyd-ratelimit noted the queue ids of what it had held; of those, `postqueue -j` tells which
 * still are.  Only root may release mail, by postsuper(1): the daemon never has that right, and
 * without root the commands are printed and nothing more.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/json.h"
#include "cli/program.h"
#include "cli/ratelimit_show.h"
#include "lib/base/map.h"
#include "policyd-ratelimit/report.h"

#define QUEUE_MAX ((size_t)256 << 20) /* what postqueue says: 500,000 messages */
#define ID_MAX 32

struct release_options {
	const char *postfix;
	bool json, reset, yes;
};

static const struct gp_opt options[] = {
	{0, "reset", NULL, "forget its counts too, or the next message may exceed the limit again",
	 GP_OPT_FLAG, offsetof(struct release_options, reset)},
	{'y', "yes", NULL, "release the held mail without asking (root only)", GP_OPT_FLAG,
	 offsetof(struct release_options, yes)},
	{0, "postfix", "DIRECTORY", "Postfix's configuration directory, if not the usual one",
	 GP_OPT_STRING, offsetof(struct release_options, postfix)},
	{0, "json", NULL, "one JSON object a line; nothing is released then without --yes",
	 GP_OPT_FLAG, offsetof(struct release_options, json)},
	GP_OPT_END,
};

/* Messages of this host that were held, by queue id. */
struct held {
	struct gp_cli *cli;
	struct gp_map noted; /* queue id → row */
	GP_VEC(const char *) ids; /* that are held still, as far as is known */
	size_t elsewhere;	  /* noted by other hosts */
	struct gp_str sender;	  /* that the key may be; empty: it is none */
	GP_VEC(const char *) others; /* of that sender, held and not noted */
	bool is_queue_known;
};

static bool is_queue_id(const char *id)
{
	size_t n = 0;

	while (gp_is_alnum(id[n]))
		n++;
	return n > 0 && n <= ID_MAX && id[n] == '\0';
}

static void note_rows(struct held *h, const struct gp_ratelimit_rows *rows)
{
	for (size_t i = 0; i < rows->items.len; i++) {
		json_t *row = rows->items.items[i];
		const char *id = gp_ratelimit_text(h->cli, row, "queue_id");

		if (!gp_ratelimit_is(row, "held") || !is_queue_id(id))
			continue;
		if (strcmp(gp_ratelimit_text(h->cli, row, "host"), note_host()) == 0)
			(void)gp_map_set(&h->noted, gp_str(id), row);
		else
			h->elsewhere++;
	}
}

static void take_held(struct held *h, const char *id, const char *sender)
{
	struct gp_arena *arena = h->cli->arena;

	if (gp_map_get(&h->noted, gp_str(id)))
		*gp_vec_push(arena, &h->ids) = gp_arena_strdup(arena, id);
	else if (sender && h->sender.len > 0 && gp_str_ieq(gp_str(sender), h->sender))
		*gp_vec_push(arena, &h->others) = gp_arena_strdup(arena, id);
}

/* A line of `postqueue -j`. */
static void take_message(struct held *h, struct gp_str line)
{
	json_t *m = json_loadb(line.ptr, line.len, 0, NULL);
	const char *queue = json_string_value(json_object_get(m, "queue_name"));
	const char *id = json_string_value(json_object_get(m, "queue_id"));

	const char *sender = json_string_value(json_object_get(m, "sender"));

	if (queue && id && strcmp(queue, "hold") == 0 && is_queue_id(id))
		take_held(h, id, sender);
	json_decref(m);
}

static void find_held(struct held *h, const struct release_options *o)
{
	const char *argv[] = {"postqueue", "-j", o->postfix ? "-c" : NULL, o->postfix, NULL};
	GP_BUF_AUTO queue = GP_BUF_INIT(QUEUE_MAX);
	struct gp_diag diag = {""};
	struct gp_str rest, line;

	h->is_queue_known = gp_program_run(argv, (struct gp_str){0}, &queue, &diag) == GP_OK;
	if (!h->is_queue_known && h->noted.len == 0)
		return;
	if (!h->is_queue_known) {
		fprintf(stderr, "gatepost: %s: these were held, and may be gone by now\n", diag.text);
		GP_MAP_EACH(&h->noted, e)
			*gp_vec_push(h->cli->arena, &h->ids) = gp_arena_cstr(h->cli->arena, e->key);
		return;
	}
	rest = gp_buf_str(&queue);
	while (gp_str_next(&rest, '\n', &line))
		take_message(h, line);
}

/* "yes" or "y" on the terminal. */
static bool is_confirmed(size_t n)
{
	char answer[16];

	printf("Release %zu messages now? [y/N] ", n);
	fflush(stdout);
	return fgets(answer, sizeof(answer), stdin) && gp_lower(answer[0]) == 'y';
}

static int run_postsuper(const struct held *h, const struct release_options *o)
{
	const char *argv[] = {"postsuper", "-H", "-", o->postfix ? "-c" : NULL, o->postfix, NULL};
	GP_BUF_AUTO ids = GP_BUF_INIT(h->ids.len * (ID_MAX + 1) + 1);
	struct gp_diag diag = {""};

	for (size_t i = 0; i < h->ids.len; i++)
		gp_buf_printf(&ids, "%s\n", h->ids.items[i]);
	if (gp_program_run(argv, gp_buf_str(&ids), NULL, &diag) < 0)
		return gp_cli_fail(GP_EXIT_SOFTWARE, "%s", diag.text);
	return 0;
}

static void print_commands(const struct held *h, const struct release_options *o)
{
	if (h->ids.len == 0) {
		puts("No message is held because of it on this host.");
	} else {
		printf("%zu messages are held because of it on this host. To release them:\n\n",
		       h->ids.len);
		for (size_t i = 0; i < h->ids.len; i++)
			printf("  postsuper%s%s -H %s\n", o->postfix ? " -c " : "",
			       o->postfix ? o->postfix : "", h->ids.items[i]);
		putchar('\n');
	}
	/* What is held at RCPT for a single recipient has no queue id yet. */
	if (h->others.len > 0) {
		printf("%zu more from this sender are held, by policyd-ratelimit at RCPT or by somebody else:",
		       h->others.len);
		for (size_t i = 0; i < h->others.len; i++)
			printf(" %s", h->others.items[i]);
		putchar('\n');
	}
	if (h->elsewhere > 0)
		printf("%zu more were held on other hosts: run this command there.\n", h->elsewhere);
}

static void print_json(struct held *h)
{
	for (size_t i = 0; i < h->ids.len; i++)
		gp_json_print(json_pack("{s:s,s:s,s:b}", "type", "to_release", "queue_id",
					h->ids.items[i], "is_held", h->is_queue_known));
}

/* What is to be done about the mail, by whom. */
static int release_mail(struct held *h, const struct release_options *o)
{
	bool may_ask = !o->json && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);

	if (o->json)
		print_json(h);
	else
		print_commands(h, o);
	if (h->ids.len == 0)
		return 0;
	if (geteuid() != 0)
		return o->yes ? gp_cli_fail(GP_EXIT_NOPERM, "only root may release held mail") : 0;
	if (o->yes || (may_ask && is_confirmed(h->ids.len)))
		return run_postsuper(h, o);
	return 0;
}

static int ask_daemon(struct gp_cli *cli, const char *key, const struct release_options *o,
		      struct gp_ratelimit_rows *ret)
{
	GP_BUF_AUTO frame = GP_BUF_INIT(2048);
	struct gp_snapshot *snap;
	int status = gp_cli_load(cli, &snap);

	if (status)
		return status;
	gp_buf_printf(&frame, "request=release\n%s", o->reset ? "reset=1\n" : "");
	if (gp_ratelimit_put(&frame, "key", key) < 0)
		status = gp_cli_fail(GP_EXIT_USAGE, "this is no key");
	else
		status = gp_ratelimit_order(cli, snap, gp_buf_str(&frame), ret);
	gp_snapshot_unref(snap);
	return status;
}

/* "account:u@example.org", "sender:…", or the address alone. */
static struct gp_str sender_of(const char *key)
{
	static const char *const kinds[] = {"sasl_username:", "account:", "sender:"};
	struct gp_str text = gp_str(key);

	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++)
		if (gp_str_istarts(text, gp_str(kinds[i])))
			text = gp_str_sub(text, strlen(kinds[i]), text.len);
	return gp_str_find_chr(text, '@', 0) < text.len ? text : (struct gp_str){0};
}

static int run_release(struct gp_cli *cli, int argc, char **argv)
{
	struct release_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_ratelimit_rows rows = {0};
	struct held held = {.cli = cli};
	int status = gp_cli_options(&gp_cmd_ratelimit_release, cli, argc, argv, &o, &operands), mail;

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE,
				   "ratelimit release: wants one key; see gatepost ratelimit release "
				   "--help");
	gp_map_init(&held.noted, cli->arena, false);
	status = ask_daemon(cli, operands.items[0], &o, &rows);
	if (o.json)
		gp_ratelimit_print_json(&rows);
	else if (!status)
		puts("It is not contained any more.");
	/* Released before, its mail may still be held. */
	if (!status || rows.items.len > 0) {
		note_rows(&held, &rows);
		held.sender = sender_of(operands.items[0]);
		if (held.noted.len > 0 || held.sender.len > 0)
			find_held(&held, &o);
		mail = release_mail(&held, &o);
		status = status ? status : mail;
	}
	gp_ratelimit_rows_done(&rows);
	return status;
}

const struct gp_command gp_cmd_ratelimit_release = {
	.name = "ratelimit release",
	.operands = "KEY",
	.summary = "contain it no more, and release the mail that was held",
	.details = "Prints the postsuper(1) commands that release the messages which were held\n"
		   "because of it. Root is asked whether to run them, or runs them with --yes.",
	.options = options,
	.run = run_release,
};
