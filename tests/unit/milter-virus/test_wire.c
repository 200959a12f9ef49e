/*
 * Datagrams between the processes: what has the wrong size or kind is refused, descriptors arrive
 * once and are closed where nobody takes them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "milter-virus/wire.h"
#include "tests/unit/test.h"

static int pair[2];
static union virus_wire wire;

static int open_pair(void **state)
{
	(void)state;
	return virus_wire_pair(pair);
}

static int close_pair(void **state)
{
	(void)state;
	gp_fd_close(&pair[0]);
	gp_fd_close(&pair[1]);
	return 0;
}

static int receive(int fds[2])
{
	size_t len;

	return virus_wire_receive(pair[1], &wire, &len, fds, true);
}

static int send_bytes(const void *data, size_t len)
{
	return virus_wire_send(pair[0], data, len, NULL, 0, true);
}

static unsigned open_fds(void)
{
	unsigned n = 0;
	DIR *d = opendir("/proc/self/fd");

	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void sizes_fit_kinds(void **state)
{
	struct virus_wire_ask ask = {.head = {.kind = VIRUS_ASK}};
	struct virus_wire_head strange = {.kind = 99}, none = {.kind = 0};

	(void)state;
	assert_int_equal(receive(NULL), GP_ETEMP);
	assert_int_equal(send_bytes(&ask, sizeof(ask)), GP_OK);
	assert_int_equal(receive(NULL), GP_OK);
	for (size_t len = 1; len < sizeof(ask); len++) {
		assert_int_equal(send_bytes(&ask, len), GP_OK);
		assert_int_equal(receive(NULL), GP_EINVAL);
	}
	assert_int_equal(send_bytes(&strange, sizeof(strange)), GP_OK);
	assert_int_equal(receive(NULL), GP_EINVAL);
	assert_int_equal(send_bytes(&none, sizeof(none)), GP_OK);
	assert_int_equal(receive(NULL), GP_EINVAL);
	gp_fd_close(&pair[0]);
	assert_int_equal(receive(NULL), GP_ENOENT);
}

/* What was sent to a process that is gone, and whether that had read it. */
static void an_end_tells_what_was_not_read(void **state)
{
	struct virus_wire_head head = {.kind = VIRUS_FORK};

	(void)state;
	assert_int_equal(virus_wire_send(pair[1], &head, sizeof(head), NULL, 0, true), GP_OK);
	gp_fd_close(&pair[0]);
	errno = 0;
	assert_int_equal(receive(NULL), GP_ESYS);
	assert_int_equal(errno, ECONNRESET);
}

static void results_have_as_many_layers_as_they_say(void **state)
{
	static struct virus_wire_result r = {.head = {.kind = VIRUS_RESULT}};

	(void)state;
	r.n_layers = VIRUS_LAYERS_MAX;
	assert_int_equal(send_bytes(&r, sizeof(r)), GP_OK);
	assert_int_equal(receive(NULL), GP_OK);
	r.n_layers = 3;
	assert_int_equal(send_bytes(&r, VIRUS_RESULT_HEAD + 3 * sizeof(struct virus_layer)), GP_OK);
	assert_int_equal(receive(NULL), GP_OK);
	assert_int_equal(send_bytes(&r, VIRUS_RESULT_HEAD + 2 * sizeof(struct virus_layer)), GP_OK);
	assert_int_equal(receive(NULL), GP_EINVAL);
	r.n_layers = VIRUS_LAYERS_MAX + 1;
	assert_int_equal(send_bytes(&r, sizeof(r)), GP_OK);
	assert_int_equal(receive(NULL), GP_EINVAL);
	r.n_layers = UINT32_MAX;
	assert_int_equal(send_bytes(&r, sizeof(r)), GP_OK);
	assert_int_equal(receive(NULL), GP_EINVAL);
}

static void descriptors(void **state)
{
	struct virus_wire_head head = {.kind = VIRUS_STARTED};
	int sent[2] = {open("/dev/null", O_RDONLY), open("/dev/zero", O_RDONLY)}, got[2] = {-1, -1};
	unsigned before = open_fds();

	(void)state;
	assert_int_equal(virus_wire_send(pair[0], &head, sizeof(head), sent, 2, true), GP_OK);
	assert_int_equal(receive(got), GP_OK);
	assert_true(got[0] >= 0 && got[1] >= 0 && (fcntl(got[0], F_GETFD) & FD_CLOEXEC));
	gp_fd_close(&got[0]);
	gp_fd_close(&got[1]);
	assert_int_equal(virus_wire_send(pair[0], &head, sizeof(head), sent, 2, true), GP_OK);
	assert_int_equal(receive(NULL), GP_OK);
	assert_int_equal(open_fds(), before);
	/* With nonsense they are closed too. */
	assert_int_equal(virus_wire_send(pair[0], &head, 3, sent, 2, true), GP_OK);
	assert_int_equal(receive(got), GP_EINVAL);
	assert_int_equal(open_fds(), before);
	gp_fd_close(&sent[0]);
	gp_fd_close(&sent[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(sizes_fit_kinds, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(results_have_as_many_layers_as_they_say, open_pair,
						close_pair),
		cmocka_unit_test_setup_teardown(an_end_tells_what_was_not_read, open_pair, close_pair),
		cmocka_unit_test_setup_teardown(descriptors, open_pair, close_pair),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
