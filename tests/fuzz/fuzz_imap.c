/*
 * What an IMAP server says to the self-test.  Whatever comes: names of folders are those of
 * one line, and lists of messages are numbers with commas, as both go back into commands.
 */
#include <fcntl.h>
#include <unistd.h>

#include "cli/imap.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "tests/fuzz/fuzz.h"

/* A pipe holds so much. */
#define ANSWERS_MAX 60000

static void check_uids(struct gp_str uids)
{
	for (size_t i = 0; i < uids.len; i++)
		FUZZ_CHECK(gp_is_digit(uids.ptr[i]) || uids.ptr[i] == ',');
}

static void see_message_id(void *arg, struct gp_str id)
{
	*(size_t *)arg += id.len;
}

/* Asks everything of a server that answers with these bytes and goes away. */
static void converse(struct imap *m, struct gp_arena *arena)
{
	GP_BUF_AUTO uids = GP_BUF_INIT(65536);
	struct imap_folders folders = {0};
	struct gp_diag diag;
	size_t seen = 0;

	if (imap_greet(m, &diag) < 0)
		return;
	if (imap_list(m, arena, &folders, &diag) == GP_OK)
		for (size_t i = 0; i < folders.len; i++)
			FUZZ_CHECK(!strpbrk(folders.items[i].name, "\r\n"));
	if (imap_find(m, "$K", &uids, &diag) == GP_OK)
		check_uids(gp_buf_str(&uids));
	(void)!imap_message_ids(m, "1", see_message_id, &seen, &diag);
	(void)!imap_expunge(m, "1", &diag);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cli_wait wait = {.deadline_ms = gp_clock_mono_ms() + 5000};
	volatile sig_atomic_t stopped = 0;
	struct gp_arena *arena;
	struct imap m;
	int fds[2];

	if (size > ANSWERS_MAX || pipe(fds) < 0)
		return 0;
	FUZZ_CHECK(gp_fd_write_all(fds[1], data, size) == GP_OK);
	close(fds[1]);
	wait.is_stopped = &stopped;
	arena = gp_arena_new(0);
	imap_init(&m, &wait);
	m.stream.fd = fds[0];
	m.stream.out = open("/dev/null", O_WRONLY | O_CLOEXEC);
	converse(&m, arena);
	imap_close(&m);
	gp_arena_free(arena);
	return 0;
}
