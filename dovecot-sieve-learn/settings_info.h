/*
 * Dovecot 2.4: the settings as its configuration process knows them.
 */
#ifndef GP_SIEVE_LEARN_SETTINGS_INFO_H
#define GP_SIEVE_LEARN_SETTINGS_INFO_H

#include "dovecot-sieve-learn/settings.h"

struct setting_parser_info;

#define GP_LEARN_TEXT(name, value) const char *name;
struct gp_learn_texts {
	pool_t pool;
	GP_LEARN_SETTINGS(GP_LEARN_TEXT)
};
#undef GP_LEARN_TEXT

extern const struct setting_parser_info gp_learn_setting_parser_info;

#endif
