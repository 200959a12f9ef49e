/*
 * The values are those that milter-spam would hand to the MTA with headers.from_rules.
 */
#include "cli/scan_headers.h"

#include <stdio.h>

#include "cli/json.h"
#include "cli/text.h"
#include "config.h"
#include "lib/score/rule_markup.h"

#define VALUE_MAX (64u << 10)

typedef void header_fn(void *arg, struct gp_str name, struct gp_str value);

static void each(const struct gp_scan_headers *h, header_fn *fn, void *arg)
{
	const struct gp_markup markup = {
		.set = h->set,
		.scan = h->result->rules,
		.symbols = &h->result->symbols,
		.score = h->result->score,
		.required = h->decision->required,
		.bayes = h->result->bayes.is_usable ? h->result->bayes.probability : -1,
		.version = "gatepost-" GP_VERSION,
		.is_spam = h->result->score >= h->decision->required,
	};
	GP_BUF_AUTO name = GP_BUF_INIT(256);
	GP_BUF_AUTO value = GP_BUF_INIT(VALUE_MAX);

	for (size_t i = 0; gp_markup_header(&markup, i, &name, &value); i++) {
		fn(arg, gp_buf_str(&name), gp_buf_str(&value));
		gp_buf_reset(&name);
		gp_buf_reset(&value);
	}
	for (enum gp_rewrite which = 0; which < GP_REWRITES; which++) {
		const struct gp_header *old = gp_message_header(h->mail, gp_rewrite_names[which]);

		gp_buf_reset(&value);
		if (gp_markup_rewrite(&markup, which, old ? old->raw : gp_str(NULL), &value))
			fn(arg, gp_str(gp_rewrite_names[which]), gp_buf_str(&value));
	}
}

static void to_json(void *arg, struct gp_str name, struct gp_str value)
{
	json_t *pair = json_array();

	json_array_append_new(pair, gp_json_text(name));
	json_array_append_new(pair, gp_json_text(value));
	json_array_append_new(arg, pair);
}

json_t *gp_scan_headers(const struct gp_scan_headers *h)
{
	json_t *list = json_array();

	each(h, to_json, list);
	return list;
}

/* Header text is of rules' and strangers' making: control characters are shown, folds kept. */
static void to_terminal(void *arg, struct gp_str name, struct gp_str value)
{
	struct gp_str line;
	bool is_first = true;

	while (gp_str_next(&value, '\n', &line)) {
		GP_BUF_AUTO clean = GP_BUF_INIT(VALUE_MAX);

		gp_text_clean(gp_str_trim(line), &clean);
		if (is_first)
			printf("  %.*s: %s\n", GP_STR_FMT(name), gp_buf_cstr(&clean));
		else
			printf("          %s\n", gp_buf_cstr(&clean));
		is_first = false;
	}
}

void gp_scan_headers_print(const struct gp_scan_headers *h)
{
	each(h, to_terminal, NULL);
}
