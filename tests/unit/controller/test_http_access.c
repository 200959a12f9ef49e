/*
 * Who may ask what of the API.
 */
#include "controller/http_access.h"
#include "tests/unit/test.h"

#define ANYBODY 4711

static struct gp_arena *arena;
static struct http_access rules;
static const uid_t trusted[] = {0, 1234};
static const char *const hosts[] = {"mail.example.org"};

static int setup(void **state)
{
	arena = gp_arena_new(0);
	rules = (struct http_access){.uids = trusted, .n_uids = 2, .hosts = {hosts, 1}};
	assert_int_equal(http_access_set_password(&rules, "secret\n", 7), GP_OK);
	return 0;
}

static int teardown(void **state)
{
	gp_arena_free(arena);
	return 0;
}

/* "Name: value" lines; those of the address begin with "?". */
static struct http_request request(struct http_peer peer, const char *lines)
{
	struct http_request rq = {.arena = arena, .peer = peer};
	struct gp_str rest = gp_str(lines), line;

	while (gp_str_next(&rest, '\n', &line)) {
		bool is_argument = line.len && line.ptr[0] == '?';
		size_t colon = gp_str_find_chr(line, ':', 0);
		char *name = gp_arena_cstr(arena, gp_str_sub(line, is_argument, colon - is_argument));
		char *value = gp_arena_cstr(arena, gp_str_sub(line, colon + 1, line.len));

		assert_true(http_fields_add(arena, is_argument ? &rq.arguments : &rq.headers, name,
					    value));
	}
	return rq;
}

static const struct http_peer loopback = {.is_local = true, .uid = (uid_t)-1};
static const struct http_peer remote = {.uid = (uid_t)-1};
static const struct http_peer root_by_socket = {.is_unix = true, .is_local = true, .uid = 0};
static const struct http_peer other_by_socket = {.is_unix = true, .is_local = true,
						 .uid = ANYBODY};

static unsigned check(enum http_level level, struct http_peer peer, const char *lines)
{
	struct http_request rq = request(peer, lines);
	const struct http_refusal *r = http_access_check(&rules, level, &rq);

	return r ? r->status : 0;
}

static void levels(void **state)
{
	assert_int_equal(check(HTTP_OPEN, remote, ""), 0);
	assert_int_equal(check(HTTP_READ, remote, ""), 401);
	assert_int_equal(check(HTTP_READ, loopback, ""), 0);
	assert_int_equal(check(HTTP_READ, other_by_socket, ""), 0);
	for (enum http_level l = HTTP_SECRET; l <= HTTP_CHANGE; l++) {
		assert_int_equal(check(l, remote, ""), 401);
		assert_int_equal(check(l, loopback, ""), 401);
		assert_int_equal(check(l, other_by_socket, ""), 401);
		assert_int_equal(check(l, root_by_socket, ""), 0);
		assert_int_equal(check(l, loopback, "Password: secret"), 0);
		assert_int_equal(check(l, remote, "password:secret"), 0);
	}
}

/* A uid means something only where the kernel said it. */
static void uid_counts_on_unix_sockets_only(void **state)
{
	struct http_peer liar = {.is_local = true, .uid = 0};

	assert_int_equal(check(HTTP_CHANGE, liar, ""), 401);
}

static void wrong_password_is_refused_everywhere(void **state)
{
	static const char *const wrong[] = {"Password: secre", "Password: secrets", "Password: SECRET",
					    "Password:", "Password: secret\nPassword: secret"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(wrong); i++) {
		assert_int_not_equal(check(HTTP_READ, loopback, wrong[i]), 0);
		assert_int_not_equal(check(HTTP_CHANGE, root_by_socket, wrong[i]), 0);
	}
}

static void without_password_set(void **state)
{
	rules.has_password = false;
	memset(rules.password, 0, sizeof(rules.password));
	assert_int_equal(check(HTTP_CHANGE, loopback, ""), 403);
	assert_int_equal(check(HTTP_CHANGE, loopback, "Password: secret"), 403);
	assert_int_equal(check(HTTP_CHANGE, loopback, "Password:"), 403);
	assert_int_equal(check(HTTP_CHANGE, root_by_socket, ""), 0);
	assert_int_equal(check(HTTP_READ, loopback, "Password: any"), 0);
	assert_int_equal(http_access_set_password(&rules, " \n", 2), GP_EINVAL);
	assert_false(rules.has_password);
}

static void read_password(void **state)
{
	rules.read_password = true;
	assert_int_equal(check(HTTP_READ, loopback, ""), 401);
	assert_int_equal(check(HTTP_READ, loopback, "Password: secret"), 0);
	assert_int_equal(check(HTTP_OPEN, loopback, ""), 0);
}

static void password_in_the_address(void **state)
{
	assert_int_equal(check(HTTP_READ, loopback, "?password:secret"), 400);
	assert_int_equal(check(HTTP_CHANGE, root_by_socket, "?PassWord:secret\nPassword: secret"), 400);
}

