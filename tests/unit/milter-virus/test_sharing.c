/*
 * Messages that wait for the verdict of another's worker, over real processes: what they get, and
 * what becomes of them when one of the two workers dies, hangs, or has other signatures.
 */
#include <fcntl.h>
#include <pthread.h>

#include "milter-virus/suspects.h"
#include "tests/unit/milter-virus/over_fake.h"

static char gate[80], gated[80];

/* A message on a thread of its own. */
struct going {
	pthread_t thread;
	const char *text;
	struct virus_verdict verdict;
};

static void *go_main(void *arg)
{
	struct going *g = arg;

	g->verdict = scan(g->text);
	return NULL;
}

static void go(struct going *g, const char *text)
{
	g->text = text;
	assert_int_equal(pthread_create(&g->thread, NULL, go_main, g), 0);
}

static struct virus_verdict *come(struct going *g)
{
	assert_int_equal(pthread_join(g->thread, NULL), 0);
	return &g->verdict;
}

/* With this many workers, and a gate that is shut. */
static void start_workers(int64_t n, int64_t time_ms)
{
	(void)unlink(gate);
	(void)unlink(gated);
	workers = n;
	deadline_ms = time_ms;
	start("good", VIRUS_RELOAD_OVERLAP);
	wait_for(idle_workers() == (size_t)n);
}

