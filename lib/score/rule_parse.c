/*
 * The outer language.  A condition that is not understood counts as false, so
 * that what it guards is left out rather than half loaded.
 */
#include "lib/score/rule_parse.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/score/rule_cond.h"
#include "lib/score/rule_def.h"

#define IF_DEPTH_MAX 50
#define DIRECTORY_MAX 1000

struct file {
	struct gp_rule_builder *b;
	const char *path;
	struct {
		unsigned line;
		bool is_skipping; /* this branch is not read */
		bool has_else;
		bool is_outer_skipping;
	} ifs[IF_DEPTH_MAX];
	unsigned n_ifs;
	bool is_rejected; /* require_version said no */
};

static bool is_skipping(const struct file *f)
{
	return f->is_rejected || (f->n_ifs && f->ifs[f->n_ifs - 1].is_skipping);
}

static void error(struct file *f, const char *what)
{
	gp_rule_note(f->b, GP_RULE_ERROR, "", "%s", what);
}

static void broken(struct file *f, const char *what)
{
	gp_rule_note_broken(f->b, "%s", what);
}

static void open_if(struct file *f, struct gp_str condition, bool is_plugin)
{
	bool outer = is_skipping(f), holds = false;
	struct gp_diag diag;

	if (f->n_ifs == IF_DEPTH_MAX) {
		broken(f, "too many conditions within each other; the rest of the file is left out");
		f->is_rejected = true;
		return;
	}
	if (condition.len == 0)
		error(f, "a condition is missing");
	else if (is_plugin)
		holds = gp_rule_plugin_is_loaded(f->b, condition);
	else if (gp_rule_cond_eval(f->b, condition, &holds, &diag))
		error(f, diag.text);
	f->ifs[f->n_ifs].line = f->b->line;
	f->ifs[f->n_ifs].has_else = false;
	f->ifs[f->n_ifs].is_outer_skipping = outer;
	f->ifs[f->n_ifs++].is_skipping = outer || !holds;
}

static void do_else(struct file *f)
{
	if (f->n_ifs == 0) {
		broken(f, "else without if");
		return;
	}
	if (f->ifs[f->n_ifs - 1].has_else)
		broken(f, "a second else");
	f->ifs[f->n_ifs - 1].has_else = true;
	f->ifs[f->n_ifs - 1].is_skipping =
		f->ifs[f->n_ifs - 1].is_outer_skipping || !f->ifs[f->n_ifs - 1].is_skipping;
}

static void do_endif(struct file *f)
{
	if (f->n_ifs == 0)
		broken(f, "endif without if");
	else
		f->n_ifs--;
}

/* if, ifplugin, else, endif: also while skipping. */
static bool condition_line(struct file *f, struct gp_str key, struct gp_str value)
{
	if (gp_str_eq(key, GP_STR("if")))
		open_if(f, value, false);
	else if (gp_str_eq(key, GP_STR("ifplugin")))
		open_if(f, value, true);
	else if (gp_str_eq(key, GP_STR("else")))
		do_else(f);
	else if (gp_str_eq(key, GP_STR("endif")))
		do_endif(f);
	else
		return false;
	if ((key.ptr[0] == 'e') && value.len)
		error(f, "nothing may stand behind else and endif");
	return true;
}

static void include(struct file *f, struct gp_str value)
{
	struct gp_rule_builder *b = f->b;
	const char *slash = strrchr(f->path, '/'), *path;
	unsigned file = b->file, line = b->line;
	struct gp_diag diag = {0};

	if (value.len == 0) {
		error(f, "include wants a file");
		return;
	}
	if (b->include_depth >= GP_RULE_INCLUDE_DEPTH) {
		broken(f, "include within include within include …: too deep");
		return;
	}
	if (value.ptr[0] == '/' || !slash)
		path = gp_arena_cstr(b->arena, value);
	else
		path = gp_arena_printf(b->arena, "%.*s/%.*s", (int)(slash - f->path), f->path,
				       GP_STR_FMT(value));
	b->include_depth++;
	int r = gp_rule_parse_path(b, path, &diag);

	b->include_depth--;
	b->file = file;
	b->line = line;
	if (r)
		broken(f, diag.text);
}

/* Other versions' rules are not for us; "@@VERSION@@" stands in files never installed. */
static void require_version(struct file *f, struct gp_str value)
{
	bool fits = false;
	const char *expression = gp_arena_printf(f->b->arena, "version == %.*s", GP_STR_FMT(value));

	if (gp_str_eq(value, GP_STR("@@VERSION@@")))
		return;
	if (gp_rule_cond_eval(f->b, gp_str(expression), &fits, NULL) || !fits) {
		gp_rule_note(f->b, GP_RULE_WARNING, "",
			     "wants another version of the rule language than %.6f; left out",
			     GP_RULE_LANGUAGE_VERSION);
		f->is_rejected = true;
	}
}

static void ignore(struct file *f, struct gp_str key)
{
	struct gp_rule_builder *b = f->b;
	const char *near;

	const char *reason = gp_rule_directive_reason(key);
	bool is_noted = gp_map_get(&b->ignored, key);

	gp_rule_note_unused(b, key, reason ? reason : "");
	if (reason || is_noted)
		return;
	gp_map_set(&b->ignored, gp_arena_str(b->arena, key), b);
	near = gp_rule_directive_near(key);
	gp_rule_note(b, GP_RULE_IGNORED, "", "unknown directive \"%.*s\"%s%s%s",
		     GP_STR_FMT(gp_str_sub(key, 0, 40)), near ? "; is \"" : "", near ? near : "",
		     near ? "\" meant?" : "");
}

