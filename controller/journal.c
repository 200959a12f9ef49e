/*
 * The queue; see the header.
 *
 * Files: queue-HEX as in segment.h, and `position`, of which the last whole write counts:
 * it is 24 bytes in one sector.
 *
 * Locks: `lock` guards everything; the writer's thread lets go of it while it waits for
 * the disk, and is the only one that changes the files at the end, as the reader is for
 * those at the beginning.
 */
#include "controller/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "controller/segment.h"
#include "lib/base/clock.h"
#include "lib/base/fd.h"
#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/mem.h"

#define FILE_MAX ((uint64_t)16 << 20)
#define KEPT_MAX ((uint64_t)1 << 20)
#define GROUP_MAX ((size_t)32 << 20) /* written at once */

struct form { /* a record's bytes: this, user, origin, message */
	uint8_t kind, class, flags, is_own_only, is_everybodys, pad[3];
	uint32_t uid, pad2;
	int64_t time_s, since_s;
	uint32_t user_len, origin_len;
};

struct position {
	uint64_t number, sum, pad;
};

struct journal {
	pthread_mutex_t lock;
	pthread_cond_t write_wake, read_wake;
	pthread_t thread;
	struct segments segments;
	uint64_t size_max;
	struct journal_write *first, **last; /* handed in */
	uint64_t pending;		     /* bytes of them, and of those being written */
	uint64_t waiting_bytes, waiting;     /* on disk, not done with */
	int64_t oldest_s;		     /* of the record that journal_read gave first since the last done */
	uint64_t done;			     /* number of the last one done with */
	int position_fd;
	struct segment_place place; /* where the reader is */
	int read_fd;
	uint64_t read_segment; /* of read_fd */
	uint64_t given;	       /* number of the last record read */
	bool is_woken, is_closing;
	struct gp_diag error;
};

/* Records. */

static void encode(const struct journal_record *r, struct gp_buf *out)
{
	struct form form = {
		.kind = (uint8_t)r->kind, .class = r->class, .flags = r->flags,
		.is_own_only = r->is_own_only, .is_everybodys = r->is_everybodys, .uid = r->uid,
		.time_s = r->time_s, .since_s = r->since_s,
		.user_len = (uint32_t)r->user.len, .origin_len = (uint32_t)r->origin.len,
	};

	gp_buf_add(out, &form, sizeof(form));
	gp_buf_add_str(out, r->user);
	gp_buf_add_str(out, r->origin);
	gp_buf_add_str(out, r->message);
}

static int decode(const struct segment_record *record, struct journal_record *ret)
{
	struct gp_str rest = record->bytes;
	struct form form;

	if (rest.len < sizeof(form))
		return GP_EINVAL;
	memcpy(&form, rest.ptr, sizeof(form));
	rest = gp_str_sub(rest, sizeof(form), rest.len);
	if (form.user_len > rest.len || form.origin_len > rest.len - form.user_len)
		return GP_EINVAL;
	*ret = (struct journal_record){
		.kind = form.kind, .class = form.class, .flags = form.flags,
		.is_own_only = form.is_own_only, .is_everybodys = form.is_everybodys,
		.uid = form.uid, .time_s = form.time_s, .since_s = form.since_s,
		.user = gp_str_sub(rest, 0, form.user_len),
		.origin = gp_str_sub(rest, form.user_len, form.origin_len),
		.message = gp_str_sub(rest, (size_t)form.user_len + form.origin_len, rest.len),
		.number = record->number,
	};
	return GP_OK;
}

/* The position. */

static uint64_t position_sum(uint64_t number)
{
	return gp_hash64(0x706f73, &number, sizeof(number));
}

static uint64_t position_read(int fd)
{
	struct position p;

	return pread(fd, &p, sizeof(p), 0) == sizeof(p) && p.sum == position_sum(p.number)
		       ? p.number : 0;
}

static int position_write(int fd, uint64_t number)
{
	struct position p = {.number = number, .sum = position_sum(number)};

	/* The learner makes good one batch that is read again, not more (learner.h). */
	return pwrite(fd, &p, sizeof(p), 0) == sizeof(p) && fdatasync(fd) == 0 ? GP_OK : GP_ESYS;
}

/* The writer's thread. */

