/*
 * PDF files, read line by line.  Whatever the bytes: at most one file is counted, every list stays
 * within its bounds, an image has a size, digests are digests, and the same bytes read again say
 * the same again.
 */
#include "lib/score/rule_pdf.h"
#include "tests/fuzz/fuzz.h"

static void check(const struct gp_pdf *pdf)
{
	FUZZ_CHECK(pdf->files == 1 && pdf->md5.len <= 1 && pdf->fuzzy_md5.len <= 2);
	FUZZ_CHECK(pdf->uris.len <= 20 && pdf->sizes.len <= 201);
	FUZZ_CHECK(pdf->images > 0 || pdf->area <= 0);
	for (size_t i = 0; i < pdf->sizes.len; i++)
		FUZZ_CHECK(pdf->sizes.items[i].height > 0 && pdf->sizes.items[i].width > 0);
	for (size_t i = 0; i < pdf->md5.len; i++)
		FUZZ_CHECK(pdf->md5.items[i].len == 32 || pdf->md5.items[i].len == 0);
	for (size_t k = 0; k < GP_PDF_DETAILS; k++)
		for (size_t i = 0; i < pdf->details[k].len; i++)
			FUZZ_CHECK(pdf->details[k].items[i].len <= 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_pdf one = {0}, two = {0};

	gp_pdf_read(a, gp_str_n(data, size), GP_STR("x.pdf"), &one);
	gp_pdf_read(a, gp_str_n(data, size), GP_STR("x.pdf"), &two);
	check(&one);
	FUZZ_CHECK(one.images == two.images && one.uris.len == two.uris.len);
	FUZZ_CHECK(one.is_encrypted == two.is_encrypted && one.sizes.len == two.sizes.len);
	gp_arena_free(a);
	return 0;
}
