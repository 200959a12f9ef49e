/*
 * Lookup tables; see the header.
 */
#include "cli/postfix_table.h"

#include <unistd.h>

#include "cli/postfix_text.h"
#include "lib/base/fd.h"

#define TABLE_MAX (64 << 20) /* bytes of a source */
#define NESTING_MAX 5	     /* tables within tables */
#define ETC "/etc/postfix/"

struct reading {
	const struct gp_postfix *postfix;
	gp_postfix_table_fn *fn;
	void *arg;
	struct gp_diag *diag;
	unsigned depth;
};

/* Where the right side begins in a line; false: the line has none. */
typedef bool gp_line_fn(struct gp_str line, struct gp_str *ret_value);
/* The values of what follows "type:". */
typedef int gp_type_fn(struct reading *r, struct gp_str name, gp_line_fn *line);

static int read_table(struct reading *r, struct gp_str table);

/* Lines. */

/* "key value"; a key with blanks is quoted. */
static bool keyed_line(struct gp_str line, struct gp_str *ret_value)
{
	struct gp_str key;

	if (line.len > 0 && line.ptr[0] == '"')
		line = gp_str_sub(line, gp_str_find_chr(line, '"', 1) + 1, line.len);
	else if (!gp_str_next_word(&line, &key))
		return false;
	*ret_value = gp_str_trim(line);
	return ret_value->len > 0;
}

static bool is_condition(struct gp_str line)
{
	struct gp_str word;

	return gp_str_next_word(&line, &word) &&
	       (gp_str_ieq(word, GP_STR("if")) || gp_str_ieq(word, GP_STR("endif")));
}

/* "network value", "!network value". */
static bool cidr_line(struct gp_str line, struct gp_str *ret_value)
{
	return !is_condition(line) && keyed_line(line, ret_value);
}

/* "/pattern/flags value", with any delimiter. */
static bool pattern_line(struct gp_str line, struct gp_str *ret_value)
{
	size_t i = 1;

	while (line.len > 0 && (line.ptr[0] == '!' || gp_is_space(line.ptr[0])))
		line = gp_str_sub(line, 1, line.len);
	if (line.len == 0 || is_condition(line))
		return false;
	while (i < line.len && line.ptr[i] != line.ptr[0])
		i += line.ptr[i] == '\\' ? 2 : 1;
	return keyed_line(gp_str_sub(line, GP_MIN(i, line.len), line.len), ret_value);
}

/* "key=value", "key = value". */
static bool pair_line(struct gp_str line, struct gp_str *ret_value)
{
	size_t equals = gp_str_find_chr(line, '=', 0);

	*ret_value = gp_str_trim(gp_str_sub(line, equals + 1, line.len));
	return equals < line.len;
}

static bool whole_line(struct gp_str line, struct gp_str *ret_value)
{
	*ret_value = line;
	return true;
}

/* Types. */

/* "{ {line}, {line} }" */
static int read_inline(struct reading *r, struct gp_str name, gp_line_fn *line)
{
	struct gp_str rest = gp_postfix_unbrace(name), piece, value;

	while (gp_postfix_next_word(&rest, true, &piece))
		if (line(gp_postfix_unbrace(piece), &value))
			r->fn(r->arg, value);
	return GP_OK;
}

static int read_static(struct reading *r, struct gp_str name, gp_line_fn *line)
{
	(void)line;
	r->fn(r->arg, gp_postfix_unbrace(name));
	return GP_OK;
}

/* In a copy of a configuration the tables of its folder are those of the copy. */
static const char *path_of(const struct reading *r, struct gp_str name)
{
	const struct gp_postfix *p = r->postfix;
	const char *path = gp_arena_cstr(p->arena, name), *copy;

	if (!gp_str_starts(name, GP_STR(ETC)))
		return path;
	copy = gp_arena_printf(p->arena, "%s/%s", p->directory, path + sizeof(ETC) - 1);
	return access(copy, F_OK) == 0 ? copy : path;
}

