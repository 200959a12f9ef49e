/*
 * The pool of workers, with a spawner and workers that are this test: what happens to a
 * message when they die, when there are no descriptors, and when the pool is stopped.
 */
#include <semaphore.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "controller/spawner.h"
#include "controller/worker.h"
#include "controller/worker_wire.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/unit/test.h"

static struct gp_loop *loop;
static struct workers *pool;
static int spawner; /* the test's end */
static sem_t done;
static enum worker_result last;
static struct worker_job job;

static int open_pool(void **state)
{
	int pair[2];
	struct workers_options options = {.counts = {[WORKER_TEACH] = 2}, .timeout_ms = 5000};

	sem_init(&done, 0, 0);
	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
	assert_int_equal(gp_fd_set_nonblocking(pair[0]), GP_OK);
	spawner = pair[1];
	options.loop = loop;
	options.spawner_fd = pair[0];
	pool = workers_open(&options);
	return 0;
}

static int close_pool(void **state)
{
	workers_close(&pool);
	gp_loop_close(&loop);
	gp_fd_close(&spawner);
	sem_destroy(&done);
	return 0;
}

static void job_done(struct worker_job *j, enum worker_result result, struct gp_str reply)
{
	last = result;
	sem_post(&done);
}

static void ask(void)
{
	job = (struct worker_job){.kind = WORKER_TEACH, .message = GP_STR("Subject: x\n\nx\n"),
				  .deadline_ms = gp_clock_mono_ms() + 600000, .done = job_done};
	workers_ask(pool, &job);
}

static bool is_done_within(int ms)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += ms / 1000;
	until.tv_nsec += ms % 1000 * 1000000L;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	return sem_timedwait(&done, &until) == 0;
}

/* A process that has ended, for the pool to kill. */
static int dead_pidfd(void)
{
	pid_t pid = fork();
	int fd;

	if (pid == 0)
		_exit(0);
	fd = (int)syscall(SYS_pidfd_open, pid, 0);
	assert_true(fd >= 0 && waitpid(pid, NULL, 0) == pid);
	return fd;
}

static void reply(int worker, const char *text)
{
	struct worker_reply head = {.len = (uint32_t)strlen(text)};

	assert_int_equal(gp_fd_write_all(worker, &head, sizeof(head)), GP_OK);
	assert_int_equal(gp_fd_write_all(worker, text, strlen(text)), GP_OK);
}

/* Waits for an order and fulfils it; returns the worker's end of its socket, ready.  Dead:
 * what it is sent cannot be, but that it has ended is not to be seen. */
static int spawn_one(bool is_dead)
{
	struct spawner_order order;
	union {
		char bytes[CMSG_SPACE(2 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec iov = {.iov_base = &order, .iov_len = sizeof(order)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control.bytes,
			     .msg_controllen = sizeof(control.bytes)};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);
	int pair[2], fds[2];

	assert_int_equal(recv(spawner, &order, sizeof(order), 0), sizeof(order));
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	fds[0] = pair[0];
	fds[1] = dead_pidfd();
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(c), fds, sizeof(fds));
	reply(pair[1], "");
	if (is_dead)
		assert_int_equal(shutdown(pair[1], SHUT_RD), 0);
	assert_int_equal(sendmsg(spawner, &msg, 0), sizeof(order));
	close(fds[0]);
	close(fds[1]);
	return pair[1];
}

static int spawn(void)
{
	return spawn_one(false);
}

/* Takes the request that a worker was sent. */
static void take_request(int worker)
{
	struct worker_request request;

	assert_int_equal(recv(worker, &request, sizeof(request), MSG_WAITALL), sizeof(request));
	assert_int_equal(request.message_len, job.message.len);
}

/* The same, and says that it has it. */
static void begin_request(int worker)
{
	take_request(worker);
	reply(worker, "");
}

static void nothing(void *arg)
{
}

/* What the loop has got so far is done. */
static void settle(void)
{
	for (int i = 0; i < 20; i++) {
		gp_loop_run_in(loop, nothing, NULL);
		usleep(1000);
	}
}

/* A worker that does what it shall. */
static void serve(int worker)
{
	begin_request(worker);
	reply(worker, "facts");
	assert_true(is_done_within(5000));
	assert_int_equal(last, WORKER_OK);
	close(worker);
}

static void a_message_is_read(void **state)
{
	int worker = spawn();

	ask();
	serve(worker);
}

static void a_message_may_cost_two_workers(void **state)
{
	int worker = spawn();

	ask();
	begin_request(worker);
	close(worker);
	worker = spawn();
	begin_request(worker);
	close(worker);
	assert_true(is_done_within(5000));
	assert_int_equal(last, WORKER_REFUSED);
}

/* They are dead when the message comes, and nobody has seen it yet. */
static void workers_that_never_saw_a_message_are_not_its_fault(void **state)
{
	int gone[WORKER_TRIES], worker;

	ask();
	for (int i = 0; i < WORKER_TRIES; i++) {
		gone[i] = spawn_one(true);
		assert_false(is_done_within(50));
	}
	worker = spawn();
	serve(worker);
	for (int i = 0; i < WORKER_TRIES; i++)
		close(gone[i]);
}

/* Each is sent the message, but was dying already: it says nothing of having it. */
static void workers_that_die_before_they_begin_are_not_its_fault(void **state)
{
	int worker;

	ask();
	for (int i = 0; i < WORKER_TRIES; i++) {
		worker = spawn();
		take_request(worker);
		close(worker);
	}
	worker = spawn();
	serve(worker);
}

/* Killed for it, and replaced; a message that it never read has cost nothing either. */
static void a_worker_that_replies_before_it_begins_talks_nonsense(void **state)
{
	struct worker_reply head = {.len = 5}; /* no more: it may be cut off at once */
	int worker = spawn();

	ask();
	take_request(worker);
	assert_int_equal(gp_fd_write_all(worker, &head, sizeof(head)), GP_OK);
	assert_false(is_done_within(50));
	close(worker);
	worker = spawn();
	serve(worker);
}

static void without_descriptors_it_waits(void **state)
{
	int worker = spawn();
	struct rlimit limit, none = {.rlim_cur = 0};

	settle();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none.rlim_max = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	ask();
	assert_false(is_done_within(700));
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	serve(worker);
}

/* As when their rules take minutes to compile. */
static void a_stop_does_not_wait_for_workers_that_are_not_ready(void **state)
{
	ask();
	settle();
	workers_stop(pool);
	assert_true(is_done_within(0));
	assert_int_equal(last, WORKER_STOPPED);
	ask();
	assert_true(is_done_within(5000));
	assert_int_equal(last, WORKER_STOPPED);
}

#define POOL_TEST(fn) cmocka_unit_test_setup_teardown(fn, open_pool, close_pool)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		POOL_TEST(a_message_is_read),
		POOL_TEST(a_message_may_cost_two_workers),
		POOL_TEST(workers_that_never_saw_a_message_are_not_its_fault),
		POOL_TEST(workers_that_die_before_they_begin_are_not_its_fault),
		POOL_TEST(a_worker_that_replies_before_it_begins_talks_nonsense),
		POOL_TEST(without_descriptors_it_waits),
		POOL_TEST(a_stop_does_not_wait_for_workers_that_are_not_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
