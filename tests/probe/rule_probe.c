/*
 * gp-rule-probe PATH...: runs the rules of the files and folders named over every message
 * on standard input ("NAME TAB FILE" a line) and prints one line for each: its name, then
 * every rule that hit, sub-rules included, as NAME or NAME=COUNT, separated by tabs.
 *
 *	--list		prints "NAME TYPE INERT DEFINITION" of every rule instead, by tabs
 *	--text		prints what body, rawbody and uri rules see of the messages instead
 *	--relays	prints the four X-Spam-Relays- values and the unreadable lines' number instead
 *	--pcre		does without vectorscan
 *	--time		prints the mean CPU time of a message's rules on standard error
 *
 * Local mode: no network, no Bayes, no envelope.  For tests and benchmarks that compare
 * with SpamAssassin; not installed.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/score/rule_scan.h"
#include "lib/score/rule_subject.h"

#define MESSAGE_MAX (64u << 20)

struct totals {
	unsigned messages;
	int64_t cpu_us;
};

static bool read_file(const char *path, struct gp_buf *ret)
{
	FILE *f = fopen(path, "re");
	char *room;
	size_t n;

	gp_buf_reset(ret);
	if (!f) {
		perror(path);
		return false;
	}
	do {
		room = gp_buf_reserve(ret, 1u << 16);
		n = room ? fread(room, 1, 1u << 16, f) : 0;
		ret->len += n;
	} while (n);
	fclose(f);
	return true;
}

static void print_hits(const struct gp_rule_scan *scan)
{
	struct gp_symbol s;
	size_t iter = 0;

	while (gp_rule_scan_next_hit(scan, &iter, &s)) {
		if (s.hits == 1)
			printf("\t%s", s.name);
		else
			printf("\t%s=%g", s.name, s.hits);
	}
	putchar('\n');
}

static void scan_message(struct gp_rule_set *set, const char *name, struct gp_str bytes,
			 struct totals *totals)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_rule_input in = {.bayes = -1, .cpu_budget_ms = 60000};
	struct gp_symbols symbols;
	struct gp_rule_scan *scan;
	int64_t start;

	in.message = gp_message_parse(arena, NULL, bytes);
	gp_message_finish(in.message);
	gp_symbols_init(&symbols, arena);
	start = gp_clock_cpu_us();
	scan = gp_rule_scan_begin(set, &in, arena);
	gp_rule_scan_finish(scan, &symbols);
	totals->cpu_us += gp_clock_cpu_us() - start;
	totals->messages++;
	printf("%s", name);
	print_hits(scan);
	gp_arena_free(arena);
}

static void print_text(struct gp_rule_set *set, const char *name, struct gp_str bytes)
{
	static const struct {
		enum gp_rule_type target;
		const char *name;
	} targets[] = {
		{GP_RULE_BODY, "body"}, {GP_RULE_RAWBODY, "rawbody"}, {GP_RULE_URI, "uri"}};
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_rule_input in = {.bayes = -1};
	struct gp_rule_subject subject;

	in.message = gp_message_parse(arena, NULL, bytes);
	gp_message_finish(in.message);
	printf("%s\n", name);
	for (size_t t = 0; t < GP_ARRAY_SIZE(targets); t++) {
		gp_rule_subject_build(targets[t].target, set, &in, NULL, NULL, arena, &subject);
		for (size_t i = 0; i < subject.segments.len; i++)
			printf("%s %zu [%.*s]\n", targets[t].name, i,
			       GP_STR_FMT(gp_rule_segment_text(&subject, i)));
	}
	gp_arena_free(arena);
}

static void print_relays(struct gp_rule_set *set, const char *name, struct gp_str bytes)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_relay_path path;

	gp_relay_path_make(arena, gp_message_parse(arena, NULL, bytes), &set->trust, &path);
	printf("%s", name);
	for (size_t i = 0; i < GP_RELAYS_LISTS; i++)
		printf("\t%.*s", GP_STR_FMT(path.text[i]));
	printf("\t%u\n", path.unreadable);
	gp_arena_free(arena);
}

static void list_rules(const struct gp_rule_set *set)
{
	struct gp_rule_info info;

	for (size_t i = 0; gp_rule_set_info(set, i, &info); i++)
		printf("%s\t%s\t%s\t%s\n", info.name, info.type, info.inert ? info.inert : "",
		       info.definition);
}

static void run(struct gp_rule_set *set, char mode, struct totals *totals)
{
	struct gp_buf bytes = GP_BUF_INIT(MESSAGE_MAX);
	char *line = NULL, *path;
	size_t cap = 0;
	ssize_t n;

	while ((n = getline(&line, &cap, stdin)) > 0) {
		line[n - 1] = line[n - 1] == '\n' ? '\0' : line[n - 1];
		path = strchr(line, '\t');
		if (!path)
			continue;
		*path++ = '\0';
		if (!read_file(path, &bytes))
			continue;
		if (mode == 'r')
			print_relays(set, line, gp_buf_str(&bytes));
		else if (mode == 't')
			print_text(set, line, gp_buf_str(&bytes));
		else
			scan_message(set, line, gp_buf_str(&bytes), totals);
	}
	free(line);
	gp_buf_done(&bytes);
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {{"list", no_argument, NULL, 'l'},
					      {"text", no_argument, NULL, 't'},
					      {"relays", no_argument, NULL, 'r'},
					      {"pcre", no_argument, NULL, 'p'},
					      {"time", no_argument, NULL, 'c'},
					      {0}};
	struct gp_rule_options options = {0};
	struct gp_rule_set *set;
	struct totals totals = {0};
	struct gp_diag diag;
	bool is_time = false;
	char mode = 's';
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		mode = c == 'l' || c == 't' || c == 'r' ? (char)c : mode;
		is_time |= c == 'c';
		if (c == 'p')
			options.engine = GP_RULE_ENGINE_PCRE2;
		if (c == '?')
			return 2;
	}
	if (gp_rule_set_load((const char *const *)argv + optind, (size_t)(argc - optind), &options,
			     NULL, &set, &diag)) {
		fprintf(stderr, "%s\n", diag.text);
		return 1;
	}
	if (mode == 'l')
		list_rules(set);
	else
		run(set, mode, &totals);
	if (is_time && totals.messages)
		fprintf(stderr, "%u messages, %.3f ms of CPU each\n", totals.messages,
			(double)totals.cpu_us / totals.messages / 1000);
	gp_rule_set_unref(set);
	return 0;
}
