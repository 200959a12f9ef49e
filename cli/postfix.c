/*
 * main.cf and master.cf.
 */
#include "cli/postfix.h"

#include "cli/postfix_expand.h"
#include "cli/postfix_text.h"
#include "config.h"
#include "lib/base/buf.h"
#include "lib/base/fd.h"

#define FILE_MAX (1 << 20)

/* What others' values name when nobody has set it; what Postfix was built with may differ. */
static const struct {
	const char *name, *value;
} defaults[] = {
	{"compatibility_level", "0"},	   {"data_directory", "/var/lib/postfix"},
	{"default_database_type", "hash"}, {"mail_name", "Postfix"},
	{"queue_directory", GP_QUEUEDIR},  {"smtpd_delay_reject", "yes"},
	{"smtpd_sasl_type", "cyrus"},	   {"syslog_name", "postfix"},
};

static void set(struct gp_postfix *p, struct gp_map *map, struct gp_str assignment)
{
	size_t eq = gp_str_find_chr(assignment, '=', 0);
	struct gp_str name = gp_str_trim(gp_str_sub(assignment, 0, eq));
	struct gp_str value = gp_str_trim(gp_str_sub(assignment, eq + 1, assignment.len));

	if (eq < assignment.len)
		gp_map_set(map, gp_arena_str(p->arena, name), gp_arena_cstr(p->arena, value));
}

/* A word, or what stands between braces. */
static struct gp_str take_argument(struct gp_str *rest)
{
	struct gp_str word;

	return gp_postfix_next_word(rest, false, &word) ? gp_postfix_unbrace(word) : word;
}

static void parse_service(struct gp_postfix *p, struct gp_str line, unsigned number)
{
	struct gp_str words[8], word;
	struct gp_postfix_service *s;
	bool default_chroot;

	for (size_t i = 0; i < GP_ARRAY_SIZE(words); i++)
		if (!gp_str_next_word(&line, &words[i]))
			return;
	s = gp_vec_push(p->arena, &p->services);
	/* The default became "n" with compatibility_level 1 (Postfix 3.0). */
	default_chroot = gp_str_eq(gp_postfix_value(p, NULL, "compatibility_level", "0"),
				   GP_STR("0"));
	*s = (struct gp_postfix_service){
		.name = gp_arena_str(p->arena, words[0]),
		.type = gp_arena_str(p->arena, words[1]),
		.command = gp_arena_str(p->arena, words[7]),
		.is_chrooted = gp_str_eq(words[4], GP_STR("y")) ||
			       (gp_str_eq(words[4], GP_STR("-")) && default_chroot),
		.line = number,
	};
	gp_map_init(&s->overrides, p->arena, false);
	while (line.len) {
		word = take_argument(&line);
		if (gp_str_eq(word, GP_STR("-o")))
			set(p, &s->overrides, take_argument(&line));
		else if (gp_str_starts(word, GP_STR("-o")))
			set(p, &s->overrides, gp_str_sub(word, 2, word.len));
		else if (word.len == 0)
			break;
	}
}

static int read_file(struct gp_postfix *p, const char *name, bool is_master, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(FILE_MAX);
	GP_BUF_AUTO line = GP_BUF_INIT(FILE_MAX);
	const char *path = gp_arena_printf(p->arena, "%s/%s", p->directory, name);
	struct gp_postfix_lines lines = {0};
	unsigned number = 0;
	int r = gp_file_read(path, &text, diag);

	if (r)
		return r;
	lines.rest = gp_buf_str(&text);
	while (gp_postfix_next_line(&lines, &line, &number)) {
		if (is_master)
			parse_service(p, gp_buf_str(&line), number);
		else
			set(p, &p->main, gp_buf_str(&line));
	}
	return GP_OK;
}

int gp_postfix_read(struct gp_arena *arena, const char *directory, struct gp_postfix *ret,
		    struct gp_diag *diag)
{
	int r;

	*ret = (struct gp_postfix){.arena = arena, .directory = directory,
				   .faults = GP_ARENA_NEW(arena, struct gp_map)};
	gp_map_init(&ret->main, arena, false);
	gp_map_init(ret->faults, arena, false);
	r = read_file(ret, "main.cf", false, diag);
	return r ? r : read_file(ret, "master.cf", true, diag);
}

struct view {
	const struct gp_postfix *postfix;
	const struct gp_postfix_service *service; /* may be NULL */
};

static const char *find(const struct view *v, struct gp_str name)
{
	const char *value = v->service ? gp_map_get(&v->service->overrides, name) : NULL;

	return value ? value : gp_map_get(&v->postfix->main, name);
}

static const char *look_up(const void *arg, struct gp_str name)
{
	const struct view *v = arg;
	const char *value = find(v, name);

	if (!value && gp_str_eq(name, GP_STR("config_directory")))
		value = v->postfix->directory;
	for (size_t i = 0; !value && i < GP_ARRAY_SIZE(defaults); i++)
		if (gp_str_eq(name, gp_str(defaults[i].name)))
			value = defaults[i].value;
	return value;
}

static void note_fault(const struct view *v, const char *name, const char *why)
{
	const struct gp_postfix_service *s = v->service;
	struct gp_arena *arena = v->postfix->arena;
	char *text;

	if (s && gp_map_get(&s->overrides, gp_str(name)))
		text = gp_arena_printf(arena, "%s/master.cf:%u: %s: %s", v->postfix->directory,
				       s->line, name, why);
	else
		text = gp_arena_printf(arena, "%s/main.cf: %s: %s", v->postfix->directory, name, why);
	gp_map_set(v->postfix->faults, gp_str(text), text);
}

struct gp_str gp_postfix_value(const struct gp_postfix *p, const struct gp_postfix_service *service,
			       const char *name, const char *def)
{
	GP_BUF_AUTO out = GP_BUF_INIT(GP_POSTFIX_VALUE_MAX);
	struct view v = {p, service};
	const char *value = find(&v, gp_str(name));
	struct gp_diag diag;

	if (gp_postfix_expand(gp_str(value ? value : def), look_up, &v, &out, &diag))
		note_fault(&v, name, diag.text);
	return gp_arena_str(p->arena, gp_buf_str(&out));
}

bool gp_postfix_next_milter(struct gp_str *rest, struct gp_str *ret_address)
{
	struct gp_str s = *rest;

	while (s.len) {
		size_t n = 0;

		while (n < s.len && !gp_is_space(s.ptr[n]) && !memchr(",{}", s.ptr[n], 3))
			n++;
		*ret_address = gp_str_sub(s, 0, n);
		s = gp_str_sub(s, GP_MAX(n, (size_t)1), s.len);
		*rest = s;
		if (gp_str_istarts(*ret_address, GP_STR("unix:")) ||
		    gp_str_istarts(*ret_address, GP_STR("inet:")))
			return true;
	}
	return false;
}
