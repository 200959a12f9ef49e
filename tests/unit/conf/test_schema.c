/*
 * Settings by tables: what is stored, and the exact words of every error.
 */
#include "lib/base/num.h"
#include "lib/conf/print.h"
#include "lib/conf/snapshot.h"
#include "tests/unit/test.h"

struct rule {
	int64_t max, window_ms;
	const char *file;
};

static const struct gp_conf_row rule_rows[] = {
	{"max", GP_CONF_INT, offsetof(struct rule, max), "5", .min = 1, .max = 100, .help = "Most."},
	{"window", GP_CONF_DURATION, offsetof(struct rule, window_ms), "1h", .help = "Window."},
	{"file", GP_CONF_PATH, offsetof(struct rule, file), "", .help = "File."},
};
static const struct gp_conf_table rule_table = {
	.rows = rule_rows, .n_rows = GP_ARRAY_SIZE(rule_rows), .size = sizeof(struct rule)};

struct values {
	bool is_on;
	int64_t count, wait_ms, size;
	double score;
	const char *name, *file;
	int color;
	unsigned mode;
	struct gp_conf_list words;
	struct gp_netset nets;
	struct gp_conf_groups rules;
};

static const struct gp_conf_enum colors[] = {{"red", 1}, {"green", 2}, {NULL, 0}};

static int check_even(const void *field, struct gp_diag *diag)
{
	if (*(const int64_t *)field % 2 == 0)
		return GP_OK;
	gp_diag_set(diag, "must be even");
	return GP_EINVAL;
}

#define AT(member) offsetof(struct values, member)
static const struct gp_conf_row rows[] = {
	{"on", GP_CONF_BOOL, AT(is_on), "true", .help = "On."},
	{"count", GP_CONF_INT, AT(count), "10", .min = 0, .max = 100, .check = check_even,
	 .help = "Count."},
	{"thresholds.score", GP_CONF_DOUBLE, AT(score), "4.5", .min = -10, .max = 10,
	 .unit = "points", .help = "Score."},
	{"thresholds.wait", GP_CONF_DURATION, AT(wait_ms), "90s", .min = 1000, .max = 3600000,
	 .flags = GP_CONF_RESTART, .help = "Wait."},
	{"size", GP_CONF_SIZE, AT(size), "10M", .help = "Size."},
	{"name", GP_CONF_STRING, AT(name), "x", .flags = GP_CONF_REQUIRED, .help = "Name."},
	{"file", GP_CONF_PATH, AT(file), "", .help = "File."},
	{"color", GP_CONF_ENUM, AT(color), "green", .values = colors, .help = "Color."},
	{"mode", GP_CONF_MODE, AT(mode), "0660", .help = "Mode."},
	{"words", GP_CONF_LIST, AT(words), "a, b", .help = "Words."},
	{"nets", GP_CONF_NETWORKS, AT(nets), "127.0.0.0/8, ::1", .help = "Nets."},
	{"rules", GP_CONF_GROUPS, AT(rules), "", .item = &rule_table, .help = "Rules."},
};
static const struct gp_conf_table table = {.group = "prog", .title = "Program.", .rows = rows,
					   .n_rows = GP_ARRAY_SIZE(rows),
					   .size = sizeof(struct values)};

struct top {
	const char *store;
};
static const struct gp_conf_row top_rows[] = {
	{"store", GP_CONF_STRING, offsetof(struct top, store), "lmdb:/x", .help = "Store."},
};
static const struct gp_conf_table top_table = {.title = "Top.", .rows = top_rows, .n_rows = 1,
					       .size = sizeof(struct top)};
static const struct gp_conf_table *const tables[] = {&top_table, &table};

static struct gp_snapshot *load(const char *text)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_snapshot *snap = NULL;

	gp_conf_report_init(&report);
	if (gp_snapshot_load_text("c", text, tables, 2, &snap, &report) < 0)
		print_message("# %s\n", report.errors.items[0].text);
	assert_non_null(snap);
	assert_int_equal(report.errors.len, 0);
	return snap;
}

