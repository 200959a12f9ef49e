/*
 * gatepost why: what each program did with one message, and for what reasons.
 */
#include <stdio.h>

#include "cli/history.h"
#include "cli/text.h"

#define TEXT_MAX 300
#define INDENT "                 "

struct why_options {
	bool json;
};

static const struct gp_opt options[] = {
	{0, "json", NULL, "one JSON object a line, with all that is kept", GP_OPT_FLAG,
	 offsetof(struct why_options, json)},
	GP_OPT_END,
};

/* "name VALUE" if the item has it. */
static void print_member(const struct gp_cli_history *h, const json_t *item, const char *key,
			 const char *before)
{
	const char *text = gp_cli_history_text(h, item, key, TEXT_MAX);

	if (*text)
		printf("%s%s", before, text);
}

static void print_message(const struct gp_cli_history *h, const json_t *item)
{
	const json_t *to;
	size_t i;

	printf("%s  from <%s>", gp_cli_history_text(h, item, "qid", 40),
	       gp_cli_history_text(h, item, "from", TEXT_MAX));
	json_array_foreach(json_object_get(item, "to"), i, to)
		printf("%s<%s>", i ? ", " : " to ",
		       gp_text_show(h->arena,
				    gp_str_n(json_string_value(to), json_string_length(to)),
				    TEXT_MAX));
	if (gp_cli_history_number(item, "rcpts") > (double)i)
		printf(" (%.0f recipients)", gp_cli_history_number(item, "rcpts"));
	print_member(h, item, "client", "\n  client ");
	print_member(h, item, "helo", ", helo ");
	print_member(h, item, "user", ", user ");
	printf(", %.0f bytes\n", gp_cli_history_number(item, "size"));
}

static void print_times(const json_t *item)
{
	const char *name;
	json_t *value;
	size_t n = 0;

	printf("%.0f ms", gp_cli_history_number(item, "time_ms"));
	json_object_foreach(json_object_get(item, "stages"), name, value)
		printf("%s%s %.1f", n++ ? ", " : ": ", name, json_number_value(value));
}

static void print_thresholds(const json_t *item)
{
	const json_t *all = json_object_get(item, "thresholds");
	const char *name;
	json_t *value;
	size_t n = 0;

	json_object_foreach((json_t *)(uintptr_t)all, name, value)
		printf("%s%s %g", n++ ? ", " : "    thresholds ", name, json_number_value(value));
	if (n)
		putchar('\n');
}

static void print_symbols(const struct gp_cli_history *h, const json_t *item)
{
	const json_t *s;
	size_t i;

	json_array_foreach(json_object_get(item, "symbols"), i, s) {
		printf("    %7.2f  %-28s %s\n", gp_cli_history_number(s, "score"),
		       gp_cli_history_text(h, s, "name", 128),
		       gp_cli_history_text(h, s, "text", TEXT_MAX));
		if (json_object_get(s, "evidence"))
			printf(INDENT "\"%s\"\n", gp_cli_history_text(h, s, "evidence", TEXT_MAX));
	}
}

static void print_bayes(const struct gp_cli_history *h, const json_t *item)
{
	const json_t *bayes = json_object_get(item, "bayes"), *token;
	size_t i;

	if (!bayes)
		return;
	printf("             Bayes %.4f from %.0f of %.0f known tokens (%.0f spam, %.0f ham learned",
	       gp_cli_history_number(bayes, "probability"), gp_cli_history_number(bayes, "used"),
	       gp_cli_history_number(bayes, "known"), gp_cli_history_number(bayes, "spam"),
	       gp_cli_history_number(bayes, "ham"));
	print_member(h, bayes, "scope", "; also by ");
	printf(")\n");
	json_array_foreach(json_object_get(bayes, "tokens"), i, token)
		printf(INDENT "%.3f in %.0f spam, %.0f ham \"%s\"\n",
		       gp_cli_history_number(token, "probability"),
		       gp_cli_history_number(token, "spam"), gp_cli_history_number(token, "ham"),
		       gp_cli_history_text(h, token, "token", TEXT_MAX));
}

/* "spf  pass  example.org: matched mechanism mx". */
static void print_result(const struct gp_cli_history *h, const char *method, const json_t *r)
{
	printf("    %-8s %-9s", method, gp_cli_history_text(h, r, "result", 20));
	print_member(h, r, "domain", " ");
	print_member(h, r, "from", " ");
	print_member(h, r, "sealer", " ");
	print_member(h, r, "selector", ", selector ");
	print_member(h, r, "policy", ", policy ");
	print_member(h, r, "disposition", ", disposition ");
	print_member(h, r, "override", ", override ");
	print_member(h, r, "reason", ": ");
	putchar('\n');
	if (json_object_get(r, "record"))
		printf(INDENT "\"%s\"\n", gp_cli_history_text(h, r, "record", TEXT_MAX));
}

