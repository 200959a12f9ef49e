/* Feeds of phishing sites: how their lines are read, what rules find in them, and files that are none. */
#include "tests/unit/score/rule_fixture.h"

#include <stdlib.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/score/phish_feed.h"

#define PLUGIN "loadplugin Mail::SpamAssassin::Plugin::Phishing\n"
#define RULE "body R eval:check_phishing()\n"

/* All links of the text, with a blank between. */
static const char *links_of(struct gp_arena *a, enum gp_phish_format format, double above, struct gp_str text)
{
	static struct gp_phish_reader r;
	const char *all = "";
	struct gp_str uri;

	r = (struct gp_phish_reader){.rest = text, .format = format, .above = above};
	while (gp_phish_next(&r, &uri))
		all = gp_arena_printf(a, "%s%s%.*s", all, *all ? " " : "", GP_STR_FMT(uri));
	return all;
}

static void lines_of_feeds(void **state)
{
	static const struct {
		enum gp_phish_format format;
		const char *text, *links;
		double above;
	} table[] = {
		{GP_PHISH_OPENPHISH, "", "", 0},
		{GP_PHISH_OPENPHISH, "http://a/\nhttp://b/", "http://a/ http://b/", 0},
		{GP_PHISH_OPENPHISH, "#http://a/\n \t# x\n\n\r\nhttp://b/\r\n", "http://b/", 0},
		{GP_PHISH_OPENPHISH, "http://a/,\"b\"\n", "http://a/,\"b\"", 0},
		{GP_PHISH_PHISHTANK, "1,http://title/\n2,http://a/\n", "http://a/", 0},
		{GP_PHISH_PHISHTANK, "t\n2,\"http://a/\"\"b\",x\n#3,http://c/\n4\n5,\n,http://d/\n",
		 "http://a/b http://d/", 0},
		{GP_PHISH_PHISHTANK, "t\n1,\"http://a/b,c\",x\n", "http://a/b", 0},
		{GP_PHISH_PHISHSTATS, "t\nd,1,http://a/\nd,2,http://b/\nd,2.01,http://c/,ip\n",
		 "http://c/", 2},
		{GP_PHISH_PHISHSTATS, "t\nd,\"3\",\"http://a/\"\nd,\" 4x\",http://b/\nd,x,http://c/\nd,+.5,http://e/\nd\n",
		 "http://a/ http://b/ http://e/", 0},
		{GP_PHISH_PHISHSTATS, "t\nd,x,http://a/\nd,-2,http://b/\nd,.,http://c/\n", "http://a/ http://c/", -1},
	};
	struct gp_arena *a = gp_arena_new(0);

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++)
		assert_string_equal(links_of(a, table[i].format, table[i].above, gp_str(table[i].text)),
				    table[i].links);
	gp_arena_free(a);
}

/* One that no message can have is passed over, in whatever column it stands. */
static void long_lines(void **state)
{
	static const size_t lengths[] = {GP_PHISH_URI_MAX, GP_PHISH_URI_MAX + 1};
	struct gp_arena *a = gp_arena_new(0);
	char *uri = gp_arena_alloc(a, GP_PHISH_URI_MAX + 2);

	memset(uri, 'x', GP_PHISH_URI_MAX + 1);
	for (size_t i = 0; i < GP_ARRAY_SIZE(lengths); i++) {
		const char *next = i ? "y" : gp_arena_printf(a, "%.*s y", (int)lengths[i], uri);

		assert_string_equal(links_of(a, GP_PHISH_OPENPHISH, 0,
					     gp_str(gp_arena_printf(a, "%.*s\ny\n", (int)lengths[i], uri))),
				    next);
		assert_string_equal(links_of(a, GP_PHISH_PHISHTANK, 0,
					     gp_str(gp_arena_printf(a, "t\n1,%.*s,z\n1,y\n", (int)lengths[i], uri))),
				    next);
	}
	gp_arena_free(a);
}

static void what_is_in_a_feed(void **state)
{
	static const struct gp_str text = GP_STR("b\na\nc\na\n");
	struct gp_arena *a = gp_arena_new(0);
	struct gp_phish_feed f;

	gp_phish_feed_init(&f, text, a);
	gp_phish_feed_finish(&f);
	assert_false(gp_phish_feed_has(&f, GP_STR("a")));
	for (size_t i = 0; i < f.cap; i++)
		assert_true(gp_phish_feed_add(&f, gp_str_sub(text, 2 * i, 1)));
	assert_int_equal(f.len, 5);
	assert_false(gp_phish_feed_add(&f, GP_STR("d")));
	gp_phish_feed_finish(&f);
	for (size_t i = 0; i < 3; i++)
		assert_true(gp_phish_feed_has(&f, gp_str_sub(text, 2 * i, 1)));
	assert_true(gp_phish_feed_has(&f, GP_STR("")));
	assert_false(gp_phish_feed_has(&f, GP_STR("d")));
	assert_false(gp_phish_feed_has(&f, GP_STR("aa")));
	gp_arena_free(a);
}

