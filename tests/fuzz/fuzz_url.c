/*
 * URIs.  Whatever the bytes: a normalised URI is printable ASCII (its host may be
 * UTF-8 where IDN refused it), normalising it again changes nothing, a set has
 * each URI once and no more than it may.
 */
#include "lib/base/err.h"
#include "lib/base/limits.h"
#include "lib/base/utf8.h"
#include "lib/mail/url.h"
#include "tests/fuzz/fuzz.h"

static void check_uri(struct gp_arena *a, const struct gp_uri *u)
{
	struct gp_uri again;
	size_t host = u->host.len ? gp_str_find(u->uri, u->host, 0) : 0;

	FUZZ_CHECK(u->uri.len && gp_utf8_is_valid(u->host));
	FUZZ_CHECK(gp_str_find_chr(u->uri, ':', 0) < u->uri.len);
	FUZZ_CHECK(host < u->uri.len);
	for (size_t i = 0; i < u->uri.len; i++) {
		unsigned char c = (unsigned char)u->uri.ptr[i];
		bool is_in_host = i >= host && i < host + u->host.len;

		FUZZ_CHECK((c > ' ' && c < 0x7f) || (is_in_host && c >= 0x80));
	}
	FUZZ_CHECK(u->uri.len <= GP_MAX_URI_SIZE);
	FUZZ_CHECK(gp_url_normalise(a, u->uri, &again) == GP_OK);
	FUZZ_CHECK(gp_str_eq(again.uri, u->uri));
	FUZZ_CHECK(gp_str_eq(again.host, u->host));
}

static void check_set(struct gp_arena *a, struct gp_str in, size_t max)
{
	struct gp_url_set set;

	gp_url_set_init(&set, a, max);
	gp_url_scan(&set, in, 0, GP_URI_TEXT);
	gp_url_set_add(&set, in, in, 0, GP_URI_HREF);
	FUZZ_CHECK(set.uris.len <= (max ? max : GP_MAX_URIS));
	for (size_t i = 0; i < set.uris.len && i < 20; i++) {
		check_uri(a, &set.uris.items[i]);
		for (size_t j = 0; j < i; j++)
			FUZZ_CHECK(!gp_str_eq(set.uris.items[i].uri, set.uris.items[j].uri));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gp_str in = gp_str_n(data, size), host;
	struct gp_arena *a = gp_arena_new(0);
	struct gp_uri uri;

	check_set(a, in, 0);
	check_set(a, in, 2);
	if (gp_url_normalise(a, in, &uri) == GP_OK)
		check_uri(a, &uri);
	host = gp_url_host(a, in);
	FUZZ_CHECK(gp_str_eq(gp_url_host(a, host), host) ||
		   gp_str_find_chr(host, ':', 0) < host.len);
	gp_arena_free(a);
	return 0;
}