/* What was handed in, up to a bound; called with the lock. */
static struct journal_write *take_group(struct journal *j)
{
	struct journal_write *group = j->first, *w = group;
	size_t bytes = w->bytes.len;

	while (w->next && bytes + w->next->bytes.len <= GROUP_MAX) {
		w = w->next;
		bytes += w->bytes.len;
	}
	j->first = w->next;
	if (!j->first)
		j->last = &j->first;
	w->next = NULL;
	return group;
}

/* Only this thread adds files and changes `next`.  Called without the lock and returns with it:
 * the reader is to see no record that does not count as waiting, and whose writer is not told
 * before what became of it. */
static int write_group(struct journal *j, struct journal_write *group, struct gp_diag *diag)
{
	GP_BUF_AUTO all = GP_BUF_INIT(GROUP_MAX + SEGMENT_RECORD_MAX + 4096);
	uint64_t first = j->segments.next, number = first;
	struct segments copy;
	struct segment_place place;
	int r;

	for (struct journal_write *w = group; w; w = w->next) {
		w->number = number++;
		segment_format(w->number, gp_buf_str(&w->bytes), &all);
	}
	/* The reader looks at the list of files: it sees the old one until all is on disk. */
	pthread_mutex_lock(&j->lock);
	copy = j->segments;
	copy.items = gp_xreallocarray(NULL, copy.len + 1, sizeof(*copy.items));
	if (copy.len)
		memcpy(copy.items, j->segments.items, copy.len * sizeof(*copy.items));
	pthread_mutex_unlock(&j->lock);
	r = gp_buf_error(&all) ? GP_ELIMIT
			       : segments_append(&copy, first, number - 1, gp_buf_str(&all), &place,
						 diag);
	pthread_mutex_lock(&j->lock);
	/* Files that the reader removed meanwhile are gone from the beginning of its list. */
	while (copy.len > 0 && j->segments.len > 0 && copy.items[0].first < j->segments.items[0].first) {
		copy.bytes -= copy.items[0].size;
		copy.len--;
		memmove(copy.items, copy.items + 1, copy.len * sizeof(*copy.items));
	}
	free(j->segments.items);
	j->segments = copy;
	return r;
}

static void *write_main(void *arg)
{
	struct journal *j = arg;

	pthread_mutex_lock(&j->lock);
	for (;;) {
		struct gp_diag diag = {""};
		struct journal_write *group;
		uint64_t bytes = 0, records = 0;
		int r;

		while (!j->first && !j->is_closing)
			pthread_cond_wait(&j->write_wake, &j->lock);
		if (!j->first)
			break;
		group = take_group(j);
		pthread_mutex_unlock(&j->lock);
		r = write_group(j, group, &diag);
		for (const struct journal_write *w = group; w; w = w->next, records++)
			bytes += w->bytes.len + SEGMENT_HEAD;
		j->pending -= bytes;
		j->waiting_bytes += r == GP_OK ? bytes : 0;
		j->waiting += r == GP_OK ? records : 0;
		j->error = diag;
		pthread_cond_signal(&j->read_wake);
		while (group) {
			struct journal_write *next = group->next;

			group->result = r == GP_OK ? GP_OK : GP_ETEMP;
			gp_buf_done(&group->bytes);
			gp_loop_post(group->loop, &group->call);
			group = next;
		}
	}
	pthread_mutex_unlock(&j->lock);
	return NULL;
}

static void tell(void *arg)
{
	struct journal_write *w = arg;

	w->done(w, w->result);
}

int journal_append(struct journal *j, const struct journal_record *record, struct journal_write *w)
{
	uint64_t size;
	bool is_full;

	gp_buf_init(&w->bytes, SEGMENT_RECORD_MAX);
	encode(record, &w->bytes);
	if (gp_buf_error(&w->bytes)) {
		gp_buf_done(&w->bytes);
		return GP_EINVAL;
	}
	size = w->bytes.len + SEGMENT_HEAD;
	w->call = (struct gp_call){.fn = tell, .arg = w};
	w->next = NULL;
	pthread_mutex_lock(&j->lock);
	is_full = j->waiting_bytes + j->pending + size > j->size_max;
	if (!is_full) {
		j->pending += size;
		*j->last = w;
		j->last = &w->next;
		pthread_cond_signal(&j->write_wake);
	}
	pthread_mutex_unlock(&j->lock);
	if (is_full)
		gp_buf_done(&w->bytes);
	return is_full ? GP_ELIMIT : GP_OK;
}

