/*
 * DMARC from strangers' bytes: the first line is the value of From, the others are TXT
 * records of the names on the first author's walk, longest first.
 *
 * Authors are names that fold to themselves; a walk asks for at most eight names, each
 * within the one before; a result names a record only of the author's domain or one
 * above it, is fail or pass only with a record, and never passes unaligned.
 */
#include "lib/auth/author.h"
#include "lib/auth/orgdomain.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "tests/fakes/fake_dns.h"
#include "tests/fuzz/fuzz.h"

static void check_record(struct gp_str text)
{
	struct gp_dmarc_record r;
	struct gp_diag diag = {0};
	int e = gp_dmarc_record_parse(text, &r, &diag);

	FUZZ_CHECK((e == GP_OK) == (diag.text[0] == '\0'));
	FUZZ_CHECK(strchr("ynu", r.psd) && r.pct <= 100);
	FUZZ_CHECK(!r.wants_reports || r.rua.len);
	FUZZ_CHECK(e != GP_ENOENT || (!r.rua.len && !r.has_p));
	FUZZ_CHECK(e == GP_OK || (r.p == GP_DMARC_NONE && r.sp == r.p && r.np == r.p));
}

static void check_authors(const struct gp_authors *a)
{
	char name[GP_DNS_NAME_MAX + 1];

	FUZZ_CHECK(a->n <= GP_MAX_DMARC_AUTHORS && (a->n || a->problem.len));
	for (size_t i = 0; i < a->n; i++) {
		struct gp_str names[GP_WALK_MAX];
		size_t n = gp_walk_names(a->domains[i], names);

		FUZZ_CHECK(gp_dns_name_fold(a->domains[i], name) == GP_OK);
		FUZZ_CHECK(gp_str_eq(a->domains[i], gp_str(name)));
		FUZZ_CHECK(n >= 1 && n <= GP_WALK_MAX);
		for (size_t k = 1; k < n; k++)
			FUZZ_CHECK(names[k].len < names[k - 1].len &&
				   gp_str_iends(names[k - 1], names[k]));
	}
}

/* Answers that the fake resolver's script can hold. */
static bool is_zone_text(struct gp_str line)
{
	struct gp_str s = gp_str_trim(line);

	return s.len && s.ptr[0] != '"' && (s.ptr[0] != '!' || gp_str_eq(s, GP_STR("!servfail")));
}

static void judge(struct gp_arena *arena, const struct gp_fields *fields, const char *zone,
		  size_t n_authors)
{
	struct gp_resolver *dns = gp_fake_dns_open(zone, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + 1000);
	struct gp_auth_result result = {0};
	const struct gp_dmarc_result *r = &result.dmarc;
	struct gp_asker asker;
	struct gp_dmarc *d;

	gp_asker_init(&asker, dns, batch, arena);
	d = gp_dmarc_begin(&asker, GP_ORGDOMAIN_TREE_WALK, NULL, fields);
	result.mailfrom.status = GP_AUTH_PASS;
	result.mailfrom.domain = GP_STR("a.b.c.example");
	gp_dmarc_finish(d, &result);
	FUZZ_CHECK(asker.seen.len <= GP_WALK_MAX * (n_authors + 1) + n_authors);
	FUZZ_CHECK((r->status == GP_AUTH_PASS) == (r->is_spf_aligned && !r->is_dkim_aligned));
	FUZZ_CHECK(r->has_record || (r->status != GP_AUTH_PASS && r->status != GP_AUTH_FAIL));
	FUZZ_CHECK(!r->has_record || gp_str_iends(r->from, r->record_domain));
	FUZZ_CHECK(gp_str_iends(r->from, r->org));
	FUZZ_CHECK(r->status == GP_AUTH_PASS || r->reason.len);
	gp_batch_free(&batch);
	gp_resolver_close(&dns);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_str rest = gp_str_n(data, GP_MIN(size, (size_t)65536)), line = {0};
	struct gp_str names[GP_WALK_MAX] = {0};
	struct gp_fields fields = {0};
	struct gp_authors authors;
	GP_BUF_AUTO zone = GP_BUF_INIT(1 << 20);

	gp_str_next(&rest, '\n', &line);
	gp_fields_add(arena, &fields, GP_STR("From"), line);
	gp_authors_read(arena, &fields, &authors);
	check_authors(&authors);
	if (authors.n)
		gp_walk_names(authors.domains[0], names);
	for (size_t i = 0; i < GP_WALK_MAX && gp_str_next(&rest, '\n', &line); i++) {
		check_record(line);
		if (is_zone_text(line) && names[i].len && !memchr(line.ptr, '\0', line.len))
			gp_buf_printf(&zone, "_dmarc.%.*s TXT %.*s\n", GP_STR_FMT(names[i]),
				      GP_STR_FMT(line));
	}
	judge(arena, &fields, gp_buf_cstr(&zone), authors.n);
	gp_arena_free(arena);
	return 0;
}
