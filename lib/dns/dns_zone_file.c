/*
 * The reader of zone files: entries become directives and records (RFC 1035, 5.1;
 * RFC 2308, 4 for $TTL).
 *
 * A record without a TTL has that of $TTL, or of the record before it.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/base/fd.h"
#include "lib/base/limits.h"
#include "lib/base/vec.h"
#include "lib/dns/dns_zone_int.h"
#include "lib/dns/zone_data.h"

/* Where neither the record nor any before it says: an hour. */
#define TTL_DEFAULT_S 3600
#define RECORD_MAX_LEN 65535
#define NOTES_MAX_LEN (16 << 10)

struct reader {
	struct gp_zone *zone;
	const char *file;
	struct gp_zone_name origin, owner;
	bool has_owner, has_ttl;
	uint32_t ttl_s;	     /* of $TTL */
	uint32_t last_ttl_s; /* of the record before */
	struct gp_buf wire;  /* of the record that is read */
	struct gp_buf notes;
	struct gp_diag *diag;
};

/* What stands before a record's data. */
struct head {
	uint32_t ttl_s;
	bool has_ttl, has_class;
	unsigned type;
	enum gp_zone_use use;
	struct gp_str type_name;
};

static GP_PRINTF(2, 3) int complain(struct reader *r, const char *fmt, ...)
{
	char text[sizeof(r->diag->text)];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	gp_diag_set(r->diag, "%s", text);
	return GP_EINVAL;
}

static int read_origin(struct reader *r, const struct gp_zone_word *value)
{
	return gp_zone_name_parse(*value, &r->origin, &r->origin, r->diag);
}

static int read_ttl(struct reader *r, const struct gp_zone_word *value)
{
	if (gp_zone_ttl_parse(value->text, &r->ttl_s) < 0)
		return complain(r, "\"%.*s\" is no TTL; write seconds, or 1h30m",
				GP_STR_FMT(value->text));
	r->has_ttl = true;
	return GP_OK;
}

static int read_directive(struct reader *r, const struct gp_zone_entry *e)
{
	static const struct {
		struct gp_str name;
		int (*read)(struct reader *r, const struct gp_zone_word *value);
	} DIRECTIVES[] = {{GP_STR("$ORIGIN"), read_origin}, {GP_STR("$TTL"), read_ttl}};
	struct gp_str name = e->words[0].text;

	for (size_t i = 0; i < GP_ARRAY_SIZE(DIRECTIVES); i++) {
		if (!gp_str_ieq(name, DIRECTIVES[i].name))
			continue;
		if (e->n_words != 2)
			return complain(r, "%s takes one value", DIRECTIVES[i].name.ptr);
		return DIRECTIVES[i].read(r, &e->words[1]);
	}
	return complain(r, "%.*s is not known here, only $ORIGIN and $TTL; write the records out",
			GP_STR_FMT(name));
}

/* One word before the type; GP_ENOENT: it is the type. */
static int read_head_word(struct reader *r, const struct gp_zone_word *w, struct head *h)
{
	static const char *const CLASSES[] = {"CH", "CS", "HS"};

	if (w->is_quoted)
		return complain(r, "\"%.*s\" stands in quotes where a record's type is wanted",
				GP_STR_FMT(gp_str_sub(w->text, 0, 60)));
	if (!h->has_ttl && gp_zone_ttl_parse(w->text, &h->ttl_s) == GP_OK) {
		h->has_ttl = true;
		return GP_OK;
	}
	for (size_t i = 0; i < GP_ARRAY_SIZE(CLASSES); i++)
		if (gp_str_ieq(w->text, gp_str(CLASSES[i])))
			return complain(r, "class %s: only IN has mail", CLASSES[i]);
	if (!h->has_class && gp_str_ieq(w->text, GP_STR("IN"))) {
		h->has_class = true;
		return GP_OK;
	}
	h->use = gp_zone_type(w->text, &h->type);
	h->type_name = w->text;
	if (h->use == GP_ZONE_UNKNOWN)
		return complain(r, "\"%.*s\" is no type of record",
				GP_STR_FMT(gp_str_sub(w->text, 0, 60)));
	return GP_ENOENT;
}

