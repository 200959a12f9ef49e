/*
 * Mail that nobody here wrote, where it is at hand ($GATEPOST_DATA, else beside
 * the tree): the structure of the torture messages is what their .ref files say,
 * and 50 real messages may end after any byte.
 */
#include "tests/unit/test.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/utf8.h"
#include "lib/mail/message.h"

#define MESSAGES 50
#define PATH_SIZE 2048

static bool data_path(char path[PATH_SIZE], const char *below)
{
	const char *data = getenv("GATEPOST_DATA"), *top = getenv("GATEPOST_TOP");
	DIR *dir;

	if (data)
		snprintf(path, PATH_SIZE, "%s/%s", data, below);
	else
		snprintf(path, PATH_SIZE, "%s/../shared/data/%s", top ? top : ".", below);
	dir = opendir(path);
	if (!dir) {
		printf("# skipped: no test data in %s (GATEPOST_DATA names another place)\n", path);
		return false;
	}
	closedir(dir);
	return true;
}

static bool load(const char *folder, const char *name, const char *suffix, struct gp_buf *ret)
{
	char path[PATH_SIZE];

	gp_buf_reset(ret);
	return snprintf(path, sizeof(path), "%s/%s%s", folder, name, suffix) < PATH_SIZE &&
	       gp_file_read(path, ret, NULL) == GP_OK;
}

/* The part that a .ref calls Part_2_1: the first child of the second child of
 * the message; NULL if there is none. */
static const struct gp_part *part_of(const struct gp_message *m, struct gp_str path)
{
	struct gp_str piece;
	unsigned at = 0;

	while (gp_str_next(&path, '_', &piece)) {
		uint64_t n;
		unsigned i;

		assert_int_equal(gp_num_parse_uint(piece, 10, &n), GP_OK);
		for (i = at + 1; i < m->parts.len; i++) {
			if (m->parts.items[i].parent == at && --n == 0)
				break;
		}
		if (i == m->parts.len)
			return NULL;
		at = i;
	}
	return &m->parts.items[at];
}

/* `    "Key" => "value",` with Perl's backslashes. */
static bool read_pair(struct gp_arena *a, struct gp_str line, struct gp_str *key, struct gp_str *value)
{
	size_t arrow, n = 0;
	char *out;

	line = gp_str_trim(line);
	arrow = gp_str_find(line, GP_STR("\" => "), 0);
	if (arrow == line.len)
		return false;
	*key = gp_str_sub(line, 1, arrow - 1);
	line = gp_str_sub(line, arrow + 5, line.len);
	if (gp_str_iends(line, GP_STR(",")))
		line.len--;
	if (gp_str_starts(line, GP_STR("qq{")) && line.len > 4) /* qq{…} */
		line = gp_str_sub(line, 3, line.len - 4);
	else if (line.len >= 2 && line.ptr[0] == '"')
		line = gp_str_sub(line, 1, line.len - 2);
	out = gp_arena_alloc(a, line.len + 1);
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '\\' && i + 1 < line.len)
			i++;
		out[n++] = line.ptr[i];
	}
	*value = gp_str_n(out, n);
	return true;
}

static void check_value(const struct gp_part *p, struct gp_str key, struct gp_str value)
{
	uint64_t size;

	if (gp_str_eq(key, GP_STR("Type")))
		assert_true(gp_str_istarts(p->type, value)); /* "text" is text/plain */
	else if (gp_str_eq(key, GP_STR("Charset")))
		assert_true(gp_str_ieq(p->charset, value));
	else if (gp_str_eq(key, GP_STR("Disposition")))
		assert_true(gp_str_ieq(p->disposition, value));
	else if (gp_str_eq(key, GP_STR("Encoding")))
		assert_true(gp_str_ieq(p->encoding.len ? p->encoding : GP_STR("7bit"), value));
	else if (gp_str_eq(key, GP_STR("Filename")) && gp_str_find(value, GP_STR("x{"), 0) == value.len)
		assert_true(gp_str_eq(p->filename, value));
	else if (gp_str_eq(key, GP_STR("Size")) && !p->charset.len &&
		 gp_num_parse_uint(value, 10, &size) == GP_OK)
		assert_int_equal(p->size, size);
}

