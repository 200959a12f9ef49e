/*
 * The key table and the key directory: who signs with what, and every error with its place.
 */
#include "tests/unit/test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "milter-dkim/keydir.h"
#include "milter-dkim/keyring.h"

#define RSA_BITS 1024 /* quickly made; nobody is protected by it */

static struct gp_arena *arena;
static char *dir;
static struct gp_diag diag;
static struct gp_conf_report report;
static struct gp_buf rsa_pem = {.max = 8192}, ed_pem = {.max = 8192};

static void make_pem(enum gp_key_type type, struct gp_buf *out)
{
	struct gp_key *key = NULL;

	assert_int_equal(gp_key_generate(type, RSA_BITS, &key, &diag), GP_OK);
	assert_int_equal(gp_key_pem(key, out), GP_OK);
	gp_key_unref(&key);
}

static int make_keys(void **state)
{
	(void)state;
	make_pem(GP_KEY_RSA, &rsa_pem);
	make_pem(GP_KEY_ED25519, &ed_pem);
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	gp_buf_done(&rsa_pem);
	gp_buf_done(&ed_pem);
	return 0;
}

static int setup(void **state)
{
	char template[] = "/tmp/gp-keyring-XXXXXX";

	(void)state;
	arena = gp_arena_new(0);
	assert_non_null(mkdtemp(template));
	dir = gp_arena_strdup(arena, template);
	gp_conf_report_init(&report);
	unsetenv("CREDENTIALS_DIRECTORY");
	return 0;
}

static int teardown(void **state)
{
	char *command = gp_arena_printf(arena, "rm -r '%s'", dir);

	(void)state;
	assert_int_equal(system(command), 0);
	gp_conf_report_done(&report);
	gp_arena_free(arena);
	return 0;
}

static const char *in_dir(const char *name)
{
	return gp_arena_printf(arena, "%s/%s", dir, name);
}

static void write_key(const char *name, struct gp_str pem, unsigned mode)
{
	assert_int_equal(gp_file_replace(in_dir(name), pem.ptr, pem.len, mode, &diag), GP_OK);
}

static void write_both(void)
{
	write_key("rsa.key", gp_buf_str(&rsa_pem), 0600);
	write_key("ed.key", gp_buf_str(&ed_pem), 0640);
}

/* A table in which "$" stands for the directory. */
static struct gp_mapfile *table_of(const char *text)
{
	GP_BUF_AUTO out = GP_BUF_INIT(64 << 10);
	struct gp_mapfile *map = NULL;

	for (; *text; text++)
		if (*text == '$')
			gp_buf_add_cstr(&out, dir);
		else
			gp_buf_add_chr(&out, *text);
	assert_int_equal(gp_mapfile_parse("keys", gp_buf_str(&out), arena, &map, &report), GP_OK);
	return map;
}

static struct dkim_keyring *load(const char *table, const char *keydir)
{
	struct dkim_key_source from = {table_of(table), keydir, RSA_BITS};
	struct dkim_keyring *k = NULL;
	int r = dkim_keyring_load(&from, arena, &k, &report);

	for (size_t i = 0; i < report.errors.len; i++)
		print_message("%s\n", report.errors.items[i].text);
	assert_int_equal(r, GP_OK);
	return k;
}

/* "example.org:s1:rsa example.org:s2:ed25519" */
static const char *found(const struct dkim_keyring *k, const char *local, const char *domain)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	const struct dkim_signer *signers = NULL;
	bool is_none = false;
	size_t n = dkim_keyring_find(k, gp_str(local), gp_str(domain), arena, &signers, &is_none);

	for (size_t i = 0; i < n; i++)
		gp_buf_printf(&out, "%s%.*s:%.*s:%s", i ? " " : "", GP_STR_FMT(signers[i].domain),
			      GP_STR_FMT(signers[i].selector),
			      gp_key_type_name(gp_key_type(signers[i].key)));
	if (is_none)
		gp_buf_add_cstr(&out, "none");
	return gp_arena_strdup(arena, gp_buf_cstr(&out));
}

/* "example.org:s1 …", "none", or what is wrong. */
static const char *picked(const struct dkim_keyring *k, const char *words, const char *author)
{
	GP_BUF_AUTO out = GP_BUF_INIT(4096);
	const struct dkim_signer *signers = NULL;
	size_t n = 99;

	if (dkim_keyring_pick(k, gp_str(words), gp_str(author), arena, &signers, &n, &diag))
		return gp_arena_strdup(arena, diag.text);
	for (size_t i = 0; i < n; i++)
		gp_buf_printf(&out, "%s%.*s:%.*s", i ? " " : "", GP_STR_FMT(signers[i].domain),
			      GP_STR_FMT(signers[i].selector));
	return n ? gp_arena_strdup(arena, gp_buf_cstr(&out)) : "none";
}

