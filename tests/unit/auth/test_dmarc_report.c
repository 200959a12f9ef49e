/*
 * Rows of DMARC reports: made, written, read, counted, handed on.
 */
#include "tests/unit/test.h"

#include <pthread.h>
#include <stdlib.h>

#include "lib/auth/dmarc_rows.h"
#include "lib/base/limits.h"

#define NOON (20000 * (int64_t)GP_DMARC_DAY_S + 43200)

static struct gp_arena *arena;

static int setup(void **state)
{
	arena = gp_arena_new(0);
	return 0;
}

static int teardown(void **state)
{
	gp_arena_freep(&arena);
	return 0;
}

/* A message that passed by DKIM, and what was done with it. */
struct message {
	struct gp_dkim_result dkim[12];
	struct gp_auth_result result;
	struct gp_dmarc_seen seen;
};

static void message(struct message *m)
{
	*m = (struct message){0};
	for (size_t i = 0; i < GP_ARRAY_SIZE(m->dkim); i++)
		m->dkim[i] = (struct gp_dkim_result){.status = GP_AUTH_FAIL,
						     .domain = GP_STR("x.example"),
						     .selector = GP_STR("s")};
	m->dkim[1].status = GP_AUTH_PASS;
	m->dkim[2] = (struct gp_dkim_result){
		.status = GP_AUTH_PASS, .domain = GP_STR("m.a.example"), .selector = GP_STR("two")};
	m->dkim[3] = (struct gp_dkim_result){
		.status = GP_AUTH_PASS, .domain = GP_STR("a.example"), .selector = GP_STR("three")};
	m->result = (struct gp_auth_result){
		.mailfrom = {.status = GP_AUTH_SOFTFAIL, .domain = GP_STR("b.example")},
		.dkim = m->dkim,
		.n_dkim = 4,
		.dmarc =
			{
				.status = GP_AUTH_PASS,
				.from = GP_STR("a.example"),
				.record = GP_STR("v=DMARC1;p=reject;sp=none;adkim=s;fo=1;rua="
						 "mailto:r@a.example, mailto:s@b.example"),
				.record_domain = GP_STR("a.example"),
				.dkim_domain = GP_STR("a.example"),
				.has_record = true,
				.is_dkim_aligned = true,
				.wants_reports = true,
				.published = GP_DMARC_REJECT,
				.policy = GP_DMARC_REJECT,
			},
	};
	m->seen = (struct gp_dmarc_seen){
		.result = &m->result,
		.client = {.family = 4, .bytes = {192, 0, 2, 1}},
		.mailfrom = GP_STR("sender@b.example"),
		.override = "",
		.now_s = NOON,
	};
}

static const char *line_of(const struct gp_dmarc_row *row)
{
	GP_BUF_AUTO line = GP_BUF_INIT(1 << 20);

	gp_dmarc_row_format(row, &line);
	return gp_arena_cstr(arena, gp_buf_str(&line));
}

static void written(void **state)
{
	struct gp_dmarc_row row;
	struct message m;

	message(&m);
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	row.id = GP_STR("1-2");
	assert_string_equal(
		line_of(&row),
		"v=1 id=1-2 begin=1728043200 end=1728043200 n=1 domain=a.example method=treewalk "
		"p=reject sp=none np=none adkim=s aspf=r t=n fo=1 "
		"rua=mailto:r@a.example,\\x20mailto:s@b.example ip=192.0.2.1 dmarc=pass do=none "
		"dkim=pass "
		"spf=fail why= from=a.example env=b.example sr=softfail sd=b.example "
		"sig=pass:a.example:three sig=pass:x.example:s sig=pass:m.a.example:two "
		"sig=fail:x.example:s");
	/* a failure: what was done, and why it is not what was asked for */
	m.result.dmarc.status = GP_AUTH_FAIL;
	m.result.dmarc.is_dkim_aligned = false;
	m.result.n_dkim = 0;
	m.seen.how = GP_ORGDOMAIN_PSL;
	m.seen.mailfrom = GP_STR("");
	m.seen.disposition = GP_DMARC_QUARANTINE;
	m.seen.override = "local_policy";
	m.seen.client = (struct gp_ip){.family = 6, .bytes = {0x20, 1, 0xd, 0xb8, [15] = 1}};
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	assert_non_null(strstr(line_of(&row), " method=psl "));
	assert_non_null(strstr(
		line_of(&row),
		" ip=2001:db8::1 dmarc=fail do=quarantine dkim=fail spf=fail why=local_policy "));
	assert_non_null(strstr(line_of(&row), " env= "));
	/* t=y speaks for itself */
	m.seen.override = "";
	m.result.dmarc.policy = GP_DMARC_QUARANTINE;
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	assert_str(row.override, "policy_test_mode");
}

