/*
 * A file of records; see the header.
 *
 * The first line says what it is.  A record is the length of its body, the hash of that (8 bytes
 * each, as this machine writes numbers: the file does not travel), and the body: 'R' and a request,
 * or 'T' and the number of a request that was told.  Requests are numbered from 1 as they stand there.
 */
#include "policyd-ratelimit/limit_kept.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/base/arena.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define FIRST_LINE GP_STR("gatepost limits 1\n")
#define RECORD_MAX 1048576 /* every text at its longest would be more; that one is not kept */
#define HEAD 16
#define TEXTS 4

struct limit_kept {
	char *path;
	int fd;		 /* -1: not open */
	uint64_t size;	 /* of what is whole */
	uint64_t number; /* of the last request */
	bool is_failing; /* and it was said */
};

/* Numbers of a take, in the file. */
struct numbers {
	int64_t kind, max, window_ms, burst, amount, before;
	uint64_t lens[TEXTS];
};

/* Trouble. */

static void complain(struct limit_kept *k, const char *what, const char *why)
{
	if (!k->is_failing)
		gp_log_warning("%s: %s%s%s: what is counted without the store is not kept there",
			       k->path, what, *why ? ": " : "", why);
	k->is_failing = true;
}

static void give_up(struct limit_kept *k, const char *what, const char *why)
{
	complain(k, what, why);
	gp_fd_close(&k->fd);
}

/* Opening. */

/* NULL: it is ours. */
static const char *look_at(int fd, uint64_t *ret_size)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
		return "is no regular file";
	if (st.st_uid != geteuid() || st.st_nlink != 1)
		return "belongs to somebody else";
	if (flock(fd, LOCK_EX | LOCK_NB) < 0)
		return "is another's that runs";
	*ret_size = (uint64_t)st.st_size;
	return NULL;
}

/* False: it is not there (and not to be made), or cannot be used. */
static bool open_file(struct limit_kept *k, int flags, uint64_t *ret_size)
{
	const char *why;

	if (!*k->path)
		return false;
	k->fd = open(k->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | flags, 0600);
	if (k->fd < 0) {
		if (errno != ENOENT || flags)
			complain(k, "cannot be opened", strerror(errno));
		return false;
	}
	why = look_at(k->fd, ret_size);
	if (why)
		give_up(k, why, "");
	return !why;
}

static bool write_at_end(struct limit_kept *k, struct gp_str text)
{
	if (lseek(k->fd, (off_t)k->size, SEEK_SET) >= 0 &&
	    gp_fd_write_all(k->fd, text.ptr, text.len) == GP_OK) {
		k->size += text.len;
		return true;
	}
	complain(k, "cannot be written", strerror(errno));
	if (ftruncate(k->fd, (off_t)k->size) < 0)
		gp_fd_close(&k->fd);
	return false;
}

/* Open, and empty but for the first line if nothing is in it yet. */
static bool is_open(struct limit_kept *k)
{
	uint64_t size;

	if (k->fd < 0 && !k->is_failing && open_file(k, O_CREAT, &size) && size > 0)
		give_up(k, "was written by somebody else", "");
	return k->fd >= 0 && (k->size > 0 || write_at_end(k, FIRST_LINE));
}

/* Writing. */

static void add_take(struct gp_buf *out, const struct gp_limit_take *t)
{
	const struct gp_str texts[TEXTS] = {t->key, t->member, t->whole, t->part};
	struct numbers numbers = {(int64_t)t->limit.kind, t->limit.max, t->limit.window_ms,
				  t->limit.burst, t->amount, t->before, {0}};

	for (size_t i = 0; i < TEXTS; i++)
		numbers.lens[i] = texts[i].len;
	gp_buf_add(out, &numbers, sizeof(numbers));
	for (size_t i = 0; i < TEXTS; i++)
		gp_buf_add_str(out, texts[i]);
}

