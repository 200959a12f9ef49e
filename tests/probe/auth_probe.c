/*
 * gp-auth-probe: reads cases, has a mode answer each, prints the answers.
 */
#include "tests/probe/auth_probe.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/utf8.h"
#include "tests/fakes/fake_dns.h"

#define TIMEOUT_MS 2000

static const struct {
	const char *name;
	json_t *(*run)(struct probe *p);
} modes[] = {
	{"arc", probe_arc},
	{"arc-seal", probe_arc_seal},
	{"authres", probe_authres},
	{"dkim-sign", probe_dkim_sign},
	{"dkim-verify", probe_dkim_verify},
	{"spf", probe_spf},
};

struct gp_str probe_str(const struct probe *p, const char *name)
{
	const json_t *value = json_object_get(p->in, name);

	return json_is_string(value) ? gp_str_n(json_string_value(value), json_string_length(value))
				     : GP_STR("");
}

json_t *probe_json(struct gp_str s)
{
	GP_BUF_AUTO text = GP_BUF_INIT(1 << 24);

	gp_utf8_sanitize(s, &text);
	return json_stringn(gp_buf_cstr(&text), text.len);
}

static int64_t number(const json_t *in, const char *name, int64_t missing)
{
	const json_t *value = json_object_get(in, name);

	return json_is_integer(value) ? json_integer_value(value) : missing;
}

static json_t *run_mode(struct probe *p)
{
	struct gp_str mode = probe_str(p, "mode");

	for (size_t i = 0; i < GP_ARRAY_SIZE(modes); i++)
		if (gp_str_eq(mode, gp_str(modes[i].name)))
			return modes[i].run(p);
	return json_pack("{ss}", "error", "no such mode");
}

static json_t *run_case(const json_t *in)
{
	struct probe p = {.in = in, .arena = gp_arena_new(0), .now_s = number(in, "now", 0)};
	struct gp_batch *batch =
		gp_batch_new(gp_clock_mono_ms() + number(in, "timeout_ms", TIMEOUT_MS));
	json_t *out;

	p.resolver = gp_fake_dns_open(gp_arena_cstr(p.arena, probe_str(&p, "zone")), NULL);
	gp_asker_init(&p.asker, p.resolver, batch, p.arena);
	out = run_mode(&p);
	gp_batch_free(&batch);
	gp_resolver_close(&p.resolver);
	gp_arena_free(p.arena);
	return out;
}

static void run_line(const char *line, size_t len)
{
	json_error_t error;
	json_t *in = json_loadb(line, len, JSON_ALLOW_NUL, &error);
	json_t *out = in ? run_case(in) : json_pack("{ss}", "error", error.text);

	json_dumpf(out, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
	json_decref(out);
	json_decref(in);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	while ((len = getline(&line, &size, stdin)) > 0)
		run_line(line, (size_t)len);
	free(line);
	return 0;
}