static void not_wanted(void **state)
{
	static const enum gp_auth_status none[] = {GP_AUTH_NONE, GP_AUTH_TEMPERROR,
						   GP_AUTH_PERMERROR};
	struct gp_dmarc_row row;
	struct message m;

	for (size_t i = 0; i < GP_ARRAY_SIZE(none); i++) {
		message(&m);
		m.result.dmarc.status = none[i];
		assert_false(gp_dmarc_row_make(&m.seen, &row));
	}
	message(&m);
	m.result.dmarc.has_record = false;
	assert_false(gp_dmarc_row_make(&m.seen, &row));
	message(&m);
	m.result.dmarc.wants_reports = false;
	assert_false(gp_dmarc_row_make(&m.seen, &row));
}

static bool same_row(const struct gp_dmarc_row *a, const struct gp_dmarc_row *b)
{
	return strcmp(line_of(a), line_of(b)) == 0 && a->n_signatures == b->n_signatures;
}

static void read_back(void **state)
{
	struct gp_dmarc_row row, again;
	struct message m;
	struct gp_diag diag;

	message(&m);
	m.result.n_dkim = 12;
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	assert_int_equal(row.n_signatures, GP_DMARC_ROW_SIGNATURES);
	row.id = GP_STR("x");
	row.envelope_from = GP_STR("a b\\\n\001\377=:");
	row.signatures[1].selector = GP_STR("s:el\\x20 ");
	row.signatures[2].domain = GP_STR("");
	row.count = INT64_MAX;
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(line_of(&row)), &again, &diag), GP_OK);
	assert_true(same_row(&row, &again));
	assert_str(again.envelope_from, "a b\\\n\001\377=:");
	assert_str(again.signatures[1].selector, "s:el\\x20 ");
	assert_int_equal(again.count, INT64_MAX);
	assert_true(gp_ip_equal(&again.client, &row.client));
}

/* Whatever a client calls itself, what is written can be read. */
static void long_names(void **state)
{
	static char name[5000];
	struct gp_dmarc_row row, again;
	struct message m;
	struct gp_diag diag;

	memset(name, 1, sizeof(name));
	message(&m);
	m.result.mailfrom.domain = gp_str_n(name, sizeof(name));
	m.seen.mailfrom = gp_str_n(name, sizeof(name));
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(line_of(&row)), &again, &diag), GP_OK);
	name[10] = '@';
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(line_of(&row)), &again, &diag), GP_OK);
}

static void malformed(void **state)
{
	static const char *const lines[] = {
		"",
		"v=2 domain=a n=1 ip=192.0.2.1 from=a",
		"domain=a n=1 ip=192.0.2.1 from=a v=1",
		"v=1",
		"v=1 domain=a n=1 ip=192.0.2.1",
		"v=1 domain=a n=1 from=a",
		"v=1 domain=a n=-1 ip=192.0.2.1 from=a",
		"v=1 domain=a n=1x ip=192.0.2.1 from=a",
		"v=1 domain=a n=99999999999999999999 ip=192.0.2.1 from=a",
		"v=1 domain=a n=1 ip=192.0.2 from=a",
		"v=1 domain=a\\ n=1 ip=192.0.2.1 from=a",
		"v=1 domain=a\\x2 n=1 ip=192.0.2.1 from=a",
		"v=1 domain=a\\xzz n=1 ip=192.0.2.1 from=a",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a p=maybe",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a adkim=y",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a method=guess",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a sr=ok",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a sig=pass:a",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a sig=pass:a:b:c",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a sig=:a:b",
		"v=1 domain=a n=1 ip=192.0.2.1 from=a word",
	};
	static char long_line[GP_MAX_DMARC_ROW + 2];
	struct gp_dmarc_row row;
	struct gp_diag diag;

	for (size_t i = 0; i < GP_ARRAY_SIZE(lines); i++) {
		diag.text[0] = '\0';
		if (gp_dmarc_row_parse(arena, gp_str(lines[i]), &row, &diag) != GP_EINVAL ||
		    !diag.text[0])
			fail_msg("%s", lines[i]);
	}
	memset(long_line, 'a', sizeof(long_line) - 1);
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(long_line), &row, &diag), GP_ELIMIT);
	/* of a later version of us */
	assert_int_equal(gp_dmarc_row_parse(arena,
					    GP_STR("v=1 domain=a new=1 n=1 ip=192.0.2.1 from=a"),
					    &row, &diag),
			 GP_OK);
}

