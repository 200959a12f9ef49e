/*
 * Files and members by their names; what is looked for in their content is in rule_ole_find.c.
 */
#include "lib/score/rule_ole.h"

#include "lib/score/rule_list.h"
#include "lib/score/rule_ole_int.h"

#define FILE_MAX (16u << 20)	/* of an attachment, whatever olemacro_max_file says */
#define FILE_DEFAULT 1024000

enum kind { KIND_NONE, KIND_SKIPPED, KIND_ZIP, KIND_MACRO, KIND_PLAIN, KIND_OTHER };

static const struct {
	const char *setting, *pattern; /* of names, case ignored */
	enum kind kind;
} kinds[] = {
	{"olemacro_skip_exts", "(?:dotx|potx|ppsx|pptx|sldx)$", KIND_SKIPPED},
	{"olemacro_zips", "(?:zip)$", KIND_ZIP},
	{"olemacro_macro_exts",
	 "(?:docm|dotm|ppam|potm|ppst|ppsm|pptm|sldm|xlm|xlam|xlsb|xlsm|xltm|xps)$", KIND_MACRO},
	{"olemacro_exts",
	 "(?:doc|docx|dot|pot|ppa|pps|ppt|rtf|sldm|xl|xla|xls|xlsx|xlt|xltx|xslb)$", KIND_PLAIN},
};

bool gp_ole_matches(struct gp_ole_work *w, const char *setting, const char *otherwise,
		    struct gp_str text)
{
	const struct gp_rule_list *list = gp_rule_list_get(w->set, gp_str(setting));
	const struct gp_regex *re = gp_pcre_keep(
		w->pcre, list->items.len ? list->items.items[0] : gp_str(otherwise), GP_REGEX_CASELESS);
	bool limited = false;

	return re && gp_pcre_count(w->pcre, re, text, 1, NULL, &limited);
}

static size_t number(const struct gp_ole_work *w, const char *setting, double otherwise)
{
	double n = gp_rule_list_number(w->set, setting, otherwise);

	return n > 0 ? (size_t)GP_MIN(n, (double)FILE_MAX) : 0;
}

static enum kind kind_of(struct gp_ole_work *w, struct gp_str name)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(kinds); i++)
		if (gp_ole_matches(w, kinds[i].setting, kinds[i].pattern, name))
			return kinds[i].kind;
	return number(w, "olemacro_extended_scan", 0) ? KIND_OTHER : KIND_NONE;
}

void gp_ole_found(struct gp_ole_work *w, enum gp_ole_find what, struct gp_str seen)
{
	if (w->ole->found[what].len == 0)
		w->ole->found[what] = gp_arena_str(w->arena, seen);
}

static bool is_csv(struct gp_str name)
{
	return gp_str_iends(name, GP_STR(".csv"));
}

static void check_zip(struct gp_ole_work *w, struct gp_str name, struct gp_str data, unsigned depth);

static void check_file(struct gp_ole_work *w, struct gp_str name, struct gp_str data, enum kind kind,
		       unsigned depth)
{
	bool is_office;

	if (is_csv(name))
		gp_ole_check_csv(w, name, data);
	switch (kind) {
	case KIND_ZIP:
		check_zip(w, name, data, depth + 1);
		break;
	case KIND_MACRO:
		gp_ole_found(w, GP_OLE_MACRO, name);
		gp_ole_check_encrypted(w, name, data);
		gp_ole_check_members(w, name, data);
		gp_ole_check_download(w, name, data);
		break;
	case KIND_PLAIN:
		gp_ole_check_encrypted(w, name, data);
		gp_ole_check_old(w, name, data);
		gp_ole_check_members(w, name, data);
		gp_ole_check_download(w, name, data);
		break;
	case KIND_OTHER:
		is_office = gp_ole_is_office(data);
		is_office |= gp_ole_check_encrypted(w, name, data);
		is_office |= gp_ole_check_old(w, name, data);
		is_office |= gp_ole_check_members(w, name, data);
		if (is_office) {
			gp_ole_found(w, GP_OLE_RENAMED, name);
			gp_ole_check_download(w, name, data);
		}
		check_zip(w, name, data, depth + 1);
		break;
	case KIND_NONE:
	case KIND_SKIPPED:
		break;
	}
}

