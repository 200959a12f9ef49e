/*
 * redis://[USER@]HOST[:PORT][/DB], rediss://…, redis+unix:///PATH[?db=N];
 * HOST may be an address, IPv6 in brackets.
 */
#include "lib/store/redis_url.h"

#include "lib/base/num.h"

#define DB_MAX 100000

static int parse_db(struct gp_str text, int64_t *ret, struct gp_diag *diag)
{
	if (text.len == 0)
		return GP_OK;
	if (gp_num_parse_int(text, ret) < 0 || *ret < 0 || *ret > DB_MAX) {
		gp_diag_set(diag, "the database must be a number from 0, not \"%.*s\"",
			    GP_STR_FMT(text));
		return GP_EINVAL;
	}
	return GP_OK;
}

static int parse_unix(struct gp_str rest, struct gp_redis_url *u, struct gp_diag *diag)
{
	size_t query = gp_str_find_chr(rest, '?', 0);
	struct gp_str options = gp_str_sub(rest, query + 1, SIZE_MAX);

	u->path = gp_str_sub(rest, 0, query);
	if (u->path.len < 2 || u->path.ptr[0] != '/') {
		gp_diag_set(diag, "must be redis+unix:///PATH/OF/SOCKET");
		return GP_EINVAL;
	}
	if (options.len > 0 && !gp_str_starts(options, GP_STR("db="))) {
		gp_diag_set(diag, "after \"?\" only db=N is known");
		return GP_EINVAL;
	}
	return parse_db(gp_str_sub(options, 3, SIZE_MAX), &u->db, diag);
}

/* HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT. */
static bool parse_host(struct gp_str text, struct gp_redis_url *u)
{
	size_t end = gp_str_find_chr(text, ':', 0);
	uint64_t port;

	u->port = GP_STR("6379");
	if (text.len > 0 && text.ptr[0] == '[') {
		end = gp_str_find_chr(text, ']', 0);
		if (end == text.len)
			return false;
		u->host = gp_str_sub(text, 1, end - 1);
		end++;
	} else {
		u->host = gp_str_sub(text, 0, end);
	}
	if (end < text.len) {
		if (text.ptr[end] != ':')
			return false;
		u->port = gp_str_sub(text, end + 1, SIZE_MAX);
	}
	return u->host.len > 0 && gp_num_parse_uint(u->port, 10, &port) == GP_OK && port > 0 &&
	       port < 65536;
}

static int parse_tcp(struct gp_str rest, struct gp_redis_url *u, struct gp_diag *diag)
{
	size_t slash = gp_str_find_chr(rest, '/', 0);
	struct gp_str place = gp_str_sub(rest, 0, slash);
	size_t at = gp_str_find_chr(place, '@', 0);

	if (at < place.len) {
		u->user = gp_str_sub(place, 0, at);
		place = gp_str_sub(place, at + 1, SIZE_MAX);
		if (gp_str_find_chr(u->user, ':', 0) < u->user.len) {
			gp_diag_set(diag, "no passwords in URLs: use password_file");
			return GP_EINVAL;
		}
	}
	if (!parse_host(place, u)) {
		gp_diag_set(diag, "must be %s://[USER@]HOST[:PORT][/DB]",
			    u->is_tls ? "rediss" : "redis");
		return GP_EINVAL;
	}
	return parse_db(gp_str_sub(rest, slash + 1, SIZE_MAX), &u->db, diag);
}

int gp_redis_url_parse(const char *url, struct gp_redis_url *ret, struct gp_diag *diag)
{
	struct gp_str text = gp_str(url);
	size_t start = gp_str_find(text, GP_STR("://"), 0) + 3;
	struct gp_str scheme = gp_str_sub(text, 0, start - 3);
	struct gp_str rest = gp_str_sub(text, start, SIZE_MAX);
	struct gp_redis_url u = {.is_tls = gp_str_eq(scheme, GP_STR("rediss"))};
	int r = gp_str_eq(scheme, GP_STR("redis+unix")) ? parse_unix(rest, &u, diag)
							: parse_tcp(rest, &u, diag);

	if (r == GP_OK)
		*ret = u;
	return r;
}
