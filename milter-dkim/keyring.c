/*
 * The keys that mail is signed with: key files, the key directory, look-ups.  The table is
 * read by keytable.c.
 */
#include "milter-dkim/keyring.h"

#include "milter-dkim/keydir.h"
#include "milter-dkim/keyring_int.h"

/* Of an address that is looked up; RFC 5321 has 64 + 1 + 255. */
#define ADDRESS_MAX 1024

static void unref_key(void *key)
{
	struct gp_key *k = key;

	gp_key_unref(&k);
}

static int load_key(struct dkim_keyring *k, struct dkim_key_file *f, struct gp_diag *diag)
{
	int r = gp_key_load(f->path, &f->key, diag);

	if (r)
		return r;
	gp_arena_on_end(k->arena, unref_key, f->key);
	if (gp_key_type(f->key) != GP_KEY_RSA || gp_key_bits(f->key) >= k->rsa_bits_min)
		return GP_OK;
	gp_diag_set(diag, "%s: an RSA key of %u bits; sign.rsa_bits_min asks for %u", f->path,
		    gp_key_bits(f->key), k->rsa_bits_min);
	f->key = NULL;
	return GP_EINVAL;
}

struct dkim_key_file *dkim_keyring_file(struct dkim_keyring *k, const char *path,
					struct gp_conf_report *report, const char *file,
					unsigned line)
{
	struct dkim_key_file *f = gp_map_get(&k->files, gp_str(path));
	struct gp_diag diag = {""};

	if (f)
		return f;
	f = GP_ARENA_NEW(k->arena, struct dkim_key_file);
	f->path = gp_arena_strdup(k->arena, path);
	gp_map_set(&k->files, gp_str(f->path), f);
	if (load_key(k, f, &diag))
		gp_conf_report_add(report, file, line, "%s", diag.text);
	return f;
}

static void add_directory_domain(struct dkim_keyring *k, const char *dir, struct gp_str domain,
				 struct gp_conf_report *report)
{
	struct dkim_key_rule *rule = GP_ARENA_NEW(k->arena, struct dkim_key_rule);
	struct dkim_keydir keys;
	struct gp_diag diag;

	if (dkim_keydir_list(dir, domain, k->arena, &keys, &diag)) {
		gp_conf_report_add(report, NULL, 0, "%s", diag.text);
		return;
	}
	rule->pattern = keys.domain;
	for (size_t i = 0; i < keys.keys.len; i++) {
		const struct dkim_keydir_key *key = &keys.keys.items[i];

		if (key->state != DKIM_KEY_ACTIVE)
			continue;
		if (rule->n_choices == DKIM_SIGNERS_MAX) {
			gp_conf_report_add(report, NULL, 0, "%s: more than %d active keys",
					   keys.path, DKIM_SIGNERS_MAX);
			return;
		}
		rule->choices[rule->n_choices++] = (struct dkim_key_choice){
			.domain = keys.domain,
			.selector = key->selector,
			.file = dkim_keyring_file(k, key->path, report, NULL, 0)};
	}
	gp_map_set(&k->domains, rule->pattern, rule);
}

static void read_directory(struct dkim_keyring *k, const char *dir, struct gp_conf_report *report)
{
	struct gp_str *domains = NULL;
	struct gp_diag diag;
	size_t n = 0;
	int r = dkim_keydir_domains(dir, k->arena, &domains, &n, &diag);

	if (r && r != GP_ENOENT)
		gp_conf_report_add(report, NULL, 0, "%s", diag.text);
	for (size_t i = 0; i < n; i++)
		add_directory_domain(k, dir, domains[i], report);
}

int dkim_keyring_load(const struct dkim_key_source *from, struct gp_arena *arena,
		      struct dkim_keyring **ret, struct gp_conf_report *report)
{
	struct dkim_keyring *k = GP_ARENA_NEW(arena, struct dkim_keyring);
	size_t before = report->errors.len;

	k->arena = arena;
	k->rsa_bits_min = from->rsa_bits_min;
	gp_map_init(&k->files, arena, false);
	gp_map_init(&k->exact, arena, true);
	gp_map_init(&k->domains, arena, false);
	if (from->table)
		dkim_keytable_read(k, from->table, report);
	if (*from->dir)
		read_directory(k, from->dir, report);
	if (report->errors.len > before)
		return GP_EINVAL;
	*ret = k;
	return GP_OK;
}

static const struct dkim_key_rule *find_exact(const struct dkim_keyring *k, struct gp_str address,
					      struct gp_str domain)
{
	const struct dkim_key_rule *rule = address.len ? gp_map_get(&k->exact, address) : NULL;

	if (!rule)
		rule = gp_map_get(&k->exact, domain);
	for (size_t dot = gp_str_find_chr(domain, '.', 1); !rule && dot < domain.len;
	     dot = gp_str_find_chr(domain, '.', dot + 1))
		rule = gp_map_get(&k->exact, gp_str_sub(domain, dot, domain.len));
	return rule;
}

/* With an '@' the pattern is one of addresses, on both sides of it: a quoted local part may hold
 * an '@' too. */
