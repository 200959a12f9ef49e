/*
 * gatepost: the command.  A table of commands, the options that stand before
 * them, and the help; what a command does is in its cmd_*.c.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/context.h"
#include "config.h"

static const struct gp_command *const commands[] = {
	&gp_cmd_scan, &gp_cmd_learn_spam, &gp_cmd_learn_ham, &gp_cmd_unlearn, &gp_cmd_learn_log, &gp_cmd_learn_undo,
	&gp_cmd_learn_selftest,
	&gp_cmd_stat, &gp_cmd_history, &gp_cmd_why,
	&gp_cmd_check, &gp_cmd_rules_compile, &gp_cmd_rules_status, &gp_cmd_rules_lint,
	&gp_cmd_rules_test, &gp_cmd_rules_explain, &gp_cmd_rules_diff, &gp_cmd_auth, &gp_cmd_dkim_genkey, &gp_cmd_dkim_record,
	&gp_cmd_dkim_check, &gp_cmd_dkim_rotate, &gp_cmd_dkim_sign, &gp_cmd_dkim_verify,
	&gp_cmd_dkim_import, &gp_cmd_virus_status, &gp_cmd_virus_scan, &gp_cmd_virus_reload, &gp_cmd_virus_import, &gp_cmd_ldap_test,
	&gp_cmd_ratelimit_list, &gp_cmd_ratelimit_show, &gp_cmd_ratelimit_reset, &gp_cmd_ratelimit_block,
	&gp_cmd_ratelimit_release,
};

int gp_cli_fail(int status, const char *fmt, ...)
{
	va_list ap;

	fputs("gatepost: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return status;
}

static struct gp_str first_word(const struct gp_command *cmd)
{
	return gp_str_sub(gp_str(cmd->name), 0, gp_str_find_chr(gp_str(cmd->name), ' ', 0));
}

/* All, or those that begin with a word. */
static void print_commands(const char *word, FILE *out)
{
	fputs("Commands:\n", out);
	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++)
		if (!word || gp_str_eq(first_word(commands[i]), gp_str(word)))
			fprintf(out, "  %-18s %s\n", commands[i]->name, commands[i]->summary);
}

static void print_usage(FILE *out)
{
	fputs("Usage: gatepost [-c CONF] COMMAND [OPTION]... [OPERAND]...\n\n", out);
	print_commands(NULL, out);
	fputs("\nOptions:\n"
	      "  -c, --config CONF  the configuration file\n"
	      "      --help         this text; `gatepost COMMAND --help` for a command\n"
	      "      --version      the version\n"
	      "\nManual: gatepost(1), gatepost.conf(5)\n",
	      out);
}

static void print_command_help(const struct gp_command *cmd, FILE *out)
{
	fprintf(out, "Usage: gatepost [-c CONF] %s [OPTION]...%s%s\n\n%s.\n\nOptions:\n", cmd->name,
		*cmd->operands ? " " : "", cmd->operands, cmd->summary);
	gp_opt_print(cmd->options, out);
	fprintf(out, "  %-24s %s\n", "    --help", "this text");
	if (cmd->details)
		fprintf(out, "\n%s\n", cmd->details);
}

int gp_cli_options(const struct gp_command *cmd, struct gp_cli *cli, int argc, char **argv,
		   void *values, struct gp_opt_list *ret_operands)
{
	struct gp_diag diag;

	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0) {
			print_command_help(cmd, stdout);
			return 0;
		}
	if (gp_opt_parse(cmd->options, cli->arena, argc, argv, values, ret_operands, &diag))
		return gp_cli_fail(GP_EXIT_USAGE, "%s: %s; see gatepost %s --help", cmd->name,
				   diag.text, cmd->name);
	if (!*cmd->operands && ret_operands->len)
		return gp_cli_fail(GP_EXIT_USAGE, "%s: takes no operand, but got \"%s\"", cmd->name,
				   ret_operands->items[0]);
	return -1;
}

/* How many words of argv the command's name takes; 0 if it is another command. */
static int words_matched(const struct gp_command *cmd, int argc, char **argv)
{
	struct gp_str rest = gp_str(cmd->name), word;
	int n = 0;

	while (gp_str_next(&rest, ' ', &word)) {
		if (n >= argc || !gp_str_eq(gp_str(argv[n]), word))
			return 0;
		n++;
	}
	return n;
}