static void open_gate(void)
{
	GP_FD_AUTO fd = open(gate, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

/* Layers that are, or were, before the gate. */
static off_t at_gate(void)
{
	struct stat st;

	return stat(gated, &st) == 0 ? st.st_size : 0;
}

#define wait_at_gate(n) wait_for(at_gate() == (n))
#define wait_sharing(n) wait_for(virus_pending_waiting(scanner.pending) == (n))

static void one_looks_for_all(void **state)
{
	struct going a, b, c;

	(void)state;
	start_workers(3, WAIT_MS);
	go(&a, "LAYER all LARGE GATE ");
	wait_at_gate(1);
	go(&b, "from b LAYER all LARGE GATE ");
	go(&c, "from c LAYER all LARGE GATE ");
	wait_sharing(2);
	open_gate();
	assert_int_equal(come(&a)->n_known, 0);
	assert_int_equal(come(&b)->n_known, 1);
	assert_int_equal(come(&c)->n_known, 1);
	assert_int_equal(b.verdict.outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(c.verdict.outcome, VIRUS_SCANNED_CLEAN);
	assert_true(b.verdict.shared_us > 0 && a.verdict.shared_us == 0);
	assert_int_equal(at_gate(), 1);
}

/* What a worker found out that died is not known to anybody. */
static void the_other_dies(void **state)
{
	struct going a, b;

	(void)state;
	start_workers(2, WAIT_MS);
	go(&a, "LAYER dies LARGE GATE LAYER DIE");
	wait_at_gate(1);
	go(&b, "LAYER dies LARGE GATE LAYER nothing");
	wait_sharing(1);
	open_gate();
	assert_int_equal(come(&a)->outcome, VIRUS_KILLER);
	assert_int_equal(come(&b)->outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(b.verdict.n_known, 0);
	assert_int_equal(b.verdict.tries, 1);
}

/* For as long as a scan may take: the time of who waits begins after that. */
static void the_other_hangs(void **state)
{
	struct going a, b;

	(void)state;
	start_workers(2, 3000);
	go(&a, "LAYER hangs LARGE GATE ");
	wait_at_gate(1);
	go(&b, "from b LAYER hangs LARGE GATE ");
	wait_sharing(1);
	assert_int_equal(come(&a)->outcome, VIRUS_DEADLINE);
	wait_at_gate(2);
	open_gate();
	assert_int_equal(come(&b)->outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(b.verdict.n_known, 0);
	assert_int_equal(b.verdict.tries, 1);
	assert_true(b.verdict.shared_us > b.verdict.scan_us);
}

/* It did nothing but wait: the message is not to blame. */
static void the_one_that_waits_dies(void **state)
{
	static const char text[] = "from b LAYER lost LARGE GATE ALARM ";
	unsigned char digest[GP_SHA256_SIZE];
	struct going a, b;

	(void)state;
	start_workers(2, WAIT_MS);
	go(&a, "from a LAYER lost LARGE GATE ALARM ");
	wait_at_gate(1);
	go(&b, text);
	wait_sharing(1);
	wait_at_gate(2); /* on its second worker it looks for itself */
	open_gate();
	assert_int_equal(come(&a)->outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(come(&b)->outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(b.verdict.tries, 2);
	gp_sha256(text, strlen(text), digest);
	assert_int_equal(virus_suspects_count(digest), 0);
}

static void nobody_waits_for_older_signatures(void **state)
{
	struct going a, b;

	(void)state;
	start_workers(2, WAIT_MS);
	go(&a, "LAYER old LARGE GATE ");
	wait_at_gate(1);
	virus_engines_reload(scanner.engines);
	wait_until(r.generation == 2 && r.is_serving);
	go(&b, "from b LAYER old LARGE GATE ");
	wait_at_gate(2);
	assert_int_equal(virus_pending_waiting(scanner.pending), 0);
	open_gate();
	assert_int_equal(come(&a)->generation, 1);
	assert_int_equal(come(&b)->generation, 2);
	assert_int_equal(b.verdict.n_known, 0);
}

/* A layer that is done with is not waited for, while something else goes on for long. */
static void the_rest_of_the_other_is_long(void **state)
{
	struct going a;

	(void)state;
	start_workers(2, WAIT_MS);
	go(&a, "LAYER short LARGE LAYER long GATE ");
	wait_at_gate(1);
	assert_int_equal(scan("LAYER short LARGE ").outcome, VIRUS_SCANNED_CLEAN);
	open_gate();
	assert_int_equal(come(&a)->outcome, VIRUS_SCANNED_CLEAN);
}

/* Three workers that each have what the next one comes to. */
static void in_a_circle(void **state)
{
	char texts[3][128];
	struct going g[3];

	(void)state;
	start_workers(3, WAIT_MS);
	for (unsigned round = 0; round < 20; round++) {
		(void)unlink(gate);
		(void)unlink(gated);
		for (unsigned i = 0; i < 3; i++) {
			snprintf(texts[i], sizeof(texts[i]), "LAYER %u.%u LARGE GATE LAYER %u.%u LARGE GATE ", round,
				 i, round, (i + 1) % 3);
			go(&g[i], texts[i]);
		}
		wait_at_gate(3);
		open_gate();
		for (unsigned i = 0; i < 3; i++)
			assert_int_equal(come(&g[i])->outcome, VIRUS_SCANNED_CLEAN);
	}
}

/* Nothing is remembered, so nothing is waited for. */
static void without_a_cache(void **state)
{
	struct going a, b;

	(void)state;
	cache_size = 0;
	start_workers(2, WAIT_MS);
	cache_size = 100;
	go(&a, "LAYER off LARGE GATE ");
	go(&b, "LAYER off LARGE GATE ");
	wait_at_gate(2);
	assert_int_equal(virus_pending_waiting(scanner.pending), 0);
	open_gate();
	assert_int_equal(come(&a)->outcome, VIRUS_SCANNED_CLEAN);
	assert_int_equal(come(&b)->outcome, VIRUS_SCANNED_CLEAN);
}

static int make_gate(void **state)
{
	int r = make_folders(state);

	snprintf(gate, sizeof(gate), "%s/" FAKE_GATE, folder);
	snprintf(gated, sizeof(gated), "%s/" FAKE_GATED, folder);
	return r;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(one_looks_for_all, stop),
		cmocka_unit_test_teardown(the_other_dies, stop),
		cmocka_unit_test_teardown(the_other_hangs, stop),
		cmocka_unit_test_teardown(the_one_that_waits_dies, stop),
		cmocka_unit_test_teardown(nobody_waits_for_older_signatures, stop),
		cmocka_unit_test_teardown(the_rest_of_the_other_is_long, stop),
		cmocka_unit_test_teardown(in_a_circle, stop),
		cmocka_unit_test_teardown(without_a_cache, stop),
	};

	virus_spawner_main(&fake_engine, argc, argv);
	return cmocka_run_group_tests(tests, make_gate, remove_folders);
}