static const char *const feed_names[GP_PHISH_FORMATS] = {"openphish", "phishtank", "phishstats"};

/* Loads PLUGIN, lines that name the feeds (NULL: none), and the rules. */
static void load(struct fixture *f, const char *rules, const char *const feeds[GP_PHISH_FORMATS])
{
	char folder[] = "/tmp/gp_phishing_XXXXXX", path[100];
	struct gp_arena *a = gp_arena_new(0);
	const char *all = PLUGIN;

	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < GP_PHISH_FORMATS; i++) {
		if (!feeds[i])
			continue;
		snprintf(path, sizeof(path), "%s/%zu", folder, i);
		assert_int_equal(gp_file_replace(path, feeds[i], strlen(feeds[i]), 0600, NULL), GP_OK);
		all = gp_arena_printf(a, "%sphishing_%s_feed %s\n", all, feed_names[i], path);
	}
	fixture_load(f, gp_arena_printf(a, "%s%s", all, rules));
	for (size_t i = 0; i < GP_PHISH_FORMATS; i++) {
		snprintf(path, sizeof(path), "%s/%zu", folder, i);
		unlink(path);
	}
	rmdir(folder);
	gp_arena_free(a);
}

#define LISTED "http://bad.example.com/a/b"
#define HTML "Content-Type: text/html\n\n"

static void links_of_messages(void **state)
{
	static const char *const feeds[GP_PHISH_FORMATS] = {
		"http://both.example.com/a/b\nhttp://192.0.2.7/a/b\nhttp://a.bad.example.com/q/r?s=t\n",
		"t\n1," LISTED "\n2,http://both.example.com/a/b\n",
		"t\nd,6,http://six.example.com/a/b\nd,7,http://seven.example.com/a/b\n",
	};
	static const struct {
		const char *rules, *mail, *detail; /* NULL: no hit */
	} table[] = {
		{RULE, "S: x\n\nsee " LISTED " now\n", "PhishTank (example.com)"},
		{RULE, HTML "<a href='" LISTED "'>x</a>", "PhishTank (example.com)"},
		{RULE, HTML "<img src='" LISTED "'>", NULL},
		{RULE, HTML "<img src='" LISTED "'><a href='" LISTED "'>x</a>", "PhishTank (example.com)"},
		{RULE, "S: x\n\nhttp://both.example.com/a/b\n", "OpenPhish (example.com)"},
		{RULE, "S: x\n\nhttp://192.0.2.7/a/b\n", "OpenPhish (192.0.2.7)"},
		{RULE, "S: x\n\nhttp://seven.example.com/a/b\n", "PhishStats (example.com)"},
		{RULE, "S: x\n\nhttp://six.example.com/a/b\n", NULL},
		{"phishing_phishstats_minscore 5\n" RULE, "S: x\n\nhttp://six.example.com/a/b\n",
		 "PhishStats (example.com)"},
		{RULE, "S: x\n\nhttp://good.example.com/a/b http://bad.example.com/a/c\n", NULL},
		{RULE, "S: x\n\n" LISTED "?q\n", NULL},
		{"phishing_uri_noparam 1\n" RULE, "S: x\n\n" LISTED "?q\n", "PhishTank (example.com)"},
		{"phishing_uri_noparam 1\n" RULE, "S: x\n\nhttp://a.bad.example.com/q/r?other\n",
		 "OpenPhish (example.com)"},
		{"phishing_uri_noparam yes\nphishing_uri_noparam No\n" RULE, "S: x\n\n" LISTED "?q\n", NULL},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;

		load(&f, table[i].rules, feeds);
		assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
		assert_string_equal(fixture_problem(&f, GP_RULE_INERT), "");
		fixture_scan(&f, table[i].mail);
		if (gp_rule_scan_hits(f.scan, "R") != (table[i].detail != NULL))
			fail_msg("%s: %s", table[i].mail, table[i].detail ? "missed" : "hit");
		if (table[i].detail)
			assert_true(gp_str_eq(gp_symbols_find(&f.symbols, "R")->detail, gp_str(table[i].detail)));
		fixture_done(&f);
	}
}