/* "learn" alone, or with a second word that it does not have; NULL: it has none. */
static int incomplete_command(const char *word, const char *second)
{
	GP_BUF_AUTO names = GP_BUF_INIT(1024);

	if (second && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0)) {
		print_commands(word, stdout);
		return 0;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++)
		if (gp_str_eq(first_word(commands[i]), gp_str(word)))
			gp_buf_printf(&names, "%s\"%s\"", names.len ? ", " : "", commands[i]->name);
	if (second && second[0] != '-')
		return gp_cli_fail(GP_EXIT_USAGE, "unknown command \"%s %s\"; there are %s", word, second,
				   gp_buf_cstr(&names));
	return gp_cli_fail(GP_EXIT_USAGE, "\"%s\" alone is no command; there are %s", word,
			   gp_buf_cstr(&names));
}

static int unknown_command(const char *word, const char *second)
{
	const struct gp_command *best = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++) {
		struct gp_str first = first_word(commands[i]);
		unsigned d = gp_str_distance(first, gp_str(word));

		if (d == 0)
			return incomplete_command(word, second);
		if (gp_str_istarts(first, gp_str(word)))
			d = 0;
		if (d < least) {
			least = d;
			best = commands[i];
		}
	}
	if (best)
		return gp_cli_fail(GP_EXIT_USAGE, "unknown command \"%s\" (did you mean \"%s\"?)", word,
				   best->name);
	return gp_cli_fail(GP_EXIT_USAGE, "unknown command \"%s\"; see gatepost --help", word);
}

/* For the shell: what can stand next.  "gatepost --complete [COMMAND...]". */
static int complete(int argc, char **argv)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++) {
		if (words_matched(commands[i], argc, argv)) {
			gp_opt_print_names(commands[i]->options, stdout);
			return 0;
		}
	}
	if (argc == 1 && strcmp(argv[0], "learn") == 0)
		puts("--self-test");
	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++) {
		struct gp_str rest = gp_str(commands[i]->name), word, second;
		bool is_again = i && gp_str_eq(first_word(commands[i - 1]), first_word(commands[i]));

		gp_str_next(&rest, ' ', &word);
		if (argc == 0 && !is_again)
			printf("%.*s\n", GP_STR_FMT(word));
		else if (argc == 0)
			continue;
		else if (gp_str_eq(word, gp_str(argv[0])) && gp_str_next(&rest, ' ', &second))
			printf("%.*s\n", GP_STR_FMT(second));
	}
	return 0;
}

/* "learn --self-test" is "learn self-test", wherever among the options it stands. */
static void find_self_test(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[0], "learn") != 0 || argv[1][0] != '-')
		return;
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--self-test") == 0) {
			memmove(&argv[2], &argv[1], (size_t)(i - 1) * sizeof(*argv));
			argv[1] = (char *)(uintptr_t)"self-test"; /* cast: nobody writes to it */
			return;
		}
}

static int run(struct gp_cli *cli, int argc, char **argv)
{
	find_self_test(argc, argv);
	for (size_t i = 0; i < GP_ARRAY_SIZE(commands); i++) {
		int n = words_matched(commands[i], argc, argv);

		if (n)
			return commands[i]->run(cli, argc - n + 1, argv + n - 1);
	}
	return unknown_command(argv[0], argc > 1 ? argv[1] : NULL);
}

/* What was to be printed may not have arrived: a full disk, a closed pipe. */
static int flush(int status)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	return gp_cli_fail(GP_EXIT_IOERR, "standard output: %s", strerror(errno));
}

static int run_line(struct gp_cli *cli, int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
			print_usage(stdout);
			return 0;
		}
		if (strcmp(argv[i], "--version") == 0) {
			puts("gatepost " GP_VERSION);
			return 0;
		}
		if (strcmp(argv[i], "--print-sample") == 0 ||
		    strcmp(argv[i], "--print-settings") == 0)
			return gp_cli_print_tables(strcmp(argv[i], "--print-sample") == 0);
		if (strcmp(argv[i], "--complete") == 0)
			return complete(argc - i - 1, argv + i + 1);
		if (strncmp(argv[i], "--config=", 9) == 0)
			cli->conf_path = argv[i] + 9;
		else if (strcmp(argv[i], "-c") != 0 && strcmp(argv[i], "--config") != 0)
			return gp_cli_fail(GP_EXIT_USAGE, "unknown option %s; see gatepost --help",
					   argv[i]);
		else if (argv[i + 1])
			cli->conf_path = argv[++i];
		else
			return gp_cli_fail(GP_EXIT_USAGE, "%s needs a file", argv[i]);
	}
	if (i >= argc) {
		print_usage(stderr);
		return GP_EXIT_USAGE;
	}
	return run(cli, argc - i, argv + i);
}

int main(int argc, char **argv)
{
	struct gp_cli cli = {.arena = gp_arena_new(0)};
	int status = flush(run_line(&cli, argc, argv));

	gp_arena_free(cli.arena);
	return status;
}
