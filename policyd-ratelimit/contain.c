/*
 * Containment: the check, and what exceeded limits call; see the header.
 */
#include "policyd-ratelimit/contain.h"

#include "lib/base/hash.h"
#include "lib/base/log.h"
#include "lib/base/metric.h"
#include "lib/base/num.h"
#include "policyd-ratelimit/contain_table.h"
#include "policyd-ratelimit/keeper.h"
#include "policyd-ratelimit/note.h"
#include "policyd-ratelimit/ratelimit.h"

static struct gp_metric trips = GP_COUNTER("gatepost_policy_trips_total",
					   "Keys that were contained because of a limit.");
static struct gp_metric held = GP_COUNTER("gatepost_policy_contained_requests_total",
					  "Requests answered because their key is contained.");

void contain_register_metrics(void)
{
	gp_metric_register(&trips);
	gp_metric_register(&held);
}

/* Tripping. */

static void log_trip(const struct contained *c)
{
	struct gp_logline l;

	gp_logline_begin(&l, GP_LOG_WARNING);
	gp_logline_cstr(&l, "contained", gp_conf_enum_name(contain_kind_names, (int)c->kind));
	gp_logline_str(&l, "key", c->key);
	gp_logline_str(&l, "rule", c->rule);
	gp_logline_cstr(&l, "action", gp_conf_enum_name(answer_names, (int)c->action));
	if (c->account.len > 0)
		gp_logline_str(&l, "user", c->account);
	gp_logline_int(&l, "used", c->used);
	gp_logline_int(&l, "max", c->max);
	gp_logline_int(&l, "seconds", c->until_s - c->since_s);
	gp_logline_emit(&l);
}

static void note_trip(const struct contained *c, struct gp_arena *arena)
{
	GP_BUF_AUTO note = GP_BUF_INIT(NOTE_MAX);

	note_begin(&note, c->since_s, "contained", contained_name(arena, c->kind, c->key));
	note_put(&note, "rule", c->rule);
	note_put(&note, "user", c->account);
	note_put(&note, "reason", c->reason);
	note_add(NOTE_CHANGE, &note);
}

static struct gp_str say_numbers(const struct contain_trip *t, struct gp_arena *arena)
{
	char window[GP_NUM_TEXT];

	return gp_str(gp_arena_printf(arena, "%lld of %lld in %s", (long long)t->used,
				      (long long)t->max,
				      gp_num_format_duration(t->window_ms, window)));
}

void contain_trip(const struct contain_trip *t)
{
	struct gp_arena *arena = gp_arena_new(1024);
	struct contained c = {
		.kind = t->kind, .key = gp_str_sub(t->key, 0, CONTAINED_KEY_MAX), .rule = t->rule,
		.account = t->account, .host = gp_str(note_host()), .reason = t->reason,
		.action = t->action, .since_s = t->now_ms / 1000,
		.until_s = (t->now_ms + t->for_ms) / 1000, .used = t->used, .max = t->max,
		.window_ms = t->window_ms};

	if (c.reason.len == 0)
		c.reason = say_numbers(t, arena);
	if (c.key.len > 0 && contain_table_set(&c, CONTAIN_ADD) == GP_OK) {
		gp_metric_add(&trips, 1);
		log_trip(&c);
		note_trip(&c, arena);
		keeper_wake();
	}
	gp_arena_free(arena);
}

/* Checking. */

/* Where Postfix asks at DATA or later, the message is held there; where this smtpd never did, as
 * soon as it asks at all: Postfix then holds the message too, only the queue id is not known yet. */
static struct {
	uint64_t services[32]; /* of Postfix: hashes of port and context; the loop's */
	size_t n;
} late;

static bool is_late(enum policy_stage stage)
{
	return stage == POLICY_DATA || stage == POLICY_END_OF_MESSAGE;
}

static bool has_message(enum policy_stage stage)
{
	return stage == POLICY_MAIL || stage == POLICY_RCPT || is_late(stage);
}

static uint64_t service_of(const struct policy_request *r)
{
	struct gp_str port = policy_get(r, POLICY_server_port);
	struct gp_str context = policy_get(r, POLICY_policy_context);

	return gp_hash64(gp_hash_table(port.ptr, port.len), context.ptr, context.len);
}

static bool is_asked_late(const struct policy_request *r)
{
	uint64_t service = service_of(r);

	for (size_t i = 0; i < late.n; i++)
		if (late.services[i] == service)
			return true;
	return false;
}

static void note_late(const struct policy_request *r)
{
	if (late.n < GP_ARRAY_SIZE(late.services) && !is_asked_late(r))
		late.services[late.n++] = service_of(r);
}

/* Held at RCPT, where the first recipient comes before the queue id: noted when a later request
 * of the message tells it.  The last ones; the loop's. */
static struct {
	uint64_t message;
	char name[GP_ENTRY_NAME_MAX + 1];
} unnamed[64];
static size_t unnamed_at, n_unnamed;

