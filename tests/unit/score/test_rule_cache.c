/* Compiled databases on disk: used when they fit, refused when anybody could have touched them. */
#include "tests/unit/score/rule_fixture.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/buf.h"
#include "lib/base/digest.h"
#include "lib/base/fd.h"
#include "lib/score/rule_cache.h"
#include "lib/score/rule_vs.h"

static const char rules[] = "body A /money/\nbody B /other words/\n";

static char dir[64], owner[64];

static int setup(void **state)
{
	snprintf(dir, sizeof(dir), "/tmp/gp-test-cache-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

/* Calls fn on each file of the directory; returns how many. */
static unsigned each_file(void (*fn)(const char *path))
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	for (struct dirent *e; (e = readdir(d));) {
		char path[512];

		if (e->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, e->d_name);
		fn(path);
		n++;
	}
	closedir(d);
	return n;
}

static void remove_file(const char *path)
{
	assert_int_equal(unlink(path), 0);
}

static int teardown(void **state)
{
	each_file(remove_file);
	return rmdir(dir);
}

static void load(struct fixture *f, const char *text)
{
	struct gp_rule_options options = {.cache_dir = dir, .cache_owner = owner};

	*f = (struct fixture){.arena = gp_arena_new(0), .input = {.bayes = -1}};
	gp_rule_report_init(&f->report);
	gp_rule_set_load_text("t.cf", gp_str(text), &options, &f->report, &f->set);
}

static void compile(void)
{
	struct fixture f;
	struct gp_diag diag;

	load(&f, rules);
	if (gp_rule_cache_compile(f.set, dir, true, NULL, NULL, &diag))
		fail_msg("%s", diag.text);
	fixture_done(&f);
}

/* Loads, checks where the database came from and that matching works in any case. */
static void expect(bool is_cached, const char *reason)
{
	struct fixture f;

	load(&f, rules);
	assert_true(f.report.targets[1].has_database);
	assert_int_equal(f.report.targets[1].is_refused, !is_cached && !strstr(reason, "not compiled"));
	if (f.report.targets[1].is_cached != is_cached ||
	    !strstr(f.report.targets[1].reason, reason))
		fail_msg("cached %d, \"%s\"", f.report.targets[1].is_cached,
			 f.report.targets[1].reason);
	fixture_scan(&f, "Subject: s\n\nmoney\n");
	assert_string_equal(fixture_hits(&f), "A");
	fixture_done(&f);
}

static void make_group_writable(const char *path)
{
	assert_int_equal(chmod(path, 0664), 0);
}

static void make_world_writable(const char *path)
{
	assert_int_equal(chmod(path, 0646), 0);
}

static void make_private(const char *path)
{
	assert_int_equal(chmod(path, 0600), 0);
}

static void give_away(const char *path)
{
	assert_int_equal(chown(path, 65534, 65534), 0);
}

/* Rewrites the file with a change at `at` (from the end if negative) or cut to a length. */
static void rewrite(const char *path, long at, long length)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(64 << 20);

	assert_int_equal(gp_file_read(path, &buf, NULL), GP_OK);
	if (length >= 0)
		buf.len = (size_t)length;
	else
		buf.data[at >= 0 ? (size_t)at : buf.len - (size_t)-at] ^= 1;
	assert_int_equal(gp_file_replace(path, buf.data, buf.len, 0644, NULL), GP_OK);
}

static void damage_magic(const char *path)
{
	rewrite(path, 0, -1);
}

static void damage_key(const char *path)
{
	rewrite(path, 9, -1);
}

static void damage_digest(const char *path)
{
	rewrite(path, 41, -1);
}

static void damage_end(const char *path)
{
	rewrite(path, -1, -1);
}

static void cut_short(const char *path)
{
	rewrite(path, 0, 100);
}

static void cut_in_header(const char *path)
{
	rewrite(path, 0, 10);
}

static void empty(const char *path)
{
	rewrite(path, 0, 0);
}

