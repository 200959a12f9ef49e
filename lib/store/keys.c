/*
 * Building keys; the layout is described in the header.
 */
#include "lib/store/keys.h"

#include "lib/base/codec.h"
#include "lib/base/digest.h"
#include "lib/store/store.h"

unsigned gp_keys_part(struct gp_str table)
{
	if (gp_str_starts(table, GP_STR("limit-")))
		return GP_STORE_LIMITS;
	if (gp_str_starts(table, GP_STR("virus-")))
		return GP_STORE_VIRUS;
	return gp_str_starts(table, GP_STR("dkim-")) ? GP_STORE_DKIM : GP_STORE_SPAM;
}

void gp_keys_hash(struct gp_str key, unsigned char ret[GP_KEYS_HASH])
{
	unsigned char digest[GP_SHA256_SIZE];

	gp_sha256(key.ptr, key.len, digest);
	memcpy(ret, digest, GP_KEYS_HASH);
}

void gp_keys_scope(struct gp_str scope, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "gp" GP_KEYS_VERSION_TEXT "{b:");
	for (size_t i = 0; i < scope.len; i++) {
		char c = scope.ptr[i];

		if (gp_is_alnum(c) || c == '@' || c == '.' || c == '-' || c == '_' || c == '+')
			gp_buf_add_chr(out, c);
		else
			gp_buf_printf(out, "%%%02x", (unsigned)(unsigned char)c);
	}
	gp_buf_add_chr(out, '}');
}

void gp_keys_redis(char kind, struct gp_str table, struct gp_str key, struct gp_buf *out)
{
	unsigned char hash[GP_KEYS_HASH];

	if (key.len == 0) {
		gp_buf_printf(out, "gp" GP_KEYS_VERSION_TEXT ":%c:%.*s", kind, GP_STR_FMT(table));
		return;
	}
	gp_keys_hash(key, hash);
	gp_keys_redis_hashed(kind, table, hash, out);
}

void gp_keys_redis_hashed(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
			  struct gp_buf *out)
{
	gp_buf_printf(out, "gp" GP_KEYS_VERSION_TEXT ":%c:%.*s:", kind, GP_STR_FMT(table));
	gp_hex_encode(gp_str_n(hash, GP_KEYS_HASH).ptr, GP_KEYS_HASH, out);
}

size_t gp_keys_lmdb(char kind, struct gp_str table, struct gp_str key,
		    unsigned char ret[GP_KEYS_LMDB_MAX])
{
	unsigned char hash[GP_KEYS_HASH];

	gp_keys_hash(key, hash);
	return gp_keys_lmdb_hashed(kind, table, hash, ret);
}

size_t gp_keys_lmdb_hashed(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
			   unsigned char ret[GP_KEYS_LMDB_MAX])
{
	ret[0] = (unsigned char)kind;
	memcpy(ret + 1, table.ptr, table.len);
	ret[1 + table.len] = '\0';
	memcpy(ret + 1 + table.len + 1, hash, GP_KEYS_HASH);
	return 1 + table.len + 1 + GP_KEYS_HASH;
}

void gp_keys_limit(char kind, struct gp_str table, const unsigned char hash[GP_KEYS_HASH],
		   struct gp_buf *out)
{
	gp_buf_printf(out, "gp" GP_KEYS_VERSION_TEXT "{l:%.*s}%c", GP_STR_FMT(table), kind);
	gp_hex_encode(gp_str_n(hash, GP_KEYS_HASH).ptr, GP_KEYS_HASH, out);
}

void gp_keys_limit_pattern(struct gp_str table, struct gp_buf *out)
{
	gp_buf_printf(out, "gp" GP_KEYS_VERSION_TEXT "{l:%.*s}q*", GP_STR_FMT(table));
}

void gp_keys_greylist(struct gp_str table, const unsigned char who[GP_KEYS_HASH],
		      const unsigned char *hash, struct gp_buf *out)
{
	gp_buf_add_cstr(out, "gp" GP_KEYS_VERSION_TEXT "{g:");
	gp_hex_encode(who, GP_KEYS_HASH, out);
	gp_buf_printf(out, "}%.*s", GP_STR_FMT(table));
	if (hash) {
		gp_buf_add_chr(out, ':');
		gp_hex_encode(hash, GP_KEYS_HASH, out);
	}
}

void gp_keys_member(struct gp_str key, struct gp_str member, unsigned char ret[GP_KEYS_HASH])
{
	unsigned char both[2 * GP_KEYS_HASH];

	gp_keys_hash(key, both);
	gp_keys_hash(member, both + GP_KEYS_HASH);
	gp_keys_hash(gp_str_n(both, sizeof(both)), ret);
}
