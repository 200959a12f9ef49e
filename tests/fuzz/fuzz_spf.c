/*
 * SPF records and their evaluation.
 *
 * The first three lines are client, HELO and MAIL FROM, every other line is a TXT record
 * of the one zone there is: any name has one of them, or none, or no answer, as a hash of
 * the name says; so do addresses, exchanges and the client's names.  Whatever the bytes:
 * the questions are bounded, the same input gives the same result, a record that does not
 * parse passes nobody, an explanation and Received-SPF are printable, and terms stand in
 * the record in their order.
 */
#include "lib/auth/spf_int.h"
#include "lib/base/clock.h"
#include "lib/base/hash.h"
#include "lib/base/limits.h"
#include "tests/fuzz/fuzz.h"

#define QUESTIONS_MAX (1 + 10 * 11 + 11 + 1)
#define LINES_MAX 64
#define NAMES_MAX 12

struct zone {
	struct gp_resolver base;
	struct gp_str lines[LINES_MAX];
	size_t n;
	struct gp_ip client;
};

static void add_text(struct gp_dns_question *q, struct gp_str text)
{
	GP_BUF_AUTO wire = GP_BUF_INIT(1 << 20);

	for (; text.len; text = gp_str_sub(text, 255, text.len)) {
		struct gp_str string = gp_str_sub(text, 0, 255);

		gp_buf_add_chr(&wire, (char)string.len);
		gp_buf_add_str(&wire, string);
	}
	FUZZ_CHECK(gp_dns_answer_add(q, gp_buf_cstr(&wire), wire.len) == GP_OK);
}

static void add_address(struct gp_dns_question *q, const struct gp_ip *client, uint64_t hash)
{
	struct gp_ip ip = *client;

	if (hash % 3)
		ip.bytes[hash % 16] ^= 1;
	FUZZ_CHECK(gp_dns_answer_add(q, ip.bytes, q->type == GP_DNS_A ? 4 : 16) == GP_OK);
}

/* "\1X\1d\0", X a letter: names of which others are made. */
static void add_name(struct gp_dns_question *q, uint64_t hash)
{
	char wire[] = "\0\0\1x\1d";

	wire[1] = (char)(hash % 7);
	wire[3] = (char)('a' + hash % 26);
	if (q->type == GP_DNS_MX)
		FUZZ_CHECK(gp_dns_answer_add(q, wire, sizeof(wire)) == GP_OK);
	else
		FUZZ_CHECK(gp_dns_answer_add(q, wire + 2, sizeof(wire) - 2) == GP_OK);
}

static void answer(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct zone *z = (struct zone *)r;
	uint64_t hash = gp_hash64(q->type, q->name, strlen(q->name));

	switch (q->type) {
	case GP_DNS_TXT:
		if (z->n && hash % 8)
			add_text(q, z->lines[hash % z->n]);
		break;
	case GP_DNS_A:
	case GP_DNS_AAAA:
		for (uint64_t i = 0; i < hash % 3; i++)
			add_address(q, &z->client, hash >> i);
		break;
	case GP_DNS_MX:
	case GP_DNS_NS:
	case GP_DNS_PTR:
		for (uint64_t i = 0; i < hash % NAMES_MAX; i++)
			add_name(q, hash >> i);
		break;
	case GP_DNS_CNAME:
		break;
	}
	q->answer.rcode = q->answer.n_records || hash % 2 ? GP_DNS_NOERROR : GP_DNS_NXDOMAIN;
	gp_job_finish(&q->job, hash % 97 == 0 ? GP_ETEMP : GP_OK);
}

static void check_printable(struct gp_str s, bool folds)
{
	for (size_t i = 0; i < s.len; i++)
		if (folds && s.ptr[i] == '\n')
			FUZZ_CHECK(i + 1 < s.len && s.ptr[++i] == '\t');
		else
			FUZZ_CHECK(s.ptr[i] >= ' ' && s.ptr[i] < 0x7f);
}

static void check_result(const struct gp_spf_result *r)
{
	struct gp_spf_modifiers m;
	struct gp_str terms;

	FUZZ_CHECK(r->reason.len > 0);
	FUZZ_CHECK(r->status == GP_AUTH_FAIL || r->explanation.len == 0);
	FUZZ_CHECK(r->explanation.len <= GP_MAX_SPF_EXPLANATION);
	FUZZ_CHECK(r->n_lookups <= 11);
	check_printable(r->explanation, false);
	if (r->record.len && gp_spf_record_parse(r->record, &terms, &m, NULL))
		FUZZ_CHECK(r->status == GP_AUTH_PERMERROR && r->mechanism.len == 0);
}

static void check_same(const struct gp_spf_result *a, const struct gp_spf_result *b)
{
	FUZZ_CHECK(a->status == b->status && a->n_lookups == b->n_lookups);
	FUZZ_CHECK(gp_str_eq(a->reason, b->reason));
	FUZZ_CHECK(gp_str_eq(a->mechanism, b->mechanism));
	FUZZ_CHECK(gp_str_eq(a->explanation, b->explanation));
}

static void evaluate(struct zone *z, const struct gp_spf_query *q)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_spf_result r[2], helo;

	for (int i = 0; i < 2; i++) {
		struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 60000);
		struct gp_asker asker;

		gp_asker_init(&asker, &z->base, batch, arena);
		gp_spf_check_mailfrom(&asker, q, &r[i]);
		FUZZ_CHECK(asker.seen.len <= QUESTIONS_MAX);
		check_result(&r[i]);
		gp_spf_check_helo(&asker, q, &helo);
		FUZZ_CHECK(asker.seen.len <= 2 * QUESTIONS_MAX);
		check_result(&helo);
		gp_batch_free(&batch);
	}
	check_same(&r[0], &r[1]);
	check_printable(gp_spf_received(arena, &r[0], q), true);
	gp_arena_free(arena);
}

static void check_terms(struct gp_str line)
{
	struct gp_str rest = line;
	struct gp_spf_term term;
	const char *end = line.ptr;

	while (gp_spf_term_next(&rest, &term, NULL) == GP_OK) {
		FUZZ_CHECK(term.text.len > 0 && term.text.ptr >= end);
		end = term.text.ptr + term.text.len;
		FUZZ_CHECK(end + rest.len == line.ptr + line.len);
		FUZZ_CHECK(term.kind == GP_SPF_UNKNOWN || term.domain.len == 0 ||
			   gp_spf_domain_spec_is_valid(term.domain));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct gp_resolver_ops OPS = {.ask = answer};
	struct gp_str rest = gp_str_n(data, size), ip = {0};
	struct zone z = {.base.ops = &OPS};
	struct gp_spf_query q = {.receiver = GP_STR("receiver.example"), .now_s = 1};

	gp_str_next(&rest, '\n', &ip);
	if (gp_ip_parse(ip, &q.client))
		q.client = (struct gp_ip){.family = 4, .bytes = {192, 0, 2, 1}};
	z.client = q.client;
	gp_str_next(&rest, '\n', &q.helo);
	gp_str_next(&rest, '\n', &q.mailfrom);
	while (z.n < LINES_MAX && gp_str_next(&rest, '\n', &z.lines[z.n])) {
		check_terms(z.lines[z.n]);
		z.n++;
	}
	evaluate(&z, &q);
	return 0;
}