static bool is_match(struct gp_str pattern, struct gp_str address, struct gp_str domain)
{
	size_t p = gp_str_find_last(pattern, '@'), a = gp_str_find_last(address, '@');

	if (p == pattern.len)
		return gp_str_glob(pattern, domain);
	return a < address.len && gp_str_glob(gp_str_sub(pattern, 0, p), gp_str_sub(address, 0, a)) &&
	       gp_str_glob(gp_str_sub(pattern, p + 1, pattern.len), domain);
}

static const struct dkim_key_rule *find_glob(const struct dkim_keyring *k, struct gp_str address,
					     struct gp_str domain)
{
	for (size_t i = 0; i < k->globs.len; i++)
		if (is_match(k->globs.items[i]->pattern, address, domain))
			return k->globs.items[i];
	return NULL;
}

static size_t choose(const struct dkim_key_rule *rule, struct gp_str domain, struct gp_arena *arena,
		     const struct dkim_signer **ret)
{
	struct dkim_signer *signers = GP_ARENA_NEW_N(arena, DKIM_SIGNERS_MAX, struct dkim_signer);
	size_t n = 0;

	for (size_t i = 0; i < rule->n_choices; i++) {
		const struct dkim_key_choice *c = &rule->choices[i];
		const struct dkim_key_file *f =
			c->by_domain ? gp_map_get(c->by_domain, domain) : c->file;

		if (f)
			signers[n++] = (struct dkim_signer){c->domain.len ? c->domain : domain,
							    c->selector, f->key, f->path};
	}
	*ret = signers;
	return n;
}

size_t dkim_keyring_find_line(const struct dkim_keyring *k, struct gp_str local,
			      struct gp_str domain, struct gp_arena *arena,
			      const struct dkim_signer **ret, bool *ret_none)
{
	GP_BUF_AUTO address = GP_BUF_INIT(ADDRESS_MAX);
	const struct dkim_key_rule *rule;

	if (local.len) {
		gp_buf_add_str(&address, local);
		gp_buf_add_chr(&address, '@');
		gp_buf_add_str(&address, domain);
		if (gp_buf_error(&address))
			gp_buf_reset(&address);
	}
	rule = find_exact(k, gp_buf_str(&address), domain);
	if (!rule)
		rule = find_glob(k, gp_buf_str(&address), domain);
	*ret_none = rule && rule->is_none;
	return rule ? choose(rule, domain, arena, ret) : 0;
}

size_t dkim_keyring_find(const struct dkim_keyring *k, struct gp_str local, struct gp_str domain,
			 struct gp_arena *arena, const struct dkim_signer **ret, bool *ret_none)
{
	size_t n = dkim_keyring_find_line(k, local, domain, arena, ret, ret_none);
	const struct dkim_key_rule *rule;

	if (n || *ret_none)
		return n;
	rule = gp_map_get(&k->domains, domain);
	return rule ? choose(rule, domain, arena, ret) : 0;
}

static void each_choice(const struct dkim_key_rule *rule,
			void (*fn)(const struct dkim_signer *signer, void *arg), void *arg)
{
	for (size_t i = 0; i < rule->n_choices; i++) {
		const struct dkim_key_choice *c = &rule->choices[i];
		struct dkim_signer signer = {c->domain.len ? c->domain : rule->pattern, c->selector,
					     NULL, NULL};

		if (!c->by_domain) {
			signer.key = c->file->key;
			signer.path = c->file->path;
			fn(&signer, arg);
			continue;
		}
		GP_MAP_EACH(c->by_domain, e)
		{
			const struct dkim_key_file *f = e->value;

			signer.key = f->key;
			signer.path = f->path;
			if (!c->domain.len)
				signer.domain = e->key;
			fn(&signer, arg);
		}
	}
}

void dkim_keyring_each(const struct dkim_keyring *k,
		       void (*fn)(const struct dkim_signer *signer, void *arg), void *arg)
{
	GP_MAP_EACH(&k->exact, e)
	each_choice(e->value, fn, arg);
	for (size_t i = 0; i < k->globs.len; i++)
		each_choice(k->globs.items[i], fn, arg);
	GP_MAP_EACH(&k->domains, e)
	each_choice(e->value, fn, arg);
}

size_t dkim_keyring_find_parent(const struct dkim_keyring *k, struct gp_str domain,
				struct gp_arena *arena, const struct dkim_signer **ret,
				bool *ret_none)
{
	size_t n = 0;

	for (;;) {
		size_t dot = gp_str_find_chr(domain, '.', 0);

		domain = gp_str_sub(domain, dot + 1, domain.len);
		if (gp_str_find_chr(domain, '.', 0) == domain.len || n || *ret_none)
			return n;
		n = dkim_keyring_find(k, (struct gp_str){0}, domain, arena, ret, ret_none);
	}
}

struct gp_str dkim_signer_identity(const struct dkim_signer *signer, struct gp_str author,
				   struct gp_arena *arena)
{
	struct gp_str d = signer->domain;

	if (author.len <= d.len || author.ptr[author.len - d.len - 1] != '.' ||
	    !gp_str_iends(author, d))
		return (struct gp_str){0};
	return gp_str(gp_arena_printf(arena, "@%.*s", GP_STR_FMT(author)));
}