/* What strangers can make long stays within the row's limit. */
static void bounded(void **state)
{
	static char long_name[4000];
	struct gp_dmarc_row row, again;
	struct message m;

	memset(long_name, '\001', sizeof(long_name) - 1);
	long_name[0] = '@';
	message(&m);
	m.result.n_dkim = 12;
	m.seen.mailfrom = gp_str(long_name);
	m.result.mailfrom.domain = gp_str_sub(gp_str(long_name), 0, 253);
	m.result.dmarc.record = gp_str(gp_arena_printf(
		arena, "v=DMARC1;p=none;rua=mailto:a@b.example%3000s,https://x;fo=%30s", "", ""));
	for (size_t i = 0; i < 12; i++)
		m.dkim[i].selector = gp_str_sub(gp_str(long_name), 0, 253);
	assert_true(gp_dmarc_row_make(&m.seen, &row));
	row.id = GP_STR("0123456789abcdef-18446744073709551615");
	row.begin_s = row.end_s = row.count = INT64_MAX;
	assert_true(strlen(line_of(&row)) <= GP_MAX_DMARC_ROW);
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(line_of(&row)), &again, NULL), GP_OK);
	assert_true(again.n_signatures > 0 && again.n_signatures < row.n_signatures);
}

/* Rows that were pushed, and how many more may be. */
struct sink {
	unsigned left;
	size_t n;
	int64_t days[100];
	struct gp_dmarc_row rows[100];
	const char *lines[100];
};

static int push(void *arg, int64_t day, struct gp_str line)
{
	struct sink *s = arg;

	if (!s->left)
		return GP_ETEMP;
	s->left--;
	s->days[s->n] = day;
	s->lines[s->n] = gp_arena_cstr(arena, line);
	assert_int_equal(gp_dmarc_row_parse(arena, gp_str(s->lines[s->n]), &s->rows[s->n], NULL),
			 GP_OK);
	s->n++;
	return GP_OK;
}

static void counted(void **state)
{
	struct gp_dmarc_rows *rows = gp_dmarc_rows_new(1 << 20);
	struct sink sink = {.left = 100};
	struct gp_dmarc_rows_count count;
	struct gp_dmarc_row row;
	struct message m;

	message(&m);
	for (int i = 0; i < 5; i++) {
		m.seen.now_s = NOON - 2 * i;
		assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	}
	m.seen.client.bytes[3] = 2; /* another row */
	assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	m.seen.now_s += GP_DMARC_DAY_S; /* and another day */
	assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	gp_dmarc_rows_count(rows, &count);
	assert_int_equal(count.rows, 3);
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_OK);
	assert_int_equal(sink.n, 3);
	assert_int_equal(sink.rows[0].count, 5);
	assert_int_equal(sink.rows[0].begin_s, NOON - 8);
	assert_int_equal(sink.rows[0].end_s, NOON);
	assert_int_equal(sink.days[0], 20000);
	assert_int_equal(sink.rows[1].count, 1);
	assert_int_equal(sink.days[2], 20001);
	assert_false(gp_str_eq(sink.rows[0].id, sink.rows[1].id));
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_OK);
	assert_int_equal(sink.n, 3);
	gp_dmarc_rows_count(rows, &count);
	assert_int_equal(count.rows, 0);
	assert_int_equal(count.pushed, 3);
	assert_int_equal(count.dropped, 0);
	gp_dmarc_rows_free(&rows);
	gp_dmarc_rows_free(&rows);
}

