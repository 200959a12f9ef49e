/*
 * The file of what was counted without the store (limit_kept.h).  An input is the file itself, or,
 * behind a byte 1, bodies of records, each a length byte before it, which get their heads here: a
 * hash is not found by chance.  Whatever is read is within bounds, comes at most once, and does not
 * come again once it was told; reading the file a second time gives the same.
 */
#include "policyd-ratelimit/limit_kept.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "policyd-ratelimit/ratelimit.h"
#include "tests/fuzz/fuzz.h"

#define FIRST_LINE "gatepost limits 1\n"

struct ratelimit ratelimit; /* main.c's */

static char path[] = "/tmp/gp-fuzz-kept-XXXXXX";
static size_t n_seen;
static uint64_t last;

static void see(void *arg, struct gp_limit_take *takes, size_t n, int64_t age_ms, uint64_t number)
{
	(void)arg;
	FUZZ_CHECK(n >= 1 && n <= GP_LIMIT_TAKES_MAX && age_ms >= 0 && number > last);
	for (size_t i = 0; i < n; i++)
		FUZZ_CHECK(takes[i].key.len > 0 && takes[i].amount >= 1 &&
			   takes[i].amount <= GP_LIMIT_AMOUNT_MAX && takes[i].before >= 0 &&
			   takes[i].limit.max >= 1 && takes[i].limit.window_ms >= 1000);
	last = number;
	n_seen++;
}

/* How many requests are in it; with `tells` the first is told then. */
static size_t load(bool tells)
{
	struct limit_kept *k = limit_kept_new(path);
	size_t n;

	n_seen = 0;
	last = 0;
	n = limit_kept_load(k, see, NULL);
	FUZZ_CHECK(n == n_seen);
	if (tells)
		limit_kept_told(k, last);
	limit_kept_free(&k);
	return n;
}

static void write_file(struct gp_str text, bool is_whole)
{
	GP_BUF_AUTO out = GP_BUF_INIT(1 << 20);
	GP_FD_AUTO fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (is_whole)
		gp_buf_add_str(&out, text);
	else
		gp_buf_add_cstr(&out, FIRST_LINE);
	while (!is_whole && text.len > 1) {
		struct gp_str body = gp_str_sub(text, 1, (unsigned char)*text.ptr);
		uint64_t head[2] = {body.len, gp_hash64(0, body.ptr, body.len)};

		gp_buf_add(&out, head, sizeof(head));
		gp_buf_add_str(&out, body);
		text = gp_str_sub(text, 1 + body.len, SIZE_MAX);
	}
	FUZZ_CHECK(fd >= 0 && gp_fd_write_all(fd, gp_buf_str(&out).ptr, out.len) == GP_OK);
}

static void remove_file(void)
{
	(void)unlink(path);
}

/* What is wrong with a file is said, and here mostly something is. */
static void say_nothing(enum gp_log_level level, struct gp_str line)
{
	(void)level;
	(void)line;
}

static void set_up(void)
{
	int fd = mkstemp(path);

	FUZZ_CHECK(fd >= 0);
	gp_fd_close(&fd);
	(void)atexit(remove_file);
	gp_log_setup(GP_LOG_ERROR, 0, say_nothing);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool is_bodies = size > 0 && data[0] == 1;
	struct gp_str text = gp_str_n(data, size);
	static bool is_made;
	size_t n;

	if (!is_made)
		set_up();
	is_made = true;
	write_file(is_bodies ? gp_str_sub(text, 1, SIZE_MAX) : text, !is_bodies);
	n = load(false);
	FUZZ_CHECK(load(n > 0) == n);
	FUZZ_CHECK(load(false) == n - (n > 0));
	return 0;
}
