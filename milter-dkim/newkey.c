/*
 * Making keys.
 */
#include "milter-dkim/newkey.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "milter-dkim/txtrecord.h"

/* Room for the PEM text of any key from the start, so that no copy is left behind by growing;
 * one of 8192 bits has 6.4 KiB. */
#define PEM_MAX (16 << 10)

int gp_newkey_types_parse(struct gp_str text, unsigned *ret)
{
	enum gp_key_type type;

	if (gp_str_eq(text, GP_STR("both"))) {
		*ret = GP_NEWKEY_RSA | GP_NEWKEY_ED25519;
		return GP_OK;
	}
	if (gp_key_type_parse(text, &type))
		return GP_EINVAL;
	*ret = 1u << type;
	return GP_OK;
}

/* By a line of the state file, or by a key file without one: an interruption leaves those. */
static bool is_taken(struct gp_arena *arena, const struct dkim_keydir *taken, const char *selector)
{
	struct gp_str folder = gp_str(taken->path);

	for (size_t i = 0; i < taken->keys.len; i++)
		if (gp_str_ieq(taken->keys.items[i].selector, gp_str(selector)))
			return true;
	while (folder.len && folder.ptr[folder.len - 1] != '/')
		folder.len--;
	return folder.len && access(gp_arena_printf(arena, "%.*s%s.key", GP_STR_FMT(folder),
						    selector), F_OK) == 0;
}

static const char *default_stem(struct gp_arena *arena, int64_t now_s)
{
	time_t t = (time_t)now_s;
	char text[32];
	struct tm tm;

	if (!gmtime_r(&t, &tm) || !strftime(text, sizeof(text), "s%Y%m", &tm))
		return "s1";
	return gp_arena_strdup(arena, text);
}

const char *gp_newkey_selector(struct gp_arena *arena, const char *stem, enum gp_key_type type,
			       unsigned types, const struct dkim_keydir *taken, int64_t now_s)
{
	bool is_one = (types & (types - 1)) == 0;
	const char *kind = is_one ? "" : type == GP_KEY_RSA ? "r" : "e";
	const char *name;

	if (stem) {
		name = gp_arena_printf(arena, "%s%s", stem, kind);
		return dkim_selector_is_valid(gp_str(name)) ? name : NULL;
	}
	stem = default_stem(arena, now_s);
	name = gp_arena_printf(arena, "%s%s", stem, kind);
	for (char again = 'b'; is_taken(arena, taken, name) && again <= 'z'; again++)
		if (again != 'r' && again != 'e')
			name = gp_arena_printf(arena, "%s%c%s", stem, again, kind);
	return name;
}

int gp_newkey_make(struct gp_arena *arena, struct gp_str domain, struct gp_str selector,
		   enum gp_key_type type, unsigned bits, struct gp_newkey *ret,
		   struct gp_diag *diag)
{
	GP_BUF_AUTO value = GP_BUF_INIT(8192), zone = GP_BUF_INIT(16384);
	int r;

	*ret = (struct gp_newkey){
		.domain = domain, .selector = selector, .pem = GP_BUF_INIT(PEM_MAX)};
	r = gp_key_generate(type, bits, &ret->key, diag);
	if (r)
		return r;
	gp_buf_reserve(&ret->pem, PEM_MAX - 1);
	r = gp_key_pem(ret->key, &ret->pem);
	if (r) {
		gp_diag_set(diag, "the key cannot be written as PEM");
		return r;
	}
	dkim_txt_value(ret->key, &value);
	dkim_txt_zone(domain, selector, gp_buf_str(&value), &zone);
	ret->zone = gp_arena_str(arena, gp_buf_str(&zone));
	return GP_OK;
}

void gp_newkey_done(struct gp_newkey *k)
{
	gp_key_unref(&k->key);
	gp_wipe_free(k->pem.data, k->pem.cap);
	k->pem = GP_BUF_INIT(0);
}

int gp_newkey_add(const struct gp_newkey *k, const char *dir, int64_t now_s, struct gp_diag *diag)
{
	return dkim_keydir_add(dir, k->domain, k->selector, gp_buf_str(&k->pem), k->zone, now_s,
			       diag);
}

static int write_new(const char *path, struct gp_str text, mode_t mode, struct gp_diag *diag)
{
	int r = gp_file_create(path, text.ptr, text.len, mode, diag);

	if (r == GP_EINVAL)
		gp_diag_set(diag, "%s is there already and is not overwritten; choose another "
				  "--selector", path);
	return r;
}

int gp_newkey_write(const struct gp_newkey *k, const char *dir, struct gp_arena *arena,
		    const char **ret_path, struct gp_diag *diag)
{
	const char *stem = gp_arena_printf(arena, "%s/%.*s.%.*s", dir, GP_STR_FMT(k->domain),
					   GP_STR_FMT(k->selector));
	const char *key = gp_arena_printf(arena, "%s.key", stem);
	int r = write_new(key, gp_buf_str(&k->pem), 0600, diag);

	if (r)
		return r;
	/* The record can be had again from the key, so a lost one may be replaced. */
	r = gp_file_replace(gp_arena_printf(arena, "%s.txt", stem), k->zone.ptr, k->zone.len, 0644,
			    diag);
	if (r == GP_OK)
		*ret_path = key;
	return r;
}
