/*
 * Configuration files.  What is not taken has at least one error, each with a place in the file;
 * what is taken, printed and read again gives the same values.
 */
#include <string.h>

#include "lib/conf/print.h"
#include "lib/conf/shared.h"
#include "lib/conf/snapshot.h"
#include "tests/fuzz/fuzz.h"

static const struct gp_conf_table *const tables[] = {
	&gp_conf_top_table,	&gp_conf_log_table,	&gp_conf_dns_table,   &gp_conf_networks_table,
	&gp_conf_domains_table, &gp_conf_metrics_table, &gp_conf_rules_table, &gp_conf_bayes_table,
};

/* libconfig forgets a text that stands where none may. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libconfig";
}

static struct gp_snapshot *load(const char *text, struct gp_conf_report *report)
{
	struct gp_snapshot *snap = NULL;
	int r = gp_snapshot_load_text("fuzz", text, tables, GP_ARRAY_SIZE(tables), &snap, report);

	FUZZ_CHECK((r == GP_OK) == (snap != NULL) && (r == GP_OK) == (report->errors.len == 0));
	return snap;
}

/* The printed configuration without the origins at the ends of lines. */
static void print_values(const struct gp_snapshot *snap, struct gp_buf *all, struct gp_buf *values)
{
	struct gp_str rest, line;

	gp_conf_print(snap, all);
	FUZZ_CHECK(gp_buf_error(all) == GP_OK);
	rest = gp_buf_str(all);
	while (gp_str_next(&rest, '\n', &line)) {
		size_t end = line.len, next;

		for (size_t at = gp_str_find(line, GP_STR(";  # "), 0); at < line.len; at = next) {
			end = at;
			next = gp_str_find(line, GP_STR(";  # "), at + 1);
		}
		gp_buf_add_str(values, gp_str_sub(line, 0, end));
		gp_buf_add_chr(values, '\n');
	}
}

static void check_round_trip(const struct gp_snapshot *snap)
{
	GP_CONF_REPORT_AUTO report;
	GP_BUF_AUTO text = GP_BUF_INIT(64 << 20);
	GP_BUF_AUTO again = GP_BUF_INIT(64 << 20);
	GP_BUF_AUTO values = GP_BUF_INIT(64 << 20);
	GP_BUF_AUTO back = GP_BUF_INIT(64 << 20);
	struct gp_snapshot *second;

	gp_conf_report_init(&report);
	print_values(snap, &text, &values);
	second = load(gp_buf_cstr(&text), &report);
	FUZZ_CHECK(second != NULL);
	print_values(second, &again, &back);
	FUZZ_CHECK(gp_str_eq(gp_buf_str(&values), gp_buf_str(&back)));
	gp_snapshot_unref(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_arena *a = gp_arena_new(0);
	struct gp_snapshot *snap;

	gp_conf_report_init(&report);
	snap = load(gp_arena_cstr(a, gp_str_n(data, size)), &report);
	if (snap)
		check_round_trip(snap);
	gp_conf_report_sort(&report);
	for (size_t i = 0; i < report.errors.len; i++) {
		FUZZ_CHECK(report.errors.items[i].file != NULL);
		FUZZ_CHECK(report.errors.items[i].text[0] != '\0');
	}
	gp_snapshot_unref(snap);
	gp_arena_free(a);
	return 0;
}