static void make_link(const char *path)
{
	char target[600];

	snprintf(target, sizeof(target), "%s.real", path);
	assert_int_equal(rename(path, target), 0);
	assert_int_equal(symlink(target, path), 0);
}

static void make_fifo(const char *path)
{
	remove_file(path);
	assert_int_equal(mkfifo(path, 0600), 0);
}

/* Rewrites what is behind our header, with the digest put right: what vectorscan itself refuses. */
static void rewrite_database(const char *path, size_t at, size_t len)
{
	enum { DIGEST = 40, DATABASE = 72 };
	GP_BUF_AUTO buf = GP_BUF_INIT(64 << 20);

	assert_int_equal(gp_file_read(path, &buf, NULL), GP_OK);
	assert_true(DATABASE + at + len < buf.len);
	for (size_t i = 0; i < len; i++)
		buf.data[DATABASE + at + i] = (char)~buf.data[DATABASE + at + i];
	gp_sha256(buf.data + DATABASE, buf.len - DATABASE, (unsigned char *)buf.data + DIGEST);
	assert_int_equal(gp_file_replace(path, buf.data, buf.len, 0644, NULL), GP_OK);
}

/* Magic, version and length stand in front of the platform, in four bytes each. */
static void make_foreign_cpu(const char *path)
{
	rewrite_database(path, 12, 8);
}

static void make_foreign_version(const char *path)
{
	rewrite_database(path, 4, 4);
}

static void make_garbage(const char *path)
{
	rewrite_database(path, 0, 500);
}

static void tampering(void **state)
{
	static const struct {
		void (*change)(const char *path);
		const char *reason;
		bool needs_root;
	} table[] = {
		{make_group_writable, "written by others", false},
		{make_world_writable, "written by others", false},
		{give_away, "another user", true},
		{damage_magic, "damaged", false},
		{damage_key, "damaged", false},
		{damage_digest, "damaged", false},
		{damage_end, "damaged", false},
		{cut_short, "damaged", false},
		{cut_in_header, "damaged", false},
		{empty, "damaged", false},
		{make_foreign_cpu, "vectorscan refuses", false},
		{make_foreign_version, "vectorscan refuses", false},
		{make_garbage, "vectorscan refuses", false},
		{make_link, "symbolic link", false},
		{make_fifo, "no regular file", false},
		{remove_file, "not compiled yet", false},
	};

	if (gp_vs_obstacle())
		skip();
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		if (table[i].needs_root && geteuid() != 0)
			continue;
		each_file(remove_file);
		compile();
		expect(true, "");
		each_file(table[i].change);
		expect(false, table[i].reason);
	}
	each_file(remove_file);
	compile();
	each_file(make_private);
	expect(true, "");
}

/* The folder is looked at as its files are: who can write there can put any file in place. */
static void folder(void **state)
{
	char real[80];
	struct fixture f;
	struct gp_diag diag;

	if (gp_vs_obstacle())
		skip();
	compile();
	assert_int_equal(chmod(dir, 0775), 0);
	expect(false, "folder can be written by others");
	assert_int_equal(chmod(dir, 0707), 0);
	expect(false, "folder can be written by others");
	load(&f, rules);
	assert_int_equal(gp_rule_cache_compile(f.set, dir, true, NULL, NULL, &diag), GP_EACCES);
	assert_non_null(strstr(diag.text, "written by others"));
	fixture_done(&f);
	assert_int_equal(chmod(dir, 0755), 0);
	expect(true, "");
	snprintf(real, sizeof(real), "%s.real", dir);
	assert_int_equal(rename(dir, real), 0);
	expect(false, "not compiled yet");
	assert_int_equal(symlink(real, dir), 0);
	expect(false, "symbolic link");
	assert_int_equal(unlink(dir), 0);
	assert_int_equal(rename(real, dir), 0);
	expect(true, "");
}

