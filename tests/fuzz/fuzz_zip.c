/*
 * ZIP files: whatever the bytes, members lie within them, there are not too many, and what a member
 * holds ends at the buffer's maximum.
 */
#include "lib/base/limits.h"
#include "lib/mail/zip.h"
#include "tests/fuzz/fuzz.h"

#define CONTENT_MAX 100000

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str whole = gp_str_n(data, size);
	struct gp_zip zip = {0};

	if (gp_zip_open(a, whole, &zip) == GP_OK) {
		FUZZ_CHECK(zip.members.len <= GP_MAX_ZIP_MEMBERS);
		for (size_t i = 0; i < zip.members.len && i < 20; i++) {
			const struct gp_zip_member *m = &zip.members.items[i];
			GP_BUF_AUTO out = GP_BUF_INIT(CONTENT_MAX);
			int r = gp_zip_content(&zip, m, &out);

			FUZZ_CHECK(m->name.len == 0 ||
				   (m->name.ptr >= whole.ptr &&
				    m->name.len <= (size_t)(whole.ptr + whole.len - m->name.ptr)));
			FUZZ_CHECK(out.len <= CONTENT_MAX);
			FUZZ_CHECK(r == GP_OK || r == GP_EINVAL || r == GP_ELIMIT);
			FUZZ_CHECK(!m->is_encrypted || r == GP_EINVAL);
		}
	}
	gp_arena_free(a);
	return 0;
}
