/*
 * gp-ldap-probe OPTIONS: looks up each key on standard input and prints a JSON line for
 * it.  For tests that run a directory server; not installed.
 *
 *	--uri URI ...  --starttls  --tls13  --ca FILE  --cert FILE --key FILE
 *	--bind DN PASSWORDFILE | --external
 *	--base TEXT  --scope sub|one|base  --filter TEXT  --result TEXT ...  --follow NAME ...
 *	--domain NAME ...  --timeout MS  --rest MS  --deadline MS  --cache ENTRIES TTL NEGATIVE
 *
 * A line "*N KEY" asks for KEY0 … KEY(N-1) at once and prints how many answered what;
 * "!flush" forgets cached answers, "!up" prints the state.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/mem.h"
#include "lib/base/num.h"
#include "lib/ldap/ldap.h"

#define LIST_MAX 16

struct list {
	const char *items[LIST_MAX];
	size_t n;
};

static struct gp_ldap_options options;
static struct gp_ldap_words words = {.base = "", .filter = ""};
static struct list uris, result, follow, domains;
static int64_t deadline_ms = 20000;
static struct gp_ldap *ldap;
static struct gp_ldap_query *query;

static int64_t number(const char *text)
{
	int64_t n = 0;

	if (gp_num_parse_int(gp_str(text), &n) < 0)
		exit(64);
	return n;
}

static char **next(char **argv)
{
	if (!argv[1])
		exit(64);
	return argv + 1;
}

static void add(struct list *l, const char *item)
{
	if (l->n < LIST_MAX)
		l->items[l->n++] = item;
}

static int scope_of(const char *name)
{
	return gp_str_eq(gp_str(name), GP_STR("one")) ? GP_LDAP_ONE
	       : gp_str_eq(gp_str(name), GP_STR("base")) ? GP_LDAP_BASE : GP_LDAP_SUB;
}

static void parse(char **argv)
{
	for (argv++; *argv; argv++) {
		struct gp_str o = gp_str(*argv);

#define IS(name) gp_str_eq(o, GP_STR(name))
		if (IS("--starttls"))
			options.start_tls = true;
		else if (IS("--tls13"))
			options.tls_min = GP_LDAP_TLS_1_3;
		else if (IS("--external"))
			options.bind = GP_LDAP_EXTERNAL;
		else if (IS("--uri"))
			add(&uris, *(argv = next(argv)));
		else if (IS("--result"))
			add(&result, *(argv = next(argv)));
		else if (IS("--follow"))
			add(&follow, *(argv = next(argv)));
		else if (IS("--domain"))
			add(&domains, *(argv = next(argv)));
		else if (IS("--ca"))
			options.ca_file = *(argv = next(argv));
		else if (IS("--cert"))
			options.certificate = *(argv = next(argv));
		else if (IS("--key"))
			options.key_file = *(argv = next(argv));
		else if (IS("--base"))
			words.base = *(argv = next(argv));
		else if (IS("--filter"))
			words.filter = *(argv = next(argv));
		else if (IS("--scope"))
			words.scope = scope_of(*(argv = next(argv)));
		else if (IS("--timeout"))
			options.timeout_ms = number(*(argv = next(argv)));
		else if (IS("--rest"))
			options.rest_ms = number(*(argv = next(argv)));
		else if (IS("--deadline"))
			deadline_ms = number(*(argv = next(argv)));
		else if (IS("--bind")) {
			options.bind = GP_LDAP_SIMPLE;
			options.bind_dn = *(argv = next(argv));
			options.password_file = *(argv = next(argv));
		} else if (IS("--cache")) {
			options.cache_entries = (size_t)number(*(argv = next(argv)));
			options.ttl_s = number(*(argv = next(argv)));
			options.negative_ttl_s = number(*(argv = next(argv)));
		} else {
			fprintf(stderr, "unknown option %s\n", *argv);
			exit(64);
		}
#undef IS
	}
}

static json_t *text_of(struct gp_str s)
{
	json_t *j = json_stringn(s.ptr ? s.ptr : "", s.len);

	return j ? j : json_string("(not UTF-8)");
}

static void print(json_t *j)
{
	json_dumpf(j, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	fflush(stdout);
	json_decref(j);
}

static void look_up(struct gp_str key)
{
	struct gp_arena *arena = gp_arena_new(0);
	int64_t began_us = gp_clock_mono_us();
	struct gp_ldap_answer a = {0};
	struct gp_diag diag = {""};
	int r = gp_ldap_get(ldap, query, key, gp_clock_mono_ms() + deadline_ms, arena, &a, &diag);
	json_t *values = json_array();
	json_t *j = json_pack("{s:s,s:f,s:s,s:I}", "result", r ? gp_err_name(r) : "ok", "ms",
			      (double)(gp_clock_mono_us() - began_us) / 1000, "why", diag.text,
			      "entries", (json_int_t)a.n_entries);

	for (size_t i = 0; i < a.n_values; i++)
		json_array_append_new(values, json_pack("[o,o]", text_of(a.values[i].attribute),
							text_of(a.values[i].text)));
	json_object_set_new(j, "values", values);
	json_object_set_new(j, "dn", text_of(a.dn));
	json_object_set_new(j, "server", text_of(a.server));
	print(j);
	gp_arena_free(arena);
}

static void look_up_many(size_t n, struct gp_str prefix)
{
	struct gp_batch *batch = gp_batch_new(gp_clock_mono_ms() + deadline_ms);
	struct gp_ldap_lookup **lookups = gp_xcalloc(n, sizeof(struct gp_ldap_lookup *));
	struct gp_arena *arena = gp_arena_new(0);
	int64_t began_us = gp_clock_mono_us();
	size_t right = 0, absent = 0, failed = 0;

	for (size_t i = 0; i < n; i++)
		lookups[i] = gp_ldap_begin(ldap, batch, query,
					   gp_str(gp_arena_printf(arena, "%.*s%zu", GP_STR_FMT(prefix), i)));
	for (size_t i = 0; i < n; i++) {
		struct gp_ldap_answer a;
		int r = gp_ldap_finish(lookups[i], arena, &a, NULL);

		*(r == GP_OK ? &right : r == GP_ENOENT ? &absent : &failed) += 1;
	}
	print(json_pack("{s:I,s:I,s:I,s:f}", "ok", (json_int_t)right, "absent", (json_int_t)absent,
			"failed", (json_int_t)failed, "ms",
			(double)(gp_clock_mono_us() - began_us) / 1000));
	gp_batch_free(&batch);
	gp_arena_free(arena);
	free(lookups);
}

static void show_state(void)
{
	struct gp_diag diag;

	gp_ldap_last_error(ldap, &diag);
	print(json_pack("{s:b,s:s}", "up", (int)gp_ldap_is_up(ldap), "why", diag.text));
}

static void obey(struct gp_str line)
{
	struct gp_str rest = gp_str_sub(line, 1, line.len), word;
	int64_t n = 0;

	if (gp_str_eq(line, GP_STR("!flush"))) {
		gp_ldap_flush(ldap);
		show_state();
	} else if (gp_str_eq(line, GP_STR("!up"))) {
		show_state();
	} else if (gp_str_starts(line, GP_STR("*")) && gp_str_next_word(&rest, &word) &&
		   gp_num_parse_int(word, &n) == GP_OK) {
		look_up_many((size_t)n, gp_str_trim(rest));
	} else {
		look_up(line);
	}
}

int main(int argc, char **argv)
{
	struct gp_arena *arena = gp_arena_new(0);
	struct gp_diag diag = {""};
	char line[4096];

	(void)argc;
	parse(argv);
	options.uris = uris.items;
	options.n_uris = uris.n;
	words.result = result.items;
	words.n_result = result.n;
	words.follow = follow.items;
	words.n_follow = follow.n;
	words.domains = domains.items;
	words.n_domains = domains.n;
	if (gp_ldap_query_new(&words, arena, &query, NULL, &diag) || gp_ldap_open(&options, &ldap, &diag)) {
		fprintf(stderr, "%s\n", diag.text);
		gp_arena_free(arena);
		return 78;
	}
	while (fgets(line, sizeof(line), stdin))
		obey(gp_str_trim(gp_str(line)));
	gp_ldap_close(&ldap);
	gp_arena_free(arena);
	return 0;
}
