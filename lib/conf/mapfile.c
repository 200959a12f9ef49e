/*
 * Map files: lists that administrators keep beside the configuration.
 */
#include "lib/conf/mapfile.h"

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/map.h"
#include "lib/base/num.h"

struct gp_mapfile {
	const char *path;
	struct gp_map keys; /* exact addresses, "domain", ".parent", accounts; folded */
	GP_VEC(struct gp_map_hit *) all, globs;
	struct gp_map networks;	      /* by the bytes of struct gp_cidr */
	bool has_bits[2][129];	      /* prefix lengths that occur, IPv4 and IPv6 */
};

struct parse {
	struct gp_mapfile *map;
	struct gp_arena *arena;
	struct gp_conf_report *report;
	unsigned line;
};

/* Takes the key off the line; quotes are removed, \" and \\ in them kept as one. */
static int take_key(struct parse *p, struct gp_str *rest, struct gp_str *ret)
{
	GP_BUF_AUTO key = GP_BUF_INIT(GP_MAX_MAP_FILE);
	bool is_quoted = false;
	size_t i = 0;

	for (; i < rest->len && (is_quoted || !gp_is_space(rest->ptr[i])); i++) {
		if (rest->ptr[i] == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (is_quoted && rest->ptr[i] == '\\' && i + 1 < rest->len)
			i++;
		gp_buf_add_chr(&key, rest->ptr[i]);
	}
	if (is_quoted || key.len == 0) {
		gp_conf_report_add(p->report, p->map->path, p->line,
				   is_quoted ? "the quote is not closed" : "the key is empty");
		return GP_EINVAL;
	}
	*ret = gp_arena_str(p->arena, gp_buf_str(&key));
	*rest = gp_str_trim(gp_str_sub(*rest, i, rest->len));
	return GP_OK;
}

/* "@example.net" is the same as "example.net". */
static struct gp_str without_at(struct gp_str key)
{
	return key.len > 1 && key.ptr[0] == '@' ? gp_str_sub(key, 1, key.len) : key;
}

static void add_network(struct parse *p, const struct gp_cidr *net, struct gp_map_hit *hit)
{
	struct gp_str key = gp_arena_str(p->arena, gp_str_n(net, sizeof(*net)));

	p->map->has_bits[net->ip.family == 6][net->bits] = true;
	gp_map_set(&p->map->networks, key, hit);
}

static void add_entry(struct parse *p, struct gp_map_hit *hit)
{
	struct gp_mapfile *m = p->map;
	struct gp_str key = without_at(hit->key);
	const struct gp_map_hit *old;
	struct gp_cidr net;

	*gp_vec_push(p->arena, &m->all) = hit;
	if (gp_cidr_parse(key, &net) == GP_OK)
		add_network(p, &net, hit);
	else if (gp_str_find_chr(key, '/', 0) < key.len &&
		 gp_ip_parse(gp_str_sub(key, 0, gp_str_find_chr(key, '/', 0)), &net.ip) == GP_OK)
		gp_conf_report_add(p->report, m->path, p->line,
				   "\"%.*s\" is not a network (host bits set, or too many bits)",
				   GP_STR_FMT(key));
	else if (gp_str_find_chr(key, '*', 0) < key.len || gp_str_find_chr(key, '?', 0) < key.len)
		*gp_vec_push(p->arena, &m->globs) = hit;
	old = gp_map_get(&m->keys, key);
	if (old)
		gp_conf_report_add(p->report, m->path, p->line,
				   "\"%.*s\" stands in line %u already", GP_STR_FMT(hit->key),
				   old->line);
	else
		gp_map_set(&m->keys, key, hit);
}

int gp_mapfile_parse(const char *name, struct gp_str text, struct gp_arena *arena,
		     struct gp_mapfile **ret, struct gp_conf_report *report)
{
	struct gp_mapfile *m = GP_ARENA_NEW(arena, struct gp_mapfile);
	struct parse p = {m, arena, report, 0};
	size_t before = report->errors.len;
	struct gp_str line;

	m->path = gp_arena_strdup(arena, name);
	gp_map_init(&m->keys, arena, true);
	gp_map_init(&m->networks, arena, false);
	while (gp_str_next(&text, '\n', &line)) {
		struct gp_map_hit *hit;
		struct gp_str key;

		p.line++;
		line = gp_str_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (take_key(&p, &line, &key) < 0)
			continue;
		hit = GP_ARENA_NEW(arena, struct gp_map_hit);
		*hit = (struct gp_map_hit){key, gp_arena_str(arena, line), p.line};
		add_entry(&p, hit);
	}
	if (report->errors.len > before)
		return GP_EINVAL;
	*ret = m;
	return GP_OK;
}

int gp_mapfile_load(const char *path, struct gp_arena *arena, struct gp_mapfile **ret,
		    struct gp_conf_report *report)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_MAP_FILE);
	struct gp_diag diag = {0};
	int r = gp_file_read(path, &text, &diag);

	if (r < 0) {
		gp_conf_report_add(report, NULL, 0, "%s", diag.text);
		return r;
	}
	return gp_mapfile_parse(path, gp_buf_str(&text), arena, ret, report);
}

