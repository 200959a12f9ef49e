/*
 * The key directory: reading it.  Changes are in keydir_write.c.
 */
#include "milter-dkim/keydir.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/num.h"
#include "milter-dkim/keydir_int.h"

/* A line is "SELECTOR STATE SECONDS". */
#define STATE_FILE_MAX (64 << 10)

static const char *const state_names[] = {
	[DKIM_KEY_PREPARED] = "prepared",
	[DKIM_KEY_ACTIVE] = "active",
	[DKIM_KEY_RETIRED] = "retired",
};

const char *dkim_key_state_name(enum dkim_key_state state)
{
	return state_names[state];
}

static bool is_selector_char(char c)
{
	return gp_is_alnum(c) || c == '-' || c == '_';
}

bool dkim_selector_is_valid(struct gp_str selector)
{
	struct gp_str rest = selector, label;

	if (selector.len == 0 || selector.len > GP_DNS_NAME_MAX ||
	    selector.ptr[selector.len - 1] == '.')
		return false;
	while (gp_str_next(&rest, '.', &label)) {
		if (label.len == 0 || label.len > 63)
			return false;
		for (size_t i = 0; i < label.len; i++)
			if (!is_selector_char(label.ptr[i]))
				return false;
	}
	return true;
}

int dkim_keydir_fold(struct gp_str domain, char ret[GP_DNS_NAME_MAX + 1], struct gp_diag *diag)
{
	if (gp_dns_name_fold(domain, ret) == GP_OK && dkim_selector_is_valid(gp_str(ret)))
		return GP_OK;
	gp_diag_set(diag, "\"%.*s\" is not a domain name", GP_STR_FMT(domain));
	return GP_EINVAL;
}

static int by_text(const void *a, const void *b)
{
	return gp_str_cmp(*(const struct gp_str *)a, *(const struct gp_str *)b);
}

static void close_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

/* The names in a directory that `keep` keeps (it may cut them), sorted. */
static int read_names(const char *path, bool (*keep)(struct gp_str *name), struct gp_arena *arena,
		      struct gp_str **ret, size_t *ret_n, struct gp_diag *diag)
{
	GP_CLEANUP(close_dir) DIR *d = opendir(path);
	GP_VEC(struct gp_str) names = {0};
	const struct dirent *e;

	if (!d) {
		int r = errno == ENOENT || errno == ENOTDIR ? GP_ENOENT : GP_ESYS;

		gp_diag_errno(diag, "%s", path);
		return r;
	}
	while ((e = readdir(d))) {
		struct gp_str name = gp_str(e->d_name);

		if (keep(&name))
			*gp_vec_push(arena, &names) = gp_arena_str(arena, name);
	}
	if (names.len)
		qsort(names.items, names.len, sizeof(*names.items), by_text);
	*ret = names.items;
	*ret_n = names.len;
	return GP_OK;
}

static bool is_domain(struct gp_str *name)
{
	char folded[GP_DNS_NAME_MAX + 1];

	/* A directory under another spelling would never be found. */
	return dkim_keydir_fold(*name, folded, NULL) == GP_OK && gp_str_eq(*name, gp_str(folded)) &&
	       gp_str_find_chr(*name, '.', 0) < name->len;
}

static bool is_key(struct gp_str *name)
{
	if (!gp_str_iends(*name, GP_STR(".key")))
		return false;
	name->len -= 4;
	return dkim_selector_is_valid(*name);
}

int dkim_keydir_domains(const char *dir, struct gp_arena *arena, struct gp_str **ret,
			size_t *ret_n, struct gp_diag *diag)
{
	return read_names(dir, is_domain, arena, ret, ret_n, diag);
}

struct dkim_keydir_key dkim_keydir_key(struct gp_arena *arena, const char *dir,
				       struct gp_str domain, struct gp_str selector)
{
	return (struct dkim_keydir_key){
		.selector = gp_arena_str(arena, selector),
		.path = gp_arena_printf(arena, "%s/%.*s/%.*s.key", dir, GP_STR_FMT(domain),
					GP_STR_FMT(selector)),
		.txt_path = gp_arena_printf(arena, "%s/%.*s/%.*s.txt", dir, GP_STR_FMT(domain),
					    GP_STR_FMT(selector)),
	};
}