/* What a directory may say, and that it can name nothing that was not loaded. */
static void test_words_of_a_directory(void **state)
{
	static const char table[] = "example.org s1=$/rsa.key s2=$/ed.key\n"
				    "provider.example p1=$/rsa.key\n"
				    "lent.example d=provider.example p1=$/rsa.key\n";
	static const struct {
		const char *words, *picked;
	} cases[] = {
		{"d=example.org", "example.org:s1 example.org:s2"},
		{"d=EXAMPLE.org s=S2", "example.org:s2"},
		{"s=s1", "example.org:s1"},
		{"d=provider.example d=example.org s=s1", "provider.example:p1 example.org:s1"},
		{"d=example.org s=s1 s=s2", "example.org:s1 example.org:s2"},
		{"none", "none"},
		{"d=none", "none"},
		{"d=other.example", "has a key of other.example"},
		{"d=example.org s=s3", "has a key of example.org with selector s3"},
		{"d=lent.example", "has a key of lent.example"},
		{"d=..", "no domain"},
		{"s1=/etc/passwd", "expected d=DOMAIN"},
		{"/etc/passwd", "expected d=DOMAIN"},
		{"d=", "expected d=DOMAIN"},
		{"s=", "expected d=DOMAIN"},
	};
	struct dkim_keyring *k;

	(void)state;
	write_both();
	k = load(table, "");
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		if (!strstr(picked(k, cases[i].words, "example.org"), cases[i].picked))
			fail_msg("%s: %s", cases[i].words, picked(k, cases[i].words, "example.org"));
}

static void test_patterns(void **state)
{
	static const char table[] =
		"# keys\n"
		"example.org s1=$/rsa.key s2=$/ed.key\n"
		".example.org d=example.org sub=$/rsa.key\n"
		"BÜCHER.example b=$/rsa.key\n"
		"joe@example.org d=%d joe=$/ed.key\n"
		"two.example s=$/rsa.key d=b.example s=$/ed.key d=%d t=$/ed.key\n"
		"test.example.org none\n"
		"*@list.* l=$/rsa.key\n"
		"mail*.example.net g=$/rsa.key\n"
		"@at.example at=$/rsa.key\n"
		"*.example.net d=example.net h=$/rsa.key\n";
	static const struct {
		const char *local, *domain, *found;
	} cases[] = {
		{"anna", "example.org", "example.org:s1:rsa example.org:s2:ed25519"},
		{"joe", "example.org", "example.org:joe:ed25519"},
		{"JOE", "example.org", "example.org:joe:ed25519"},
		{"", "example.org", "example.org:s1:rsa example.org:s2:ed25519"},
		{"a", "a.example.org", "example.org:sub:rsa"},
		{"a", "c.b.example.org", "example.org:sub:rsa"},
		{"a", "test.example.org", "none"},
		{"a", "xn--bcher-kva.example", "xn--bcher-kva.example:b:rsa"},
		{"a", "list.example", "list.example:l:rsa"},
		{"", "list.example", ""},
		{"a@list.x", "other.example", ""},
		{"a", "two.example", "two.example:s:rsa b.example:s:ed25519 two.example:t:ed25519"},
		{"a", "mail1.example.net", "mail1.example.net:g:rsa"},
		/* A pattern without an @ is for domains, whatever the local part. */
		{"mail", "x.example.net", "example.net:h:rsa"},
		{"a", "at.example", "at.example:at:rsa"},
		{"a", "example.net", ""},
		{"a", "notexample.org", ""},
		{"a", "org", ""},
		{"a", "", ""},
	};
	struct dkim_keyring *k;

	(void)state;
	write_both();
	k = load(table, "");
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_string_equal(found(k, cases[i].local, cases[i].domain), cases[i].found);
}

static void test_any_domain(void **state)
{
	struct dkim_keyring *k;

	(void)state;
	write_both();
	k = load("* s=$/rsa.key\n", "");
	assert_string_equal(found(k, "a", "any.example"), "any.example:s:rsa");
}

