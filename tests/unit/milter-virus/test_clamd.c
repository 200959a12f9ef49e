/*
 * clamd's protocol beside servers of our own making: what they are sent, what is made of what
 * they say, who is asked next.
 */
#include "milter-virus/clamd.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "tests/unit/test.h"

#define MESSAGE_SIZE 200000u

/* A server: what it does with the one connection after the other. */
struct fake {
	char path[64], address[80];
	int fd;
	pthread_t thread;
	const char *answer; /* NUL included when it is sent; NULL: none */
	uint64_t answer_at; /* after so many bytes of the message; UINT64_MAX: at its end */
	bool is_version;    /* answers that and nothing else */
	bool is_silent;	    /* takes all and says nothing until the other side goes */
	unsigned asked;
	uint64_t got;	    /* of the last message */
	uint32_t sum;
};

static bool read_all(int fd, void *buf, size_t len)
{
	for (char *at = buf; len > 0;) {
		ssize_t n = read(fd, at, len);

		if (n <= 0)
			return false;
		at += n;
		len -= (size_t)n;
	}
	return true;
}

static uint32_t sum_of(uint32_t sum, const unsigned char *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		sum = sum * 31 + data[i];
	return sum;
}

/* True: the answer is due. */
static bool take_message(struct fake *f, int fd)
{
	char command[10];
	unsigned char piece[65536];
	uint32_t len;

	f->got = 0;
	f->sum = 0;
	if (f->is_version)
		return read_all(fd, command, sizeof("zVERSION"));
	if (!read_all(fd, command, sizeof("zINSTREAM")) || strcmp(command, "zINSTREAM") != 0)
		return false;
	while (read_all(fd, &len, sizeof(len))) {
		len = ntohl(len);
		if (len == 0)
			return true;
		if (len > sizeof(piece) || !read_all(fd, piece, len))
			return false;
		f->sum = sum_of(f->sum, piece, len);
		f->got += len;
		if (f->got >= f->answer_at)
			return true;
	}
	return false;
}

static void *serve(void *arg)
{
	struct fake *f = arg;
	char end;
	int fd;

	while ((fd = accept(f->fd, NULL, NULL)) >= 0) {
		f->asked++;
		if (take_message(f, fd) && f->answer)
			(void)!write(fd, f->answer, strlen(f->answer) + 1);
		if (f->is_silent)
			(void)!read(fd, &end, 1);
		close(fd);
	}
	return NULL;
}

static char folder[] = "/tmp/gp-test-clamd-XXXXXX";

static void start(struct fake *f, const char *name)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(f->path, sizeof(f->path), "%s/%s", folder, name);
	snprintf(f->address, sizeof(f->address), "unix:%s", f->path);
	memcpy(a.sun_path, f->path, strlen(f->path) + 1);
	f->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(f->fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(f->fd, 8), 0);
	assert_int_equal(pthread_create(&f->thread, NULL, serve, f), 0);
}

static void stop(struct fake *f)
{
	shutdown(f->fd, SHUT_RDWR);
	pthread_join(f->thread, NULL);
	close(f->fd);
	unlink(f->path);
}

static int message(uint32_t *ret_sum)
{
	unsigned char *data = malloc(MESSAGE_SIZE);
	int fd = memfd_create("message", MFD_CLOEXEC);

	assert_non_null(data);
	for (size_t i = 0; i < MESSAGE_SIZE; i++)
		data[i] = (unsigned char)(i * 7 + i / 251);
	assert_int_equal(write(fd, data, MESSAGE_SIZE), MESSAGE_SIZE);
	*ret_sum = sum_of(0, data, MESSAGE_SIZE);
	free(data);
	return fd;
}

static void scan(const char *const *servers, size_t n, int64_t ms, struct virus_clamd_answer *ret)
{
	struct gp_arena *arena = gp_arena_new(0);
	uint32_t sum;
	int fd = message(&sum);

	struct virus_clamd_request request = {.fd = fd, .size = MESSAGE_SIZE,
					      .deadline_ms = gp_clock_mono_ms() + ms};

	virus_clamd_scan(virus_clamd_new(servers, n, 60000, arena), &request, ret);
	ret->server = NULL; /* it ends with the arena */
	close(fd);
	gp_arena_free(arena);
}

