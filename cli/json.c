/*
 * JSON helpers.
 */
#include "cli/json.h"

#include <stdio.h>

#include "lib/base/utf8.h"

json_t *gp_json_text(struct gp_str s)
{
	GP_BUF_AUTO clean = GP_BUF_INIT(65536);

	gp_utf8_sanitize(s, &clean);
	return json_stringn(gp_buf_cstr(&clean), clean.len);
}

json_t *gp_json_text_or_null(struct gp_str s)
{
	return s.len ? gp_json_text(s) : json_null();
}

void gp_json_print(json_t *root)
{
	json_dumpf(root, stdout, JSON_COMPACT | JSON_PRESERVE_ORDER);
	putchar('\n');
	json_decref(root);
}
