/*
 * How values of OpenDKIM's parameters become ours: functions for the table of opendkim_params.c.
 */
#ifndef GP_CLI_OPENDKIM_CONVERT_H
#define GP_CLI_OPENDKIM_CONVERT_H

#include <stdint.h>

#include "cli/opendkim_int.h"

struct odk_row;

/* Sets row->target from the value, or notes why not. */
typedef void odk_convert(struct odk *o, const struct odk_param *p, const struct odk_row *row);

struct odk_row {
	const char *name;
	odk_convert *convert; /* NULL: only noted, with the text */
	const char *target;   /* our setting */
	int64_t min, max;     /* odk_to_duration: seconds */
	enum gp_import_kind kind;
	const char *text; /* why; NULL: read elsewhere, or nothing to say */
	bool is_switch;	  /* only worth a word where it is on */
};

/* Notes that a value is none. */
void odk_invalid(struct odk *o, const struct odk_param *p, const char *expected);

/* By the kind of value. */
odk_convert odk_to_switch, odk_to_text, odk_to_duration, odk_to_list, odk_to_networks,
	odk_to_servers;
/* By the parameter. */
odk_convert odk_convert_action, odk_convert_algorithm, odk_convert_anchor, odk_convert_authserv,
	odk_convert_canonicalization, odk_convert_default_action, odk_convert_error_action,
	odk_convert_key_bits, odk_convert_mode, odk_convert_omit_headers, odk_convert_remove_from,
	odk_convert_safe_keys, odk_convert_sender_headers, odk_convert_sign_headers,
	odk_convert_signatures, odk_convert_socket, odk_convert_syslog, odk_convert_umask,
	odk_convert_user, odk_convert_facility;

#endif