static void test_answers(void **state)
{
	static const struct {
		const char *said;
		enum virus_clamd_status status;
		const char *text;
	} rows[] = {
		{"stream: OK", VIRUS_CLAMD_CLEAN, ""},
		{"stream: Eicar-Test-Signature FOUND", VIRUS_CLAMD_FOUND, "Eicar-Test-Signature"},
		{"stream: Win.Test.A(0:0) FOUND", VIRUS_CLAMD_FOUND, "Win.Test.A(0:0)"},
		{"INSTREAM size limit exceeded. ERROR", VIRUS_CLAMD_TOO_LARGE,
		 "INSTREAM size limit exceeded. ERROR"},
		{"stream: Can't allocate memory ERROR", VIRUS_CLAMD_FAILED, "Can't allocate memory ERROR"},
		{"UNKNOWN COMMAND", VIRUS_CLAMD_FAILED, "UNKNOWN COMMAND"},
	};

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(rows); i++) {
		struct fake f = {.answer = rows[i].said, .answer_at = UINT64_MAX};
		struct virus_clamd_answer answer;
		uint32_t sum;
		const char *servers[] = {f.address};

		start(&f, "one");
		scan(servers, 1, 5000, &answer);
		stop(&f);
		close(message(&sum));
		assert_int_equal(answer.status, rows[i].status);
		assert_string_equal(answer.text, rows[i].text);
		assert_int_equal(f.got, MESSAGE_SIZE);
		assert_int_equal(f.sum, sum);
		assert_int_equal(answer.tries, 1);
	}
}

/* It answers in the middle and closes, as clamd does at its StreamMaxLength. */
static void test_early_answer(void **state)
{
	struct fake f = {.answer = "INSTREAM size limit exceeded. ERROR", .answer_at = 65536};
	struct virus_clamd_answer answer;
	const char *servers[] = {f.address};

	(void)state;
	start(&f, "one");
	scan(servers, 1, 5000, &answer);
	stop(&f);
	/* On a unix socket what was said may be lost with the connection. */
	assert_true(answer.status == VIRUS_CLAMD_TOO_LARGE || answer.status == VIRUS_CLAMD_LOST);
}

static void test_failover(void **state)
{
	struct fake lost = {.answer_at = 1}, lost_too = {.answer_at = 1}, good = {.answer = "stream: OK", .answer_at = UINT64_MAX};
	struct virus_clamd_answer answer;
	char nobody[80];
	const char *first_away[] = {nobody, good.address}, *first_lost[] = {lost.address, good.address},
		   *two_lost[] = {lost.address, lost_too.address, good.address}, *all_away[] = {nobody, nobody};

	(void)state;
	snprintf(nobody, sizeof(nobody), "unix:%s/nobody", folder);
	start(&lost, "lost");
	start(&lost_too, "lost-too");
	start(&good, "good");
	scan(first_away, 2, 5000, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_CLEAN);
	assert_int_equal(answer.tries, 1);
	scan(first_lost, 2, 5000, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_CLEAN);
	assert_int_equal(answer.tries, 2);
	scan(two_lost, 3, 5000, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_LOST);
	assert_int_equal(answer.tries, 2);
	scan(all_away, 2, 5000, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_DOWN);
	assert_non_null(strstr(answer.text, "nobody"));
	stop(&lost);
	stop(&lost_too);
	stop(&good);
	assert_int_equal(good.asked, 2);
}

/* For what is to be late: it has to be asked in time all the same, on a busy machine too. */
#define SHORT_MS 1000

/* Too late is not tried elsewhere: the server goes on with it. */
static void test_late(void **state)
{
	struct fake silent = {.is_silent = true, .answer_at = UINT64_MAX}, good = {.answer = "stream: OK", .answer_at = UINT64_MAX};
	struct virus_clamd_answer answer;
	const char *servers[] = {silent.address, good.address};
	int64_t start_ms = gp_clock_mono_ms();

	(void)state;
	start(&silent, "silent");
	start(&good, "good");
	scan(servers, 2, SHORT_MS, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_LATE);
	assert_true(gp_clock_mono_ms() - start_ms >= SHORT_MS);
	stop(&silent);
	stop(&good);
	assert_int_equal(good.asked, 0);
}

