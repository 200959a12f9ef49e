/*
 * check_senders_reputation: pulls a message's score towards what its sender is known for, in several
 * respects and each with its weight, as Mail::SpamAssassin::Plugin::TxRep does: the address with its
 * network, the address alone, the domain, the host's address, its HELO.  Where the message is signed,
 * or SPF passes, who stands for it takes the network's place.
 *
 * A message that comes again (the digest says so) is given what it was worth the first time, and
 * counts no more.  What is learned does not matter, nor is anybody made welcome.
 */
#include "lib/base/buf.h"
#include "lib/score/rule_eval_text.h"
#include "lib/score/rule_sender.h"
#include "lib/score/rule_tag.h"

#define TABLE GP_STR("senders-txrep")
#define PART_MAX 1024 /* of one name in a key */
#define KEY_MAX 4096
/* Below this a message does well: then the oldest host counts, whoever tells of it. */
#define WELL 2

struct sender {
	struct gp_str from, domain, helo, signer;
	const struct gp_relay *host; /* NULL: unknown */
	bool is_own_host;	     /* … but it is one of our networks */
	struct gp_str network;
	bool is_vouched_for; /* signed, or SPF passed */
};

/* One respect, and what is known there. */
struct aspect {
	const char *tag;
	enum gp_sender_setting weight;
	struct gp_str key;
	struct gp_sender_entry entry;
};

#define ASPECTS_MAX 5

struct aspects {
	struct aspect items[ASPECTS_MAX];
	size_t n;
	double weight; /* of all */
};

static bool is_helo(const struct sender *s, const struct gp_relay *r)
{
	struct gp_str bare = r->helo;

	if (bare.len && bare.ptr[0] == '[')
		bare = gp_str_sub(bare, 1, SIZE_MAX);
	if (bare.len && bare.ptr[bare.len - 1] == ']')
		bare = gp_str_sub(bare, 0, bare.len - 1);
	return !gp_str_eq(bare, r->ip) && !gp_str_ieq(r->helo, s->domain) &&
	       !gp_str_ieq(r->helo, s->from);
}

/* From the host that handed the message to us back to the oldest: the HELO is the oldest's; the
 * address that of the first that is not trusted, or of the oldest where the message does well. */
static void find_host(const struct gp_relay_path *path, double points, struct sender *s)
{
	const struct gp_relay_list *lists[] = {&path->lists[GP_RELAYS_TRUSTED],
					       &path->lists[GP_RELAYS_UNTRUSTED]};

	for (size_t k = 0; k < GP_ARRAY_SIZE(lists); k++) {
		for (size_t i = 0; i < lists[k]->items.len; i++) {
			const struct gp_relay *r = lists[k]->items.items[i];
			bool is_trusted = k == 0;

			if (is_helo(s, r))
				s->helo = r->helo;
			if (r->ip.len == 0)
				continue;
			if ((is_trusted || i == 0 || points < WELL) && !r->is_private) {
				s->host = r;
				s->is_own_host = false;
			} else if (is_trusted && !s->host && r->is_private) {
				s->is_own_host = true;
			}
		}
	}
}

static struct gp_str signers(struct gp_eval *e)
{
	GP_BUF_AUTO text = GP_BUF_INIT(PART_MAX);
	struct gp_tag_values values;

	if (gp_sender_setting(e->set, GP_TXREP_BY_SIGNATURE) == 0 ||
	    !gp_tag_values(e->tags, GP_STR("DKIMDOMAIN"), &values))
		return GP_STR("");
	for (size_t i = 0; i < values.len; i++)
		gp_buf_printf(&text, "%s%.*s", i ? " " : "", GP_STR_FMT(values.items[i]));
	return gp_eval_lower(e, gp_buf_str(&text));
}

static struct gp_str network_of(struct gp_eval *e, const struct sender *s)
{
	if (s->host && s->host->address.family)
		return gp_sender_network(e, &s->host->address, GP_TXREP_IPV4_BITS,
					 GP_TXREP_IPV6_BITS);
	return s->is_own_host ? GP_STR("own") : GP_STR("none");
}

