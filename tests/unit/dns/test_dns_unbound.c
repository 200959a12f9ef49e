/*
 * The resolver by libunbound against a small name server on loopback: answers,
 * absence, failure, silence, truncation, lateness, and a server that goes and
 * comes back.  No packet leaves the host.
 */
#include "tests/unit/test.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/dns/dns_unbound.h"

/* The name server. */

#define MESSAGE_MAX 4096
#define LONG_MS 50000 /* nothing is expected to take that */

struct server {
	int udp, tcp, stop[2];
	uint16_t port;
	pthread_t thread;
	atomic_bool is_down;
	atomic_uint asked, asked_by_tcp;
};

struct message {
	unsigned char bytes[MESSAGE_MAX];
	size_t len;
};

static void add16(struct message *m, unsigned v)
{
	m->bytes[m->len++] = (unsigned char)(v >> 8);
	m->bytes[m->len++] = (unsigned char)v;
}

static void add_name(struct message *m, const char *name)
{
	while (*name) {
		size_t n = strcspn(name, ".");

		m->bytes[m->len++] = (unsigned char)n;
		memcpy(m->bytes + m->len, name, n);
		m->len += n;
		name += n + (name[n] == '.');
	}
	m->bytes[m->len++] = 0;
}

/* Owner is the question's name (a compression pointer) or `owner`; the data follow. */
static size_t add_record(struct message *m, unsigned count_at, const char *owner, unsigned type,
			 unsigned ttl_s)
{
	m->bytes[count_at + 1]++;
	if (owner)
		add_name(m, owner);
	else
		add16(m, 0xc00c);
	add16(m, type);
	add16(m, 1);
	add16(m, 0);
	add16(m, ttl_s);
	add16(m, 0);
	return m->len;
}

static void end_record(struct message *m, size_t from)
{
	m->bytes[from - 2] = (unsigned char)((m->len - from) >> 8);
	m->bytes[from - 1] = (unsigned char)(m->len - from);
}

enum { ANSWERS = 6, AUTHORITY = 8 };

static void add_bytes(struct message *m, unsigned type, const void *data, size_t len,
		      unsigned ttl_s)
{
	size_t from = add_record(m, ANSWERS, NULL, type, ttl_s);

	memcpy(m->bytes + m->len, data, len);
	m->len += len;
	end_record(m, from);
}

/* For negative answers, with how long they may be cached. */
static void add_soa(struct message *m)
{
	size_t from = add_record(m, AUTHORITY, "example", 6, 60);

	add_name(m, "ns.example");
	add_name(m, "hostmaster.example");
	for (int i = 0; i < 5; i++) {
		add16(m, 0);
		add16(m, 60);
	}
	end_record(m, from);
}

static void add_name_record(struct message *m, unsigned type, const char *name)
{
	size_t from = add_record(m, ANSWERS, NULL, type, 300);

	if (type == GP_DNS_MX)
		add16(m, 10);
	add_name(m, name);
	end_record(m, from);
}

static void big_answer(struct message *m)
{
	char string[201];

	memset(string, 'x', sizeof(string));
	string[0] = (char)200;
	for (int i = 0; i < 8; i++) {
		string[1] = (char)('a' + i);
		add_bytes(m, GP_DNS_TXT, string, sizeof(string), 300);
	}
}

static void set_rcode(struct message *m, unsigned rcode)
{
	m->bytes[3] = (unsigned char)((m->bytes[3] & 0xf0) | rcode);
}