bool gp_mapfile_find(const struct gp_mapfile *m, struct gp_str key, struct gp_map_hit *ret)
{
	const struct gp_map_hit *hit = m ? gp_map_get(&m->keys, key) : NULL;

	if (hit)
		*ret = *hit;
	return hit != NULL;
}

static bool find_glob(const struct gp_mapfile *m, struct gp_str text, struct gp_map_hit *ret)
{
	for (size_t i = 0; m && i < m->globs.len; i++) {
		if (gp_str_glob(m->globs.items[i]->key, text)) {
			*ret = *m->globs.items[i];
			return true;
		}
	}
	return false;
}

/* The domain itself, then ".parent" from the nearest up. */
static bool find_domain(const struct gp_mapfile *m, struct gp_str domain, struct gp_map_hit *ret)
{
	if (domain.len == 0)
		return false;
	if (gp_mapfile_find(m, domain, ret))
		return true;
	for (size_t dot = gp_str_find_chr(domain, '.', 1); dot < domain.len;
	     dot = gp_str_find_chr(domain, '.', dot + 1))
		if (gp_mapfile_find(m, gp_str_sub(domain, dot, domain.len), ret))
			return true;
	return false;
}

bool gp_mapfile_find_domain(const struct gp_mapfile *m, struct gp_str domain,
			    struct gp_map_hit *ret)
{
	return find_domain(m, domain, ret) || find_glob(m, domain, ret);
}

/* "user+tag@domain" as "user@domain"; false if there is no tag. */
static bool find_without_extension(const struct gp_mapfile *m, struct gp_str address, size_t at,
				   struct gp_map_hit *ret)
{
	size_t plus = gp_str_find_chr(address, '+', 1);
	GP_BUF_AUTO plain = GP_BUF_INIT(1024);

	if (plus >= at)
		return false;
	gp_buf_add(&plain, address.ptr, plus);
	gp_buf_add_str(&plain, gp_str_sub(address, at, address.len));
	return gp_buf_error(&plain) == GP_OK && gp_mapfile_find(m, gp_buf_str(&plain), ret);
}

bool gp_mapfile_find_address(const struct gp_mapfile *m, struct gp_str address,
			     struct gp_map_hit *ret)
{
	size_t at = address.len;

	if (!m || address.len == 0)
		return false;
	while (at > 0 && address.ptr[at - 1] != '@')
		at--;
	if (gp_mapfile_find(m, address, ret))
		return true;
	if (at > 0 && (find_without_extension(m, address, at - 1, ret) ||
		       find_domain(m, gp_str_sub(address, at, address.len), ret)))
		return true;
	return find_glob(m, address, ret);
}

bool gp_mapfile_find_ip(const struct gp_mapfile *m, const struct gp_ip *ip,
			struct gp_map_hit *ret)
{
	for (int bits = ip->family == 4 ? 32 : 128; m && ip->family && bits >= 0; bits--) {
		struct gp_cidr net;
		const struct gp_map_hit *hit;

		if (!m->has_bits[ip->family == 6][bits])
			continue;
		net = gp_cidr_around(ip, (unsigned)bits);
		hit = gp_map_get(&m->networks, gp_str_n(&net, sizeof(net)));
		if (hit) {
			*ret = *hit;
			return true;
		}
	}
	return false;
}

size_t gp_mapfile_len(const struct gp_mapfile *m)
{
	return m ? m->all.len : 0;
}

void gp_mapfile_each(const struct gp_mapfile *m,
		     void (*fn)(const struct gp_map_hit *entry, void *arg), void *arg)
{
	for (size_t i = 0; m && i < m->all.len; i++)
		fn(m->all.items[i], arg);
}

const char *gp_mapfile_path(const struct gp_mapfile *m)
{
	return m->path;
}

int gp_mapfile_next_number(struct gp_str *rest, struct gp_str *ret_name, double *ret_number,
			   struct gp_diag *diag)
{
	struct gp_str word;
	size_t equals;
	double number;

	if (!gp_str_next_word(rest, &word))
		return GP_ENOENT;
	equals = gp_str_find_chr(word, '=', 0);
	if (equals == 0 || equals == word.len ||
	    gp_num_parse_double(gp_str_sub(word, equals + 1, word.len), &number) < 0) {
		gp_diag_set(diag, "\"%.*s\": expected NAME=NUMBER", GP_STR_FMT(word));
		return GP_EINVAL;
	}
	*ret_name = gp_str_sub(word, 0, equals);
	*ret_number = number;
	return GP_OK;
}
