/*
 * A resolver that answers from a script.
 */
#include "tests/fakes/fake_dns.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/base/vec.h"

#define TTL_S 300
#define CNAMES_MAX 8

struct line {
	struct gp_str name, type, data;
};

struct asked {
	char name[GP_DNS_NAME_MAX + 1];
};

/* A question that waits: for its delay, or for ever. */
struct waiting {
	struct fake *f;
	struct gp_dns_question *q;
	struct gp_call call;
	struct gp_timer timer;
	int64_t delay_ms; /* below 0: for ever */
	int result;
	struct waiting *next;
};

struct fake {
	struct gp_resolver base;
	struct gp_loop *loop;
	struct gp_arena *arena;
	GP_VEC(struct line) lines;
	pthread_mutex_t lock; /* guards what follows */
	GP_VEC(struct asked) asked;
	struct waiting *waiting;
};

static unsigned count_asked(struct fake *f, const char *name)
{
	unsigned n = 0;

	for (size_t i = 0; i < f->asked.len; i++)
		n += strcmp(f->asked.items[i].name, name) == 0;
	return n;
}

unsigned gp_fake_dns_asked(struct gp_resolver *r, const char *name)
{
	struct fake *f = (struct fake *)r;
	unsigned n;

	pthread_mutex_lock(&f->lock);
	n = count_asked(f, name);
	pthread_mutex_unlock(&f->lock);
	return n;
}

static const char *type_name(enum gp_dns_type type)
{
	switch (type) {
	case GP_DNS_A:
		return "A";
	case GP_DNS_AAAA:
		return "AAAA";
	case GP_DNS_TXT:
		return "TXT";
	case GP_DNS_MX:
		return "MX";
	case GP_DNS_NS:
		return "NS";
	case GP_DNS_PTR:
		return "PTR";
	case GP_DNS_CNAME:
		return "CNAME";
	}
	return "?";
}

/* The next byte: \DDD, \X or plain. */
static char take_byte(struct gp_str *s)
{
	size_t len = 1;
	uint64_t n = 0;

	if (s->ptr[0] != '\\') {
		n = (unsigned char)s->ptr[0];
	} else if (gp_num_parse_uint(gp_str_sub(*s, 1, 3), 10, &n) == GP_OK && s->len >= 4) {
		len = 4;
	} else {
		assert(s->len >= 2);
		n = (unsigned char)s->ptr[1];
		len = 2;
	}
	assert(n < 256);
	*s = gp_str_sub(*s, len, s->len);
	return (char)n;
}

static void add_name(struct gp_buf *wire, struct gp_str name)
{
	struct gp_str label;

	if (gp_str_eq(name, GP_STR("."))) /* the root: a null MX has "0 ." */
		name.len = 0;
	while (gp_str_next(&name, '.', &label)) {
		GP_BUF_AUTO bytes = GP_BUF_INIT(63);

		while (label.len)
			gp_buf_add_chr(&bytes, take_byte(&label));
		gp_buf_add_chr(wire, (char)bytes.len);
		gp_buf_add_str(wire, gp_buf_str(&bytes));
	}
	gp_buf_add_chr(wire, '\0');
}

static void add_string(struct gp_buf *wire, struct gp_str s)
{
	assert(s.len < 256);
	gp_buf_add_chr(wire, (char)s.len);
	gp_buf_add_str(wire, s);
}

/* "…" "…": strings as they are on the wire, with escapes. */
static void add_quoted(struct gp_buf *wire, struct gp_str data)
{
	while (data.len) {
		GP_BUF_AUTO string = GP_BUF_INIT(255);

		assert(data.ptr[0] == '"');
		data = gp_str_sub(data, 1, data.len);
		while (data.len && data.ptr[0] != '"')
			gp_buf_add_chr(&string, take_byte(&data));
		assert(data.len && !gp_buf_error(&string));
		data = gp_str_trim(gp_str_sub(data, 1, data.len));
		add_string(wire, gp_buf_str(&string));
	}
}

/* Anything else: one text, cut where the wire has it so. */
static void add_text(struct gp_buf *wire, struct gp_str data)
{
	if (gp_str_starts(data, GP_STR("\""))) {
		add_quoted(wire, data);
		return;
	}
	do {
		add_string(wire, gp_str_sub(data, 0, 255));
		data = gp_str_sub(data, 255, data.len);
	} while (data.len);
}

