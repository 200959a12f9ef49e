/*
 * Questions once, answers to all who wait for them.
 */
#include "lib/base/clock.h"
#include "lib/base/limits.h"
#include "lib/base/num.h"
#include "lib/score/rule_dns_int.h"
#include "lib/score/rule_list.h"
#include "lib/score/rule_tag.h"

/* Lists that answer at all answer within this; SpamAssassin waits 15 seconds. */
#define TIMEOUT_MS 5000
#define TIMEOUT_MAX_MS 60000
#define BLOCK_S 300

static int64_t setting(const struct gp_rule_set *set, struct gp_str name, int64_t otherwise,
		       int64_t max)
{
	const struct gp_rule_list *list = gp_rule_list_get(set, name);
	struct gp_str rest, word;
	int64_t n;

	if (list->items.len == 0)
		return otherwise;
	rest = list->items.items[0];
	if (!gp_str_next_word(&rest, &word) || gp_num_parse_int(word, &n) || n < 0)
		return otherwise;
	return GP_MIN(n, max);
}

static bool is_blocked(const struct gp_rule_dns *d, const struct gp_query_zone *zone)
{
	return zone && (zone->is_denied || zone->blocked_until_ms > d->now_ms);
}

static void block(const struct gp_rule_set *set, struct gp_query_zone *zone, int64_t now_ms)
{
	zone->blocked_until_ms = now_ms + 1000 * setting(set, GP_STR("dns_block_time"), BLOCK_S,
							 INT32_MAX);
}

static void hit(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_dns_waiter *w,
		const struct gp_dns_record *record)
{
	struct gp_str subject = w->subject;
	struct gp_dns_hit *h = &d->hits[r->query->index];
	char ip[GP_IP_TEXT];
	struct gp_str data = {0};

	gp_rule_dns_add_detail(d, r, w, record);
	if (h->is_hit)
		return;
	h->is_hit = true;
	if (record)
		data = record->ip.family ? gp_str(gp_ip_format(&record->ip, ip)) : record->text;
	h->evidence = gp_str(gp_arena_printf(d->arena, "%.*s: %.*s", GP_STR_FMT(subject),
					     GP_STR_FMT(gp_str_sub(data, 0, GP_RULE_EVIDENCE_MAX))));
}

/* The zone does not serve us: leave it alone, and say so once. */
static void refused(struct gp_rule_dns *d, struct gp_query_zone *zone)
{
	block(d->set, zone, d->now_ms);
	if (atomic_exchange(&zone->is_refusing, true))
		return;
	d->refusing = gp_str(gp_arena_printf(d->arena, "%.*s%s%.*s", GP_STR_FMT(d->refusing),
					     d->refusing.len ? ", " : "",
					     GP_STR_FMT(zone->name)));
}

static void test_record(struct gp_rule_dns *d, const struct gp_dns_waiter *w,
			const struct gp_dns_record *record)
{
	const struct gp_query *q = w->rule->query;
	bool is_list = q->kind != GP_QUERY_ASKDNS;

	if (q->zone && gp_query_is_refusal(&record->ip))
		refused(d, q->zone);
	if (gp_query_test_record(&q->test, record, is_list, d->pcre))
		hit(d, w->rule, w, record);
	for (size_t i = 0; i < q->subs.len; i++)
		if (gp_query_test_record(&q->subs.items[i]->query->test, record, is_list, d->pcre))
			hit(d, q->subs.items[i], w, record);
}

/* Both questions, for A and for MX, say whether the name exists: either will do. */
static void tell(struct gp_rule_dns *d, const struct gp_dns_waiter *w,
		 const struct gp_dns_answer *a)
{
	const struct gp_query_test *test;
	bool is_rcode;

	if (w->step == GP_STEP_ASN) {
		gp_asn_read(d->asn, w->asn, a->records, a->n_records);
		return;
	}
	test = &w->rule->query->test;
	if (w->step == GP_STEP_SENDER && a->rcode == GP_DNS_NXDOMAIN)
		hit(d, w->rule, w, NULL);
	is_rcode = w->step == GP_STEP_TEST && test->kind == GP_TEST_RCODE && a->rcode < 32 &&
		   test->a & 1u << a->rcode;
	if (is_rcode && a->n_records == 0)
		hit(d, w->rule, w, NULL);
	for (size_t i = 0; i < a->n_records; i++) {
		const struct gp_dns_record *record = &a->records[i];

		if (is_rcode)
			hit(d, w->rule, w, record);
		if (w->step == GP_STEP_TEST)
			test_record(d, w, record);
		else if (w->step == GP_STEP_ADDRESSES && record->ip.family == 4)
			gp_rule_dns_ask_ip(d, w->rule, &record->ip);
		else if (w->step == GP_STEP_SERVERS)
			gp_rule_dns_server(d, w->rule, record->text, w->subject);
	}
}

