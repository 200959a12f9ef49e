/*
 * The marks of macros, embedded objects, passwords and links in the content of office documents.
 */
#include "lib/score/rule_ole_int.h"

/* A compound file (Word, Excel, PowerPoint until 2003; later ones with a password). */
#define COMPOUND GP_STR("\xd0\xcf\x11\xe0")
#define HEAD 2000 /* where a compound file names its streams */

bool gp_ole_is_office(struct gp_str data)
{
	return gp_str_starts(data, COMPOUND);
}

bool gp_ole_is_zip(struct gp_str name, struct gp_str data)
{
	return gp_str_starts(data, GP_STR("PK")) || gp_str_iends(name, GP_STR(".zip"));
}

static bool has(struct gp_str data, struct gp_str mark)
{
	return gp_str_find(data, mark, 0) < data.len;
}

bool gp_ole_content(struct gp_ole_work *w, const struct gp_zip *zip, const struct gp_zip_member *m,
		    struct gp_buf *out)
{
	int r;

	out->max = GP_MIN(w->left, GP_OLE_MEMBER_MAX);
	r = gp_zip_content(zip, m, out);
	w->left -= out->len;
	return r == GP_OK;
}

/* Names of streams are in UTF-16; without such a name the marks of Word's and PowerPoint's passwords
 * stand at fixed places. */
bool gp_ole_check_encrypted(struct gp_ole_work *w, struct gp_str name, struct gp_str data)
{
	static const struct gp_str package =
		GP_STR("E\0n\0c\0r\0y\0p\0t\0e\0d\0P\0a\0c\0k\0a\0g\0e");
	static const struct gp_str workbook = GP_STR("W\0o\0r\0k\0b\0o\0o\0k\0");
	static const struct {
		size_t at;
		char byte;
	} marks[] = {{0x208, '\xfe'}, {0x214, '\x2f'}, {0x20b, '\x13'}};
	struct gp_str head = gp_str_sub(data, 0, HEAD), xml = GP_STR("<encryption xmlns");
	bool is_encrypted;

	if (!gp_ole_is_office(data))
		return false;
	is_encrypted = gp_str_ifind(data, xml, 0) < data.len || has(head, package);
	for (size_t i = 0; !has(head, workbook) && i < GP_ARRAY_SIZE(marks); i++)
		is_encrypted |= marks[i].at < data.len && data.ptr[marks[i].at] == marks[i].byte;
	if (is_encrypted)
		gp_ole_found(w, GP_OLE_ENCRYPTED, name);
	return is_encrypted;
}

static bool has_macro_mark(struct gp_str data)
{
	static const struct gp_str marks[] = {
		GP_STR("\\objemb"), GP_STR("\\objdat"), GP_STR("\\ objdat"), /* RTF */
		GP_STR("w:macrosPresent=\"yes\""), GP_STR("vbaProject.bin.rels"),
	};

	if (gp_ole_is_office(data))
		return has(data, GP_STR("\0Attribut\0")) ||
		       has(data, GP_STR("\1\0O\0l\0e\0001\0000\0N\0a\0"));
	for (size_t i = 0; i < GP_ARRAY_SIZE(marks); i++)
		if (has(data, marks[i]))
			return true;
	return false;
}

/* "AutoOpen", "Document_Open" …: a macro of that name runs when the document is opened. */
static bool runs_by_itself(struct gp_str data)
{
	static const struct gp_str events[] = {GP_STR("document"), GP_STR("auto"), GP_STR("workbook")};
	const struct gp_str open = GP_STR("open");

	for (size_t at = 0; (at = gp_str_ifind(data, open, at)) < data.len; at++) {
		size_t end = at && data.ptr[at - 1] == '_' ? at - 1 : at;

		for (size_t i = 0; i < GP_ARRAY_SIZE(events); i++)
			if (gp_str_iends(gp_str_sub(data, 0, end), events[i]))
				return true;
	}
	return false;
}

bool gp_ole_check_old(struct gp_ole_work *w, struct gp_str name, struct gp_str data)
{
	if (!has_macro_mark(data))
		return false;
	gp_ole_found(w, GP_OLE_MACRO, name);
	if (runs_by_itself(data))
		gp_ole_found(w, GP_OLE_MALICE, name);
	return true;
}