/* Turns the question in *m into its answer; false: stay silent. */
static bool answer(struct server *s, struct message *m, bool is_tcp)
{
	char name[256];
	size_t at = 12, n = 0;
	unsigned type;

	while (at < m->len && m->bytes[at]) {
		size_t label = m->bytes[at];

		if (label > 63 || at + label >= m->len)
			return false;
		n += (size_t)snprintf(name + n, sizeof(name) - n, "%s%.*s", n ? "." : "",
				      (int)label, (char *)m->bytes + at + 1);
		at += label + 1;
	}
	if (at + 5 > m->len)
		return false;
	type = m->bytes[at + 1] * 256u + m->bytes[at + 2];
	m->len = at + 5; /* without EDNS */
	m->bytes[2] = 0x81;
	m->bytes[3] = 0x80;
	memset(m->bytes + 6, 0, 6);
	atomic_fetch_add(&s->asked, 1);
	if (is_tcp)
		atomic_fetch_add(&s->asked_by_tcp, 1);

	if (strcmp(name, "silent.example") == 0)
		return false;
	if (strcmp(name, "late.example") == 0)
		usleep(400000);
	if (strcmp(name, "fail.example") == 0) {
		set_rcode(m, GP_DNS_SERVFAIL);
	} else if (strcmp(name, "refuse.example") == 0) {
		set_rcode(m, GP_DNS_REFUSED);
	} else if (strcmp(name, "big.example") == 0) {
		if (is_tcp)
			big_answer(m);
		else
			m->bytes[2] |= 2; /* truncated */
	} else if (strcmp(name, "alias.example") == 0) {
		size_t from;

		add_name_record(m, GP_DNS_CNAME, "a.example");
		from = add_record(m, ANSWERS, "a.example", GP_DNS_A, 300);
		memcpy(m->bytes + m->len, "\300\0\2\1", 4);
		m->len += 4;
		end_record(m, from);
	} else if (strcmp(name, "a.example") == 0 || strcmp(name, "late.example") == 0 ||
		   strncmp(name, "host-", 5) == 0) {
		if (type == GP_DNS_A) {
			add_bytes(m, type, "\300\0\2\1", 4, 300);
			add_bytes(m, type, "\300\0\2\2", 4, 300);
		} else if (type == GP_DNS_AAAA) {
			add_bytes(m, type, "\40\1\15\270\0\0\0\0\0\0\0\0\0\0\0\1", 16, 300);
		} else if (type == GP_DNS_TXT) {
			add_bytes(m, type, "\3one\4 two", 9, 300);
		} else if (type == GP_DNS_MX) {
			add_name_record(m, type, "Mail.Example");
		} else {
			add_soa(m);
		}
	} else if (strcmp(name, "1.2.0.192.in-addr.arpa") == 0) {
		add_name_record(m, GP_DNS_PTR, "host.example");
	} else {
		set_rcode(m, GP_DNS_NXDOMAIN);
		add_soa(m);
	}
	return true;
}

static void serve_udp(struct server *s)
{
	struct sockaddr_in peer;
	socklen_t peer_len = sizeof(peer);
	struct message m;
	ssize_t n = recvfrom(s->udp, m.bytes, 512, 0, (struct sockaddr *)&peer, &peer_len);

	if (n < 12 || atomic_load(&s->is_down))
		return;
	m.len = (size_t)n;
	if (answer(s, &m, false))
		(void)!sendto(s->udp, m.bytes, m.len, 0, (struct sockaddr *)&peer, peer_len);
}

static void serve_tcp(struct server *s)
{
	int fd = accept(s->tcp, NULL, NULL);
	unsigned char len[2];
	struct message m;

	if (fd < 0)
		return;
	if (!atomic_load(&s->is_down) && recv(fd, len, 2, MSG_WAITALL) == 2) {
		m.len = len[0] * 256u + len[1];
		if (m.len <= 512 && recv(fd, m.bytes, m.len, MSG_WAITALL) == (ssize_t)m.len &&
		    answer(s, &m, true)) {
			len[0] = (unsigned char)(m.len >> 8);
			len[1] = (unsigned char)m.len;
			(void)!send(fd, len, 2, MSG_NOSIGNAL | MSG_MORE);
			(void)!send(fd, m.bytes, m.len, MSG_NOSIGNAL);
		}
	}
	close(fd);
}

static void *serve(void *arg)
{
	struct server *s = arg;

	for (;;) {
		struct pollfd p[] = {
			{s->udp, POLLIN, 0}, {s->tcp, POLLIN, 0}, {s->stop[0], POLLIN, 0}};

		if (poll(p, 3, -1) < 0 && errno != EINTR)
			return NULL;
		if (p[2].revents)
			return NULL;
		if (p[0].revents)
			serve_udp(s);
		if (p[1].revents)
			serve_tcp(s);
	}
}