static void test_defaults(void **state)
{
	struct gp_snapshot *snap = load("");
	const struct values *v = gp_snapshot_get(snap, &table);
	const char *file;
	unsigned line;

	(void)state;
	assert_true(v->is_on);
	assert_int_equal(v->count, 10);
	assert_true(v->score > 4.49 && v->score < 4.51);
	assert_int_equal(v->wait_ms, 90000);
	assert_int_equal(v->size, 10 << 20);
	assert_string_equal(v->name, "x");
	assert_string_equal(v->file, "");
	assert_int_equal(v->color, 2);
	assert_int_equal(v->mode, 0660);
	assert_int_equal(v->words.len, 2);
	assert_string_equal(v->words.items[1], "b");
	assert_int_equal(v->nets.len, 2);
	assert_false(gp_snapshot_origin(snap, &table, "count", &file, &line));
	gp_snapshot_unref(snap);
}

static void test_values(void **state)
{
	struct gp_snapshot *snap = load("store = \"redis://h\";\n"
					"prog = { on = false; count = 42;\n"
					" thresholds = { score = 5; wait = 60; };\n"
					" size = \"1G\"; name = \"a\\\"b\"; file = \"/f\";\n"
					" color = \"red\"; mode = \"600\"; words = \"one\";\n"
					" nets = ( \"10.0.0.0/8\", \"2001:db8::/32\" ); };\n"
					"milter-virus = { anything = 1; };\n");
	const struct values *v = gp_snapshot_get(snap, &table);
	const struct top *top = gp_snapshot_get(snap, &top_table);
	const char *file = NULL;
	unsigned line = 0;

	(void)state;
	assert_string_equal(top->store, "redis://h");
	assert_false(v->is_on);
	assert_int_equal(v->count, 42);
	assert_true(v->score > 4.9 && v->score < 5.1); /* an integer where a fraction is meant */
	assert_int_equal(v->wait_ms, 60000);	       /* a bare integer is seconds */
	assert_int_equal(v->size, 1 << 30);
	assert_string_equal(v->name, "a\"b");
	assert_string_equal(v->file, "/f");
	assert_int_equal(v->color, 1);
	assert_int_equal(v->mode, 0600);
	assert_int_equal(v->words.len, 1);
	assert_int_equal(v->nets.len, 2);
	assert_true(gp_snapshot_origin(snap, &table, "thresholds.wait", &file, &line));
	assert_string_equal(file, "c");
	assert_int_equal(line, 3);
	gp_snapshot_unref(snap);
}

/* A text and all that is said about it, lines joined by '|'. */
static const struct {
	const char *text, *errors;
} bad[] = {
	{"prog = { rules = 5; };", "c:1: prog.rules: expected groups { NAME = { … }; … }"},
	{"prog = { rules = { a = 5; }; };", "c:1: prog.rules: expected groups { NAME = { … }; … }"},
	{"prog = { rules = { a = { max = 0; }; }; };", "c:1: prog.rules.a.max: 0 is out of bounds (1 to 100)"},
	{"prog = { rules = { a = { maxi = 3; }; }; };",
	 "c:1: prog.rules.a.maxi: no such setting; did you mean \"max\"?"},
	{"prog = {", "c:1: syntax error at the end of the file"},
	{"x = \"a;\ny = 1;\n", "c:1: a quote is not closed in this file"},
	{"x = 1; /* a\ny = 1;\n", "c:1: a comment is not closed in this file"},
	{"x = \"a\n\\\" b\"; /* ok */ # \"\nx = 2;", "c:3: duplicate setting name near: x = 2;"},
	{"x = 1;\nx = 2;", "c:2: duplicate setting name near: x = 2;"},
	{"a = 1;", "c:1: a: no such setting"},
	{"stor = \"x\";", "c:1: stor: no such setting; did you mean \"store\"?"},
	{"prg = { };", "c:1: prg: no such setting; did you mean \"prog\"?"},
	{"milter-spm = { };", "c:1: milter-spm: no such setting; did you mean \"milter-spam\"?"},
	{"prog = 1;", "c:1: prog: expected a group { … }, found an integer"},
	{"prog = { cout = 1; };", "c:1: prog.cout: no such setting; did you mean \"count\"?"},
	{"prog = { tresholds = { }; };",
	 "c:1: prog.tresholds: no such setting; did you mean \"thresholds\"?"},
	{"prog = { thresholds = { scor = 1; }; };",
	 "c:1: prog.thresholds.scor: no such setting; did you mean \"score\"?"},
	{"prog = { thresholds = 3; };",
	 "c:1: prog.thresholds: expected a group { … }, found an integer"},
	{"prog = { on = 1; };", "c:1: prog.on: expected true or false, found an integer"},
	{"prog = { count = \"3\"; };", "c:1: prog.count: expected an integer, found a text"},
	{"prog = { count = 1.5; };", "c:1: prog.count: expected an integer, found a number"},
	{"prog = { count = 3; };", "c:1: prog.count: must be even"},
	{"prog = { count = 102; };", "c:1: prog.count: 102 is out of bounds (0 to 100)"},
	{"prog = { count = 99999999999; };",
	 "c:1: the number 99999999999 is too large (write sizes as \"10G\", times as \"30d\")"},
	{"prog = { thresholds = { wait = \"1ms\"; }; };",
	 "c:1: prog.thresholds.wait: 1ms is out of bounds (1s to 1h)"},
	{"prog = { thresholds = { wait = \"soon\"; }; };",
	 "c:1: prog.thresholds.wait: \"soon\" is not a time like \"90s\", \"15m\", \"2h\" or \"1d\""},
	{"prog = { size = \"10X\"; };",
	 "c:1: prog.size: \"10X\" is not a size like \"64K\", \"10M\" or \"2G\""},
	{"prog = { size = true; };",
	 "c:1: prog.size: expected a size like \"64K\", \"10M\" or \"2G\", found a boolean"},
	{"prog = { name = \"\"; };", "c:1: prog.name: must not be empty"},
	{"prog = { name = 1; };", "c:1: prog.name: expected a text in quotes, found an integer"},
	{"prog = { color = \"blue\"; };", "c:1: prog.color: \"blue\" is none of \"red\", \"green\""},
	{"prog = { mode = 0660; };",
	 "c:1: prog.mode: expected an octal file mode in quotes like \"0660\", found an integer"},
	{"prog = { mode = \"0888\"; };",
	 "c:1: prog.mode: \"0888\" is not an octal file mode in quotes like \"0660\""},
	{"prog = { words = 5; };",
	 "c:1: prog.words: expected a list of texts like [ \"a\", \"b\" ], found an integer"},
	{"prog = { nets = [ \"10.0.0.0/8\",\n \"10.0.0.1/8\" ]; };",
	 "c:2: prog.nets: \"10.0.0.1/8\" is not a network (host bits set, or no address)"},
	/* All of them, in the order of the file. */
	{"prog = { on = 3;\n cout = 1;\n thresholds = { score = 11; }; };\nx = 1;",
	 "c:1: prog.on: expected true or false, found an integer|"
	 "c:2: prog.cout: no such setting; did you mean \"count\"?|"
	 "c:3: prog.thresholds.score: 11 is out of bounds (-10 to 10)|c:4: x: no such setting"},
};

