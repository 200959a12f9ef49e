/*
 * opendkim.conf and its data sets, read.
 *
 * Not read are databases (db:, dsn:, ldap:, lua: …): what they hold is not known here.
 */
#include "cli/opendkim.h"

#include "cli/opendkim_int.h"
#include "lib/base/limits.h"

/* opendkim.conf(5): "Nesting is allowed to a maximum of five levels." */
#define INCLUDE_DEPTH_MAX 5

const struct odk_param *odk_get(const struct odk *o, const char *name)
{
	for (size_t i = o->params.len; i > 0; i--)
		if (gp_str_ieq(o->params.items[i - 1].name, gp_str(name)))
			return &o->params.items[i - 1];
	return NULL;
}

bool odk_is_true(const struct odk_param *p)
{
	return p && p->value.len && memchr("TtYy1", p->value.ptr[0], 5);
}

const char *odk_path(const struct odk *o, struct gp_str path)
{
	const struct odk_param *base = odk_get(o, "BaseDirectory");

	if (!base || gp_str_starts(path, GP_STR("/")))
		return gp_arena_cstr(o->arena, path);
	return gp_arena_printf(o->arena, "%.*s/%.*s", GP_STR_FMT(base->value), GP_STR_FMT(path));
}

/* Without what stands behind a hash. */
static struct gp_str without_comment(struct gp_str line)
{
	return gp_str_trim(gp_str_sub(line, 0, gp_str_find_chr(line, '#', 0)));
}

static void include(struct odk *o, const struct odk_param *p, unsigned depth)
{
	struct gp_diag diag = {"more than five levels of Include"};

	if (depth < INCLUDE_DEPTH_MAX &&
	    odk_read_conf(o, odk_path(o, p->value), depth + 1, &diag) == GP_OK)
		return;
	odk_note(o, GP_IMPORT_LOST, p->file, p->line, "Include: %s", diag.text);
}

int odk_read_conf(struct odk *o, const char *path, unsigned depth, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_CONF_FILE);
	const char *file = gp_arena_strdup(o->arena, path);
	int r = o->files->read(o->files->arg, path, &text, diag);
	struct gp_str rest, line;

	if (r)
		return r;
	rest = gp_arena_str(o->arena, gp_buf_str(&text));
	for (unsigned n = 1; gp_str_next(&rest, '\n', &line); n++) {
		struct odk_param p = {.file = file, .line = n};

		line = without_comment(line);
		if (!gp_str_next_word(&line, &p.name))
			continue;
		p.value = gp_str_trim(line);
		if (p.value.len == 0)
			odk_note(o, GP_IMPORT_LOST, file, n, "%.*s: has no value",
				 GP_STR_FMT(p.name));
		else if (gp_str_ieq(p.name, GP_STR("Include")))
			include(o, &p, depth);
		else
			*gp_vec_push(o->arena, &o->params) = p;
	}
	return GP_OK;
}

static bool read_set_file(struct odk *o, const struct odk_param *p, struct gp_str path,
			  struct odk_set *ret)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_MAP_FILE);
	const char *file = odk_path(o, path);
	struct gp_diag diag;
	struct gp_str rest, line;

	if (o->files->read(o->files->arg, file, &text, &diag)) {
		odk_note(o, GP_IMPORT_LOST, p->file, p->line, "%.*s: %s", GP_STR_FMT(p->name),
			 diag.text);
		return false;
	}
	rest = gp_arena_str(o->arena, gp_buf_str(&text));
	for (unsigned n = 1; gp_str_next(&rest, '\n', &line); n++) {
		struct odk_entry e = {.file = file, .line = n};

		line = without_comment(line);
		if (!gp_str_next_word(&line, &e.key))
			continue;
		e.value = gp_str_trim(line);
		*gp_vec_push(o->arena, &ret->entries) = e;
	}
	return true;
}

/* "a, b=c" */
static void read_list(struct odk *o, const struct odk_param *p, struct gp_str text,
		      struct odk_set *ret)
{
	struct gp_str piece;

	while (gp_str_next(&text, ',', &piece)) {
		size_t eq = gp_str_find_chr(piece, '=', 0);
		struct odk_entry e = {.key = gp_str_trim(gp_str_sub(piece, 0, eq)),
				      .value = gp_str_trim(gp_str_sub(piece, eq + 1, piece.len)),
				      .file = p->file,
				      .line = p->line};

		if (e.key.len)
			*gp_vec_push(o->arena, &ret->entries) = e;
	}
}

bool odk_read_set(struct odk *o, const struct odk_param *p, struct odk_set *ret)
{
	static const char *const databases[] = {
		"db:",	"dsn:",	     "ldap:",	"ldaps:",  "ldapi:",  "lua:",
		"mdb:", "memcache:", "erlang:", "repute:", "socket:", "bdb:"};
	struct gp_str spec = p->value;

	*ret = (struct odk_set){.kind = ODK_SET_LIST};
	for (size_t i = 0; i < GP_ARRAY_SIZE(databases); i++)
		if (gp_str_istarts(spec, gp_str(databases[i]))) {
			odk_note(o, GP_IMPORT_LOST, p->file, p->line,
				 "%.*s: a data set of kind \"%s\" is not read; write it to a file",
				 GP_STR_FMT(p->name), databases[i]);
			return false;
		}
	if (gp_str_istarts(spec, GP_STR("refile:"))) {
		ret->kind = ODK_SET_PATTERNS;
		return read_set_file(o, p, gp_str_sub(spec, 7, spec.len), ret);
	}
	if (gp_str_istarts(spec, GP_STR("file:")))
		spec = gp_str_sub(spec, 5, spec.len);
	if (spec.len != p->value.len || gp_str_starts(spec, GP_STR("/")) ||
	    gp_str_starts(spec, GP_STR("./")) || gp_str_starts(spec, GP_STR("../"))) {
		ret->kind = ODK_SET_FILE;
		return read_set_file(o, p, spec, ret);
	}
	if (gp_str_istarts(spec, GP_STR("csl:")))
		spec = gp_str_sub(spec, 4, spec.len);
	read_list(o, p, spec, ret);
	return true;
}

int gp_opendkim_import(const struct gp_opendkim_files *files, const char *path,
		       const char *table_path, struct gp_arena *arena,
		       struct gp_opendkim_result *ret, struct gp_diag *diag)
{
	struct odk o = {.files = files, .arena = arena, .result = ret, .table_path = table_path};
	GP_BUF_AUTO conf = GP_BUF_INIT(GP_MAX_CONF_FILE);
	int r;

	*ret = (struct gp_opendkim_result){.keys = "", .import.arena = arena};
	r = odk_read_conf(&o, path, 0, diag);
	if (r)
		return r;
	odk_convert_params(&o);
	odk_convert_keys(&o);
	gp_import_print_settings(&ret->import, &conf);
	gp_import_sort(&ret->import);
	ret->conf = gp_arena_strdup(arena, gp_buf_cstr(&conf));
	return GP_OK;
}
