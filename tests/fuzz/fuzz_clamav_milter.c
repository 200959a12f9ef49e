/*
 * clamav-milter.conf.  Whatever it holds, what comes out can be read by libconfig.
 */
#include "cli/clamav_milter.h"
#include "lib/conf/node.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_import import = {.arena = a};
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 20);
	GP_CONF_REPORT_AUTO report;
	struct gp_conf_node root;

	if (size <= 20000) {
		gp_conf_report_init(&report);
		gp_clamav_milter_import(&import, "/conf", gp_str_n(data, size));
		gp_import_print_settings(&import, &out);
		FUZZ_CHECK(gp_conf_file_parse("conf", gp_buf_str(&out), a, &root, &report) == GP_OK);
		for (size_t i = 0; i < import.notes.len; i++)
			FUZZ_CHECK(!strchr(import.notes.items[i].text, '\n'));
	}
	gp_arena_free(a);
	return 0;
}