/* The owner named in the settings is believed, others are not; names are told apart. */
static void owners(void **state)
{
	static const struct {
		const char *owner;
		bool is_believed;
	} table[] = {{"nobody", true}, {"daemon", false}, {"nobody", true}, {"no-such-user", false},
		     {"", false}};

	if (gp_vs_obstacle() || geteuid() != 0)
		skip();
	compile();
	each_file(give_away); /* 65534 is nobody's */
	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		snprintf(owner, sizeof(owner), "%s", table[i].owner);
		expect(table[i].is_believed, table[i].is_believed ? "" : "file belongs to another user");
	}
	assert_int_equal(chown(dir, 65534, 65534), 0);
	expect(false, "folder belongs to another user");
	snprintf(owner, sizeof(owner), "nobody");
	expect(true, "");
	*owner = 0;
}

static void pcre_alone(void **state)
{
	static const struct gp_rule_options table[] = {
		{.cache_dir = dir, .engine = GP_RULE_ENGINE_PCRE2},
		{.cache_dir = dir, .no_vectorscan = "this CPU is too old"},
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(table); i++) {
		struct fixture f = {.arena = gp_arena_new(0), .input = {.bayes = -1}};
		struct gp_diag diag;

		gp_rule_report_init(&f.report);
		gp_rule_set_load_text("t.cf", gp_str(rules), &table[i], &f.report, &f.set);
		assert_string_equal(f.report.no_vectorscan, i ? "this CPU is too old"
							      : "the settings say so (rules.engine)");
		assert_string_equal(f.report.targets[1].reason, f.report.no_vectorscan);
		assert_false(f.report.targets[1].has_database || f.report.targets[1].is_refused);
		fixture_scan(&f, "Subject: s\n\nmoney\n");
		assert_string_equal(fixture_hits(&f), "A");
		assert_int_equal(gp_rule_cache_compile(f.set, dir, true, NULL, NULL, &diag), GP_ENOENT);
		assert_non_null(strstr(diag.text, f.report.no_vectorscan));
		assert_int_equal(each_file(remove_file), 0);
		fixture_done(&f);
	}
}

static void other_rules_have_other_files(void **state)
{
	struct fixture f;
	struct gp_diag diag;

	if (gp_vs_obstacle())
		skip();
	each_file(remove_file);
	compile();
	load(&f, "body A /money/\nbody B /other things/\n");
	assert_false(f.report.targets[1].is_cached);
	assert_int_equal(gp_rule_cache_compile(f.set, dir, false, NULL, NULL, &diag), GP_OK);
	fixture_done(&f);
	expect(true, ""); /* the first set's file is still there */
	assert_int_equal(each_file(make_private), 2);
}

static void unwritable(void **state)
{
	struct fixture f;
	struct gp_diag diag = {0};

	if (gp_vs_obstacle())
		skip();
	load(&f, rules);
	assert_int_equal(gp_rule_cache_compile(f.set, "/nonexistent/cache", true, NULL, NULL, &diag),
			 GP_ESYS);
	assert_non_null(strstr(diag.text, "/nonexistent/cache"));
	fixture_done(&f);
}

struct told {
	unsigned calls, last;
};

static void tell(void *arg, const char *target, unsigned done, unsigned total)
{
	struct told *t = arg;

	assert_int_equal(total, GP_RULE_TARGETS);
	assert_int_equal(done, t->calls++);
	assert_int_equal(*target == 0, done == total);
	t->last = done;
}

static void progress(void **state)
{
	struct told t = {0};
	struct fixture f;
	struct gp_diag diag;

	if (gp_vs_obstacle())
		skip();
	load(&f, rules);
	assert_int_equal(gp_rule_cache_compile(f.set, dir, true, tell, &t, &diag), GP_OK);
	assert_int_equal(t.last, GP_RULE_TARGETS);
	fixture_done(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(tampering, setup, teardown),
		cmocka_unit_test_setup_teardown(folder, setup, teardown),
		cmocka_unit_test_setup_teardown(owners, setup, teardown),
		cmocka_unit_test_setup_teardown(pcre_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(progress, setup, teardown),
		cmocka_unit_test_setup_teardown(other_rules_have_other_files, setup, teardown),
		cmocka_unit_test(unwritable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