/* word/NAME.rtf */
static bool is_rtf_member(struct gp_str name)
{
	const struct gp_str folder = GP_STR("word/"), extension = GP_STR(".rtf");
	size_t at = 0;

	if (!gp_str_istarts(name, folder))
		return false;
	name = gp_str_sub(name, folder.len, 50 + extension.len + 1);
	while ((at = gp_str_ifind(name, extension, at)) < name.len) {
		size_t end = at + extension.len;

		if (at > 0 && (end == name.len || (!gp_is_alnum(name.ptr[end]) && name.ptr[end] != '_')))
			return true;
		at++;
	}
	return false;
}

static bool is_macro_member(struct gp_str name)
{
	static const char *const names[] = {"word/vbaproject.bin", "macros/vba/_vba_project",
					    "xl/vbaproject.bin",
					    "_vba_project_cur/vba/_vba_project",
					    "ppt/vbaproject.bin"};

	for (size_t i = 0; i < GP_ARRAY_SIZE(names); i++)
		if (gp_str_ieq(name, gp_str(names[i])))
			return true;
	return false;
}

static bool names_macros(struct gp_str types)
{
	static const struct gp_str marks[] = {
		GP_STR("macroEnabled"),
		GP_STR("application/vnd.ms-excel.macrosheet"),
		GP_STR("application/vnd.ms-excel.intlmacrosheet"),
		GP_STR("ContentType=\"application/vnd.ms-office.vbaProject\""),
		GP_STR("ContentType='application/vnd.ms-office.vbaProject'"),
	};

	for (size_t i = 0; i < GP_ARRAY_SIZE(marks); i++)
		if (gp_str_ifind(types, marks[i], 0) < types.len)
			return true;
	return false;
}

static void add_once(struct gp_ole_work *w, struct gp_str s, struct gp_str *list, size_t *n, size_t max)
{
	for (size_t i = 0; i < *n; i++)
		if (gp_str_eq(list[i], s))
			return;
	if (*n < max)
		list[(*n)++] = gp_arena_str(w->arena, s);
}

static void check_link(struct gp_ole_work *w, struct gp_str uri)
{
	static const struct gp_str disguised = /* "HTTP:\\1" as character references */
		GP_STR("mhtml:&#x48;&#x54;&#x50;&#x3a;&#x5c;&#x5c;&#x31;&");
	const struct gp_str mhtml = GP_STR("mhtml:");
	bool is_mhtml = gp_str_istarts(uri, mhtml), is_web;
	struct gp_str inner = gp_str_sub(uri, is_mhtml ? mhtml.len : 0, SIZE_MAX);

	is_web = gp_str_istarts(inner, GP_STR("http://")) || gp_str_istarts(inner, GP_STR("https://"));
	if ((is_mhtml && is_web) || gp_str_istarts(uri, disguised)) {
		gp_ole_found(w, GP_OLE_MHTML_URI, uri);
		add_once(w, uri, w->ole->mhtml, &w->ole->n_mhtml, GP_OLE_MHTML_MAX);
	}
	if (!is_web)
		return;
	gp_ole_found(w, GP_OLE_URI, inner);
	add_once(w, inner, w->ole->uris, &w->ole->n_uris, GP_OLE_URIS_MAX);
}

/* Each <Relationship Target="…" TargetMode="External"/>. */
static void check_relations(struct gp_ole_work *w, struct gp_str xml)
{
	const struct gp_str element = GP_STR("Relationship"), target = GP_STR("Target=\""),
			    mode = GP_STR("TargetMode=\"External\"");

	while (xml.len) {
		size_t end = gp_str_find(xml, element, 1), at;
		struct gp_str relation = gp_str_sub(xml, 0, end), uri;

		xml = gp_str_sub(xml, end, SIZE_MAX);
		at = gp_str_ifind(relation, target, 0);
		if (at >= relation.len)
			continue;
		relation = gp_str_sub(relation, at + target.len, SIZE_MAX);
		uri = gp_str_sub(relation, 0, gp_str_find_chr(relation, '"', 0));
		if (gp_str_ifind(relation, mode, uri.len) < relation.len)
			check_link(w, uri);
	}
}

