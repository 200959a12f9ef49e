/*
 * Dovecot 2.4: the module under settings/ by which its configuration process knows the
 * settings of the plugin.
 */
#include "dovecot-sieve-learn/compat.h"

#include <settings.h>

#include "dovecot-sieve-learn/settings_info.h"

GP_PLUGIN_EXPORT extern const char *gatepost_learn_settings_version;
GP_PLUGIN_EXPORT extern const struct setting_parser_info *gatepost_learn_settings_set_infos[];

const char *gatepost_learn_settings_version = DOVECOT_ABI_VERSION;

const struct setting_parser_info *gatepost_learn_settings_set_infos[] = {
	&gp_learn_setting_parser_info,
	NULL,
};