static void check_reference(struct gp_arena *a, const struct gp_message *m, struct gp_str ref)
{
	const struct gp_part *p = NULL;
	struct gp_str line, key, value;
	size_t n_parts = 1;

	while (gp_str_next(&ref, '\n', &line)) {
		if (!read_pair(a, line, &key, &value))
			continue;
		if (gp_str_eq(value, GP_STR("{"))) {
			p = NULL;
			if (gp_str_eq(key, GP_STR("Msg")))
				p = &m->parts.items[0];
			if (!gp_str_starts(key, GP_STR("Part_")))
				continue;
			p = part_of(m, gp_str_sub(key, 5, key.len));
			assert_non_null(p);
			n_parts++;
		} else if (p) {
			check_value(p, key, value);
		}
	}
	assert_int_equal(m->parts.len, n_parts);
}

/* What their .ref says of another reading than ours. */
static bool is_other_reading(const char *name)
{
	static const char *const names[] = {
		"uu-zeegee",   /* uuencoded text in text/plain taken out */
		"ak-0696",     /* three .ref for three settings, see below */
		"hdr-fakeout", /* to be refused */
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		if (gp_str_eq(gp_str(name), gp_str(names[i])))
			return true;
	}
	return false;
}

static void test_structure(void **state)
{
	GP_BUF_AUTO msg = GP_BUF_INIT(16 << 20), ref = GP_BUF_INIT(1 << 20);
	char folder[PATH_SIZE];
	struct dirent **names;
	unsigned n_checked = 0;
	int n;

	(void)state;
	if (!data_path(folder, "mime/testmsgs"))
		return;
	n = scandir(folder, &names, NULL, alphasort);
	assert_true(n > 0);
	for (int i = 0; i < n; i++) {
		struct gp_str name = gp_str(names[i]->d_name);

		if (gp_str_iends(name, GP_STR(".msg"))) {
			struct gp_arena *a = gp_arena_new(0);
			struct gp_message *m;

			names[i]->d_name[name.len - 4] = '\0';
			assert_true(load(folder, names[i]->d_name, ".msg", &msg));
			m = gp_message_parse(a, NULL, gp_buf_str(&msg));
			assert_int_equal(m->cut, 0);
			if (!is_other_reading(names[i]->d_name) && load(folder, names[i]->d_name, ".ref", &ref)) {
				printf("# %s\n", names[i]->d_name);
				check_reference(a, m, gp_buf_str(&ref));
				n_checked++;
			}
			gp_arena_free(a);
		}
		free(names[i]);
	}
	free(names);
	assert_true(n_checked > 15);
}

/* Every prefix of the message parses, and says the same of itself in two ways. */
static void check_prefixes(struct gp_str whole)
{
	struct gp_arena *a = gp_arena_new(0);

	for (size_t n = 0; n <= whole.len; n++) {
		GP_FREE char *copy = malloc(n ? n : 1);
		struct gp_message *m;

		memcpy(copy, whole.ptr, n);
		m = gp_message_parse(a, NULL, gp_str_n(copy, n));
		assert_true(m->parts.len >= 1 && m->parts.len <= GP_MAX_MIME_PARTS);
		assert_int_equal(m->cut, 0);
		assert_true(gp_utf8_is_valid(m->text));
		for (size_t i = 1; i < m->parts.len; i++)
			assert_true(m->parts.items[i].parent < i);
		gp_arena_reset(a);
	}
	gp_arena_free(a);
}

static void test_truncation(void **state)
{
	GP_BUF_AUTO msg = GP_BUF_INIT(16 << 20);
	char folder[PATH_SIZE];
	struct dirent **names;
	unsigned n_checked = 0;
	int n;

	(void)state;
	if (!data_path(folder, "mail/csdmc2010/spam"))
		return;
	n = scandir(folder, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) { /* short ones: every byte of them is tried */
		if (names[i]->d_name[0] != '.' && n_checked < MESSAGES &&
		    load(folder, names[i]->d_name, "", &msg) && msg.len > 1000 && msg.len < 3000) {
			check_prefixes(gp_buf_str(&msg));
			n_checked++;
		}
		free(names[i]);
	}
	free(names);
	assert_int_equal(n_checked, MESSAGES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_structure),
		cmocka_unit_test(test_truncation),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