/* Takes "lang xx " off; false when the line is for another language. */
static bool take_lang(struct file *f, struct gp_str *line)
{
	struct gp_str rest = *line, word;

	if (!gp_str_next_word(&rest, &word) || !gp_str_eq(word, GP_STR("lang")))
		return true;
	if (!gp_str_next_word(&rest, &word))
		return false;
	*line = gp_str_trim(rest);
	return gp_str_istarts(gp_str(f->b->lang), word);
}

static void parse_line(struct file *f, struct gp_str line)
{
	struct gp_str value = line, word;
	char key_text[64];
	struct gp_str key;

	if (!take_lang(f, &line))
		return;
	value = line;
	if (!gp_str_next_word(&value, &word))
		return;
	value = gp_str_trim(value);
	gp_str_copy(key_text, sizeof(key_text), word);
	for (char *p = key_text; *p; p++)
		*p = *p == '-' ? '_' : gp_lower(*p);
	key = gp_str(key_text);
	if (condition_line(f, key, value) || is_skipping(f))
		return;
	if (gp_str_eq(key, GP_STR("include")))
		include(f, value);
	else if (gp_str_eq(key, GP_STR("require_version")))
		require_version(f, value);
	else if (!gp_rule_directive(f->b, key, value))
		ignore(f, key);
}

/* Removes a comment; "\#" is a #. */
static struct gp_str strip_comment(struct gp_arena *a, struct gp_str line)
{
	char *out;
	size_t n = 0;

	if (gp_str_find_chr(line, '#', 0) == line.len)
		return gp_str_trim(line);
	out = gp_arena_alloc(a, line.len + 1);
	for (size_t i = 0; i < line.len; i++) {
		if (line.ptr[i] == '#') {
			if (n == 0 || out[n - 1] != '\\')
				break;
			n--;
		}
		out[n++] = line.ptr[i];
	}
	return gp_str_trim(gp_str_n(out, n));
}

void gp_rule_parse_text(struct gp_rule_builder *b, const char *path, struct gp_str text)
{
	struct file f = {.b = b, .path = path};
	struct gp_str line;

	b->file = (unsigned)b->set->files.len;
	b->line = 0;
	*gp_vec_push(b->arena, &b->set->files) =
		(struct gp_rule_source){.path = gp_arena_strdup(b->arena, path)};
	while (gp_str_next(&text, '\n', &line)) {
		b->line++;
		if (line.len > GP_RULE_LINE_SIZE_MAX)
			error(&f, "the line is too long");
		else if (gp_str_find_chr(line, 0, 0) < line.len)
			error(&f, "the line holds a NUL byte");
		else
			parse_line(&f, strip_comment(b->arena, line));
	}
	for (unsigned i = 0; i < f.n_ifs; i++)
		gp_rule_note_broken(b, "the condition of line %u is not closed (endif)",
				    f.ifs[i].line);
}

static int parse_file(struct gp_rule_builder *b, const char *path, struct gp_diag *diag)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(GP_MAX_RULE_FILE);
	int r = gp_file_read(path, &buf, diag);

	if (r)
		return r;
	b->bytes += buf.len;
	if (b->bytes > 4 * (size_t)GP_MAX_RULE_FILE) {
		gp_diag_set(diag, "%s: the rule files are over %u MiB together", path,
			    4u * GP_MAX_RULE_FILE >> 20);
		return GP_ELIMIT;
	}
	gp_rule_parse_text(b, path, gp_buf_str(&buf));
	return GP_OK;
}

static int is_rule_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && gp_str_iends(gp_str(e->d_name), GP_STR(".cf"));
}

static int is_plugin_file(const struct dirent *e)
{
	return e->d_name[0] != '.' && gp_str_iends(gp_str(e->d_name), GP_STR(".pre"));
}

/* A folder, a pipe, a link to nothing: what SpamAssassin passes over too.  What cannot be looked at is
 * tried, so that it is told of. */
static bool is_regular(const char *path)
{
	struct stat st;

	return stat(path, &st) ? errno != ENOENT && errno != ELOOP : S_ISREG(st.st_mode);
}

static int parse_directory(struct gp_rule_builder *b, const char *path,
			   int (*is_wanted)(const struct dirent *e), struct gp_diag *diag)
{
	struct dirent **names = NULL;
	int n = scandir(path, &names, is_wanted, alphasort), r = GP_OK;

	if (n < 0)
		return gp_diag_errno(diag, "%s", path);
	for (int i = 0; i < n; i++) {
		const char *file = gp_arena_printf(b->arena, "%s/%s", path, names[i]->d_name);

		if (r == GP_OK && i < DIRECTORY_MAX && is_regular(file))
			r = parse_file(b, file, diag);
		free(names[i]);
	}
	free(names);
	if (r == GP_OK && n > DIRECTORY_MAX) {
		gp_diag_set(diag, "%s: more than %d rule files", path, DIRECTORY_MAX);
		return GP_ELIMIT;
	}
	return r;
}

int gp_rule_parse_path(struct gp_rule_builder *b, const char *path, struct gp_diag *diag)
{
	struct stat st;

	if (stat(path, &st))
		return gp_diag_errno(diag, "%s", path);
	if (S_ISDIR(st.st_mode))
		return parse_directory(b, path, is_rule_file, diag);
	if (S_ISREG(st.st_mode)) /* a device or a pipe might never end */
		return parse_file(b, path, diag);
	gp_diag_set(diag, "%s: neither a file nor a directory", path);
	return GP_EINVAL;
}

int gp_rule_parse_plugins(struct gp_rule_builder *b, const char *path, struct gp_diag *diag)
{
	struct stat st;

	if (stat(path, &st))
		return gp_diag_errno(diag, "%s", path);
	return S_ISDIR(st.st_mode) ? parse_directory(b, path, is_plugin_file, diag) : GP_OK;
}
