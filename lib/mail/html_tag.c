/*
 * Look-up of HTML elements by name.
 */
#include "lib/mail/html_tag.h"

#define NAME_MAX_LEN 10 /* blockquote, figcaption */

static const struct gp_html_tag_info ROWS[GP_TAG_COUNT] = {[GP_TAG_UNKNOWN] = {.name = ""},
							   [GP_TAG_NAMESPACED] = {.name = ""},
#define GP_HTML_X(id, name, space, raw, flags) [GP_TAG_##id] = {name, GP_HTML_##space, raw, flags},
							   GP_HTML_ELEMENTS(GP_HTML_X)
#undef GP_HTML_X
};

enum gp_html_tag gp_html_tag_find(struct gp_str name)
{
	char lower[NAME_MAX_LEN + 1];
	size_t from = GP_TAG_NAMESPACED + 1, to = GP_TAG_COUNT;

	if (name.len && name.len <= NAME_MAX_LEN) {
		for (size_t i = 0; i < name.len; i++)
			lower[i] = gp_lower(name.ptr[i]);
		lower[name.len] = '\0';
		while (from < to) {
			size_t mid = (from + to) / 2;
			int cmp = strcmp(lower, ROWS[mid].name);

			if (cmp == 0)
				return (enum gp_html_tag)mid;
			if (cmp < 0)
				to = mid;
			else
				from = mid + 1;
		}
	}
	return gp_str_find_chr(name, ':', 0) < name.len ? GP_TAG_NAMESPACED : GP_TAG_UNKNOWN;
}

const struct gp_html_tag_info *gp_html_tag_info(enum gp_html_tag tag)
{
	return &ROWS[tag];
}