static bool add_record(struct limit_kept *k, struct gp_str body)
{
	GP_BUF_AUTO out = GP_BUF_INIT(HEAD + RECORD_MAX);
	uint64_t head[2] = {body.len, gp_hash64(0, body.ptr, body.len)};

	_Static_assert(sizeof(head) == HEAD, "length and hash");
	if (k->size + HEAD + body.len > LIMIT_KEPT_BYTES) {
		complain(k, "is full", "");
		return false;
	}
	gp_buf_add(&out, head, sizeof(head));
	gp_buf_add_str(&out, body);
	return write_at_end(k, gp_buf_str(&out));
}

uint64_t limit_kept_add(struct limit_kept *k, const struct gp_limit_take *takes, size_t n,
			int64_t age_ms)
{
	GP_BUF_AUTO body = GP_BUF_INIT(RECORD_MAX);
	int64_t at_ms = gp_clock_real_ms() - age_ms;

	if (!is_open(k))
		return 0;
	gp_buf_add_chr(&body, 'R');
	gp_buf_add(&body, &at_ms, sizeof(at_ms));
	for (size_t i = 0; i < n; i++)
		if (takes[i].amount > 0)
			add_take(&body, &takes[i]);
	if (gp_buf_error(&body) || !add_record(k, gp_buf_str(&body)))
		return 0;
	return ++k->number;
}

void limit_kept_told(struct limit_kept *k, uint64_t number)
{
	char body[1 + sizeof(number)] = {'T'};

	if (number == 0 || k->fd < 0)
		return;
	memcpy(body + 1, &number, sizeof(number));
	(void)add_record(k, gp_str_n(body, sizeof(body)));
}

void limit_kept_clear(struct limit_kept *k)
{
	k->is_failing &= k->fd < 0;
	if (k->fd < 0)
		return;
	k->size = k->number = 0;
	if (ftruncate(k->fd, 0) < 0)
		give_up(k, "cannot be emptied", strerror(errno));
}

/* Reading. */

/* Takes n bytes off the text. */
static bool take_bytes(struct gp_str *text, void *ret, size_t n)
{
	if (text->len < n)
		return false;
	memcpy(ret, text->ptr, n);
	*text = gp_str_sub(*text, n, text->len);
	return true;
}

static bool is_sound(const struct gp_limit_take *t)
{
	const struct gp_limit *l = &t->limit;

	return l->max >= 1 && l->max <= GP_LIMIT_MAX && l->window_ms >= 1000 &&
	       l->window_ms <= GP_LIMIT_WINDOW_MS_MAX &&
	       (l->kind != GP_LIMIT_GCRA || (l->burst >= 1 && l->burst <= l->max)) && t->amount >= 1 &&
	       t->amount <= GP_LIMIT_AMOUNT_MAX && t->before >= 0 &&
	       t->before <= GP_LIMIT_AMOUNT_MAX && t->key.len > 0;
}

static bool parse_take(struct gp_str *text, struct gp_limit_take *ret)
{
	struct gp_str *texts[TEXTS] = {&ret->key, &ret->member, &ret->whole, &ret->part};
	struct numbers n;

	if (!take_bytes(text, &n, sizeof(n)) || n.kind < 0 || n.kind > GP_LIMIT_GCRA)
		return false;
	*ret = (struct gp_limit_take){
		.limit = {(enum gp_limit_kind)n.kind, n.max, n.window_ms, n.burst},
		.amount = n.amount,
		.before = n.before};
	for (size_t i = 0; i < TEXTS; i++) {
		if (n.lens[i] > text->len)
			return false;
		*texts[i] = gp_str_sub(*text, 0, n.lens[i]);
		*text = gp_str_sub(*text, n.lens[i], text->len);
	}
	return is_sound(ret);
}

/* Behind the 'R'. */
static bool parse_request(struct gp_str text, int64_t *ret_at_ms,
			  struct gp_limit_take takes[GP_LIMIT_TAKES_MAX], size_t *ret_n)
{
	size_t n = 0;

	if (!take_bytes(&text, ret_at_ms, sizeof(*ret_at_ms)))
		return false;
	while (text.len > 0)
		if (n == GP_LIMIT_TAKES_MAX || !parse_take(&text, &takes[n++]))
			return false;
	*ret_n = n;
	return true;
}