static int read_source(struct reading *r, struct gp_str name, gp_line_fn *line)
{
	GP_BUF_AUTO text = GP_BUF_INIT(TABLE_MAX);
	GP_BUF_AUTO logical = GP_BUF_INIT(TABLE_MAX);
	struct gp_postfix_lines lines = {0};
	struct gp_str value;
	unsigned number;
	int e;

	if (name.len > 0 && name.ptr[0] == '{')
		return read_inline(r, name, line);
	e = gp_file_read(path_of(r, name), &text, r->diag);
	if (e)
		return e == GP_ENOENT ? GP_EACCES : e;
	lines.rest = gp_buf_str(&text);
	while (gp_postfix_next_line(&lines, &logical, &number))
		if (line(gp_buf_str(&logical), &value))
			r->fn(r->arg, value);
	return GP_OK;
}

static int read_parts(struct reading *r, struct gp_str name, gp_line_fn *line)
{
	struct gp_str rest = gp_postfix_unbrace(name), part;
	int e = GP_OK;

	(void)line;
	while (e == GP_OK && gp_postfix_next_word(&rest, true, &part))
		e = read_table(r, part);
	return e;
}

static int read_through(struct reading *r, struct gp_str name, gp_line_fn *line)
{
	(void)line;
	return read_table(r, name);
}

static const struct {
	const char *name;
	gp_type_fn *read;
	gp_line_fn *line;
} types[] = {
	{"btree", read_source, keyed_line},	{"cdb", read_source, keyed_line},
	{"cidr", read_source, cidr_line},	{"dbm", read_source, keyed_line},
	{"hash", read_source, keyed_line},	{"inline", read_inline, pair_line},
	{"lmdb", read_source, keyed_line},	{"pcre", read_source, pattern_line},
	{"pipemap", read_parts, NULL},		{"proxy", read_through, NULL},
	{"randmap", read_inline, whole_line},	{"regexp", read_source, pattern_line},
	{"sdbm", read_source, keyed_line},	{"static", read_static, NULL},
	{"texthash", read_source, keyed_line},	{"unionmap", read_parts, NULL},
};

/* Known, and nothing that can be read. */
static const char *const others[] = {
	"environ", "fail", "internal", "ldap",	 "memcache",  "mongodb", "mysql", "netinfo", "nis",
	"nisplus", "pgsql", "sqlite",  "socketmap", "tcp",     "unix",
};

static int read_table(struct reading *r, struct gp_str table)
{
	size_t colon = gp_str_find_chr(table, ':', 0);
	struct gp_str type = gp_str_sub(table, 0, colon);
	int e = GP_ENOENT;

	gp_diag_set(r->diag, "tables of type %.*s are not read", GP_STR_FMT(type));
	for (size_t i = 0; i < GP_ARRAY_SIZE(types) && r->depth < NESTING_MAX; i++) {
		if (!gp_str_eq(type, gp_str(types[i].name)))
			continue;
		r->depth++;
		e = types[i].read(r, gp_str_sub(table, colon + 1, table.len), types[i].line);
		r->depth--;
		break;
	}
	return e;
}

int gp_postfix_table_each(const struct gp_postfix *p, struct gp_str table, gp_postfix_table_fn *fn,
			  void *arg, struct gp_diag *diag)
{
	struct reading r = {.postfix = p, .fn = fn, .arg = arg, .diag = diag};

	return read_table(&r, table);
}

bool gp_postfix_is_table(struct gp_str word)
{
	struct gp_str type = gp_str_sub(word, 0, gp_str_find_chr(word, ':', 0));

	if (type.len == word.len)
		return false;
	for (size_t i = 0; i < GP_ARRAY_SIZE(types); i++)
		if (gp_str_eq(type, gp_str(types[i].name)))
			return true;
	for (size_t i = 0; i < GP_ARRAY_SIZE(others); i++)
		if (gp_str_eq(type, gp_str(others[i])))
			return true;
	return false;
}
