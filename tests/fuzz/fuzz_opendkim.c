/*
 * OpenDKIM's configuration.  The input is files, separated by NUL: opendkim.conf, then what it
 * may name ("/1" … "/4").  Whatever they hold, the configuration that comes out can be read by
 * libconfig, and the key table is one but for key files that are not there.
 */
#include "cli/opendkim.h"
#include "lib/conf/mapfile.h"
#include "lib/conf/node.h"
#include "tests/fuzz/fuzz.h"

#define FILES 5

static int read_file(void *arg, const char *path, struct gp_buf *out, struct gp_diag *diag)
{
	const struct gp_str *files = arg;

	if (path[0] != '/' || path[1] < '0' || path[1] >= '0' + FILES || path[2]) {
		gp_diag_set(diag, "no such file");
		return GP_ENOENT;
	}
	gp_buf_add_str(out, files[path[1] - '0']);
	return gp_buf_error(out);
}

static void check(struct gp_arena *a, const struct gp_opendkim_result *r)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_conf_node root;
	struct gp_mapfile *table = NULL;

	gp_conf_report_init(&report);
	FUZZ_CHECK(gp_conf_file_parse("conf", gp_str(r->conf), a, &root, &report) == GP_OK);
	FUZZ_CHECK(gp_mapfile_parse("keys", gp_str(r->keys), a, &table, &report) == GP_OK);
	for (size_t i = 0; i < r->import.notes.len; i++)
		FUZZ_CHECK(r->import.notes.items[i].text[0] && !strchr(r->import.notes.items[i].text, '\n'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str files[FILES] = {0}, rest = gp_str_n(data, size);
	const struct gp_opendkim_files reader = {read_file, files};
	struct gp_opendkim_result r;

	if (size > 20000) {
		gp_arena_free(a);
		return 0;
	}
	for (size_t i = 0; i < FILES && gp_str_next(&rest, '\0', &files[i]); i++)
		;
	FUZZ_CHECK(gp_opendkim_import(&reader, "/0", "/keys", a, &r, NULL) == GP_OK);
	check(a, &r);
	gp_arena_free(a);
	return 0;
}
