/*
 * What is ours of reading a request: header fields, hosts, who may ask, and frames that a
 * worker sends.  Nobody gets past the password without it, and a frame that was read again
 * gives the same bytes.
 */
#include "controller/ask_wire.h"
#include "controller/http_access.h"
#include "controller/http_zstd.h"
#include "controller/scan_wire.h"
#include "tests/fuzz/fuzz.h"

#define PASSWORD "correct horse"

/* "Name: value" lines; those that begin with "?" are of the address. */
static void read_lines(struct gp_str text, struct http_request *rq)
{
	struct gp_str line;

	while (gp_str_next(&text, '\n', &line)) {
		bool is_argument = line.len && line.ptr[0] == '?';
		size_t colon = gp_str_find_chr(line, ':', 0);

		if (!http_fields_add(rq->arena, is_argument ? &rq->arguments : &rq->headers,
				     gp_arena_cstr(rq->arena, gp_str_sub(line, is_argument, colon - is_argument)),
				     gp_arena_cstr(rq->arena, gp_str_sub(line, colon + 1, line.len))))
			break;
	}
}

static void check_access(struct gp_str text)
{
	struct http_access rules = {0};
	struct http_request rq = {.arena = gp_arena_new(0), .peer = {.is_local = true}};
	bool has_it;

	FUZZ_CHECK(http_access_set_password(&rules, PASSWORD, sizeof(PASSWORD) - 1) == GP_OK);
	read_lines(text, &rq);
	has_it = http_field_count(&rq.headers, "Password") == 1 &&
		 gp_str_eq(http_field_get(&rq.headers, "Password"), GP_STR(PASSWORD));
	if (!http_access_check(&rules, HTTP_CHANGE, &rq)) {
		FUZZ_CHECK(has_it);
		FUZZ_CHECK(!http_field_count(&rq.headers, "File"));
		FUZZ_CHECK(!http_field_count(&rq.arguments, "Password"));
		FUZZ_CHECK(!http_access_check(&rules, HTTP_READ, &rq));
		FUZZ_CHECK(!http_access_check(&rules, HTTP_OPEN, &rq));
	}
	gp_arena_free(rq.arena);
}

static void check_frames(struct gp_str bytes)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct ask_frame f;
	long n;

	while ((n = ask_parse(bytes, &f)) > 0) {
		GP_BUF_AUTO again = GP_BUF_INIT(ASK_FRAME_MAX + 16);
		struct ask_tokens t;
		struct gp_dns_answer answer;
		enum gp_dns_type type;
		struct gp_str name;
		int result;

		FUZZ_CHECK((size_t)n <= bytes.len);
		if (f.type == ASK_NAME && ask_get_name(f.payload, &type, &name) == GP_OK) {
			ask_put_name(&again, f.id, type, name);
			FUZZ_CHECK(gp_str_eq(gp_buf_str(&again), gp_str_n(bytes.ptr, (size_t)n)));
		}
		if (f.type == ASK_TOKENS && ask_get_tokens(f.payload, &t) == GP_OK)
			FUZZ_CHECK(t.n * 8 == t.tokens.len && t.n <= ASK_TOKENS_MAX);
		if (f.type == ASK_RECORDS && ask_get_records(f.payload, arena, &result, &answer) == GP_OK)
			FUZZ_CHECK(answer.n_records <= GP_DNS_RECORDS_MAX);
		bytes = gp_str_n(bytes.ptr + n, bytes.len - (size_t)n);
	}
	gp_arena_free(arena);
}

static void check_wire(struct gp_str bytes)
{
	struct gp_arena *arena = gp_arena_new(0);
	GP_BUF_AUTO again = GP_BUF_INIT(bytes.len + 64);
	struct scan_order order;
	struct scan_report report;

	if (scan_order_decode(bytes, arena, &order) == GP_OK) {
		scan_order_encode(&order, &again);
		FUZZ_CHECK(again.len == bytes.len);
	}
	if (scan_report_decode(bytes, &report) == GP_OK)
		FUZZ_CHECK(report.json.len < bytes.len);
	gp_arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str bytes = gp_str_n(data, size);
	GP_BUF_AUTO plain = GP_BUF_INIT(1 << 20);
	struct gp_str host = http_host_name(bytes);

	FUZZ_CHECK(host.len <= size);
	for (size_t i = 0; i < host.len; i++)
		FUZZ_CHECK(gp_is_alnum(host.ptr[i]) || strchr("-._:", host.ptr[i]));
	check_access(bytes);
	check_frames(bytes);
	check_wire(bytes);
	if (http_zstd_unpack(bytes, &plain) == GP_OK)
		FUZZ_CHECK(plain.len <= plain.max);
	return 0;
}