/* %d in a file's name: looked for at load, only under names that look-ups use. */
static void test_files_by_domain(void **state)
{
	struct dkim_keyring *k;

	(void)state;
	assert_int_equal(mkdir(in_dir("a.example"), 0700), 0);
	assert_int_equal(mkdir(in_dir("b.example"), 0700), 0);
	assert_int_equal(mkdir(in_dir("UP.example"), 0700), 0);
	write_key("a.example/mail.key", gp_buf_str(&rsa_pem), 0600);
	write_key("UP.example/mail.key", gp_buf_str(&rsa_pem), 0600);
	write_key("x.b.example.key", gp_buf_str(&ed_pem), 0600);
	write_key("other.org.key", gp_buf_str(&ed_pem), 0644); /* not meant: not read */
	k = load("*.example mail=$/%d/mail.key e=$/%d.key\n", "");
	assert_string_equal(found(k, "u", "a.example"), "a.example:mail:rsa");
	assert_string_equal(found(k, "u", "b.example"), "");
	assert_string_equal(found(k, "u", "up.example"), "");
	assert_string_equal(found(k, "u", "x.b.example"), "x.b.example:e:ed25519");
}

static void test_directory(void **state)
{
	struct dkim_keyring *k;
	const char *keys = in_dir("keys");

	(void)state;
	write_both();
	assert_int_equal(dkim_keydir_add(keys, GP_STR("a.example"), GP_STR("s1"),
					 gp_buf_str(&rsa_pem), GP_STR("-"), 1, &diag),
			 GP_OK);
	assert_int_equal(dkim_keydir_switch(keys, GP_STR("a.example"), 2, &diag), GP_OK);
	assert_int_equal(dkim_keydir_add(keys, GP_STR("a.example"), GP_STR("s2"),
					 gp_buf_str(&ed_pem), GP_STR("-"), 3, &diag),
			 GP_OK);
	assert_int_equal(dkim_keydir_add(keys, GP_STR("b.example"), GP_STR("s1"),
					 gp_buf_str(&rsa_pem), GP_STR("-"), 1, &diag),
			 GP_OK);
	k = load("c.example s=$/rsa.key\n*.example x=$/%d.key\n", keys);
	assert_string_equal(found(k, "u", "a.example"), "a.example:s1:rsa");
	assert_string_equal(found(k, "u", "b.example"), "");
	assert_string_equal(found(k, "u", "c.example"), "c.example:s:rsa");
	assert_int_equal(dkim_keydir_switch(keys, GP_STR("a.example"), 4, &diag), GP_OK);
	k = load("a.example none\n", keys);
	assert_string_equal(found(k, "u", "a.example"), "none");
	k = load("", keys);
	assert_string_equal(found(k, "u", "a.example"), "a.example:s2:ed25519");
	/* One that is not there is one without keys. */
	k = load("", in_dir("nothing"));
	assert_string_equal(found(k, "u", "a.example"), "");
}

static void test_credentials(void **state)
{
	struct dkim_keyring *k;

	(void)state;
	write_both();
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	k = load("example.org s=rsa.key\n", "");
	assert_string_equal(found(k, "u", "example.org"), "example.org:s:rsa");
}

static bool has_error(const char *file, unsigned line, const char *text)
{
	for (size_t i = 0; i < report.errors.len; i++) {
		const struct gp_conf_error *e = &report.errors.items[i];

		if (e->line == line && strstr(e->text, text) &&
		    (file ? e->file && strcmp(e->file, file) == 0 : !e->file))
			return true;
	}
	return false;
}

