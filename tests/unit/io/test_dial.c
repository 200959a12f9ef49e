/*
 * Addresses, and connections that block up to a deadline.
 */
#include "lib/io/dial.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/io/address.h"
#include "tests/unit/test.h"

static void test_addresses(void **state)
{
	struct gp_address a;

	(void)state;
	assert_int_equal(gp_address_parse("unix:/run/a.sock", &a), GP_OK);
	assert_int_equal(a.any.sa_family, AF_UNIX);
	assert_string_equal(a.un.sun_path, "/run/a.sock");
	assert_int_equal(gp_address_parse("inet:25@127.0.0.1", &a), GP_OK);
	assert_int_equal(a.any.sa_family, AF_INET);
	assert_int_equal(ntohs(a.in.sin_port), 25);
	assert_int_equal(gp_address_parse("inet6:65535@::1", &a), GP_OK);
	assert_int_equal(a.any.sa_family, AF_INET6);
	assert_int_equal(ntohs(a.in6.sin6_port), 65535);
	assert_string_equal(gp_address_path("unix:/x"), "/x");
	assert_null(gp_address_path("inet:1@127.0.0.1"));
}

static void test_what_is_no_address(void **state)
{
	static const char *const bad[] = {"", "inet:", "inet:25", "inet:65536@127.0.0.1", "inet:x@::1",
					  "inet:25@host.example"};
	struct gp_address a;
	char path[300] = "unix:/";

	(void)state;
	for (size_t i = 0; i < GP_ARRAY_SIZE(bad); i++)
		assert_int_equal(gp_address_parse(bad[i], &a), GP_EINVAL);
	memset(path + 6, 'a', sizeof(path) - 7); /* longer than sun_path */
	assert_int_equal(gp_address_parse(path, &a), GP_EINVAL);
}

/* A listening socket in a folder that ends with the test; its address in ret. */
struct place {
	char folder[64], address[96];
	int fd;
};

static void place_open(struct place *p)
{
	struct gp_address a;

	snprintf(p->folder, sizeof(p->folder), "/tmp/gatepost-dial.XXXXXX");
	assert_non_null(mkdtemp(p->folder));
	snprintf(p->address, sizeof(p->address), "unix:%s/s", p->folder);
	assert_int_equal(gp_address_parse(p->address, &a), GP_OK);
	p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, &a.any, a.len), 0);
	assert_int_equal(listen(p->fd, 4), 0);
}

static void place_close(struct place *p)
{
	if (p->fd >= 0)
		close(p->fd);
	unlink(gp_address_path(p->address));
	rmdir(p->folder);
}

static void test_talk(void **state)
{
	struct place p;
	struct gp_dial d;
	char buf[16];
	size_t n;
	int peer;

	(void)state;
	place_open(&p);
	assert_int_equal(gp_dial_open(&d, p.address, gp_clock_mono_ms() + 60000, NULL), GP_OK);
	peer = accept(p.fd, NULL, NULL);
	assert_int_equal(gp_dial_write(&d, "ping", 4, NULL), GP_OK);
	assert_int_equal(read(peer, buf, sizeof(buf)), 4);
	assert_int_equal(write(peer, "pong", 4), 4);
	assert_int_equal(gp_dial_read(&d, buf, sizeof(buf), &n, NULL), GP_OK);
	assert_int_equal(n, 4);
	assert_memory_equal(buf, "pong", 4);
	close(peer);
	assert_int_equal(gp_dial_read(&d, buf, sizeof(buf), &n, NULL), GP_OK);
	assert_int_equal(n, 0);
	assert_int_equal(gp_dial_write(&d, "late", 4, NULL), GP_ETEMP);
	gp_dial_close(&d);
	gp_dial_close(&d);
	place_close(&p);
}

static void test_deadlines(void **state)
{
	struct place p;
	struct gp_dial d;
	struct gp_diag why = {""};
	char buf[65536] = {0};
	size_t n;
	int r;

	(void)state;
	place_open(&p);
	assert_int_equal(gp_dial_open(&d, p.address, gp_clock_mono_ms() + 60000, &why), GP_OK);
	d.deadline_ms = gp_clock_mono_ms() + 100;
	assert_int_equal(gp_dial_read(&d, buf, sizeof(buf), &n, &why), GP_ETEMP);
	assert_string_equal(why.text, "no answer in time");
	d.deadline_ms = gp_clock_mono_ms() + 100;
	do
		r = gp_dial_write(&d, buf, sizeof(buf), &why);
	while (r == GP_OK);
	assert_int_equal(r, GP_ETEMP);
	gp_dial_close(&d);
	place_close(&p);
}

static void test_nobody(void **state)
{
	struct place p;
	struct gp_dial d;
	struct gp_diag why = {""};

	(void)state;
	place_open(&p);
	close(p.fd);
	p.fd = -1;
	assert_int_equal(gp_dial_open(&d, p.address, gp_clock_mono_ms() + 60000, &why), GP_ETEMP);
	assert_int_equal(d.fd, -1);
	assert_non_null(strstr(why.text, "refused"));
	assert_int_equal(gp_dial_open(&d, "nonsense", gp_clock_mono_ms() + 1000, &why), GP_EINVAL);
	place_close(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses), cmocka_unit_test(test_what_is_no_address),
		cmocka_unit_test(test_talk),	  cmocka_unit_test(test_deadlines),
		cmocka_unit_test(test_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