/* The reader. */

/* The file that the place is in, or the first one behind it; NULL: there is none yet. */
static const struct segment *find_file(const struct journal *j)
{
	for (size_t i = 0; i < j->segments.len; i++) {
		const struct segment *s = &j->segments.items[i];

		if (s->size > (s->first == j->place.segment ? j->place.at : 0) &&
		    s->first >= j->place.segment)
			return s;
	}
	return NULL;
}

/* Makes read_fd the file of the place; called with the lock. */
static int find_place(struct journal *j, uint64_t *ret_size)
{
	const struct segment *s = find_file(j);

	if (!s)
		return GP_ENOENT;
	if (s->first != j->place.segment)
		j->place = (struct segment_place){.segment = s->first};
	*ret_size = s->size;
	if (j->read_fd >= 0 && j->read_segment == s->first)
		return GP_OK;
	gp_fd_close(&j->read_fd);
	j->read_fd = segment_open_file(&j->segments, s->first);
	j->read_segment = s->first;
	return j->read_fd < 0 ? GP_ESYS : GP_OK;
}

/* A file that cannot be read is passed over: its checksums were right when we began, so the
 * disk has failed since.  What was answered is lost then, which is said, once a file. */
static void pass_file(struct journal *j, uint64_t size)
{
	uint64_t after, lost, known = GP_MAX(j->given, j->done);

	pthread_mutex_lock(&j->lock);
	after = j->segments.next;
	for (size_t i = j->segments.len; i > 0 && j->segments.items[i - 1].first > j->place.segment; i--)
		after = j->segments.items[i - 1].first;
	lost = GP_MIN(after - 1 > known ? after - 1 - known : 0, j->waiting);
	j->waiting -= lost;
	j->waiting_bytes -= GP_MIN(size - j->place.at, j->waiting_bytes);
	pthread_mutex_unlock(&j->lock);
	gp_log_error("the queue's file queue-%016llx cannot be read: %llu messages are not learned",
		     (unsigned long long)j->place.segment, (unsigned long long)lost);
	j->place.at = size;
}

int journal_read(struct journal *j, struct gp_buf *buf, struct journal_record *ret)
{
	for (;;) {
		struct segment_record record;
		uint64_t size = 0, begin;
		size_t had = buf->len;
		int r;

		pthread_mutex_lock(&j->lock);
		r = find_place(j, &size);
		pthread_mutex_unlock(&j->lock);
		if (r == GP_ENOENT)
			return r;
		begin = j->place.at;
		if (r == GP_OK)
			r = segment_read(j->read_fd, begin, size, buf, &record);
		if (r == GP_ELIMIT)
			return r;
		if (r < 0 || decode(&record, ret) < 0) {
			pass_file(j, size);
			buf->len = had;
			continue;
		}
		j->place.at = record.end;
		if (record.number <= j->done) { /* from before the position */
			buf->len = had;
			continue;
		}
		ret->size = record.bytes.len + SEGMENT_HEAD;
		j->given = record.number;
		pthread_mutex_lock(&j->lock);
		if (j->oldest_s == 0)
			j->oldest_s = ret->time_s;
		pthread_mutex_unlock(&j->lock);
		return GP_OK;
	}
}

void journal_rewind(struct journal *j)
{
	j->place = (struct segment_place){0};
	j->given = j->done;
}

int journal_done(struct journal *j, uint64_t number, uint64_t bytes, uint64_t records,
		 struct gp_diag *diag)
{
	if (position_write(j->position_fd, number) < 0)
		return gp_diag_errno(diag, "the queue's position");
	pthread_mutex_lock(&j->lock);
	j->done = number;
	j->waiting_bytes -= GP_MIN(bytes, j->waiting_bytes);
	j->waiting -= GP_MIN(records, j->waiting);
	j->oldest_s = 0;
	/* All files before the one that holds the next record; and that one, if nobody is just
	 * writing, before it is more mail than needs to lie about. */
	while (j->segments.len > 1 && j->segments.items[1].first <= number + 1)
		segments_drop_oldest(&j->segments);
	if (j->pending == 0 && j->segments.len == 1 && j->segments.next == number + 1 &&
	    j->segments.items[0].size >= KEPT_MAX)
		segments_drop_oldest(&j->segments);
	pthread_mutex_unlock(&j->lock);
	return GP_OK;
}

