/*
 * Dovecot 2.4: what the settings are called and their defaults, as data.  In the plugin,
 * which asks for them, and in the module under settings/, which makes them known to the
 * configuration process.
 */
#include "dovecot-sieve-learn/compat.h"

#include <settings.h>

#include "dovecot-sieve-learn/settings_info.h"

#define TEXT(name, value)                                                                  \
	{.type = SET_STR,                                                                  \
	 .key = "gatepost_learn_" #name,                                                   \
	 .offset = offsetof(struct gp_learn_texts, name)},
static const struct setting_define defines[] = {
	GP_LEARN_SETTINGS(TEXT)
	SETTING_DEFINE_LIST_END
};

#define DEFAULT(name, value) .name = value,
static const struct gp_learn_texts defaults = {GP_LEARN_SETTINGS(DEFAULT)};

const struct setting_parser_info gp_learn_setting_parser_info = {
	.name = "gatepost_learn",
	.plugin_dependency = "lib95_gatepost_learn_plugin",
	.defines = defines,
	.defaults = &defaults,
	.struct_size = sizeof(struct gp_learn_texts),
	.pool_offset1 = 1 + offsetof(struct gp_learn_texts, pool),
};
