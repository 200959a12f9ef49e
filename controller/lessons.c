/*
 * The log of lessons; see the header.
 *
 * On disk: records of segment.h.  In memory: one entry a lesson, in order of numbers, and
 * a table from (part of) a digest to its newest lesson; older ones of the same message
 * hang behind that.
 */
#include "controller/lessons.h"

#include <stdlib.h>
#include <unistd.h>

#include "controller/segment.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/mem.h"

#define FILES 8
#define GROUP_MAX ((size_t)64 << 20)

struct entry {
	uint64_t number;
	uint64_t segment, at;
	int64_t time_s;
	uint64_t key;	   /* of the digest */
	uint64_t previous; /* number of the lesson before about the same message, or 0 */
	uint64_t undone;   /* number of the record that took it back, or 0 */
};

struct slot {
	uint64_t key, number; /* number 0: free */
};

struct lessons {
	struct segments segments;
	uint64_t size_max;
	struct entry *entries;
	size_t n, cap;
	struct slot *slots;
	size_t n_slots, used;
	int fd; /* of the file read last */
	uint64_t fd_segment;
	struct entry undo; /* the last record that took back */
};

/* On disk. */

struct form {
	uint8_t kind, class, refusal, n_scopes;
	uint32_t uid;
	int64_t time_s;
	unsigned char digest[GP_SHA256_SIZE];
	uint32_t user_len, origin_len, message_id_len, n_tokens;
};

struct form_scope {
	uint8_t before, after, pad[2];
	uint32_t name_len;
	uint64_t old;
};

enum { KIND_LESSON = 'L', KIND_UNDONE = 'U' };
#define UNDONE_HEAD (2 * sizeof(uint64_t))

static void encode(const struct lesson *l, struct gp_buf *out)
{
	struct form form = {
		.kind = KIND_LESSON, .class = l->class, .refusal = (uint8_t)l->refusal,
		.n_scopes = (uint8_t)l->n_scopes, .uid = l->uid, .time_s = l->time_s,
		.user_len = (uint32_t)l->user.len, .origin_len = (uint32_t)l->origin.len,
		.message_id_len = (uint32_t)l->message_id.len, .n_tokens = (uint32_t)l->n_tokens,
	};

	memcpy(form.digest, l->digest, sizeof(form.digest));
	gp_buf_add(out, &form, sizeof(form));
	gp_buf_add(out, l->tokens, l->n_tokens * sizeof(*l->tokens));
	for (size_t i = 0; i < l->n_scopes; i++) {
		const struct lesson_scope *s = &l->scopes[i];
		struct form_scope scope = {.before = (uint8_t)s->before, .after = (uint8_t)s->after,
					   .name_len = (uint32_t)strlen(s->name), .old = s->old};

		gp_buf_add(out, &scope, sizeof(scope));
		gp_buf_add(out, s->name, scope.name_len);
	}
	gp_buf_add_str(out, l->user);
	gp_buf_add_str(out, l->origin);
	gp_buf_add_str(out, l->message_id);
}

/* The next n bytes; an empty span and *failed when they are not there. */
static struct gp_str cut(struct gp_str *rest, size_t n, bool *failed)
{
	struct gp_str piece = gp_str_sub(*rest, 0, n);

	*failed |= piece.len < n;
	*rest = gp_str_sub(*rest, n, rest->len);
	return piece;
}

static void decode_scope(struct gp_str *rest, struct lesson_scope *ret, bool *failed)
{
	struct gp_str head = cut(rest, sizeof(struct form_scope), failed);
	struct form_scope scope = {0};

	if (!*failed)
		memcpy(&scope, head.ptr, sizeof(scope));
	*failed |= scope.before > GP_BAYES_HAM || scope.after > GP_BAYES_HAM ||
		   !gp_str_copy(ret->name, sizeof(ret->name), cut(rest, scope.name_len, failed));
	ret->before = scope.before;
	ret->after = scope.after;
	ret->old = scope.old;
}