/* TTL, class and type; *at is moved behind them. */
static int read_head(struct reader *r, const struct gp_zone_entry *e, size_t *at, struct head *h)
{
	while (*at < e->n_words) {
		int found = read_head_word(r, &e->words[(*at)++], h);

		if (found == GP_EINVAL)
			return found;
		if (found == GP_ENOENT) {
			if (!h->has_ttl)
				h->ttl_s = r->has_ttl ? r->ttl_s : r->last_ttl_s;
			r->last_ttl_s = h->ttl_s;
			return GP_OK;
		}
	}
	return complain(r, "the record has no type; write NAME TYPE DATA");
}

/* Each ignored type once. */
static void note(struct reader *r, unsigned line, struct gp_str type)
{
	char text[80];

	snprintf(text, sizeof(text), ": %.*s is ignored", GP_STR_FMT(type));
	if (gp_str_ifind(gp_buf_str(&r->notes), gp_str(text), 0) == r->notes.len)
		gp_buf_printf(&r->notes, "%s:%u%s\n", r->file, line, text);
}

static int read_record(struct reader *r, const struct gp_zone_entry *e)
{
	struct head h = {0};
	struct gp_zone_node *node;
	struct gp_str owner;
	size_t at = 0, len;
	int result = GP_OK;

	if (!e->is_indented)
		result = gp_zone_name_parse(e->words[at++], &r->origin, &r->owner, r->diag);
	else if (!r->has_owner)
		result = complain(r, "no record before this one has a name to take over; "
				     "write the name at the line's beginning");
	r->has_owner = true;
	if (result == GP_OK)
		result = read_head(r, e, &at, &h);
	if (result == GP_OK && h.use == GP_ZONE_KEPT) {
		gp_buf_reset(&r->wire);
		result = gp_zone_data_parse(h.type, e->words + at, e->n_words - at, &r->origin,
					    &r->wire, r->diag);
	}
	if (result < 0)
		return result;
	if (h.use == GP_ZONE_IGNORED)
		note(r, e->line, h.type_name);
	result = gp_dns_name_from_wire(r->zone->arena, gp_str_n(r->owner.wire, r->owner.len), &owner,
				       &len);
	assert(result == GP_OK); /* we made it */
	node = gp_zone_node(r->zone, owner);
	if (h.use != GP_ZONE_KEPT)
		return GP_OK;
	return gp_zone_add(r->zone, node, (enum gp_dns_type)h.type, h.ttl_s, gp_buf_str(&r->wire),
			   r->diag);
}

static int read_entries(struct reader *r, struct gp_str text)
{
	struct gp_zone_lexer lexer = {.rest = text, .file = r->file};
	struct gp_arena *words = gp_arena_new(0);
	struct gp_zone_entry e;
	int result;

	while ((result = gp_zone_lex_next(&lexer, words, &e, r->diag)) == GP_OK) {
		bool is_directive = !e.words[0].is_quoted && !e.is_indented &&
				    gp_str_starts(e.words[0].text, GP_STR("$"));

		result = is_directive ? read_directive(r, &e) : read_record(r, &e);
		if (result < 0) {
			gp_diag_prepend(r->diag, "%s:%u", r->file, e.line);
			break;
		}
		gp_arena_reset(words);
	}
	gp_arena_free(words);
	return result == GP_ENOENT ? GP_OK : result;
}

int gp_dns_zone_parse(struct gp_str text, const char *file, struct gp_resolver **ret,
		      struct gp_diag *diag)
{
	struct gp_zone *zone = gp_zone_new();
	struct gp_resolver *resolver = &zone->base;
	struct gp_diag unread;
	struct reader r = {
		.zone = zone,
		.file = file,
		.origin = gp_zone_root,
		.last_ttl_s = TTL_DEFAULT_S,
		.wire = GP_BUF_INIT(RECORD_MAX_LEN),
		.notes = GP_BUF_INIT(NOTES_MAX_LEN),
		.diag = diag ? diag : &unread,
	};
	int result = read_entries(&r, text);

	zone->notes = gp_arena_str(zone->arena, gp_buf_str(&r.notes));
	gp_buf_done(&r.wire);
	gp_buf_done(&r.notes);
	if (result < 0)
		gp_resolver_close(&resolver);
	else
		*ret = resolver;
	return result;
}

int gp_dns_zone_open(const char *path, struct gp_resolver **ret, struct gp_diag *diag)
{
	GP_BUF_AUTO text = GP_BUF_INIT(GP_MAX_MAP_FILE);
	int r = gp_file_read(path, &text, diag);

	return r < 0 ? r : gp_dns_zone_parse(gp_buf_str(&text), path, ret, diag);
}