static struct gp_dns_lookup *lookup_of(struct gp_rule_dns *d, const char *name,
				       enum gp_dns_type type)
{
	const char *key = gp_arena_printf(d->arena, "%u %s", (unsigned)type, name);
	struct gp_dns_lookup *l = gp_map_get(&d->by_name, gp_str(key));

	if (l || d->lookups.len >= GP_MAX_RULE_LOOKUPS)
		return l;
	l = GP_ARENA_NEW(d->arena, struct gp_dns_lookup);
	l->question = gp_dns_begin(d->in->resolver, d->batch, gp_str(name), type);
	gp_map_set(&d->by_name, gp_str(key), l);
	*gp_vec_push(d->arena, &d->lookups) = l;
	return l;
}

static void ask(struct gp_rule_dns *d, const struct gp_query_zone *zone, struct gp_dns_waiter w,
		struct gp_str name, enum gp_dns_type type)
{
	char folded[GP_DNS_NAME_MAX + 1];
	struct gp_dns_lookup *l;

	if (is_blocked(d, zone) || gp_dns_name_fold_escaped(name, folded))
		return;
	l = lookup_of(d, folded, type);
	if (l && l->is_known)
		tell(d, &w, &l->answer);
	else if (l)
		*gp_vec_push(d->arena, &l->waiters) = w;
}

void gp_rule_dns_ask(struct gp_rule_dns *d, const struct gp_rule *r, enum gp_dns_step step,
		     struct gp_str name, enum gp_dns_type type, struct gp_str subject)
{
	ask(d, r->query->zone,
	    (struct gp_dns_waiter){.rule = r,
				   .step = step,
				   .subject = subject,
				   .digest = r->query->hash ? name : (struct gp_str){0}},
	    name, type);
}

void gp_rule_dns_ask_asn(struct gp_rule_dns *d, const struct gp_asn_lookup *asn, struct gp_str name)
{
	ask(d, asn->asked, (struct gp_dns_waiter){.step = GP_STEP_ASN, .asn = asn}, name, GP_DNS_TXT);
}

void gp_rule_dns_ask_host(struct gp_rule_dns *d, const struct gp_rule *r, struct gp_str host)
{
	const char *name = gp_arena_printf(d->arena, "%.*s.%.*s", GP_STR_FMT(host),
					   GP_STR_FMT(r->query->name));

	gp_rule_dns_ask(d, r, GP_STEP_TEST, gp_str(name), r->query->type, host);
}

void gp_rule_dns_ask_ip(struct gp_rule_dns *d, const struct gp_rule *r, const struct gp_ip *ip)
{
	char name[GP_DNS_NAME_MAX + 1], text[GP_IP_TEXT];

	if (gp_dns_name_reverse(ip, gp_arena_cstr(d->arena, r->query->name), name))
		return;
	gp_rule_dns_ask(d, r, GP_STEP_TEST, gp_str(name), r->query->type,
			gp_arena_str(d->arena, gp_str(gp_ip_format(ip, text))));
}

static void free_batch(void *arg)
{
	gp_batch_free(arg);
}

static struct gp_rule_dns *dns_new(struct gp_rule_set *set, struct gp_rule_tags *tags)
{
	const struct gp_rule_input *input = tags->in;
	struct gp_arena *arena = tags->arena;
	struct gp_rule_dns *d = GP_ARENA_NEW(arena, struct gp_rule_dns);
	int64_t wait_ms = setting(set, GP_STR("rbl_timeout"), TIMEOUT_MS / 1000,
				  TIMEOUT_MAX_MS / 1000) * 1000;

	d->set = set;
	d->in = input;
	d->tags = tags;
	d->relays = tags->relays;
	d->arena = arena;
	d->pcre = tags->pcre;
	d->now_ms = gp_clock_mono_ms();
	d->batch = gp_batch_new(input->deadline_ms ? GP_MIN(input->deadline_ms, d->now_ms + wait_ms)
						   : d->now_ms + wait_ms);
	gp_arena_on_end(arena, free_batch, &d->batch);
	gp_map_init(&d->by_name, arena, false);
	d->hits = GP_ARENA_NEW_N(arena, set->queries.len + 1, struct gp_dns_hit);
	return d;
}