/* All of them are said, each at its line. */
static void test_errors(void **state)
{
	static const char table[] =
		"a.example s=$/missing.key\n"	     /* 1 */
		"b.example s=$/open.key\n"	     /* 2 */
		"c.example s=$/empty.key\n"	     /* 3 */
		"d.example s=$/junk.key\n"	     /* 4 */
		"e.example s=relative.key\n"	     /* 5 */
		"f.example\n"			     /* 6 */
		"g.example word\n"		     /* 7 */
		"h.example d=-.-..x s=$/rsa.key\n"   /* 8 */
		"i.example s!=$/rsa.key\n"	     /* 9 */
		"j.example s=$/rsa.key S=$/ed.key\n" /* 10 */
		"no_domain..x s=$/rsa.key\n"	     /* 11 */
		"*.k.example s=$/%d/%d.key\n"	     /* 12 */
		"l.example s=$/rsa.key s2=\n"	     /* 13 */
		"m.example s=$\n"		     /* 14 */
		"n.example a=$/rsa.key b=$/rsa.key c=$/rsa.key d2=$/rsa.key e=$/rsa.key "
		"f=$/rsa.key g=$/rsa.key h=$/rsa.key i=$/rsa.key\n" /* 15 */
		"o.example s=$/open.key\n";			    /* 16: said in line 2 */
	static const struct {
		unsigned line;
		const char *text;
	} cases[] = {
		{1, "missing.key"},
		{2, "chmod"},
		{3, "empty"},
		{4, "junk.key"},
		{5, "CREDENTIALS_DIRECTORY"},
		{6, "no key"},
		{7, "expected"},
		{8, "d=-.-..x"},
		{9, "no selector"},
		{10, "already"},
		{11, "no domain"},
		{12, "once"},
		{13, "expected"},
		{14, "not a file"},
		{15, "too many"},
	};
	struct dkim_key_source from = {NULL, "", RSA_BITS};
	struct dkim_keyring *k = NULL;

	(void)state;
	write_both();
	write_key("open.key", gp_buf_str(&rsa_pem), 0644);
	write_key("empty.key", GP_STR(""), 0600);
	write_key("junk.key", GP_STR("-----BEGIN PRIVATE KEY-----\nxx\n"), 0600);
	from.table = table_of(table);
	assert_int_equal(dkim_keyring_load(&from, arena, &k, &report), GP_EINVAL);
	assert_null(k);
	for (size_t i = 0; i < report.errors.len; i++)
		print_message("# %u: %s\n", report.errors.items[i].line,
			      report.errors.items[i].text);
	for (size_t i = 0; i < GP_ARRAY_SIZE(cases); i++)
		assert_true(has_error("keys", cases[i].line, cases[i].text));
	assert_int_equal(report.errors.len, GP_ARRAY_SIZE(cases));
}

static void test_short_key(void **state)
{
	struct dkim_key_source from = {NULL, "", 2048};
	struct dkim_keyring *k = NULL;

	(void)state;
	write_both();
	from.table = table_of("a.example s=$/rsa.key e=$/ed.key\n");
	assert_int_equal(dkim_keyring_load(&from, arena, &k, &report), GP_EINVAL);
	assert_int_equal(report.errors.len, 1);
	assert_true(has_error("keys", 1, "sign.rsa_bits_min asks for 2048"));
}

static void test_directory_errors(void **state)
{
	struct dkim_key_source from = {NULL, in_dir("keys"), RSA_BITS};
	struct dkim_keyring *k = NULL;

	(void)state;
	assert_int_equal(mkdir(in_dir("keys"), 0700), 0);
	assert_int_equal(mkdir(in_dir("keys/a.example"), 0700), 0);
	assert_int_equal(mkdir(in_dir("keys/b.example"), 0700), 0);
	write_key("keys/a.example/s.key", gp_buf_str(&rsa_pem), 0604);
	write_key("keys/b.example/selectors", GP_STR("s active 1\n\nt broken 1\n"), 0600);
	assert_int_equal(dkim_keyring_load(&from, arena, &k, &report), GP_EINVAL);
	assert_int_equal(report.errors.len, 2);
	assert_true(has_error(NULL, 0, "a.example/s.key"));
	assert_true(has_error(NULL, 0, "b.example/selectors:3:"));
}

static void count(const struct dkim_signer *signer, void *arg)
{
	GP_BUF_AUTO name = GP_BUF_INIT(512);

	gp_buf_printf(&name, "%.*s:%.*s ", GP_STR_FMT(signer->domain),
		      GP_STR_FMT(signer->selector));
	assert_non_null(signer->key);
	assert_non_null(signer->path);
	gp_buf_add_str(arg, gp_buf_str(&name));
}

static void test_each(void **state)
{
	GP_BUF_AUTO all = GP_BUF_INIT(4096);

	(void)state;
	write_both();
	write_key("f.example.key", gp_buf_str(&rsa_pem), 0600);
	dkim_keyring_each(load("a.example s=$/rsa.key t=$/ed.key\n* d=b.example u=$/ed.key\n"
			       "*.example v=$/%d.key\n",
			       ""),
			  count, &all);
	assert_string_equal(gp_buf_cstr(&all), "a.example:s a.example:t b.example:u f.example:v ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_words_of_a_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_patterns, setup, teardown),
		cmocka_unit_test_setup_teardown(test_any_domain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_files_by_domain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory, setup, teardown),
		cmocka_unit_test_setup_teardown(test_credentials, setup, teardown),
		cmocka_unit_test_setup_teardown(test_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_short_key, setup, teardown),
		cmocka_unit_test_setup_teardown(test_directory_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_each, setup, teardown),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