/* Who stands for the message: then the network does not matter. */
static void find_signer(struct gp_eval *e, struct sender *s)
{
	const struct gp_auth_result *auth = e->in->auth;

	s->signer = signers(e);
	s->network = network_of(e, s);
	if (s->signer.len) {
		s->domain = s->signer;
	} else if (auth && auth->mailfrom.status == GP_AUTH_PASS &&
		   gp_sender_setting(e->set, GP_TXREP_BY_SPF) != 0) {
		struct gp_str domain = gp_eval_domain(auth->mailfrom.sender);

		s->signer = gp_str(gp_arena_printf(e->arena, "spf-%.*s", GP_STR_FMT(domain)));
	}
	s->is_vouched_for = s->signer.len > 0;
	if (s->is_vouched_for)
		s->network = GP_STR("none");
}

static bool find_sender(struct gp_eval *e, double points, struct sender *s)
{
	*s = (struct sender){.from = gp_str_trim(gp_eval_addr(e, "From:addr"))};
	if (s->from.len == 0)
		s->from = gp_str_trim(gp_eval_addr(e, "EnvelopeFrom:addr"));
	s->from = gp_eval_lower(e, s->from);
	s->domain = gp_eval_domain(s->from);
	find_host(e->relays, points, s);
	find_signer(e, s);
	return s->from.len > 0;
}

static struct gp_str key_of(struct gp_eval *e, struct gp_str who, struct gp_str network,
			    struct gp_str signer)
{
	GP_BUF_AUTO key = GP_BUF_INIT(KEY_MAX);

	gp_buf_printf(&key, "%.*s|%.*s|%.*s", GP_STR_FMT(gp_str_sub(who, 0, PART_MAX)),
		      GP_STR_FMT(network), GP_STR_FMT(gp_str_sub(signer, 0, PART_MAX)));
	return gp_eval_lower(e, gp_buf_str(&key));
}

static void add(struct gp_eval *e, struct aspects *all, const char *tag,
		enum gp_sender_setting weight, struct gp_str key)
{
	double w = gp_sender_setting(e->set, weight);

	if (w == 0)
		return;
	all->items[all->n++] = (struct aspect){.tag = tag, .weight = weight, .key = key};
	all->weight += w;
}

static void list_aspects(struct gp_eval *e, const struct sender *s, struct aspects *all)
{
	const struct gp_str none = GP_STR("none"), nobody = GP_STR("");
	struct gp_str ip = s->host ? s->host->ip : s->is_own_host ? GP_STR("127.0.0.1") : nobody;

	*all = (struct aspects){0};
	add(e, all, "TXREPEMAILIP", GP_TXREP_WEIGHT_EMAIL_IP,
	    key_of(e, s->from, s->network, s->signer));
	if (s->domain.len)
		add(e, all, "TXREPDOMAIN", GP_TXREP_WEIGHT_DOMAIN,
		    key_of(e, s->domain, s->network, s->signer));
	if (s->helo.len)
		add(e, all, "TXREPHELO", GP_TXREP_WEIGHT_HELO,
		    key_of(e, s->helo, none, GP_STR("helo")));
	if (ip.len && !s->is_vouched_for)
		add(e, all, "TXREPEMAIL", GP_TXREP_WEIGHT_EMAIL, key_of(e, s->from, none, nobody));
	if (ip.len)
		add(e, all, "TXREPIP", GP_TXREP_WEIGHT_IP, key_of(e, ip, none, nobody));
}

/* How far the message is from what is known, this one counted; where it and what is known are of one
 * sign and the difference is not, only what is known. */
static double distance(const struct gp_sender_entry *entry, double points)
{
	double n = 1 + (double)entry->count, delta = (entry->total + points) / n - points;
	bool is_odd = (entry->total > 0 && points > 0 && delta < 0) ||
		      (entry->total < 0 && points < 0 && delta > 0);

	return is_odd ? entry->total / n : delta;
}

static void show(struct gp_eval *e, const struct aspect *a, double delta, double before)
{
	const struct gp_sender_entry *entry = &a->entry;

	gp_sender_set_tag(e, a->tag, delta);
	if (entry->count)
		gp_sender_set_tag(e, gp_arena_printf(e->arena, "%sMEAN", a->tag),
				  entry->total / (double)entry->count);
	gp_sender_set_tag(e, gp_arena_printf(e->arena, "%sCOUNT", a->tag), (double)entry->count);
	gp_sender_set_tag(e, gp_arena_printf(e->arena, "%sPRESCORE", a->tag), before);
}