/* The spans point into bytes, the tokens too if the arena is NULL. */
static int decode(struct gp_str bytes, struct gp_arena *arena, struct lesson *ret)
{
	struct lesson l = {.number = 0};
	struct gp_str rest = bytes, tokens;
	struct form form;
	bool failed = false;

	if (bytes.len < sizeof(form))
		return GP_EINVAL;
	memcpy(&form, cut(&rest, sizeof(form), &failed).ptr, sizeof(form));
	if (form.kind != KIND_LESSON || form.n_scopes > GP_BAYES_SCOPES ||
	    form.n_tokens > GP_MAX_TOKENS || form.refusal >= LESSON_REFUSALS)
		return GP_EINVAL;
	tokens = cut(&rest, form.n_tokens * sizeof(*l.tokens), &failed);
	l.n_tokens = form.n_tokens;
	if (arena && !failed)
		l.tokens = gp_arena_dup(arena, tokens.ptr, tokens.len);
	l.n_scopes = form.n_scopes;
	for (size_t i = 0; i < l.n_scopes; i++)
		decode_scope(&rest, &l.scopes[i], &failed);
	l.user = cut(&rest, form.user_len, &failed);
	l.origin = cut(&rest, form.origin_len, &failed);
	l.message_id = cut(&rest, form.message_id_len, &failed);
	l.time_s = form.time_s;
	l.uid = form.uid;
	l.class = form.class;
	l.refusal = form.refusal;
	memcpy(l.digest, form.digest, sizeof(l.digest));
	if (failed)
		return GP_EINVAL;
	*ret = l;
	return GP_OK;
}

/* In memory. */

static uint64_t key_of(const unsigned char *digest)
{
	uint64_t key;

	memcpy(&key, digest, sizeof(key)); /* as good as random already */
	return key;
}

