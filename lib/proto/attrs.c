/*
 * Frames of lines "name=value"; see the header.
 */
#include "lib/proto/attrs.h"

#include <string.h>

size_t gp_attrs_length(const char *data, size_t len)
{
	const char *end;

	if (len > 0 && data[0] == '\n')
		return 1;
	end = len > 0 ? memmem(data, len, "\n\n", 2) : NULL;
	return end ? (size_t)(end - data) + 2 : 0;
}

bool gp_attr_is(struct gp_attr attr, const char *text)
{
	return attr.len == strlen(text) && (attr.len == 0 || memcmp(attr.data, text, attr.len) == 0);
}

/* Takes a line, of which there is one, off the rest. */
static struct gp_attr take_line(struct gp_attr *rest)
{
	const char *end = memchr(rest->data, '\n', rest->len);
	struct gp_attr line = {rest->data, end ? (size_t)(end - rest->data) : rest->len};
	size_t taken = line.len + (end ? 1 : 0);

	rest->data += taken;
	rest->len -= taken;
	return line;
}

static bool split(struct gp_attr line, struct gp_attr *ret_name, struct gp_attr *ret_value)
{
	const char *equals = memchr(line.data, '=', line.len);

	if (!equals)
		return false;
	*ret_name = (struct gp_attr){line.data, (size_t)(equals - line.data)};
	*ret_value = (struct gp_attr){equals + 1, line.len - ret_name->len - 1};
	return true;
}

static const char *store(struct gp_attr line, const struct gp_attr *names, size_t n,
			 struct gp_attr *values)
{
	struct gp_attr name, value;

	if (!split(line, &name, &value))
		return "a line without \"=\"";
	if (memchr(line.data, '\0', line.len))
		return "a NUL in an attribute";
	for (size_t i = 0; i < n; i++) {
		if (names[i].len != name.len || memcmp(names[i].data, name.data, name.len) != 0)
			continue;
		if (values[i].data)
			return "an attribute twice";
		values[i] = value;
		break;
	}
	return NULL;
}

long gp_attrs_parse(const char *data, size_t len, size_t size_max, const struct gp_attr *names,
		    size_t n, struct gp_attr *ret_values, const char **ret_why)
{
	size_t size = gp_attrs_length(data, len < size_max ? len : size_max);
	struct gp_attr rest = {data, size > 0 ? size - 1 : 0};

	if (size == 0 && len < size_max)
		return 0;
	*ret_why = size == 0 ? "too many bytes" : NULL;
	if (n > 0)
		memset(ret_values, 0, n * sizeof(*ret_values));
	while (!*ret_why && rest.len > 0)
		*ret_why = store(take_line(&rest), names, n, ret_values);
	return *ret_why ? -1 : (long)size;
}

bool gp_attrs_find(const char *data, size_t len, const char *name, struct gp_attr *ret_value)
{
	struct gp_attr rest = {data, len};

	while (rest.len > 0) {
		struct gp_attr found, value;

		if (split(take_line(&rest), &found, &value) && gp_attr_is(found, name)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}