/* The data of a line as on the wire, so that the answer is read as a real one. */
static void add_record(struct gp_dns_question *q, struct gp_str data)
{
	GP_BUF_AUTO wire = GP_BUF_INIT(65535);
	struct gp_str word;
	struct gp_ip ip;
	uint64_t n;
	int r;

	switch (q->type) {
	case GP_DNS_A:
	case GP_DNS_AAAA:
		r = gp_ip_parse(data, &ip);
		assert(r == GP_OK && ip.family == (q->type == GP_DNS_A ? 4 : 6));
		gp_buf_add(&wire, ip.bytes, q->type == GP_DNS_A ? 4 : 16);
		break;
	case GP_DNS_TXT:
		add_text(&wire, data);
		break;
	case GP_DNS_MX:
		r = gp_str_next_word(&data, &word) ? gp_num_parse_uint(word, 10, &n) : GP_EINVAL;
		assert(r == GP_OK && n < 65536);
		gp_buf_add_chr(&wire, (char)(n >> 8));
		gp_buf_add_chr(&wire, (char)n);
		add_name(&wire, gp_str_trim(data));
		break;
	case GP_DNS_NS:
	case GP_DNS_PTR:
	case GP_DNS_CNAME:
		add_name(&wire, data);
		break;
	}
	r = gp_dns_answer_add(q, wire.data, wire.len);
	assert(r == GP_OK);
}

static bool takes_number(struct gp_str data, const char *order, uint64_t *ret)
{
	struct gp_str o = gp_str(order);

	return gp_str_starts(data, o) &&
	       gp_num_parse_uint(gp_str_trim(gp_str_sub(data, o.len, data.len)), 10, ret) == GP_OK;
}

/* What the orders make of a question. */
struct orders {
	int result;
	int64_t delay_ms; /* below 0: for ever */
	bool is_nxdomain, is_servfail;
	enum gp_dns_security security;
	uint32_t ttl_s;
};

static void obey(struct fake *f, const char *name, struct gp_str data, struct orders *o)
{
	bool is_servfail = gp_str_eq(data, GP_STR("!servfail"));
	uint64_t n;

	o->is_servfail |= is_servfail;
	if (is_servfail || gp_str_eq(data, GP_STR("!refused")))
		o->result = GP_ETEMP;
	else if (gp_str_eq(data, GP_STR("!timeout")))
		o->delay_ms = -1;
	else if (gp_str_eq(data, GP_STR("!nxdomain")))
		o->is_nxdomain = true;
	else if (gp_str_eq(data, GP_STR("!bogus")))
		o->security = GP_DNS_BOGUS;
	else if (gp_str_eq(data, GP_STR("!secure")))
		o->security = GP_DNS_SECURE;
	else if (takes_number(data, "!delay ", &n))
		o->delay_ms = (int64_t)n;
	else if (takes_number(data, "!ttl ", &n))
		o->ttl_s = (uint32_t)n;
	else if (takes_number(data, "!fail ", &n))
		o->result = count_asked(f, name) <= n ? GP_ETEMP : o->result;
	else
		abort(); /* no order that is known */
}

static void fill(struct fake *f, struct gp_dns_question *q, struct orders *o)
{
	struct gp_str name = gp_str(q->name), next = name;
	struct gp_dns_answer *a = &q->answer;
	bool exists = false;

	for (int n = 0; next.len && n < CNAMES_MAX; n++) {
		name = next;
		next = GP_STR("");
		exists = false;
		for (size_t i = 0; i < f->lines.len; i++) {
			const struct line *l = &f->lines.items[i];

			if (!gp_str_ieq(l->name, name))
				continue;
			exists = true;
			if (l->data.ptr[0] == '!') {
				if (gp_str_eq(l->type, GP_STR("*")) ||
				    gp_str_eq(l->type, gp_str(type_name(q->type))))
					obey(f, q->name, l->data, o);
			} else if (gp_str_eq(l->type, gp_str(type_name(q->type)))) {
				add_record(q, l->data);
			} else if (gp_str_eq(l->type, GP_STR("CNAME"))) {
				next = l->data;
			}
		}
	}
	a->name = gp_arena_str(q->arena, name);
	a->security = o->security;
	a->rcode = !exists || o->is_nxdomain ? GP_DNS_NXDOMAIN : GP_DNS_NOERROR;
	a->ttl_s = o->ttl_s;
	if (o->security == GP_DNS_BOGUS || o->is_servfail)
		a->rcode = GP_DNS_SERVFAIL;
	if (a->rcode != GP_DNS_NOERROR)
		a->n_records = 0;
}

