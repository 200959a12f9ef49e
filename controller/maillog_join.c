/*
 * Messages by queue id; see the header.
 *
 * A hash table with chains, as large as the number of messages allowed, grown by doubling;
 * a list of all messages in the order in which something was heard of them.
 */
#include "controller/maillog_join.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/hash.h"
#include "lib/base/mem.h"

#define BUCKETS_MIN 64
#define ID_MAX 64 /* of an event: queue id, "-", 16 digits */

enum text { QUEUE_ID, ACCOUNT, CLIENT, SENDER, TEXTS };

struct entry {
	struct entry *next;	     /* of its bucket */
	struct entry *older, *newer;
	char *texts[TEXTS];
};

struct maillog_join {
	struct entry **buckets;
	size_t n_buckets, len, max;
	struct entry *oldest, *newest;
	uint64_t unmatched;
	char id[ID_MAX];
};

struct maillog_join *maillog_join_new(size_t messages_max)
{
	struct maillog_join *j = gp_xcalloc(1, sizeof(*j));

	j->max = GP_MAX(messages_max, (size_t)1);
	j->n_buckets = BUCKETS_MIN;
	j->buckets = gp_xcalloc(j->n_buckets, sizeof(*j->buckets));
	return j;
}

static void free_entry(struct entry *e)
{
	for (size_t i = 0; i < TEXTS; i++)
		free(e->texts[i]);
	free(e);
}

void maillog_join_free(struct maillog_join **join)
{
	struct maillog_join *j = *join;

	if (!j)
		return;
	*join = NULL;
	while (j->oldest) {
		struct entry *e = j->oldest;

		j->oldest = e->newer;
		free_entry(e);
	}
	free(j->buckets);
	free(j);
}

/* The list. */

static void unlink_entry(struct maillog_join *j, struct entry *e)
{
	*(e->older ? &e->older->newer : &j->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &j->newest) = e->older;
}

static void link_newest(struct maillog_join *j, struct entry *e)
{
	e->older = j->newest;
	e->newer = NULL;
	*(j->newest ? &j->newest->newer : &j->oldest) = e;
	j->newest = e;
}

static void touch(struct maillog_join *j, struct entry *e)
{
	unlink_entry(j, e);
	link_newest(j, e);
}

/* The table. */

/* Where the entry of this id hangs, or the end of its bucket. */
static struct entry **find_place(const struct maillog_join *j, struct gp_str id)
{
	struct entry **at = &j->buckets[gp_hash_table(id.ptr, id.len) & (j->n_buckets - 1)];

	while (*at && !gp_str_eq(gp_str((*at)->texts[QUEUE_ID]), id))
		at = &(*at)->next;
	return at;
}

static void grow(struct maillog_join *j)
{
	free(j->buckets);
	j->n_buckets *= 2;
	j->buckets = gp_xcalloc(j->n_buckets, sizeof(*j->buckets));
	for (struct entry *e = j->oldest; e; e = e->newer) {
		struct entry **at = find_place(j, gp_str(e->texts[QUEUE_ID]));

		e->next = *at;
		*at = e;
	}
}

static void forget(struct maillog_join *j, struct gp_str id)
{
	struct entry **at = find_place(j, id), *e = *at;

	if (!e)
		return;
	*at = e->next;
	unlink_entry(j, e);
	free_entry(e);
	j->len--;
}

static void set_text(struct entry *e, enum text which, struct gp_str s)
{
	size_t len = GP_MIN(s.len, (size_t)MAILLOG_TEXT_MAX);
	char *copy = gp_xmalloc(len + 1);

	for (size_t i = 0; i < len; i++)
		copy[i] = (unsigned char)s.ptr[i] < ' ' || s.ptr[i] == 0x7f ? '?' : s.ptr[i];
	copy[len] = '\0';
	free(e->texts[which]);
	e->texts[which] = copy;
}

void maillog_join_put(struct maillog_join *j, const struct maillog_message *m)
{
	struct entry *e = gp_xcalloc(1, sizeof(*e)), **at;

	forget(j, m->queue_id); /* short ids are used again */
	if (j->len >= j->max)
		forget(j, gp_str(j->oldest->texts[QUEUE_ID]));
	if (j->len >= j->n_buckets)
		grow(j);
	set_text(e, QUEUE_ID, m->queue_id);
	set_text(e, ACCOUNT, m->account);
	set_text(e, CLIENT, m->client);
	set_text(e, SENDER, m->sender);
	at = find_place(j, gp_str(e->texts[QUEUE_ID]));
	*at = e;
	link_newest(j, e);
	j->len++;
}