static void test_errors(void **state)
{
	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++) {
		GP_CONF_REPORT_AUTO report;
		GP_BUF_AUTO said = GP_BUF_INIT(4096);
		struct gp_snapshot *snap = NULL;

		gp_conf_report_init(&report);
		assert_int_equal(gp_snapshot_load_text("c", bad[i].text, tables, 2, &snap, &report),
				 GP_EINVAL);
		assert_null(snap);
		gp_conf_report_sort(&report);
		for (size_t k = 0; k < report.errors.len; k++) {
			if (k)
				gp_buf_add_chr(&said, '|');
			gp_conf_error_format(&report.errors.items[k], &said);
		}
		assert_string_equal(gp_buf_cstr(&said), bad[i].errors);
	}
}

/* What is printed reads back to the same. */
static void test_print(void **state)
{
	struct gp_snapshot *a = load("store = \"redis://h/\\\\\";\nprog = { count = 2; words = []; "
				     "thresholds = { score = 0.1; wait = \"15m\"; }; };");
	GP_BUF_AUTO first = GP_BUF_INIT(1 << 16);
	GP_BUF_AUTO second = GP_BUF_INIT(1 << 16);
	struct gp_snapshot *b;

	(void)state;
	gp_conf_print(a, &first);
	assert_true(gp_str_find(gp_buf_str(&first), GP_STR("\tcount = 2;  # c:2\n"), 0) < first.len);
	assert_true(gp_str_find(gp_buf_str(&first), GP_STR("\tname = \"x\";  # default\n"), 0) <
		    first.len);
	assert_true(gp_str_find(gp_buf_str(&first), GP_STR("\t\twait = \"15m\";"), 0) < first.len);
	b = load(gp_buf_cstr(&first));
	assert_true(gp_snapshot_origin(b, &table, "name", &(const char *){NULL}, &(unsigned){0}));
	gp_conf_print(b, &second);
	/* The same but for the origins: look at one value of each kind. */
	assert_string_equal(((const struct top *)gp_snapshot_get(b, &top_table))->store,
			    "redis://h/\\");
	assert_int_equal(((const struct values *)gp_snapshot_get(b, &table))->words.len, 0);
	assert_true(((const struct values *)gp_snapshot_get(b, &table))->score <= 0.1 &&
		    ((const struct values *)gp_snapshot_get(b, &table))->score >= 0.1);
	gp_snapshot_unref(a);
	gp_snapshot_unref(b);
}