/* 0: it has no instance. */
static uint64_t message_of(const struct policy_request *r)
{
	struct gp_str instance = policy_get(r, POLICY_instance);
	struct gp_str client = policy_get(r, POLICY_client_address);

	if (instance.len == 0)
		return 0;
	return gp_hash64(gp_hash_table(client.ptr, client.len), instance.ptr, instance.len);
}

static void remember_unnamed(const struct policy_request *r, struct gp_str name)
{
	size_t at = unnamed_at % GP_ARRAY_SIZE(unnamed);
	uint64_t message = message_of(r);

	if (message == 0)
		return;
	n_unnamed += unnamed[at].message == 0;
	unnamed[at].message = message;
	(void)gp_str_copy(unnamed[at].name, sizeof(unnamed[at].name), name);
	unnamed_at++;
}

/* A message is asked about at DATA and at END-OF-MESSAGE: its note is one. */
static void note_held(const struct policy_ask *ask, struct gp_str name)
{
	static char last[64 + GP_ENTRY_NAME_MAX]; /* the loop's */
	struct gp_str id = policy_get(&ask->request, POLICY_queue_id);
	const char *both = gp_arena_printf(ask->arena, "%.*s %.*s", GP_STR_FMT(id), GP_STR_FMT(name));
	GP_BUF_AUTO note = GP_BUF_INIT(NOTE_MAX);

	if (id.len == 0)
		remember_unnamed(&ask->request, name);
	if (id.len == 0 || strcmp(both, last) == 0)
		return;
	(void)gp_str_copy(last, sizeof(last), gp_str(both));
	note_begin(&note, ask->now_ms / 1000, "held", name);
	note_put(&note, "queue_id", id);
	note_put(&note, "sender", policy_get(&ask->request, POLICY_sender));
	note_add(NOTE_HELD, &note);
}

static void note_unnamed(const struct policy_ask *ask)
{
	uint64_t message;

	if (n_unnamed == 0 || policy_get(&ask->request, POLICY_queue_id).len == 0)
		return;
	message = message_of(&ask->request);
	for (size_t i = 0; i < GP_ARRAY_SIZE(unnamed) && message != 0; i++) {
		if (unnamed[i].message != message)
			continue;
		note_held(ask, gp_str(unnamed[i].name));
		unnamed[i].message = 0;
		n_unnamed--;
	}
}

/* Is it known at DATA, and behind, too?  Who the recipients are is not, of several. */
static bool is_known_late(enum contain_kind kind)
{
	return kind != CONTAIN_RECIPIENT && kind != CONTAIN_RECIPIENT_DOMAIN;
}

/* Says what becomes of it here. */
static void object(struct policy_ask *ask, const struct contained *c)
{
	enum policy_stage stage = ask->request.stage;
	struct answer answer = {.action = c->action, .text = gp_str(ask->conf->contain.text),
				.by = "contained", .rule = gp_arena_str(ask->arena, c->rule)};

	if (c->action == ANSWER_HOLD && !is_late(stage) && is_known_late(c->kind) &&
	    is_asked_late(&ask->request))
		return;
	if (c->action == ANSWER_HOLD) {
		answer.text = gp_str(gp_arena_printf(ask->arena, "contained: %.*s",
						     GP_STR_FMT(c->reason)));
		note_held(ask, contained_name(ask->arena, c->kind, c->key));
	}
	gp_metric_add(&held, 1);
	policy_object(ask, &answer);
}

/* False: it is not contained by this. */
static bool look_for(struct policy_ask *ask, struct limit_subject *subject, enum contain_kind kind)
{
	struct limit_by by = {.len = 1, .parts = {contain_attribute(kind)}};
	struct contained c;
	bool is_there;

	if (kind == CONTAIN_CLIENT)
		is_there = contain_table_find_client(&subject->client, ask->now_ms / 1000, ask->arena,
						     &c);
	else
		is_there = limit_key_count(&by, subject) > 0 &&
			   contain_table_find(contained_name(ask->arena, kind,
							     limit_key_get(&by, subject, 0)),
					      ask->now_ms / 1000, ask->arena, &c);
	if (is_there)
		object(ask, &c);
	return is_there;
}

enum check_step contain_check(struct policy_ask *ask)
{
	const struct policy_request *r = &ask->request;
	struct limit_subject subject = {.arena = ask->arena,
					.account = policy_get(r, POLICY_sasl_username),
					.sender = policy_get(r, POLICY_sender),
					.helo = policy_get(r, POLICY_helo_name),
					.recipient = policy_get(r, POLICY_recipient),
					.client = r->client};
	bool is_contained = false;

	if (is_late(r->stage))
		note_late(r);
	note_unnamed(ask);
	if (contain_table_is_empty() || !has_message(r->stage))
		return CHECK_NEXT;
	for (int kind = 0; kind < CONTAIN_KINDS; kind++)
		is_contained |= look_for(ask, &subject, (enum contain_kind)kind);
	return is_contained ? CHECK_LAST : CHECK_NEXT;
}