enum wanted { WANTED_TYPES, WANTED_RELATIONS, WANTED_MALICE };

static bool check_content(struct gp_ole_work *w, const struct gp_zip *zip,
			  const struct gp_zip_member *m, enum wanted wanted, struct gp_str file)
{
	GP_BUF_AUTO content = GP_BUF_INIT(0);
	struct gp_str s;

	if (!gp_ole_content(w, zip, m, &content))
		return false;
	s = gp_buf_str(&content);
	if (wanted == WANTED_TYPES && names_macros(s))
		gp_ole_found(w, GP_OLE_MACRO, file);
	else if (wanted == WANTED_RELATIONS)
		check_relations(w, s);
	else if (wanted == WANTED_MALICE && runs_by_itself(s))
		gp_ole_found(w, GP_OLE_MALICE, file);
	return s.len > 0;
}

/* The member's name alone: is it one that only documents have?  *ret_macro is set, never cleared. */
static bool check_member_name(struct gp_ole_work *w, struct gp_str name, struct gp_str file,
			      bool *ret_macro)
{
	bool is_object = gp_str_istarts(name, GP_STR("xl/embeddings/"));
	bool is_macro = is_macro_member(name), is_rtf = is_rtf_member(name);

	if (is_macro)
		gp_ole_found(w, GP_OLE_MACRO, file);
	if (is_object)
		gp_ole_found(w, GP_OLE_OBJECT, file);
	if (is_rtf)
		gp_ole_found(w, GP_OLE_RTF_OBJECT, file);
	*ret_macro |= is_macro;
	return is_macro || is_object || is_rtf;
}

bool gp_ole_check_members(struct gp_ole_work *w, struct gp_str name, struct gp_str data)
{
	bool is_document = false, has_macro = false;
	struct gp_zip zip;

	if (!gp_ole_is_zip(name, data) || gp_zip_open(w->arena, data, &zip))
		return false;
	for (size_t i = 0; i < zip.members.len; i++)
		is_document |= check_member_name(w, zip.members.items[i].name, name, &has_macro);
	for (size_t i = 0; i < zip.members.len; i++) {
		const struct gp_zip_member *m = &zip.members.items[i];

		if (gp_str_eq(m->name, GP_STR("[Content_Types].xml"))) {
			is_document = true;
			if (w->ole->found[GP_OLE_MACRO].len == 0)
				check_content(w, &zip, m, WANTED_TYPES, name);
		} else if (has(m->name, GP_STR(".rels"))) {
			is_document |= check_content(w, &zip, m, WANTED_RELATIONS, name);
		} else if (has_macro && has(m->name, GP_STR(".bin")) &&
			   w->ole->found[GP_OLE_MALICE].len == 0) {
			check_content(w, &zip, m, WANTED_MALICE, name);
		}
	}
	return is_document;
}

void gp_ole_check_download(struct gp_ole_work *w, struct gp_str name, struct gp_str data)
{
	static const char program[] =
		"\\x00https?://[-a-z0-9+&@#/%?=~_|!:,.;]{5,1000}[-a-z0-9+&@#/%=~_|]{5,1000}"
		"\\.(?:exe|cmd|bat)[\\x06|\\x00]";

	if (gp_ole_matches(w, "", program, data) ||
	    gp_ole_matches(w, "olemacro_download_marker",
			   "(?:cmd(?:\\.exe)? \\/c ms\\^h\\^ta ht\\^tps?:\\/\\^\\/)", data))
		gp_ole_found(w, GP_OLE_DOWNLOAD, name);
}

void gp_ole_check_csv(struct gp_ole_work *w, struct gp_str name, struct gp_str data)
{
	static const char program[] = "MSEXCEL\\|.{1,20}Windows\\\\System32\\\\cmd\\.exe";

	if (has(data, GP_STR("cmd.exe")) && gp_ole_matches(w, "", program, data))
		gp_ole_found(w, GP_OLE_CSV, name);
}
