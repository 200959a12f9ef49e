/*
 * Received headers and dates.  Fields lie within the value; an address is
 * canonical; what is synthesised from the parsed fields parses to the same.
 */
#include <arpa/inet.h>

#include "lib/base/err.h"
#include "lib/mail/date.h"
#include "lib/mail/received.h"
#include "lib/mail/relay.h"
#include "tests/fuzz/fuzz.h"

static void check_ip(struct gp_str ip)
{
	char text[INET6_ADDRSTRLEN], again[INET6_ADDRSTRLEN];
	unsigned char addr[16];
	int family = gp_str_find_chr(ip, ':', 0) < ip.len ? AF_INET6 : AF_INET;

	if (!ip.len)
		return;
	FUZZ_CHECK(gp_str_copy(text, sizeof(text), ip));
	FUZZ_CHECK(inet_pton(family, text, addr) == 1);
	FUZZ_CHECK(inet_ntop(family, addr, again, sizeof(again)) && gp_str_eq(ip, gp_str(again)));
}

static void check_date(struct gp_str text)
{
	char again[GP_DATE_TEXT];
	int64_t t, t2;

	if (gp_date_parse(text, &t) < 0)
		return;
	gp_date_format(t, again);
	if (t >= -2208988800 && t < 253402300800) { /* 1900 … 9999: four digits */
		FUZZ_CHECK(gp_date_parse(gp_str(again), &t2) == GP_OK);
		FUZZ_CHECK(t == t2);
	}
}

/* Only its own neutral form: brackets and the like were replaced. */
static void check_synthesised(struct gp_arena *a, const struct gp_received *r)
{
	struct gp_received_session s = {
		.by = GP_STR("mx.example"), .client_addr = r->ip, .client_name = r->rdns, .helo = r->helo,
		.queue_id = r->id, .auth_authen = r->auth, .time_s = 1795260178};
	struct gp_received again;

	gp_received_parse(a, gp_received_synthesise(a, &s), &again);
	FUZZ_CHECK(gp_str_eq(again.ip, r->ip));
	FUZZ_CHECK(gp_str_eq(again.by, s.by));
	FUZZ_CHECK(again.is_authenticated == r->is_authenticated);
	FUZZ_CHECK(again.time_s == s.time_s && again.has_from);
}

/* Nothing in a relay's text can end its field or look like another hop. */
static void check_relay(struct gp_arena *a, struct gp_str value)
{
	struct gp_relay r;

	if (gp_relay_read(a, value, &r) != GP_RELAY_READ)
		return;
	gp_relay_format(a, &r);
	FUZZ_CHECK(gp_str_find_chr(r.helo, ' ', 0) == r.helo.len);
	FUZZ_CHECK(gp_str_find_chr(r.text, '\n', 0) == r.text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_arena *a = gp_arena_new(0);
	struct gp_received r;

	gp_received_parse(a, gp_str_n(data, size), &r);
	check_relay(a, gp_str_n(data, size));
	check_ip(r.ip);
	FUZZ_CHECK(r.has_from || (!r.helo.len && !r.ip.len && !r.rdns.len));
	FUZZ_CHECK(r.helo.len + r.rdns.len + r.by.len + r.with.len + r.id.len <= 4 * size);
	check_date(gp_str_n(data, size));
	check_synthesised(a, &r);
	gp_arena_free(a);
	return 0;
}