void journal_wait(struct journal *j, bool for_records, int64_t until_ms)
{
	struct timespec until = {.tv_sec = until_ms / 1000, .tv_nsec = until_ms % 1000 * 1000000};
	int r = 0;

	pthread_mutex_lock(&j->lock);
	while (r == 0 && !j->is_woken && !(for_records && find_file(j)))
		r = pthread_cond_timedwait(&j->read_wake, &j->lock, &until);
	j->is_woken = false;
	pthread_mutex_unlock(&j->lock);
}

void journal_wake(struct journal *j)
{
	pthread_mutex_lock(&j->lock);
	j->is_woken = true;
	pthread_cond_signal(&j->read_wake);
	pthread_mutex_unlock(&j->lock);
}

void journal_stats(struct journal *j, struct journal_stats *ret)
{
	pthread_mutex_lock(&j->lock);
	*ret = (struct journal_stats){.bytes = j->waiting_bytes + j->pending, .records = j->waiting,
				      .oldest_s = j->waiting ? j->oldest_s : 0,
				      .next = j->segments.next};
	pthread_mutex_unlock(&j->lock);
}

uint64_t journal_cut(const struct journal *j)
{
	return j->segments.cut;
}

void journal_last_error(struct journal *j, struct gp_diag *ret)
{
	pthread_mutex_lock(&j->lock);
	*ret = j->error;
	pthread_mutex_unlock(&j->lock);
}

/* Opening. */

/* Counts what waits: all behind the position. */
static void count_found(void *arg, const struct segment_place *at,
			const struct segment_record *record)
{
	struct journal *j = arg;

	(void)at;
	if (record->number > j->done) {
		j->waiting++;
		j->waiting_bytes += record->bytes.len + SEGMENT_HEAD;
	}
}

static int open_files(struct journal *j, const char *directory, struct gp_diag *diag)
{
	int r = segments_open(&j->segments, directory, "queue", FILE_MAX, NULL, NULL, diag);

	if (r < 0)
		return r;
	j->position_fd = openat(j->segments.dir_fd, "position",
				O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (j->position_fd < 0)
		return gp_diag_errno(diag, "%s/position", directory);
	j->done = position_read(j->position_fd);
	segments_close(&j->segments);
	return segments_open(&j->segments, directory, "queue", FILE_MAX, count_found, j, diag);
}

static void free_journal(struct journal *j)
{
	segments_close(&j->segments);
	gp_fd_close(&j->position_fd);
	gp_fd_close(&j->read_fd);
	pthread_mutex_destroy(&j->lock);
	pthread_cond_destroy(&j->write_wake);
	pthread_cond_destroy(&j->read_wake);
	free(j);
}

int journal_open(const char *directory, uint64_t size_max, uint64_t number_min,
		 struct journal **ret, struct gp_diag *diag)
{
	struct journal *j = gp_xcalloc(1, sizeof(*j));
	pthread_condattr_t attr;
	int r;

	*j = (struct journal){.size_max = size_max, .position_fd = -1, .read_fd = -1};
	j->last = &j->first;
	pthread_mutex_init(&j->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&j->write_wake, NULL);
	pthread_cond_init(&j->read_wake, &attr);
	pthread_condattr_destroy(&attr);
	r = open_files(j, directory, diag);
	j->segments.next = GP_MAX(GP_MAX(j->segments.next, number_min), j->done + 1);
	if (r == GP_OK) {
		errno = pthread_create(&j->thread, NULL, write_main, j);
		if (errno != 0)
			r = gp_diag_errno(diag, "starting a thread");
	}
	if (r < 0) {
		free_journal(j);
		return r;
	}
	*ret = j;
	return GP_OK;
}

void journal_close(struct journal **j)
{
	struct journal *old = *j;

	if (!old)
		return;
	*j = NULL;
	pthread_mutex_lock(&old->lock);
	old->is_closing = true;
	pthread_cond_signal(&old->write_wake);
	pthread_mutex_unlock(&old->lock);
	pthread_join(old->thread, NULL);
	free_journal(old);
}