/* The sample with its '#' of settings removed is a right file with the defaults. */
static const char *seen_path;

static void see_path(const char *path)
{
	seen_path = path;
}

/* Groups of one row: named, in the order of the file, each with its own defaults and place. */
static void test_groups(void **state)
{
	struct gp_snapshot *snap = load("prog = { rules = {\n  b = { max = 7; };\n"
					"  a = { window = \"1m\"; file = \"/f\"; };\n}; };\n");
	const struct values *v = gp_snapshot_get(snap, &table);
	const struct rule *b = v->rules.items[0].values, *a = v->rules.items[1].values;
	GP_BUF_AUTO text = GP_BUF_INIT(4096);

	(void)state;
	assert_int_equal(v->rules.len, 2);
	assert_string_equal(v->rules.items[0].name, "b");
	assert_string_equal(v->rules.items[1].name, "a");
	assert_int_equal(v->rules.items[1].line, 3);
	assert_int_equal(b->max, 7);
	assert_int_equal(b->window_ms, 3600000);
	assert_int_equal(a->max, 5);
	assert_int_equal(a->window_ms, 60000);
	gp_snapshot_each_path(snap, see_path);
	assert_string_equal(seen_path, "/f");
	gp_conf_print(snap, &text);
	assert_non_null(strstr(gp_buf_cstr(&text), "rules = { b = { max = 7;"));
	gp_snapshot_unref(snap);
	snap = load("");
	v = gp_snapshot_get(snap, &table);
	assert_int_equal(v->rules.len, 0);
	gp_snapshot_unref(snap);
}

static void test_sample(void **state)
{
	GP_BUF_AUTO sample = GP_BUF_INIT(1 << 16);
	GP_BUF_AUTO active = GP_BUF_INIT(1 << 16);
	struct gp_snapshot *snap;
	struct gp_str rest, line;

	(void)state;
	gp_conf_print_sample(tables, 2, &sample);
	rest = gp_buf_str(&sample);
	while (gp_str_next(&rest, '\n', &line)) {
		size_t hash = gp_str_find_chr(line, '#', 0);

		if (hash < line.len && hash + 1 < line.len && line.ptr[hash + 1] != ' ')
			gp_buf_add_str(&active, gp_str_sub(line, hash + 1, line.len));
		else
			gp_buf_add_str(&active, line);
		gp_buf_add_chr(&active, '\n');
	}
	snap = load(gp_buf_cstr(&active));
	assert_int_equal(((const struct values *)gp_snapshot_get(snap, &table))->wait_ms, 90000);
	assert_true(gp_snapshot_origin(snap, &table, "nets", &(const char *){NULL}, &(unsigned){0}));
	gp_snapshot_unref(snap);
}

static void test_restart(void **state)
{
	struct gp_snapshot *a = load("prog = { thresholds = { wait = \"2s\"; }; };");
	struct gp_snapshot *b = load("prog = { thresholds = { wait = \"3s\"; }; count = 4; };");
	GP_BUF_AUTO names = GP_BUF_INIT(1024);

	(void)state;
	gp_conf_print_restart(a, b, &names);
	assert_string_equal(gp_buf_cstr(&names), "prog.thresholds.wait");
	gp_snapshot_unref(a);
	gp_snapshot_unref(b);
}

static void on_end(void *arg)
{
	++*(int *)arg;
}

static void test_references(void **state)
{
	struct gp_snapshot *snap = load("");
	int ended = 0;

	(void)state;
	gp_arena_on_end(gp_snapshot_arena(snap), on_end, &ended);
	gp_snapshot_set_data(snap, &ended);
	assert_ptr_equal(gp_snapshot_data(gp_snapshot_ref(snap)), &ended);
	gp_snapshot_unref(snap);
	assert_int_equal(ended, 0);
	gp_snapshot_unrefp(&snap);
	assert_int_equal(ended, 1);
	assert_null(snap);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_values),
		cmocka_unit_test(test_errors),	 cmocka_unit_test(test_print),
		cmocka_unit_test(test_sample),	 cmocka_unit_test(test_restart),
		cmocka_unit_test(test_references), cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