/* Was it one of the kinds that count? */
static bool check_member(struct gp_ole_work *w, const struct gp_zip *zip,
			 const struct gp_zip_member *m, unsigned depth)
{
	GP_BUF_AUTO content = GP_BUF_INIT(0);
	enum kind kind = kind_of(w, m->name);

	if (kind == KIND_SKIPPED)
		return false;
	if (m->is_encrypted) {
		if (kind == KIND_MACRO)
			gp_ole_found(w, GP_OLE_MACRO, m->name);
		gp_ole_found(w, GP_OLE_PASSWORD, m->name);
		return false;
	}
	if (kind == KIND_NONE && !is_csv(m->name))
		return false;
	if (gp_ole_content(w, zip, m, &content))
		check_file(w, m->name, gp_buf_str(&content), kind, depth);
	return kind != KIND_NONE;
}

static void check_zip(struct gp_ole_work *w, struct gp_str name, struct gp_str data, unsigned depth)
{
	size_t left = number(w, "olemacro_num_zip", 8);
	struct gp_zip zip;

	if (left == 0 || depth > GP_MIN(number(w, "olemacro_zip_depth", 2), (size_t)GP_OLE_DEPTH_MAX) ||
	    !gp_ole_is_zip(name, data) || gp_zip_open(w->arena, data, &zip))
		return;
	for (size_t i = 0; i < zip.members.len && left; i++)
		left -= check_member(w, &zip, &zip.members.items[i], depth);
}

/* The same of an attachment. */
static bool check_part(struct gp_ole_work *w, const struct gp_part *p)
{
	GP_BUF_AUTO content = GP_BUF_INIT(number(w, "olemacro_max_file", FILE_DEFAULT));
	enum kind kind;

	if (p->flags & (GP_PART_MULTIPART | GP_PART_MESSAGE) || p->filename.len == 0 ||
	    gp_ole_matches(w, "olemacro_skip_ctypes", "^(?:text\\/)", p->type) ||
	    (!gp_str_eq(p->encoding, GP_STR("base64")) &&
	     !gp_str_eq(p->encoding, GP_STR("quoted-printable"))))
		return false;
	kind = kind_of(w, p->filename);
	if (kind == KIND_SKIPPED || (kind == KIND_NONE && !is_csv(p->filename)))
		return false;
	(void)gp_message_part_content(p, &content);
	if (content.len == 0)
		return false;
	check_file(w, p->filename, gp_buf_str(&content), kind, 0);
	return kind != KIND_NONE;
}

void gp_ole_read(const struct gp_rule_set *set, struct gp_pcre *pcre, struct gp_arena *a,
		 struct gp_str name, struct gp_str data, struct gp_ole *ole)
{
	struct gp_ole_work w = {
		.set = set, .pcre = pcre, .arena = a, .ole = ole, .left = GP_OLE_BYTES_MAX};

	check_file(&w, name, data, kind_of(&w, name), 0);
}

void gp_ole_read_all(const struct gp_rule_set *set, struct gp_pcre *pcre, struct gp_arena *a,
		     const struct gp_message *m, struct gp_ole *ret)
{
	struct gp_ole_work w = {
		.set = set, .pcre = pcre, .arena = a, .ole = ret, .left = GP_OLE_BYTES_MAX};
	size_t left = GP_MAX(number(&w, "olemacro_num_mime", 5), (size_t)1);

	*ret = (struct gp_ole){0};
	for (size_t i = 0; i < m->parts.len && left; i++)
		left -= check_part(&w, &m->parts.items[i]);
}