static bool parse_state(struct gp_str word, enum dkim_key_state *ret)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(state_names); i++)
		if (gp_str_eq(word, gp_str(state_names[i]))) {
			*ret = (enum dkim_key_state)i;
			return true;
		}
	return false;
}

/* What is wrong with a line, or NULL. */
static const char *parse_line(struct gp_arena *arena, const char *dir, struct dkim_keydir *d,
			      struct gp_str line)
{
	struct gp_str selector, state = {0}, since = {0};
	struct dkim_keydir_key key;

	if (!gp_str_next_word(&line, &selector) || selector.ptr[0] == '#')
		return NULL;
	gp_str_next_word(&line, &state);
	gp_str_next_word(&line, &since);
	if (!dkim_selector_is_valid(selector))
		return "expected SELECTOR STATE SECONDS";
	key = dkim_keydir_key(arena, dir, d->domain, selector);
	if (!parse_state(state, &key.state))
		return "the state must be prepared, active or retired";
	if (gp_num_parse_int(since, &key.since_s) || key.since_s < 0 || gp_str_trim(line).len)
		return "after the state stands when it began, in seconds since 1970";
	if (dkim_keydir_find(d, selector))
		return "this selector stands in a line above already";
	if (d->keys.len >= DKIM_KEYDIR_KEYS_MAX)
		return "too many selectors; remove retired ones (gatepost dkim rotate --remove)";
	*gp_vec_push(arena, &d->keys) = key;
	return NULL;
}

struct dkim_keydir_key *dkim_keydir_find(const struct dkim_keydir *d, struct gp_str selector)
{
	for (size_t i = 0; i < d->keys.len; i++)
		if (gp_str_ieq(d->keys.items[i].selector, selector))
			return &d->keys.items[i];
	return NULL;
}

static int parse_state_file(struct gp_arena *arena, const char *dir, struct dkim_keydir *d,
			    struct gp_str text, struct gp_diag *diag)
{
	struct gp_str line;
	const char *problem;

	for (unsigned n = 1; gp_str_next(&text, '\n', &line); n++) {
		problem = parse_line(arena, dir, d, line);
		if (problem) {
			gp_diag_set(diag, "%s:%u: %s", d->path, n, problem);
			return GP_EINVAL;
		}
	}
	return GP_OK;
}

/* Without a state file every key is in use. */
static int list_files(struct gp_arena *arena, const char *dir, struct dkim_keydir *d,
		      struct gp_diag *diag)
{
	const char *path = gp_arena_printf(arena, "%s/%.*s", dir, GP_STR_FMT(d->domain));
	struct gp_str *names = NULL;
	struct stat st;
	size_t n = 0;
	int r = read_names(path, is_key, arena, &names, &n, diag);

	if (r)
		return r;
	if (n > DKIM_KEYDIR_KEYS_MAX) {
		gp_diag_set(diag, "%s: more than %d keys; say in a file \"selectors\" which are "
			    "active", path, DKIM_KEYDIR_KEYS_MAX);
		return GP_ELIMIT;
	}
	for (size_t i = 0; i < n; i++) {
		struct dkim_keydir_key key = dkim_keydir_key(arena, dir, d->domain, names[i]);

		key.state = DKIM_KEY_ACTIVE;
		key.since_s = stat(key.path, &st) == 0 ? st.st_mtime : 0;
		*gp_vec_push(arena, &d->keys) = key;
	}
	return GP_OK;
}

int dkim_keydir_list(const char *dir, struct gp_str domain, struct gp_arena *arena,
		     struct dkim_keydir *ret, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(STATE_FILE_MAX);
	char folded[GP_DNS_NAME_MAX + 1];
	int r = dkim_keydir_fold(domain, folded, diag);

	if (r)
		return r;
	*ret = (struct dkim_keydir){.domain = gp_arena_str(arena, gp_str(folded))};
	ret->path = gp_arena_printf(arena, "%s/%s/selectors", dir, folded);
	r = gp_file_read(ret->path, &text, diag);
	if (r == GP_ENOENT)
		return list_files(arena, dir, ret, diag);
	if (r)
		return r;
	ret->has_state = true;
	return parse_state_file(arena, dir, ret, gp_buf_str(&text), diag);
}