static void unlink_waiting(struct waiting *w)
{
	struct waiting **at;

	pthread_mutex_lock(&w->f->lock);
	for (at = &w->f->waiting; *at != w; at = &(*at)->next)
		;
	*at = w->next;
	pthread_mutex_unlock(&w->f->lock);
}

static void now(void *arg)
{
	struct waiting *w = arg;

	unlink_waiting(w);
	gp_dns_answered(w->q, w->result);
	free(w);
}

static void set_timer(void *arg)
{
	struct waiting *w = arg;

	w->timer = (struct gp_timer){.fn = now, .arg = w};
	gp_timer_set(w->f->loop, &w->timer, gp_clock_mono_ms() + w->delay_ms);
}

static void ask(struct gp_resolver *r, struct gp_dns_question *q)
{
	struct fake *f = (struct fake *)r;
	struct orders o = {.result = GP_OK, .ttl_s = TTL_S};
	struct waiting *w;

	pthread_mutex_lock(&f->lock);
	gp_str_copy(gp_vec_push(f->arena, &f->asked)->name, GP_DNS_NAME_MAX + 1, gp_str(q->name));
	fill(f, q, &o);
	if (o.delay_ms == 0) {
		pthread_mutex_unlock(&f->lock);
		gp_dns_answered(q, o.result);
		return;
	}
	w = gp_xcalloc(1, sizeof(*w));
	*w = (struct waiting){
		.f = f, .q = q, .delay_ms = o.delay_ms, .result = o.result, .next = f->waiting};
	f->waiting = w;
	pthread_mutex_unlock(&f->lock);
	if (o.delay_ms > 0) {
		assert(f->loop);
		w->call = (struct gp_call){.fn = set_timer, .arg = w};
		gp_loop_post(f->loop, &w->call);
	}
}

/* On the loop thread if there is one: no timer fires in between. */
static void let_go(void *arg)
{
	struct fake *f = arg;

	while (f->waiting) {
		struct waiting *w = f->waiting;

		f->waiting = w->next;
		if (w->delay_ms > 0)
			gp_timer_clear(f->loop, &w->timer);
		gp_dns_answered(w->q, GP_ETEMP);
		free(w);
	}
}

static void close_fake(struct gp_resolver *r)
{
	struct fake *f = (struct fake *)r;

	if (f->loop)
		gp_loop_run_in(f->loop, let_go, f);
	else
		let_go(f);
	pthread_mutex_destroy(&f->lock);
	gp_arena_free(f->arena);
	free(f);
}

static void add_line(struct fake *f, struct gp_str text)
{
	struct line l;

	text = gp_str_trim(text);
	if (!text.len || text.ptr[0] == '#')
		return;
	if (!gp_str_next_word(&text, &l.name) || !gp_str_next_word(&text, &l.type) ||
	    !gp_str_trim(text).len) {
		fprintf(stderr, "fake_dns: no NAME TYPE DATA: %.*s\n", GP_STR_FMT(text));
		abort();
	}
	l.data = gp_str_trim(text);
	*gp_vec_push(f->arena, &f->lines) = l;
}

struct gp_resolver *gp_fake_dns_open(const char *zone, struct gp_loop *loop)
{
	static const struct gp_resolver_ops OPS = {.ask = ask, .close = close_fake};
	struct fake *f = gp_xcalloc(1, sizeof(*f));
	struct gp_str rest, line;

	f->base.ops = &OPS;
	f->loop = loop;
	f->arena = gp_arena_new(0);
	pthread_mutex_init(&f->lock, NULL);
	rest = gp_arena_str(f->arena, gp_str(zone));
	while (gp_str_next(&rest, '\n', &line))
		add_line(f, line);
	return &f->base;
}
