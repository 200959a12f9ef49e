/*
 * Rule files, and a message behind the first line "%%" to run them on.
 *
 * Whatever the bytes: loading reports and goes on; the sums of the report
 * agree; with vectorscan and without the same rules hit equally often (unless
 * a limit was met); the score is a number.
 */
#include <math.h>
#include <string.h>

#include "lib/score/rule_scan.h"
#include "lib/score/rule_set.h"
#include "tests/fuzz/fuzz.h"

static const char mail[] =
	"From: \"A, B\" <a@example.com>\nTo: b@example.net\nSubject: Free money\n"
	"Content-Type: multipart/mixed; boundary=x\n\n--x\n\nFirst http://example.com/a\n\n"
	"second paragraph abc abc 100%\n--x\nContent-Type: image/png; name=a.png\n\nx\n--x--\n";

static struct gp_rule_set *load(struct gp_str text, enum gp_rule_engine engine)
{
	struct gp_rule_options options = {.engine = engine, .match_limit = 5000};
	struct gp_rule_report report;
	struct gp_rule_set *set;
	unsigned rules = 0;

	gp_rule_report_init(&report);
	gp_rule_set_load_text("fuzz.cf", text, &options, &report, &set);
	for (size_t i = 0; i < report.files.len; i++) {
		FUZZ_CHECK(report.files.items[i].active + report.files.items[i].inert <=
			   report.files.items[i].rules);
		rules += report.files.items[i].rules;
	}
	FUZZ_CHECK(rules == report.rules);
	FUZZ_CHECK(report.rules <= gp_rule_set_count(set));
	gp_rule_report_done(&report);
	return set;
}

static struct gp_rule_scan *scan(struct gp_rule_set *set, const struct gp_rule_input *input,
				 struct gp_arena *a)
{
	struct gp_rule_scan *s = gp_rule_scan_begin(set, input, a);
	struct gp_symbols symbols;

	gp_symbols_init(&symbols, a);
	gp_rule_scan_finish(s, &symbols);
	FUZZ_CHECK(isfinite(gp_symbols_sum(&symbols)));
	return s;
}

static bool is_whole(const struct gp_rule_scan *s)
{
	return !gp_rule_scan_stats(s)->limit_exceeded && !gp_rule_scan_stats(s)->budget_exceeded;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size), message = gp_str_n(mail, sizeof(mail) - 1);
	struct gp_arena *a = gp_arena_new(0);
	size_t cut = gp_str_find(in, GP_STR("\n%%\n"), 0);
	struct gp_rule_input input = {.bayes = 0.7, .has_bayes = true, .cpu_budget_ms = 200};
	struct gp_rule_set *with, *without;
	struct gp_rule_scan *x, *y;
	struct gp_rule_info info;

	if (cut < in.len)
		message = gp_str_sub(in, cut + 4, in.len);
	with = load(gp_str_sub(in, 0, cut), GP_RULE_ENGINE_AUTO);
	without = load(gp_str_sub(in, 0, cut), GP_RULE_ENGINE_PCRE2);
	input.message = gp_message_parse(a, NULL, message);
	x = scan(with, &input, a);
	y = scan(without, &input, a);
	for (size_t i = 0; is_whole(x) && is_whole(y) && gp_rule_set_info(with, i, &info); i++)
		FUZZ_CHECK(gp_rule_scan_hits(x, info.name) == gp_rule_scan_hits(y, info.name));
	gp_arena_free(a);
	gp_rule_set_unref(with);
	gp_rule_set_unref(without);
	return 0;
}