/* The index of the first entry with this number or a larger one. */
static size_t index_of(const struct lessons *log, uint64_t number)
{
	size_t low = 0, high = log->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (log->entries[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct entry *find(const struct lessons *log, uint64_t number)
{
	size_t i = index_of(log, number);

	return i < log->n && log->entries[i].number == number ? &log->entries[i] : NULL;
}

static struct slot *find_slot(const struct lessons *log, uint64_t key)
{
	size_t at = key & (log->n_slots - 1);

	while (log->slots[at].number && log->slots[at].key != key)
		at = (at + 1) & (log->n_slots - 1);
	return &log->slots[at];
}

/* The table anew, with room: also rid of lessons that have gone. */
static void rebuild(struct lessons *log)
{
	size_t want = 1024;

	while (want < 4 * (log->n + 1))
		want *= 2;
	free(log->slots);
	log->slots = gp_xcalloc(want, sizeof(*log->slots));
	log->n_slots = want;
	log->used = 0;
	for (size_t i = 0; i < log->n; i++) {
		struct slot *s = find_slot(log, log->entries[i].key);

		log->used += s->number == 0;
		*s = (struct slot){log->entries[i].key, log->entries[i].number};
	}
}

static void remember(struct lessons *log, const struct entry *entry)
{
	struct slot *s;

	if (2 * (log->used + 1) > log->n_slots)
		rebuild(log);
	if (log->n == log->cap) {
		log->cap = log->cap ? 2 * log->cap : 256;
		log->entries = gp_xreallocarray(log->entries, log->cap, sizeof(*log->entries));
	}
	s = find_slot(log, entry->key);
	log->entries[log->n] = *entry;
	log->entries[log->n++].previous = s->number;
	log->used += s->number == 0;
	*s = (struct slot){entry->key, entry->number};
}

/* On disk: kind, padding, how many lessons (8), their numbers, and how. */
static void remember_undone(struct lessons *log, const struct entry *place, struct gp_str bytes)
{
	uint64_t n;

	if (bytes.len < UNDONE_HEAD)
		return;
	memcpy(&n, bytes.ptr + UNDONE_HEAD / 2, sizeof(n));
	n = GP_MIN(n, (bytes.len - UNDONE_HEAD) / sizeof(uint64_t));
	for (size_t i = 0; i < n; i++) {
		struct entry *e;
		uint64_t number;

		memcpy(&number, bytes.ptr + UNDONE_HEAD + i * sizeof(number), sizeof(number));
		e = find(log, number);
		if (e)
			e->undone = place->number;
	}
	log->undo = *place;
}

static void found(void *arg, const struct segment_place *at, const struct segment_record *record)
{
	struct lessons *log = arg;
	struct lesson l;

	if (decode(record->bytes, NULL, &l) == GP_OK)
		remember(log, &(struct entry){.number = record->number, .segment = at->segment,
					      .at = at->at, .time_s = l.time_s,
					      .key = key_of(l.digest)});
	else if (record->bytes.len > 0 && record->bytes.ptr[0] == KIND_UNDONE)
		remember_undone(log, &(struct entry){.number = record->number,
						     .segment = at->segment, .at = at->at},
				record->bytes);
}

/* Room for what comes. */
static void drop_old(struct lessons *log)
{
	size_t gone = 0;

	while (log->segments.len > 1 && log->segments.bytes > log->size_max)
		segments_drop_oldest(&log->segments);
	while (gone < log->n && log->segments.len > 0 &&
	       log->entries[gone].segment < log->segments.items[0].first)
		gone++;
	if (gone == 0)
		return;
	log->n -= gone;
	memmove(log->entries, log->entries + gone, log->n * sizeof(*log->entries));
	rebuild(log);
}

/* The interface. */

int lessons_open(const char *directory, uint64_t size_max, struct lessons **ret,
		 struct gp_diag *diag)
{
	struct lessons *log = gp_xcalloc(1, sizeof(*log));
	int r;

	log->size_max = size_max;
	log->fd = -1;
	rebuild(log);
	r = segments_open(&log->segments, directory, "log", size_max / FILES, found, log, diag);
	if (r < 0) {
		lessons_close(&log);
		return r;
	}
	drop_old(log);
	*ret = log;
	return GP_OK;
}

void lessons_close(struct lessons **log)
{
	struct lessons *old = *log;

	if (!old)
		return;
	*log = NULL;
	segments_close(&old->segments);
	gp_fd_close(&old->fd);
	free(old->entries);
	free(old->slots);
	free(old);
}

uint64_t lessons_last(const struct lessons *log)
{
	return log->segments.next - 1;
}

int lessons_append(struct lessons *log, const struct lesson *lessons, size_t n, struct gp_diag *diag)
{
	GP_BUF_AUTO all = GP_BUF_INIT(GROUP_MAX);
	GP_FREE uint64_t *offsets = gp_xcalloc(n + 1, sizeof(*offsets));
	struct segment_place place;
	int r;

	if (n == 0)
		return GP_OK;
	for (size_t i = 0; i < n; i++) {
		GP_BUF_AUTO one = GP_BUF_INIT(1 << 20);

		offsets[i] = all.len;
		encode(&lessons[i], &one);
		segment_format(lessons[i].number, gp_buf_str(&one), &all);
	}
	r = gp_buf_error(&all) ? GP_ELIMIT
			       : segments_append(&log->segments, lessons[0].number,
						 lessons[n - 1].number, gp_buf_str(&all), &place,
						 diag);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		remember(log, &(struct entry){.number = lessons[i].number, .segment = place.segment,
					      .at = place.at + offsets[i],
					      .time_s = lessons[i].time_s,
					      .key = key_of(lessons[i].digest)});
	drop_old(log);
	return GP_OK;
}

int lessons_append_undone(struct lessons *log, uint64_t number, const uint64_t *undone, size_t n,
			  struct gp_str how, struct gp_diag *diag)
{
	GP_BUF_AUTO one = GP_BUF_INIT(SEGMENT_RECORD_MAX), all = GP_BUF_INIT(2 * SEGMENT_RECORD_MAX);
	struct segment_place place;
	char kind[UNDONE_HEAD / 2] = {KIND_UNDONE};
	uint64_t count = n;
	int r;

	gp_buf_add(&one, kind, sizeof(kind));
	gp_buf_add(&one, &count, sizeof(count));
	gp_buf_add(&one, undone, n * sizeof(*undone));
	gp_buf_add_str(&one, how);
	segment_format(number, gp_buf_str(&one), &all);
	r = gp_buf_error(&one) || gp_buf_error(&all)
		    ? GP_ELIMIT
		    : segments_append(&log->segments, number, number, gp_buf_str(&all), &place, diag);
	if (r < 0)
		return r;
	remember_undone(log, &(struct entry){.number = number, .segment = place.segment,
					     .at = place.at}, gp_buf_str(&one));
	drop_old(log);
	return GP_OK;
}

static int read_at(struct lessons *log, const struct entry *e, struct gp_buf *buf,
		   struct segment_record *ret)
{
	uint64_t size = 0;

	for (size_t i = 0; i < log->segments.len; i++)
		if (log->segments.items[i].first == e->segment)
			size = log->segments.items[i].size;
	if (log->fd < 0 || log->fd_segment != e->segment) {
		gp_fd_close(&log->fd);
		log->fd = segment_open_file(&log->segments, e->segment);
		log->fd_segment = e->segment;
	}
	return log->fd < 0 ? GP_ENOENT : segment_read(log->fd, e->at, size, buf, ret);
}

int lessons_get_undone(struct lessons *log, uint64_t number, struct gp_buf *ret_how)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(SEGMENT_RECORD_MAX + 1);
	struct segment_record record;
	uint64_t n;

	if (log->undo.number != number || read_at(log, &log->undo, &buf, &record) < 0 ||
	    record.number != number || record.bytes.len < UNDONE_HEAD)
		return GP_ENOENT;
	memcpy(&n, record.bytes.ptr + UNDONE_HEAD / 2, sizeof(n));
	if (n > (record.bytes.len - UNDONE_HEAD) / sizeof(uint64_t))
		return GP_ENOENT;
	gp_buf_add_str(ret_how, gp_str_sub(record.bytes, UNDONE_HEAD + n * sizeof(uint64_t),
					   record.bytes.len));
	return GP_OK;
}

int lessons_get(struct lessons *log, uint64_t number, struct gp_arena *arena, struct lesson *ret)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(1 << 20);
	const struct entry *e = find(log, number);
	struct segment_record record;
	struct lesson l;

	if (!e || read_at(log, e, &buf, &record) < 0 || record.number != number ||
	    decode(record.bytes, arena, &l) < 0)
		return GP_ENOENT;
	l.number = number;
	l.undone = e->undone;
	l.user = gp_arena_str(arena, l.user);
	l.origin = gp_arena_str(arena, l.origin);
	l.message_id = gp_arena_str(arena, l.message_id);
	*ret = l;
	return GP_OK;
}

static bool left_as(const struct lesson *l, const char *scope, enum gp_bayes_class after)
{
	for (size_t i = 0; i < l->n_scopes; i++)
		if (strcmp(l->scopes[i].name, scope) == 0)
			return l->scopes[i].after == after &&
			       l->scopes[i].before != l->scopes[i].after;
	return false;
}

uint64_t lessons_find(struct lessons *log, const unsigned char digest[GP_SHA256_SIZE],
		      const char *scope, enum gp_bayes_class after, struct gp_arena *arena)
{
	uint64_t number = find_slot(log, key_of(digest))->number;
	const struct entry *e;
	struct lesson l;

	for (; number && (e = find(log, number)) != NULL; number = e->previous)
		if (!e->undone && lessons_get(log, number, arena, &l) == GP_OK &&
		    memcmp(l.digest, digest, sizeof(l.digest)) == 0 && left_as(&l, scope, after))
			return number;
	return 0;
}

uint64_t lessons_before(const struct lessons *log, uint64_t number, int64_t since_s)
{
	size_t i = number ? index_of(log, number) : log->n;

	while (i > 0 && log->entries[i - 1].time_s < since_s)
		i--;
	return i > 0 ? log->entries[i - 1].number : 0;
}