/* The body of the next whole record. */
static bool next_record(struct gp_str *rest, struct gp_str *ret)
{
	struct gp_str at = *rest;
	uint64_t head[2];

	if (!take_bytes(&at, head, sizeof(head)) || head[0] < 1 || head[0] > at.len ||
	    gp_hash64(0, at.ptr, head[0]) != head[1])
		return false;
	*ret = gp_str_sub(at, 0, head[0]);
	*rest = gp_str_sub(at, head[0], at.len);
	return true;
}

struct loading {
	struct limit_kept *k;
	bool *is_told; /* by number */
	limit_kept_fn *fn;
	void *arg;
	size_t n;
};

/* Which are told, and how many requests there are; what is behind the last whole record goes. */
static void count_records(struct loading *l, struct gp_arena *arena, struct gp_str text)
{
	size_t most = text.len / HEAD + 1, whole = text.len;
	struct gp_str body;
	uint64_t number;

	l->is_told = GP_ARENA_NEW_N(arena, most, bool);
	while (text.len > 0 && next_record(&text, &body)) {
		l->k->number += *body.ptr == 'R';
		if (*body.ptr == 'T' && body.len == 1 + sizeof(number)) {
			memcpy(&number, body.ptr + 1, sizeof(number));
			if (number <= l->k->number)
				l->is_told[number] = true;
		}
	}
	whole -= text.len;
	if (text.len > 0)
		gp_log_warning("%s: no whole record at byte %llu: what follows, %zu bytes, is lost",
			       l->k->path, (unsigned long long)(FIRST_LINE.len + whole), text.len);
	l->k->size = FIRST_LINE.len + whole;
	if (text.len > 0 && ftruncate(l->k->fd, (off_t)l->k->size) < 0)
		give_up(l->k, "cannot be cut", strerror(errno));
}

static void hand_over(struct loading *l, struct gp_str text)
{
	int64_t now_ms = gp_clock_real_ms(), at_ms;
	struct gp_limit_take takes[GP_LIMIT_TAKES_MAX];
	struct gp_str body;
	uint64_t number = 0;
	size_t n;

	while (text.len > 0 && next_record(&text, &body)) {
		if (*body.ptr != 'R' || l->is_told[++number] ||
		    !parse_request(gp_str_sub(body, 1, body.len), &at_ms, takes, &n) || n == 0)
			continue;
		l->fn(l->arg, takes, n, at_ms < now_ms ? now_ms - at_ms : 0, number);
		l->n++;
	}
}

size_t limit_kept_load(struct limit_kept *k, limit_kept_fn *fn, void *arg)
{
	GP_BUF_AUTO file = GP_BUF_INIT(LIMIT_KEPT_BYTES);
	struct loading l = {.k = k, .fn = fn, .arg = arg};
	struct gp_arena *arena;
	struct gp_str text;
	uint64_t size;

	if (!open_file(k, 0, &size) || size == 0)
		return 0;
	if (gp_fd_read_all(k->fd, &file) < 0) {
		give_up(k, "cannot be read", gp_buf_error(&file) ? "too large" : strerror(errno));
		return 0;
	}
	text = gp_buf_str(&file);
	if (!gp_str_starts(text, FIRST_LINE)) {
		give_up(k, "is not of this program, or of another version of it", "");
		return 0;
	}
	arena = gp_arena_new(0);
	text = gp_str_sub(text, FIRST_LINE.len, text.len);
	count_records(&l, arena, text);
	hand_over(&l, text);
	gp_arena_free(arena);
	return l.n;
}

struct limit_kept *limit_kept_new(const char *path)
{
	struct limit_kept *k = gp_xcalloc(1, sizeof(*k));

	k->path = gp_xstrdup(path);
	k->fd = -1;
	return k;
}

void limit_kept_free(struct limit_kept **k)
{
	struct limit_kept *old = *k;

	if (!old)
		return;
	*k = NULL;
	gp_fd_close(&old->fd);
	free(old->path);
	free(old);
}
