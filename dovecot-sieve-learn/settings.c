/*
 * Settings: asked of Dovecot as text, read by a table.
 */
#include "dovecot-sieve-learn/compat.h"

#include "dovecot-sieve-learn/settings.h"
#include "dovecot-sieve-learn/refs.h"

enum form { FORM_TEXT, FORM_LIST, FORM_NUMBER, FORM_BOOL, FORM_APPEND };

struct setting {
	const char *name;
	const char *standard; /* the default */
	enum form form;
	size_t offset;
	unsigned int min, max;
};

#define MEMBER_socket FORM_TEXT, 0, 0
#define MEMBER_services FORM_LIST, 0, 0
#define MEMBER_junk_names FORM_LIST, 0, 0
#define MEMBER_trash_names FORM_LIST, 0, 0
#define MEMBER_append FORM_APPEND, 0, 0
#define MEMBER_keywords FORM_BOOL, 0, 0
#define MEMBER_size_max FORM_NUMBER, 1024, 1U << 30
#define MEMBER_rate FORM_NUMBER, 1, 1000000
#define MEMBER_queue_max FORM_NUMBER, 1, GP_REFS_MAX
#define MEMBER_window FORM_NUMBER, 1, 256
#define MEMBER_logout_wait_ms FORM_NUMBER, 0, 10000
#define ROW(member, value, form, min, max)                                                 \
	{"gatepost_learn_" #member, value, form, offsetof(struct gp_learn_settings, member), min, max}
#define ROW_OF(...) ROW(__VA_ARGS__)
#define SETTING(member, value) ROW_OF(member, value, MEMBER_##member),

static const struct setting table[] = {GP_LEARN_SETTINGS(SETTING)};

static bool read_number(const char *text, const struct setting *row, unsigned int *ret)
{
	static const char units[] = "kMG";
	const char *end, *unit;
	uintmax_t number;

	if (str_parse_uintmax(text, &number, &end) < 0)
		return false;
	if (*end != '\0') {
		unit = strchr(units, *end == 'm' || *end == 'g' ? *end - 32 : *end == 'K' ? 'k' : *end);
		if (unit == NULL || end[1] != '\0' || number > UINT_MAX)
			return false;
		number <<= 10 * (unit - units + 1);
	}
	if (number < row->min || number > row->max)
		return false;
	*ret = (unsigned int)number;
	return true;
}

/* "a, b" to {"a", "b"}; names may hold spaces. */
static const char *const *read_list(pool_t pool, const char *text)
{
	const char *const *parts = t_strsplit(text, ",");
	ARRAY_TYPE(const_string) list;

	p_array_init(&list, pool, str_array_length(parts) + 1);
	for (; *parts != NULL; parts++) {
		const char *name = p_strdup(pool, t_str_trim(*parts, " \t"));

		if (*name != '\0')
			array_push_back(&list, &name);
	}
	array_append_zero(&list);
	return array_front(&list);
}

static bool read_word(const char *text, const char *on, bool *ret)
{
	if (strcasecmp(text, on) != 0 && strcasecmp(text, "no") != 0)
		return false;
	*ret = strcasecmp(text, on) == 0;
	return true;
}

static bool read_value(pool_t pool, const struct setting *row, const char *text, void *member)
{
	switch (row->form) {
	case FORM_TEXT:
		*(const char **)member = p_strdup(pool, text);
		return *text == '/';
	case FORM_LIST:
		*(const char *const **)member = read_list(pool, text);
		return true;
	case FORM_NUMBER:
		return read_number(text, row, member);
	case FORM_BOOL:
		return read_word(text, "yes", member);
	case FORM_APPEND:
		return read_word(text, "spam", member);
	}
	i_unreached();
}

#if GP_DOVECOT_24
#include <settings.h>

#include "dovecot-sieve-learn/settings_info.h"

struct source {
	const struct gp_learn_texts *texts;
};

static void source_open(struct source *source, struct mail_user *user)
{
	const char *error;

	if (settings_get(user->event, &gp_learn_setting_parser_info, 0, &source->texts, &error) < 0)
		e_warning(user->event, "gatepost_learn: %s; the defaults are used", error);
}

static const char *source_text(const struct source *source, struct mail_user *user,
			       const struct setting *row)
{
	static const size_t offsets[] = {
#define OFFSET(member, value) offsetof(struct gp_learn_texts, member),
		GP_LEARN_SETTINGS(OFFSET)};

	if (source->texts == NULL)
		return NULL;
	return *(const char *const *)CONST_PTR_OFFSET(source->texts, offsets[row - table]);
}

static void source_close(struct source *source)
{
	settings_free(source->texts);
}
#else
struct source {
	char none;
};

static void source_open(struct source *source, struct mail_user *user)
{
}

static const char *source_text(const struct source *source, struct mail_user *user,
			       const struct setting *row)
{
	return mail_user_plugin_getenv(user, row->name);
}

static void source_close(struct source *source)
{
}
#endif

const struct gp_learn_settings *gp_learn_settings_read(struct mail_user *user)
{
	struct gp_learn_settings *set = p_new(user->pool, struct gp_learn_settings, 1);
	struct source source = {0};

	source_open(&source, user);
	for (unsigned int i = 0; i < N_ELEMENTS(table); i++) {
		const struct setting *row = &table[i];
		const char *text = source_text(&source, user, row);
		void *member = PTR_OFFSET(set, row->offset);

		if (text != NULL && read_value(user->pool, row, text, member))
			continue;
		if (text != NULL)
			e_warning(user->event, "%s = %s is not a value of this setting; %s is used",
				  row->name, text, row->standard);
		if (!read_value(user->pool, row, row->standard, member))
			i_unreached();
	}
	source_close(&source);
	return set;
}