/* The same free port for UDP and TCP. */
static void server_open(struct server *s)
{
	struct sockaddr_in addr;
	socklen_t len = sizeof(addr);

	memset(s, 0, sizeof(*s));
	for (int tries = 0;; tries++) {
		assert_true(tries < 50);
		addr = (struct sockaddr_in){.sin_family = AF_INET,
					    .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
		s->udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		s->tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		assert_int_equal(bind(s->udp, (struct sockaddr *)&addr, sizeof(addr)), 0);
		assert_int_equal(getsockname(s->udp, (struct sockaddr *)&addr, &len), 0);
		if (bind(s->tcp, (struct sockaddr *)&addr, sizeof(addr)) == 0)
			break;
		close(s->udp);
		close(s->tcp);
	}
	s->port = ntohs(addr.sin_port);
	assert_int_equal(listen(s->tcp, 8), 0);
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_close(struct server *s)
{
	assert_int_equal(write(s->stop[1], "", 1), 1);
	pthread_join(s->thread, NULL);
	close(s->udp);
	close(s->tcp);
	close(s->stop[0]);
	close(s->stop[1]);
}

/* The world of one test. */

struct world {
	struct server server;
	struct gp_loop *loop;
	struct gp_resolver *r;
	struct gp_arena *arena;
	struct gp_dns_answer a;
	char address[40];
};

static struct world *world_open_for(int64_t timeout_ms, bool dnssec, const char *anchor)
{
	struct world *w = calloc(1, sizeof(*w));
	struct gp_dns_options o = {
		.n_servers = 1, .timeout_ms = timeout_ms, .dnssec = dnssec, .trust_anchor = anchor};
	struct gp_diag diag = {""};
	const char *servers[1];

	assert_non_null(w);
	server_open(&w->server);
	snprintf(w->address, sizeof(w->address), "127.0.0.1@%u", w->server.port);
	servers[0] = w->address;
	o.servers = servers;
	assert_int_equal(gp_loop_open(&w->loop, &diag), GP_OK);
	if (gp_dns_unbound_open(&o, w->loop, &w->r, &diag) < 0)
		fail_msg("%s", diag.text);
	w->arena = gp_arena_new(0);
	return w;
}

static struct world *world_open(bool dnssec, const char *anchor)
{
	return world_open_for(LONG_MS, dnssec, anchor);
}

static void world_close(struct world *w)
{
	gp_resolver_close(&w->r);
	gp_loop_close(&w->loop);
	server_close(&w->server);
	gp_arena_free(w->arena);
	free(w);
}

static int get(struct world *w, const char *name, enum gp_dns_type type, int64_t ms)
{
	return gp_dns_get(w->r, gp_str(name), type, gp_clock_mono_ms() + ms, w->arena, &w->a);
}

static void answers(void **state)
{
	struct world *w = world_open(false, NULL);
	char text[GP_IP_TEXT];
	unsigned asked;

	assert_int_equal(get(w, "A.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_int_equal(w->a.security, GP_DNS_INSECURE);
	assert_in_range(w->a.ttl_s, 290, 300);
	assert_int_equal(get(w, "a.example", GP_DNS_AAAA, LONG_MS), GP_OK);
	assert_string_equal(gp_ip_format(&w->a.records[0].ip, text), "2001:db8::1");
	assert_int_equal(get(w, "a.example", GP_DNS_TXT, LONG_MS), GP_OK);
	assert_str(w->a.records[0].text, "one two");
	assert_int_equal(get(w, "a.example", GP_DNS_MX, LONG_MS), GP_OK);
	assert_int_equal(w->a.records[0].preference, 10);
	assert_str(w->a.records[0].text, "mail.example");
	assert_int_equal(get(w, "1.2.0.192.in-addr.arpa", GP_DNS_PTR, LONG_MS), GP_OK);
	assert_str(w->a.records[0].text, "host.example");
	assert_int_equal(get(w, "alias.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_str(w->a.name, "a.example");

	asked = atomic_load(&w->server.asked);
	assert_int_equal(get(w, "a.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w->a.n_records, 2);
	assert_int_equal(atomic_load(&w->server.asked), asked); /* cached */
	world_close(w);
}

static void absence_is_an_answer_and_cached(void **state)
{
	struct world *w = world_open(false, NULL);
	unsigned asked;

	assert_int_equal(get(w, "none.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w->a.rcode, GP_DNS_NXDOMAIN);
	assert_int_equal(w->a.n_records, 0);
	assert_int_equal(get(w, "a.example", GP_DNS_PTR, LONG_MS), GP_OK);
	assert_int_equal(w->a.rcode, GP_DNS_NOERROR);
	assert_int_equal(w->a.n_records, 0);
	asked = atomic_load(&w->server.asked);
	assert_int_equal(get(w, "none.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(get(w, "a.example", GP_DNS_PTR, LONG_MS), GP_OK);
	assert_int_equal(atomic_load(&w->server.asked), asked);
	world_close(w);
}

static void truncated_answers_come_by_tcp(void **state)
{
	struct world *w = world_open(false, NULL);

	assert_int_equal(get(w, "big.example", GP_DNS_TXT, LONG_MS), GP_OK);
	assert_int_equal(w->a.n_records, 8);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(w->a.records[i].text.len, 200);
	assert_true(atomic_load(&w->server.asked_by_tcp) > 0);
	world_close(w);
}

static void failures_are_temporary(void **state)
{
	struct world *w = world_open(false, NULL);
	int64_t begin = gp_clock_mono_ms();

	assert_int_equal(get(w, "fail.example", GP_DNS_A, LONG_MS), GP_ETEMP);
	assert_int_equal(get(w, "refuse.example", GP_DNS_A, LONG_MS), GP_ETEMP);
	begin = gp_clock_mono_ms();
	assert_int_equal(get(w, "silent.example", GP_DNS_A, 300), GP_ETEMP);
	assert_in_range(gp_clock_mono_ms() - begin, 290, LONG_MS - 1);
	assert_int_equal(get(w, "silent2.silent.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(get(w, "a.example", GP_DNS_A, LONG_MS), GP_OK);
	world_close(w);
}

static void the_resolvers_limit_is_the_earlier_one(void **state)
{
	struct world *w = world_open_for(1000, false, NULL);
	int64_t begin = gp_clock_mono_ms();

	assert_int_equal(get(w, "silent.example", GP_DNS_A, LONG_MS), GP_ETEMP);
	assert_in_range(gp_clock_mono_ms() - begin, 990, LONG_MS - 1);
	world_close(w);
}

/* Too late for the asker, in time for the cache: nobody ever waits as long as the
 * server takes, and yet there is an answer in the end. */
static void a_late_answer_serves_the_next(void **state)
{
	struct world *w = world_open(false, NULL);
	int result = get(w, "late.example", GP_DNS_A, 50);

	assert_int_equal(result, GP_ETEMP);
	for (int i = 0; result != GP_OK && i < 10; i++) {
		usleep(500000);
		result = get(w, "late.example", GP_DNS_A, 300);
	}
	assert_int_equal(result, GP_OK);
	assert_int_equal(w->a.n_records, 2);
	world_close(w);
}

/* Without a server there are only 100 ms for what the cache has. */
static void get_cached(struct world *w, const char *name)
{
	for (int i = 0; get(w, name, GP_DNS_A, LONG_MS); i++)
		assert_true(i < 100);
}

static void a_server_goes_and_comes_back(void **state)
{
	struct world *w = world_open(false, NULL);
	int64_t begin;
	int result = GP_ETEMP;
	char name[40];

	assert_int_equal(get(w, "a.example", GP_DNS_A, LONG_MS), GP_OK);
	atomic_store(&w->server.is_down, true);
	for (int i = 0; i < 30; i++) {
		begin = gp_clock_mono_ms();
		snprintf(name, sizeof(name), "host-%d.example", i);
		assert_int_equal(get(w, name, GP_DNS_A, i < 20 ? 60 : LONG_MS), GP_ETEMP);
		/* once nobody is there, deadlines are not waited for */
		assert_true(gp_clock_mono_ms() - begin < LONG_MS);
		get_cached(w, "a.example"); /* is no sign of life */
	}
	atomic_store(&w->server.is_down, false);
	for (int i = 30; result != GP_OK; i++) {
		snprintf(name, sizeof(name), "host-%d.example", i);
		result = get(w, name, GP_DNS_A, 1000);
		usleep(50000);
	}
	world_close(w);
}

static void many_at_once(void **state)
{
	struct world *w = world_open(false, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + LONG_MS);
	struct gp_dns_question *q[3000];
	char name[40];

	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "host-%d.example", i % 100);
		q[i] = gp_dns_begin(w->r, batch, gp_str(name), GP_DNS_A);
	}
	assert_int_equal(gp_batch_wait(batch), GP_OK);
	for (int i = 0; i < 3000; i++)
		assert_int_equal(gp_dns_finish(q[i], w->arena, &w->a), GP_OK);
	gp_batch_free(&batch);
	/* equal questions were merged (what is not answered soon is sent again, and again) */
	assert_in_range(atomic_load(&w->server.asked), 100, 1500);
	world_close(w);
}

/* Questions in flight when everybody leaves: nothing leaks, nothing hangs. */
static void closing_with_questions_in_flight(void **state)
{
	struct world *w = world_open(false, NULL);
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + LONG_MS);

	for (int i = 0; i < 20; i++)
		gp_dns_begin(w->r, batch, GP_STR("silent.example"), GP_DNS_A);
	gp_dns_begin(w->r, batch, GP_STR("late.example"), GP_DNS_A);
	gp_batch_free(&batch);
	world_close(w);
}

static const char *temp_file(char path[64], const char *text)
{
	int fd;

	snprintf(path, 64, "/tmp/gp_test_dns.XXXXXX");
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return path;
}

static void unsigned_answers_below_an_anchor_are_bogus(void **state)
{
	char path[64];
	struct world *w = world_open(
		true,
		temp_file(path,
			  ". IN DS 20326 8 2 "
			  "0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF\n"));

	assert_int_equal(get(w, "a.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w->a.security, GP_DNS_BOGUS);
	assert_int_equal(w->a.n_records, 0);
	world_close(w);
	unlink(path);
}

static void names_of_the_hosts_file(void **state)
{
	char resolv[64], hosts[64], text[GP_IP_TEXT];
	struct gp_dns_options o = {
		.resolv_conf = temp_file(resolv, "nameserver 127.0.0.1\n"),
		.hosts = temp_file(hosts, "192.0.2.77 printer.example\n"),
	};
	struct world w = {.arena = gp_arena_new(0)};

	assert_int_equal(gp_loop_open(&w.loop, NULL), GP_OK);
	assert_int_equal(gp_dns_unbound_open(&o, w.loop, &w.r, NULL), GP_OK);
	assert_int_equal(get(&w, "printer.example", GP_DNS_A, LONG_MS), GP_OK);
	assert_int_equal(w.a.n_records, 1);
	assert_string_equal(gp_ip_format(&w.a.records[0].ip, text), "192.0.2.77");
	gp_resolver_close(&w.r);
	gp_loop_close(&w.loop);
	gp_arena_free(w.arena);
	unlink(resolv);
	unlink(hosts);
}

static void wrong_options_are_said(void **state)
{
	static const char *const SERVERS[] = {"dns.example"};
	static const struct {
		struct gp_dns_options options;
		int result;
		const char *text;
	} CASES[] = {
		{{.servers = SERVERS, .n_servers = 1}, GP_EINVAL, "dns.example"},
		{{.resolv_conf = "/nowhere/resolv.conf"}, GP_ESYS, "/nowhere/resolv.conf"},
		{{.recursion = true, .root_hints = "/nowhere/hints"}, GP_ESYS, "/nowhere/hints"},
		{{.recursion = true, .dnssec = true}, GP_EINVAL, "trust anchor"},
		{{.recursion = true, .dnssec = true, .trust_anchor = "/nowhere/key"},
		 GP_ESYS,
		 "/nowhere/key"},
	};
	struct gp_resolver *r = NULL;
	struct gp_loop *loop;

	assert_int_equal(gp_loop_open(&loop, NULL), GP_OK);
	for (size_t i = 0; i < GP_ARRAY_SIZE(CASES); i++) {
		struct gp_diag diag = {""};

		assert_int_equal(gp_dns_unbound_open(&CASES[i].options, loop, &r, &diag),
				 CASES[i].result);
		assert_non_null(strstr(diag.text, CASES[i].text));
		assert_null(r);
	}
	gp_loop_close(&loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(absence_is_an_answer_and_cached),
		cmocka_unit_test(truncated_answers_come_by_tcp),
		cmocka_unit_test(failures_are_temporary),
		cmocka_unit_test(the_resolvers_limit_is_the_earlier_one),
		cmocka_unit_test(a_late_answer_serves_the_next),
		cmocka_unit_test(a_server_goes_and_comes_back),
		cmocka_unit_test(many_at_once),
		cmocka_unit_test(closing_with_questions_in_flight),
		cmocka_unit_test(unsigned_answers_below_an_anchor_are_bogus),
		cmocka_unit_test(names_of_the_hosts_file),
		cmocka_unit_test(wrong_options_are_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