static void scan_by(struct virus_clamd *c, int fd, int64_t ms, struct virus_clamd_answer *ret)
{
	struct virus_clamd_request request = {.fd = fd, .size = MESSAGE_SIZE,
					      .deadline_ms = gp_clock_mono_ms() + ms};

	virus_clamd_scan(c, &request, ret);
}

/* One that takes connections and answers nobody does not keep mail from the others for long. */
static void test_late_thrice(void **state)
{
	struct fake silent = {.is_silent = true, .answer_at = UINT64_MAX}, good = {.answer = "stream: OK", .answer_at = UINT64_MAX};
	struct virus_clamd_answer answer;
	const char *servers[] = {silent.address, good.address};
	struct gp_arena *arena = gp_arena_new(0);
	struct virus_clamd *c;
	uint32_t sum;
	int fd = message(&sum);

	(void)state;
	start(&silent, "silent");
	start(&good, "good");
	for (int64_t rest_ms = 3600000; rest_ms > 0; rest_ms -= 3599999) {
		c = virus_clamd_new(servers, 2, rest_ms, arena);
		for (int i = 0; i < 3; i++) {
			scan_by(c, fd, SHORT_MS, &answer);
			assert_int_equal(answer.status, VIRUS_CLAMD_LATE);
		}
		if (rest_ms > 1) {
			scan_by(c, fd, 60000, &answer);
			assert_int_equal(answer.status, VIRUS_CLAMD_CLEAN);
			assert_string_equal(answer.server, good.address);
		} else { /* its rest is over: it is tried again */
			usleep(5000);
			scan_by(c, fd, SHORT_MS, &answer);
			assert_int_equal(answer.status, VIRUS_CLAMD_LATE);
			assert_string_equal(answer.server, silent.address);
		}
	}
	close(fd);
	gp_arena_free(arena);
	stop(&silent);
	stop(&good);
	assert_int_equal(good.asked, 1);
}

/* Who asks for the version is told by the next one, which is not taken for away either. */
static void test_version(void **state)
{
	struct fake silent = {.is_silent = true, .answer_at = UINT64_MAX}, good = {.answer = "ClamAV 1", .is_version = true};
	const char *servers[] = {silent.address, good.address};
	struct gp_arena *arena = gp_arena_new(0);
	struct virus_clamd *c;
	struct gp_diag diag = {""};
	char version[64];

	(void)state;
	start(&silent, "silent");
	start(&good, "good");
	c = virus_clamd_new(servers, 2, 3600000, arena);
	assert_int_equal(virus_clamd_version(c, gp_clock_mono_ms() + 6000, version, sizeof(version), &diag), GP_OK);
	assert_string_equal(version, "ClamAV 1");
	for (int i = 0; i < 4; i++)
		assert_int_equal(virus_clamd_version(c, gp_clock_mono_ms() - 1, version, sizeof(version), &diag), GP_ETEMP);
	assert_non_null(strstr(diag.text, "no time"));
	assert_int_equal(virus_clamd_version(c, gp_clock_mono_ms() + 6000, version, sizeof(version), &diag), GP_OK);
	gp_arena_free(arena);
	stop(&silent);
	stop(&good);
	assert_int_equal(good.asked, 2);
}

/* One that cannot be reached is not asked at each scan. */
static void test_breaker(void **state)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct virus_clamd_answer answer;
	char nobody[80];
	const char *servers[] = {nobody};
	struct virus_clamd *c;
	uint32_t sum;
	int fd = message(&sum);
	struct virus_clamd_request request = {.fd = fd, .size = MESSAGE_SIZE,
					      .deadline_ms = gp_clock_mono_ms() + 60000};

	(void)state;
	snprintf(nobody, sizeof(nobody), "unix:%s/nobody", folder);
	c = virus_clamd_new(servers, 1, 60000, arena);
	for (int i = 0; i < 4; i++)
		virus_clamd_scan(c, &request, &answer);
	assert_int_equal(answer.status, VIRUS_CLAMD_DOWN);
	assert_non_null(strstr(answer.text, "away a moment ago"));
	close(fd);
	gp_arena_free(arena);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_answers), cmocka_unit_test(test_early_answer),
		cmocka_unit_test(test_failover), cmocka_unit_test(test_late),
		cmocka_unit_test(test_late_thrice), cmocka_unit_test(test_version), cmocka_unit_test(test_breaker),
	};
	int failed;

	if (!mkdtemp(folder))
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