void maillog_join_each(const struct maillog_join *j,
		       void (*fn)(void *arg, const struct maillog_message *m), void *arg)
{
	for (const struct entry *e = j->oldest; e; e = e->newer) {
		struct maillog_message m = {gp_str(e->texts[QUEUE_ID]), gp_str(e->texts[ACCOUNT]),
					    gp_str(e->texts[CLIENT]), gp_str(e->texts[SENDER])};

		fn(arg, &m);
	}
}

size_t maillog_join_len(const struct maillog_join *j)
{
	return j->len;
}

uint64_t maillog_join_unmatched(const struct maillog_join *j)
{
	return j->unmatched;
}

/* Lines. */

static void take_client(struct maillog_join *j, const struct maillog_line *l,
			const struct gp_netset *own)
{
	const struct entry *origin = l->origin_id.len > 0 ? *find_place(j, l->origin_id) : NULL;
	struct maillog_message m = {.queue_id = l->queue_id, .account = l->account,
				    .client = l->client};
	char account[MAILLOG_TEXT_MAX + 1], client[MAILLOG_TEXT_MAX + 1];
	struct gp_ip ip;

	if (m.account.len == 0 && origin) { /* copied: putting the new one may push it out */
		gp_str_copy(account, sizeof(account), gp_str(origin->texts[ACCOUNT]));
		gp_str_copy(client, sizeof(client), gp_str(origin->texts[CLIENT]));
		m.account = gp_str(account);
		m.client = gp_str(client);
	} else if (m.account.len == 0 &&
		   (gp_ip_parse(m.client, &ip) < 0 || !gp_netset_has(own, &ip))) {
		forget(j, m.queue_id); /* an id used again, for a message of somebody else */
		return;
	}
	maillog_join_put(j, &m);
}

static struct gp_attr attr(struct gp_str s)
{
	return (struct gp_attr){s.ptr, GP_MIN(s.len, (size_t)GP_EVENT_TEXT_MAX)};
}

static struct gp_attr make_id(struct maillog_join *j, struct gp_str prefix, uint64_t seed,
			      struct gp_str text)
{
	int n = snprintf(j->id, sizeof(j->id), "%.32s%s%016" PRIx64, prefix.len > 0 ? prefix.ptr : "",
			 prefix.len > 0 ? "-" : "", gp_hash64(seed, text.ptr, text.len));

	return (struct gp_attr){j->id, (size_t)n};
}

static bool take_bounce(struct maillog_join *j, const struct maillog_line *l, struct gp_str text,
			struct gp_event *ret)
{
	struct entry *e = *find_place(j, l->queue_id);

	if (!e) {
		j->unmatched++;
		return false;
	}
	touch(j, e);
	*ret = (struct gp_event){
		.kind = GP_EVENT_BOUNCE, .id = make_id(j, gp_str(e->texts[QUEUE_ID]), 0, text),
		.account = attr(gp_str(e->texts[ACCOUNT])), .client = attr(gp_str(e->texts[CLIENT])),
		.sender = attr(gp_str(e->texts[SENDER])), .recipient = attr(l->recipient),
		.queue_id = attr(gp_str(e->texts[QUEUE_ID])), .time_s = l->time_s};
	return true;
}

bool maillog_join_take(struct maillog_join *j, const struct maillog_line *l, struct gp_str text,
		       uint64_t place, const struct gp_netset *own, struct gp_event *ret)
{
	struct entry *e;

	switch (l->kind) {
	case MAILLOG_OTHER:
		break;
	case MAILLOG_CLIENT:
		take_client(j, l, own);
		break;
	case MAILLOG_SENDER:
		e = *find_place(j, l->queue_id);
		if (e) {
			set_text(e, SENDER, l->sender);
			touch(j, e);
		}
		break;
	case MAILLOG_REMOVED:
		forget(j, l->queue_id);
		break;
	case MAILLOG_BOUNCE:
		return take_bounce(j, l, text, ret);
	case MAILLOG_AUTH_FAILURE:
		/* The same words may come twice in a second: where they stand tells them apart. */
		*ret = (struct gp_event){
			.kind = GP_EVENT_AUTH_FAILURE, .id = make_id(j, GP_STR(""), place, text),
			.account = attr(l->account), .client = attr(l->client), .time_s = l->time_s};
		return true;
	}
	return false;
}
