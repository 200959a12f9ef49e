/*
 * main.cf and master.cf.
 */
#include "cli/postfix.h"

#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"

#define FILE_MAX (1 << 20)
#define EXPAND_DEPTH 10

/* One logical line: continuation lines (leading white space) joined, comments out. */
static bool next_line(struct gp_str *rest, struct gp_buf *line, unsigned *number, unsigned *at)
{
	gp_buf_reset(line);
	while (rest->len) {
		size_t end = gp_str_find_chr(*rest, '\n', 0);
		struct gp_str raw = gp_str_sub(*rest, 0, end), text = gp_str_trim(raw);
		bool continues = raw.len && gp_is_space(raw.ptr[0]);

		if (line->len && text.len && text.ptr[0] != '#' && !continues)
			return true;
		++*at;
		*rest = gp_str_sub(*rest, end + 1, rest->len);
		if (text.len == 0 || text.ptr[0] == '#')
			continue;
		if (line->len == 0)
			*number = *at;
		else
			gp_buf_add_chr(line, ' ');
		gp_buf_add_str(line, text);
	}
	return line->len > 0;
}

static void set(struct gp_postfix *p, struct gp_map *map, struct gp_str assignment)
{
	size_t eq = gp_str_find_chr(assignment, '=', 0);
	struct gp_str name = gp_str_trim(gp_str_sub(assignment, 0, eq));
	struct gp_str value = gp_str_trim(gp_str_sub(assignment, eq + 1, assignment.len));

	if (eq < assignment.len)
		gp_map_set(map, gp_arena_str(p->arena, name), gp_arena_cstr(p->arena, value));
}

/* What follows "-o": a word, or everything between braces. */
static struct gp_str take_argument(struct gp_str *rest)
{
	struct gp_str s = gp_str_trim(*rest), word = {NULL, 0};
	size_t end;

	if (s.len && s.ptr[0] == '{') {
		end = gp_str_find_chr(s, '}', 0);
		*rest = gp_str_sub(s, end + 1, s.len);
		return gp_str_sub(s, 1, end - 1);
	}
	*rest = s;
	gp_str_next_word(rest, &word);
	return word;
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
	unsigned number = 0, at = 0;
	struct gp_str rest;
	int r = gp_file_read(path, &text, diag);

	if (r)
		return r;
	rest = gp_buf_str(&text);
	while (next_line(&rest, &line, &number, &at)) {
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

	*ret = (struct gp_postfix){.arena = arena, .directory = directory};
	gp_map_init(&ret->main, arena, false);
	r = read_file(ret, "main.cf", false, diag);
	return r ? r : read_file(ret, "master.cf", true, diag);
}

static const char *lookup(const struct gp_postfix *p, const struct gp_postfix_service *service,
			  struct gp_str name)
{
	const char *value = service ? gp_map_get(&service->overrides, name) : NULL;

	return value ? value : gp_map_get(&p->main, name);
}

static void expand(const struct gp_postfix *p, const struct gp_postfix_service *service,
		   struct gp_str s, struct gp_buf *out, unsigned depth)
{
	for (size_t i = 0; i < s.len; i++) {
		bool braced = i + 1 < s.len && s.ptr[i + 1] == '{';
		size_t from = i + 1 + braced, to = from;
		const char *value;

		if (s.ptr[i] != '$' || depth == 0) {
			gp_buf_add_chr(out, s.ptr[i]);
			continue;
		}
		while (to < s.len && (gp_is_alnum(s.ptr[to]) || s.ptr[to] == '_'))
			to++;
		value = lookup(p, service, gp_str_sub(s, from, to - from));
		if (to == from || (braced && (to == s.len || s.ptr[to] != '}'))) {
			gp_buf_add_chr(out, s.ptr[i]);
			continue;
		}
		if (value)
			expand(p, service, gp_str(value), out, depth - 1);
		i = to - !braced;
	}
}

struct gp_str gp_postfix_value(const struct gp_postfix *p, const struct gp_postfix_service *service,
			       const char *name, const char *def)
{
	GP_BUF_AUTO out = GP_BUF_INIT(FILE_MAX);
	const char *value = lookup(p, service, gp_str(name));

	expand(p, service, gp_str(value ? value : def), &out, EXPAND_DEPTH);
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
