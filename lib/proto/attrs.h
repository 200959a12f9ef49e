/*
 * Frames of lines "name=value", ended by an empty line: the form of Postfix's policy
 * protocol (SMTPD_POLICY_README), in which our own control sockets speak too.
 *
 * Reads buffers of the caller: allocates nothing, does no I/O, keeps no state.  Values
 * point into the buffer; they hold neither line ends nor NULs.
 */
#ifndef GP_PROTO_ATTRS_H
#define GP_PROTO_ATTRS_H

#include <stdbool.h>
#include <stddef.h>

/* A span of a frame or of the caller; never owned. */
struct gp_attr {
	const char *data; /* NULL: the frame does not have it */
	size_t len;
};

/* The bytes of the frame at the beginning of data[len], with the empty line that ends it; 0: it
 * is not all there yet. */
size_t gp_attrs_length(const char *data, size_t len);

/*
 * Reads the frame at the beginning of data[len]: the value of names[i] goes to
 * ret_values[i], what has another name is passed over.  Returns the bytes it takes; 0 if
 * more are needed; -1 if it is none, with *ret_why (a literal): a line without "=", one
 * of the names twice, a NUL in a value, size_max bytes without an end.
 */
long gp_attrs_parse(const char *data, size_t len, size_t size_max, const struct gp_attr *names,
		    size_t n, struct gp_attr *ret_values, const char **ret_why);

/* Of a whole frame: the value of one name, the first; false: it has none. */
bool gp_attrs_find(const char *data, size_t len, const char *name, struct gp_attr *ret_value);

bool gp_attr_is(struct gp_attr attr, const char *text);

#endif
