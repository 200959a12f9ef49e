/*
 * Zone files.  Whatever the bytes: an error says FILE:LINE, a zone answers every
 * question within its bounds and the same each time, with plain names; notes have lines.
 */
#include "lib/base/err.h"
#include "lib/dns/dns_zone.h"
#include "tests/fuzz/fuzz.h"

/* Text from a file is printable once it is a name: odd bytes are escaped. */
static void check_name(struct gp_str s)
{
	FUZZ_CHECK(s.len <= 4 * 255);
	for (size_t i = 0; i < s.len; i++)
		FUZZ_CHECK(s.ptr[i] > ' ' && s.ptr[i] < 0x7f);
}

static void check_answer(const struct gp_dns_question *q, int result)
{
	const struct gp_dns_answer *a = &q->answer;

	FUZZ_CHECK(result == GP_OK || result == GP_ETEMP || result == GP_EINVAL);
	if (result != GP_OK)
		return;
	FUZZ_CHECK(a->rcode == GP_DNS_NOERROR || a->rcode == GP_DNS_NXDOMAIN);
	FUZZ_CHECK(a->n_records <= GP_DNS_RECORDS_MAX);
	FUZZ_CHECK(a->rcode == GP_DNS_NOERROR || a->n_records == 0);
	FUZZ_CHECK(a->ttl_s <= INT32_MAX);
	check_name(a->name);
	for (size_t i = 0; i < a->n_records; i++) {
		FUZZ_CHECK(q->type == GP_DNS_A || q->type == GP_DNS_AAAA || a->records[i].text.ptr);
		if (q->type != GP_DNS_TXT)
			check_name(a->records[i].text);
	}
}

static void ask(struct gp_resolver *r, struct gp_str name)
{
	static const enum gp_dns_type TYPES[] = {GP_DNS_A,  GP_DNS_AAAA, GP_DNS_TXT,
						 GP_DNS_MX, GP_DNS_PTR,	 GP_DNS_CNAME,
						 GP_DNS_NS};
	struct gp_batch *batch = gp_batch_new(INT64_MAX);

	for (size_t i = 0; i < GP_ARRAY_SIZE(TYPES); i++) {
		struct gp_dns_question *q = gp_dns_begin(r, batch, name, TYPES[i]);

		FUZZ_CHECK(gp_job_is_done(&q->job)); /* nothing to wait for */
		check_answer(q, q->job.result);
	}
	gp_batch_free(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size), word, rest = in;
	struct gp_diag diag = {""};
	struct gp_resolver *r;
	int n = 0;

	if (gp_dns_zone_parse(in, "f", &r, &diag) != GP_OK) {
		FUZZ_CHECK(diag.text[0] == 'f' && diag.text[1] == ':' &&
			   gp_is_digit(diag.text[2]));
		return 0;
	}
	while (n++ < 100 && gp_str_next_word(&rest, &word))
		ask(r, word);
	ask(r, GP_STR("a.b.example"));
	rest = gp_dns_zone_notes(r);
	FUZZ_CHECK(rest.len == 0 || rest.ptr[rest.len - 1] == '\n');
	gp_resolver_close(&r);
	return 0;
}