/* A store that fails on the way: nothing is lost, nothing changes under an id. */
static void kept(void **state)
{
	struct gp_dmarc_rows *rows = gp_dmarc_rows_new(1 << 20);
	struct sink sink = {.left = 1};
	struct gp_dmarc_row row;
	struct message m;
	int64_t messages = 0;

	message(&m);
	for (int i = 0; i < 3; i++) {
		m.seen.client.bytes[3] = (uint8_t)i;
		assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	}
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_ETEMP);
	assert_int_equal(sink.n, 1);
	assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_ETEMP);
	sink.left = 100;
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_OK);
	assert_int_equal(sink.n, 4);
	for (size_t i = 0; i < sink.n; i++) {
		messages += sink.rows[i].count;
		for (size_t k = 0; k < i; k++)
			assert_false(gp_str_eq(sink.rows[i].id, sink.rows[k].id));
	}
	assert_int_equal(messages, 4);
	gp_dmarc_rows_free(&rows);
}

static void full(void **state)
{
	struct gp_dmarc_rows *rows = gp_dmarc_rows_new(2000);
	struct sink sink = {.left = 100};
	struct gp_dmarc_rows_count count;
	struct gp_dmarc_row row;
	struct message m;
	unsigned kept_n = 0;

	message(&m);
	for (int i = 0; i < 100; i++) {
		m.seen.client.bytes[3] = (uint8_t)i;
		assert_true(gp_dmarc_row_make(&m.seen, &row));
		kept_n += gp_dmarc_rows_add(rows, &row);
	}
	assert_in_range(kept_n, 1, 20);
	gp_dmarc_rows_count(rows, &count);
	assert_int_equal(count.dropped, 100 - kept_n);
	m.seen.client.bytes[3] = 0; /* a row that is there still counts */
	assert_true(gp_dmarc_row_make(&m.seen, &row) && gp_dmarc_rows_add(rows, &row));
	/* also while rows wait that could not be pushed */
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &(struct sink){0}), GP_ETEMP);
	assert_false(gp_dmarc_rows_add(rows, &row));
	assert_int_equal(gp_dmarc_rows_flush(rows, push, &sink), GP_OK);
	assert_true(gp_dmarc_rows_add(rows, &row));
	gp_dmarc_rows_free(&rows);
}

#define THREADS 4
#define EACH 2000

static void *add_many(void *arg)
{
	struct gp_dmarc_row row;
	struct message m;

	message(&m);
	for (int i = 0; i < EACH; i++) {
		m.seen.client.bytes[3] = (uint8_t)(i % 8);
		gp_dmarc_row_make(&m.seen, &row);
		gp_dmarc_rows_add(arg, &row);
	}
	return NULL;
}

static int sum(void *arg, int64_t day, struct gp_str line)
{
	size_t at = gp_str_find(line, GP_STR(" n="), 0);

	*(long *)arg += strtol(line.ptr + at + 3, NULL, 10);
	return GP_OK;
}

/* Every message is in one row, whatever is pushed while it is added. */
static void threads(void **state)
{
	struct gp_dmarc_rows *rows = gp_dmarc_rows_new(1 << 20);
	pthread_t thread[THREADS];
	long messages = 0;

	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, add_many, rows), 0);
	for (int i = 0; i < 100; i++)
		assert_int_equal(gp_dmarc_rows_flush(rows, sum, &messages), GP_OK);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	assert_int_equal(gp_dmarc_rows_flush(rows, sum, &messages), GP_OK);
	assert_int_equal(messages, THREADS * EACH);
	gp_dmarc_rows_free(&rows);
}

static void rings(void **state)
{
	assert_str(gp_dmarc_ring(20000), "dkim-dmarc-0");
	assert_str(gp_dmarc_ring(20007), "dkim-dmarc-7");
	assert_str(gp_dmarc_ring(20008), "dkim-dmarc-0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(written),   cmocka_unit_test(not_wanted),
		cmocka_unit_test(read_back), cmocka_unit_test(malformed),
		cmocka_unit_test(long_names), cmocka_unit_test(malformed),
		cmocka_unit_test(bounded),   cmocka_unit_test(counted),
		cmocka_unit_test(kept),	     cmocka_unit_test(full),
		cmocka_unit_test(threads),   cmocka_unit_test(rings),
	};

	return cmocka_run_group_tests_name("auth/dmarc_report", tests, setup, teardown);
}
