/*
 * Teaching through the controller: messages are sent as far as its window allows, and
 * their results are counted as they come.  What it puts off is sent again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "cli/learn_link.h"
#include "cli/learn_sink.h"
#include "lib/base/mem.h"

#define RESULTS_MAX 4096 /* awaited at the most: bounds what a controller that waits holds of us */

/* One that the controller has not taken yet. */
struct sent {
	uint32_t id;
	char *label;
	char *bytes;
	size_t len;
	struct sent *next;
};

struct remote {
	struct learn_sink sink;
	struct learn_link link;
	struct sent *first, **last;
	uint32_t waiting; /* in the list */
	uint64_t results; /* taken, and what became of them is not known */
};

static int gone(struct remote *r, const struct gp_diag *diag)
{
	gp_progress_done(r->sink.progress);
	r->sink.status = gp_cli_fail(GP_EXIT_UNAVAILABLE, "%s; run it again to go on", diag->text);
	return GP_ESYS;
}

static void append(struct remote *r, struct sent *s)
{
	s->next = NULL;
	*r->last = s;
	r->last = &s->next;
	r->waiting++;
}

static void send_one(struct remote *r, struct sent *s)
{
	char class = r->sink.class == GP_BAYES_SPAM  ? GP_LEARN_SPAM
		     : r->sink.class == GP_BAYES_HAM ? GP_LEARN_HAM
						     : GP_LEARN_UNLEARN;

	s->id = r->link.next_id++;
	learn_link_message(&r->link, s->id, class, GP_LEARN_WANT_RESULT, gp_str(r->sink.user),
			   gp_str(s->label), gp_str_n(s->bytes, s->len));
	append(r, s);
}

static void free_sent(struct sent *s)
{
	free(s->label);
	free(s->bytes);
	free(s);
}

static void count_done(struct remote *r, uint64_t *count, size_t len)
{
	++*count;
	r->sink.counts.messages++;
	gp_progress_step(r->sink.progress, len);
}

/* The oldest question is answered; answers come in order. */
static int take_answer(struct remote *r, const struct gp_learn_frame *f)
{
	static const struct timespec pause = {.tv_nsec = 200000000};
	struct sent *s = r->first;
	struct gp_str why = gp_str_n(f->text.data, f->text.len);

	if (!s || s->id != f->id) {
		struct gp_diag diag;

		gp_diag_set(&diag, "the controller refuses: %.*s", GP_STR_FMT(why));
		return gone(r, &diag);
	}
	r->first = s->next;
	if (!r->first)
		r->last = &r->first;
	r->waiting--;
	switch (f->code) {
	case GP_LEARN_QUEUED:
		r->results++;
		gp_progress_step(r->sink.progress, s->len);
		break;
	case GP_LEARN_LATER:
		nanosleep(&pause, NULL);
		send_one(r, s);
		return GP_OK;
	case GP_LEARN_DENIED:
		gp_progress_done(r->sink.progress);
		r->sink.status = gp_cli_fail(GP_EXIT_NOPERM, "the controller refuses: %.*s",
					     GP_STR_FMT(why));
		free_sent(s);
		return GP_EACCES;
	default:
		gp_progress_done(r->sink.progress);
		fprintf(stderr, "gatepost: %s: %.*s\n", s->label, GP_STR_FMT(why));
		count_done(r, &r->sink.counts.refused, s->len);
		break;
	}
	free_sent(s);
	return GP_OK;
}

static void take_result(struct remote *r, uint8_t code)
{
	static const struct {
		uint8_t code;
		enum gp_learned learned;
	} outcomes[] = {{GP_LEARN_NEW, GP_LEARNED_NEW}, {GP_LEARN_SAME, GP_LEARNED_SAME},
			{GP_LEARN_MOVED, GP_LEARNED_MOVED}, {GP_LEARN_REMOVED, GP_LEARNED_REMOVED},
			{GP_LEARN_UNKNOWN, GP_LEARNED_UNKNOWN}};
	uint64_t *count = &r->sink.counts.refused;

	for (size_t i = 0; i < GP_ARRAY_SIZE(outcomes); i++)
		if (outcomes[i].code == code)
			count = &r->sink.counts.by_outcome[outcomes[i].learned];
	++*count;
	r->sink.counts.messages++;
	r->results--;
}

/* Until no more than so many are sent and not taken, taken and not learned. */
static int settle(struct remote *r, uint32_t waiting, uint64_t results)
{
	while (r->waiting > waiting || r->results > results) {
		struct gp_diag diag = {""};
		struct gp_learn_frame f;

		if (learn_link_next(&r->link, &f, &diag) < 0)
			return gone(r, &diag);
		if (f.type == GP_LEARN_RESULT)
			take_result(r, f.code);
		else if (f.type == GP_LEARN_ANSWER && take_answer(r, &f) < 0)
			return GP_EACCES;
	}
	return GP_OK;
}

static int add(struct learn_sink *sink, const char *label, struct gp_str bytes)
{
	struct remote *r = (struct remote *)(void *)sink;
	struct sent *s = gp_xcalloc(1, sizeof(*s));

	s->label = gp_xstrdup(label);
	s->len = bytes.len;
	s->bytes = gp_xmalloc(bytes.len + 1);
	if (bytes.len > 0)
		memcpy(s->bytes, bytes.ptr, bytes.len);
	send_one(r, s);
	return settle(r, r->link.window - 1, RESULTS_MAX);
}

static int flush(struct learn_sink *sink)
{
	return settle((struct remote *)(void *)sink, 0, 0);
}

static void close_remote(struct learn_sink *sink)
{
	struct remote *r = (struct remote *)(void *)sink;

	while (r->first) {
		struct sent *s = r->first;

		r->first = s->next;
		free_sent(s);
	}
	learn_link_close(&r->link);
}

int learn_remote_open(const struct gp_snapshot *snap, const struct learn_sink *base,
		      struct gp_arena *arena, struct learn_sink **ret)
{
	struct remote *r = GP_ARENA_NEW(arena, struct remote);
	struct gp_diag diag = {""};
	int result = learn_link_open(snap, NULL, &r->link, &diag);

	if (result == GP_ENOENT)
		return -1;
	if (result < 0)
		return gp_cli_fail(GP_EXIT_UNAVAILABLE, "controller: %s", diag.text);
	r->sink = *base;
	r->sink.add = add;
	r->sink.flush = flush;
	r->sink.close = close_remote;
	r->last = &r->first;
	r->link.next_id = 1;
	*ret = &r->sink;
	return 0;
}