static void print_results(const struct gp_cli_history *h, const json_t *item)
{
	static const char *const methods[] = {"spf", "spf_helo", "dkim", "arc", "dmarc"};

	for (size_t m = 0; m < GP_ARRAY_SIZE(methods); m++) {
		const json_t *value = json_object_get(item, methods[m]), *one;
		size_t i;

		if (json_is_object(value))
			print_result(h, methods[m], value);
		json_array_foreach(value, i, one)
			print_result(h, methods[m], one);
		if (json_is_array(value) && json_array_size(value) == 0)
			printf("    %-8s none\n", methods[m]);
	}
}

/* What was done, by whose word, and what was missing. */
static void print_decision(const struct gp_cli_history *h, const json_t *item)
{
	static const struct {
		const char *key, *before;
	} rows[] = {
		{"method", "    by "}, {"reason", "    because "}, {"signed", "    signed: "},
		{"arc_sealed", "    ARC set as "}, {"wanted", "    the score alone says "},
		{"greylist", "    greylisting: "}, {"decided_by", "    decided by the settings of "},
		{"missing", "    judged without "},
	};

	printf("\n  %s  %s: %s", gp_cli_history_time(h, item),
	       gp_cli_history_text(h, item, "program", 40),
	       gp_cli_history_text(h, item, "action", 40));
	if (json_object_get(item, "symbols"))
		printf(", score %.2f", gp_cli_history_number(item, "score"));
	if (json_is_false(json_object_get(item, "scanned")))
		printf(", not scanned");
	print_member(h, item, "origin", "  (");
	printf(", ");
	print_times(item);
	printf(")\n");
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++)
		if (*gp_cli_history_text(h, item, rows[i].key, TEXT_MAX)) {
			print_member(h, item, rows[i].key, rows[i].before);
			putchar('\n');
		}
	if (json_object_get(item, "forged"))
		printf("    header fields that only a filter writes, removed: %.0f\n",
		       gp_cli_history_number(item, "forged"));
}

/* "found  Eicar-Test (virus), 2 tries". */
static void print_virus(const struct gp_cli_history *h, const json_t *item)
{
	const json_t *virus = json_object_get(item, "virus");
	double tries = gp_cli_history_number(virus, "tries");

	if (!virus)
		return;
	printf("    virus    %-9s", gp_cli_history_text(h, virus, "outcome", 40));
	print_member(h, virus, "name", " ");
	print_member(h, virus, "category", ", category ");
	print_member(h, virus, "error", " ");
	if (tries > 1)
		printf(", on %.0f workers", tries);
	if (json_object_get(virus, "known"))
		printf(", %.0f parts known before", gp_cli_history_number(virus, "known"));
	if (json_is_true(json_object_get(virus, "part")))
		printf(", only its beginning");
	putchar('\n');
}

static void print_item(const struct gp_cli_history *h, const json_t *item)
{
	print_decision(h, item);
	print_thresholds(item);
	print_results(h, item);
	print_virus(h, item);
	print_symbols(h, item);
	print_bayes(h, item);
	if (json_is_true(json_object_get(item, "cut")))
		printf("    (not everything was kept)\n");
}

static int show(const struct gp_cli_history *h, const char *qid, bool json)
{
	if (h->items.len == 0)
		return gp_cli_fail(1, "%s: no program remembers this message (see history.size)",
				   gp_text_show(h->arena, gp_str(qid), 80));
	if (!json)
		print_message(h, h->items.items[h->items.len - 1].json);
	for (size_t i = 0; i < h->items.len; i++) {
		if (json)
			gp_json_print(json_incref(h->items.items[i].json));
		else
			print_item(h, h->items.items[i].json);
	}
	return 0;
}

static int run_why(struct gp_cli *cli, int argc, char **argv)
{
	struct gp_cli_history_filter filter = {.program = GP_HISTORY_PROGRAMS};
	struct why_options o = {0};
	struct gp_opt_list operands = {0};
	struct gp_cli_history h = {0};
	int status = gp_cli_options(&gp_cmd_why, cli, argc, argv, &o, &operands);

	if (status >= 0)
		return status;
	if (operands.len != 1)
		return gp_cli_fail(GP_EXIT_USAGE, "why: name one queue id of Postfix");
	filter.qid = operands.items[0];
	status = gp_cli_history_read(cli, &filter, &h);
	if (!status)
		status = show(&h, filter.qid, o.json);
	gp_cli_history_done(&h);
	return status;
}

const struct gp_command gp_cmd_why = {
	.name = "why",
	.operands = "QUEUE-ID",
	.summary = "show what was done with a message, and why",
	.details = "Postfix reuses short queue ids: all messages of this id are shown, the newest last.\n"
		   "Exit status: 1 if no program remembers it.",
	.options = options,
	.run = run_why,
};