static void files_are_never_named(void **state)
{
	static const char *const names[] = {"File: /etc/passwd", "file:x", "Path: x", "Shm: x",
					    "Shm-Offset: 1", "SHM-LENGTH: 1", "?file:/etc/passwd"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++) {
		assert_int_equal(check(HTTP_OPEN, remote, names[i]), 400);
		assert_int_equal(check(HTTP_CHANGE, root_by_socket, names[i]), 400);
	}
}

static void host_names(void **state)
{
	static const char *const ours[] = {"localhost", "LOCALHOST:11334", "127.0.0.1", "127.0.0.1:80",
					   "[::1]", "[::1]:11334", "192.0.2.1:1", "mail.example.org",
					   "mail.example.org.:11334"};
	static const char *const foreign[] = {"evil.example", "localhost.evil.example", "", ":80",
					      "mail.example.org.evil.example:80", "[::1", "[::1]x",
					      "::1", "127.0.0.1.evil.example", "0x7f.1",
					      "localhost]", "[localhost]x", "local host"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(ours); i++)
		assert_int_equal(check(HTTP_READ, loopback, gp_arena_printf(arena, "Host: %s", ours[i])), 0);
	for (size_t i = 0; i < GP_ARRAY_SIZE(foreign); i++)
		assert_int_equal(
			check(HTTP_OPEN, loopback, gp_arena_printf(arena, "Host: %s", foreign[i])), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost\nHost: localhost"), 400);
}

static void pages_of_other_sites(void **state)
{
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost:1\nOrigin: http://localhost:1"), 0);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost:1\nOrigin: http://localhost:2"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost:1\nOrigin: null"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost:1\nOrigin: http://192.0.2.1"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Origin: http://"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost\nSec-Fetch-Site: cross-site"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost\nSec-Fetch-Site: same-site"), 403);
	assert_int_equal(check(HTTP_READ, loopback, "Host: localhost\nSec-Fetch-Site: same-origin"), 0);
	assert_int_equal(check(HTTP_CHANGE, loopback,
			       "Host: localhost:1\nOrigin: http://evil.example\nPassword: secret"), 403);
}

static void users(void **state)
{
	uid_t uid = 77;

	assert_int_equal(http_uid_parse("root", &uid), GP_OK);
	assert_int_equal(uid, 0);
	assert_int_equal(http_uid_parse("1234", &uid), GP_OK);
	assert_int_equal(uid, 1234);
	assert_int_equal(http_uid_parse("no such user", &uid), GP_ENOENT);
	assert_int_not_equal(http_uid_parse("4294967295", &uid), GP_OK);
	assert_int_not_equal(http_uid_parse("-1", &uid), GP_OK);
	assert_int_equal(uid, 1234);
}

static void errors_are_json(void **state)
{
	struct http_reply r;
	json_t *root, *text;

	http_reply_init(&r);
	http_reply_error(&r, 400, "bad \"%s\" \\ \x01 \xff \xe2\x82", "<quoted>\n");
	root = json_loadb(r.body.data, r.body.len, 0, NULL);
	assert_non_null(root);
	assert_string_equal(json_string_value(json_object_get(root, "error")),
			    "bad \"<quoted>\n\" \\ \x01 \xef\xbf\xbd \xef\xbf\xbd\xef\xbf\xbd");
	json_decref(root);
	http_reply_done(&r);
	text = http_json_text(gp_str("a\xc3\xa4\xc3\xb6"), 4); /* not in the middle of a character */
	assert_non_null(text);
	assert_string_equal(json_string_value(text), "a\xc3\xa4");
	json_decref(text);
}

static void fields_are_bounded(void **state)
{
	struct http_fields fields = {0};

	for (int i = 0; i < HTTP_FIELDS_MAX; i++)
		assert_true(http_fields_add(arena, &fields, "Rcpt", "a@example.org"));
	assert_false(http_fields_add(arena, &fields, "Rcpt", "a@example.org"));
	assert_int_equal(http_field_count(&fields, "rcpt"), HTTP_FIELDS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(levels, setup, teardown),
		cmocka_unit_test_setup_teardown(uid_counts_on_unix_sockets_only, setup, teardown),
		cmocka_unit_test_setup_teardown(wrong_password_is_refused_everywhere, setup, teardown),
		cmocka_unit_test_setup_teardown(without_password_set, setup, teardown),
		cmocka_unit_test_setup_teardown(read_password, setup, teardown),
		cmocka_unit_test_setup_teardown(password_in_the_address, setup, teardown),
		cmocka_unit_test_setup_teardown(files_are_never_named, setup, teardown),
		cmocka_unit_test_setup_teardown(host_names, setup, teardown),
		cmocka_unit_test_setup_teardown(pages_of_other_sites, setup, teardown),
		cmocka_unit_test_setup_teardown(users, setup, teardown),
		cmocka_unit_test_setup_teardown(errors_are_json, setup, teardown),
		cmocka_unit_test_setup_teardown(fields_are_bounded, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