struct gp_rule_dns *gp_rule_dns_begin(struct gp_rule_set *set, struct gp_rule_tags *tags)
{
	const struct gp_rule_input *input = tags->in;
	struct gp_arena *arena = tags->arena;
	enum { RELAYS, URIS, TAGS, KINDS };
	GP_VEC(const struct gp_rule *) by_kind[KINDS] = {0};
	bool no_rbl = setting(set, GP_STR("skip_rbl_checks"), 0, 1);
	bool no_uribl = setting(set, GP_STR("skip_uribl_checks"), 0, 1);
	struct gp_rule_dns *d;

	if (!input->has_network || !input->resolver || !gp_rule_set_asks(set))
		return NULL;
	d = tags->dns = dns_new(set, tags);
	gp_rule_dns_asn(d);
	for (size_t i = 0; i < set->queries.len; i++) {
		const struct gp_rule *r = set->queries.items[i];
		enum gp_query_kind kind = r->query->kind;

		if (!gp_rule_dns_is_on(r) || kind == GP_QUERY_SUB || r->query->is_captured ||
		    r->query->hash)
			continue;
		if (kind == GP_QUERY_ASKDNS)
			*gp_vec_push(arena, &by_kind[TAGS]) = r;
		else if (kind >= GP_QUERY_URI_NAME && !no_uribl)
			*gp_vec_push(arena, &by_kind[URIS]) = r;
		else if (kind == GP_QUERY_RELAYS && !no_rbl)
			*gp_vec_push(arena, &by_kind[RELAYS]) = r;
		else if (kind < GP_QUERY_URI_NAME && !no_rbl)
			gp_rule_dns_hosts(d, r);
	}
	/* Those that are followed by further questions first. */
	gp_rule_dns_uris(d, by_kind[URIS].items, by_kind[URIS].len);
	gp_rule_dns_relays(d, by_kind[RELAYS].items, by_kind[RELAYS].len);
	gp_rule_dns_tags(d, by_kind[TAGS].items, by_kind[TAGS].len);
	return d;
}

void gp_rule_dns_captured(struct gp_rule_dns *d, struct gp_rule_subject *subjects,
			  struct gp_pcre *pcre)
{
	for (size_t i = 0; i < d->set->queries.len; i++) {
		const struct gp_rule *r = d->set->queries.items[i];

		if (!gp_rule_dns_is_on(r))
			continue;
		if (r->query->is_captured)
			gp_rule_dns_tags(d, &r, 1);
		else if (r->query->hash)
			gp_rule_dns_hash(d, r, subjects, pcre);
	}
}

void gp_rule_dns_learn(struct gp_rule_dns *d, struct gp_dns_lookup *l)
{
	if (l->is_known)
		return;
	if (gp_dns_finish(l->question, d->arena, &l->answer)) {
		d->late++;
		l->answer = (struct gp_dns_answer){.rcode = GP_DNS_SERVFAIL};
	}
	l->is_known = true;
	for (size_t i = 0; i < l->waiters.len; i++)
		tell(d, &l->waiters.items[i], &l->answer);
}

void gp_rule_dns_finish(struct gp_rule_dns *d, struct gp_pcre *pcre)
{
	d->pcre = pcre;
	gp_rule_dns_finish_asn(d);
	for (size_t i = 0; i < d->lookups.len; i++) /* grows while we go */
		gp_rule_dns_learn(d, d->lookups.items[i]);
}

bool gp_rule_dns_hit(const struct gp_rule_dns *d, const struct gp_rule *r,
		     struct gp_str *ret_evidence)
{
	const struct gp_dns_hit *h = &d->hits[r->query->index];

	*ret_evidence = h->evidence;
	return h->is_hit;
}

struct gp_str gp_rule_dns_detail(const struct gp_rule_dns *d, const struct gp_rule *r)
{
	return d->hits[r->query->index].detail;
}

void gp_rule_dns_block(const struct gp_rule_set *set, const double *hits)
{
	for (size_t i = 0; i < set->blocks.len; i++)
		if (hits[set->blocks.items[i].rule->index] != 0)
			block(set, set->blocks.items[i].zone, gp_clock_mono_ms());
}

void gp_rule_dns_stats(const struct gp_rule_dns *d, struct gp_rule_dns_stats *ret)
{
	*ret = (struct gp_rule_dns_stats){
		.asked = (unsigned)d->lookups.len, .late = d->late, .refusing = d->refusing};
}
