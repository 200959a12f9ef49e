/*
 * Rows of DMARC report data as the store gives them back: what is read and written
 * again reads the same.
 */
#include "lib/auth/dmarc_report.h"
#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	GP_BUF_AUTO line = GP_BUF_INIT(1 << 20), again = GP_BUF_INIT(1 << 20);
	struct gp_dmarc_row row, twice;
	struct gp_diag diag = {0};
	int r = gp_dmarc_row_parse(arena, gp_str_n(data, size), &row, &diag);

	FUZZ_CHECK((r == GP_OK) == (diag.text[0] == '\0'));
	if (r == GP_OK) {
		FUZZ_CHECK(row.n_signatures <= GP_DMARC_ROW_SIGNATURES && row.count >= 0);
		gp_dmarc_row_format(&row, &line);
		FUZZ_CHECK(gp_buf_error(&line) == GP_OK);
		FUZZ_CHECK(!memchr(line.data, '\n', line.len));
		if (line.len <= GP_MAX_DMARC_ROW) { /* written out, defaults may make it longer */
			FUZZ_CHECK(gp_dmarc_row_parse(arena, gp_buf_str(&line), &twice, NULL) ==
				   GP_OK);
			gp_dmarc_row_format(&twice, &again);
			FUZZ_CHECK(gp_str_eq(gp_buf_str(&line), gp_buf_str(&again)));
		}
	}
	gp_arena_free(arena);
	return 0;
}
