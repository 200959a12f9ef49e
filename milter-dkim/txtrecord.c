/*
 * The DNS record of a key, as text.
 */
#include "milter-dkim/txtrecord.h"

#include "lib/base/codec.h"

/* A character-string of the DNS has one byte for its length. */
#define STRING_MAX 255

void dkim_txt_value(const struct gp_key *key, struct gp_buf *out)
{
	GP_BUF_AUTO bytes = GP_BUF_INIT(4096);

	gp_key_public(key, &bytes);
	gp_buf_printf(out, "v=DKIM1; k=%s; p=", gp_key_type_name(gp_key_type(key)));
	gp_base64_encode(bytes.data, bytes.len, out);
}

void dkim_txt_zone(struct gp_str domain, struct gp_str selector, struct gp_str value,
		   struct gp_buf *out)
{
	gp_buf_printf(out, "%.*s._domainkey.%.*s. IN TXT (", GP_STR_FMT(selector),
		      GP_STR_FMT(domain));
	for (size_t at = 0; at < value.len; at += STRING_MAX)
		gp_buf_printf(out, "%s\"%.*s\"", at ? "\n\t" : " ",
			      GP_STR_FMT(gp_str_sub(value, at, STRING_MAX)));
	gp_buf_add_cstr(out, " )\n");
}