/* Without its query the link of a redirector is anybody's. */
static void short_links(void **state)
{
	static const char *const feeds[GP_PHISH_FORMATS] = {"http://r.example.com/go?to=http://bad.example.com/\n"};
	static const char mail[] = "S: x\n\nhttp://r.example.com/go?to=http://bad.example.com/\n";
	static const char *const rules[] = {RULE, "phishing_uri_noparam 1\n" RULE};

	for (size_t i = 0; i < GP_ARRAY_SIZE(rules); i++) {
		struct fixture f;

		load(&f, rules[i], feeds);
		fixture_scan(&f, mail);
		assert_int_equal(gp_rule_scan_hits(f.scan, "R"), i == 0);
		fixture_done(&f);
	}
}

/* Files that are none cost themselves; without any the rule does not run. */
static void broken_feeds(void **state)
{
	static const struct {
		const char *rules;
		const char *feeds[GP_PHISH_FORMATS];
		const char *error, *inert; /* how they end */
		bool hits;
	} table[] = {
		{RULE, {NULL}, "", "no feed is named (phishing_openphish_feed, …)", false},
		{RULE, {"<html>\nnot found\n"}, "no link in it, in 2 lines: no feed of OpenPhish's",
		 "no feed of OpenPhish's", false},
		{RULE, {""}, "no link in it, in 0 lines: no feed of OpenPhish's", "of OpenPhish's", false},
		{RULE, {"x", "t\n1," LISTED}, "no link in it, in 1 lines: no feed of OpenPhish's", "", true},
		{"phishing_phishtank_feed /nonexistent/x\n" RULE, {LISTED}, "/nonexistent/x: No such file or directory",
		 "", true},
		{"phishing_phishtank_feed /nonexistent/x\n" RULE, {NULL}, "No such file or directory",
		 "/nonexistent/x: No such file or directory", false},
		{"phishing_phishtank_feed /dev/zero\n" RULE, {LISTED}, "/dev/zero: not a file", "", true},
		{"phishing_phishtank_feed feed.csv\n" RULE, {LISTED}, "wants the absolute path of a file", "", true},
		{"phishing_phishtank_feed\n" RULE, {LISTED}, "wants the absolute path of a file", "", true},
		{"phishing_uri_noparam 2\n" RULE, {LISTED}, "wants 0 or 1", "", true},
		{"phishing_phishstats_minscore x\n" RULE, {LISTED}, "wants a number", "", true},
		{"phishing_phishtank_feed /nonexistent/x\n", {LISTED}, "", "", false}, /* nobody asks */
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f;
		struct gp_str error, inert;

		load(&f, table[i].rules, table[i].feeds);
		error = gp_str(fixture_problem(&f, GP_RULE_ERROR));
		inert = gp_str(fixture_problem(&f, GP_RULE_INERT));
		if (!gp_str_iends(error, gp_str(table[i].error)) || (error.len && !*table[i].error) ||
		    !gp_str_iends(inert, gp_str(table[i].inert)) || (inert.len && !*table[i].inert))
			fail_msg("%zu: \"%.*s\", \"%.*s\"", i, GP_STR_FMT(error), GP_STR_FMT(inert));
		fixture_scan(&f, "S: x\n\n" LISTED "\n");
		assert_string_equal(fixture_hits(&f), table[i].hits ? "R" : "");
		fixture_done(&f);
	}
}

/* The error stands at the line that names the feed. */
static void line_of_error(void **state)
{
	struct fixture f;

	fixture_load(&f, PLUGIN "phishing_openphish_feed /nonexistent/x\n\n" RULE);
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "2 : /nonexistent/x: No such file or directory");
	fixture_done(&f);
}

static void without_the_plugin(void **state)
{
	struct fixture f;

	fixture_load(&f, "phishing_openphish_feed /nonexistent/x\n" RULE);
	assert_string_equal(fixture_problem(&f, GP_RULE_INERT),
			    "2 R: check_phishing() wants loadplugin Mail::SpamAssassin::Plugin::Phishing");
	assert_string_equal(fixture_problem(&f, GP_RULE_UNUSED),
			    "1 : phishing_openphish_feed is not used: it wants a loadplugin of its own, "
			    "Mail::SpamAssassin::Plugin::Phishing");
	assert_string_equal(fixture_problem(&f, GP_RULE_ERROR), "");
	fixture_scan(&f, "S: x\n\n" LISTED "\n");
	assert_string_equal(fixture_hits(&f), "");
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_of_feeds),    cmocka_unit_test(long_lines),
		cmocka_unit_test(what_is_in_a_feed), cmocka_unit_test(links_of_messages),
		cmocka_unit_test(short_links),	     cmocka_unit_test(broken_feeds),
		cmocka_unit_test(line_of_error),     cmocka_unit_test(without_the_plugin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