static double weigh(struct gp_eval *e, const struct aspects *all, double points)
{
	double sum = 0, before = gp_sender_score(e);

	for (size_t i = 0; i < all->n; i++) {
		const struct aspect *a = &all->items[i];
		double delta = distance(&a->entry, points);

		show(e, a, delta, before);
		sum += gp_sender_setting(e->set, a->weight) * delta;
	}
	return all->n ? gp_sender_setting(e->set, GP_TXREP_FACTOR) * sum / all->weight : 0;
}

static int read_all(struct gp_eval *e, struct aspects *all)
{
	int r = GP_OK;

	for (size_t i = 0; i < all->n && r == GP_OK; i++)
		r = gp_sender_read(e->in, TABLE, all->items[i].key, &all->items[i].entry);
	return r;
}

/* Where one cannot be counted, those behind it are not asked for: the store is gone. */
static bool count_all(struct gp_eval *e, const struct aspects *all, double points)
{
	bool is_done = true;

	for (size_t i = 0; i < all->n && is_done; i++)
		is_done = gp_sender_add(e->in, TABLE, all->items[i].key, &all->items[i].entry, points);
	return is_done;
}

static bool hit(struct gp_eval *e, double delta, const char *what)
{
	if (delta == 0)
		return false;
	e->has_score = true;
	e->score = gp_sender_rounded(delta);
	e->evidence = gp_str(what);
	return true;
}

static struct gp_str message_key(struct gp_eval *e)
{
	unsigned char digest[32];
	GP_BUF_AUTO key = GP_BUF_INIT(KEY_MAX);

	gp_message_digest(e->in->message, digest);
	gp_buf_add_cstr(&key, "message|");
	gp_buf_add(&key, digest, sizeof(digest));
	return gp_arena_str(e->arena, gp_buf_str(&key));
}

/* Of a message that was here before. */
static bool hit_again(struct gp_eval *e, const struct gp_sender_entry *message, double points)
{
	double mean = message->total / (double)message->count;
	double factor = gp_sender_setting(e->set, GP_TXREP_FACTOR);

	gp_sender_set_tag(e, "TXREPMSGID", mean);
	return hit(e, (points + factor * mean) / (1 + factor) - points, "a message seen before");
}

static bool hit_first(struct gp_eval *e, struct aspects *all, double points, struct gp_str key,
		      const struct gp_sender_entry *message)
{
	double delta = weigh(e, all, points);
	bool is_hit = hit(e, delta, gp_arena_printf(e->arena, "%zu respects, points %.3f", all->n,
						    points));

	if (e->in->counts_senders && count_all(e, all, points) && key.len)
		gp_sender_add(e->in, TABLE, key, message, points + delta);
	return is_hit;
}

static bool check_txrep(struct gp_eval *e, const struct gp_rule_eval *row,
			const struct gp_str *args, size_t n_args)
{
	struct gp_sender_entry message = {0};
	struct gp_str key = GP_STR("");
	struct aspects all;
	struct sender s;
	double points;

	if (!e->in->store || e->memo[GP_EVAL_SENDER] || gp_sender_setting(e->set, GP_TXREP_USE) == 0)
		return false;
	e->memo[GP_EVAL_SENDER] = e;
	points = gp_sender_points(e, e->score_set & 1, /* as it would be without Bayes */
				  GP_TFLAG_NOAUTOLEARN | GP_TFLAG_USERCONF | GP_TFLAG_LEARN);
	if (!find_sender(e, points, &s))
		return false;
	if (gp_sender_setting(e->set, GP_TXREP_TRACKS) != 0)
		key = message_key(e);
	list_aspects(e, &s, &all);
	if ((key.len && gp_sender_read(e->in, TABLE, key, &message)) ||
	    (message.count == 0 && read_all(e, &all))) {
		e->is_store_missing = true;
		return false;
	}
	return message.count ? hit_again(e, &message, points)
			     : hit_first(e, &all, points, key, &message);
}

const struct gp_rule_eval gp_rule_evals_txrep[] = {
	{"check_senders_reputation", 0, 0, check_txrep, .plugin = "TxRep", .is_last = true},
	{0},
};
