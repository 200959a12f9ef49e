/*
 * ZIP files: is each member where the directory at the end says, and packed as libclamav knows it?
 * Encrypted members count as sound: the engine tells of them, but not of OpenDocument files with a
 * password, of which the ZIP file knows nothing: their list of files does (OpenDocument 1.3, part 2, 4).
 */
#include "lib/base/arena.h"
#include "lib/mail/zip.h"
#include "milter-virus/archive_int.h"

#define LOCAL_SIZE 30u /* of a member's own header */
#define ZIP64_WITHIN (20u + 22u + 0xffffu) /* its locator, the end's record, a comment */

/* Those that libclamav 1.4 unpacks: stored, imploded, deflated, deflate64, bzip2 (APPNOTE.TXT 4.4.5). */
static bool is_supported(unsigned method)
{
	static const unsigned char methods[] = {0, 6, 8, 9, 12};

	for (size_t i = 0; i < GP_ARRAY_SIZE(methods); i++)
		if (methods[i] == method)
			return true;
	return false;
}

/* Is the member where the directory says? */
static bool is_there(struct gp_str file, const struct gp_zip_member *m)
{
	struct gp_str s = gp_str_sub(file, m->header, SIZE_MAX);

	return s.len >= LOCAL_SIZE && gp_str_starts(s, GP_STR("PK\3\4")) &&
	       (m->packed == UINT32_MAX /* ZIP64 */ || m->packed <= s.len - LOCAL_SIZE);
}

static unsigned judge(const struct gp_zip *zip)
{
	unsigned found = 0;

	for (size_t i = 0; i < zip->members.len; i++) {
		const struct gp_zip_member *m = &zip->members.items[i];

		if (m->header >= UINT32_MAX) /* ZIP64: elsewhere */
			continue;
		if (!is_there(zip->data, m))
			return VIRUS_ARCHIVE_BROKEN;
		if (!m->is_encrypted && m->packed > 0 && !is_supported(m->method))
			found = VIRUS_ARCHIVE_UNSUPPORTED;
	}
	return found;
}

#define OPEN_DOCUMENT GP_STR("mimetypeapplication/vnd.oasis.opendocument.") /* must be the first member */
#define MANIFEST_MAX (1u << 20)

static bool is_document_locked(const struct gp_zip *zip)
{
	if (!gp_str_starts(gp_str_sub(zip->data, LOCAL_SIZE, SIZE_MAX), OPEN_DOCUMENT))
		return false;
	for (size_t i = 0; i < zip->members.len; i++) {
		GP_BUF_AUTO out = GP_BUF_INIT(MANIFEST_MAX);
		struct gp_str text;

		if (!gp_str_eq(zip->members.items[i].name, GP_STR("META-INF/manifest.xml")))
			continue;
		if (gp_zip_content(zip, &zip->members.items[i], &out) == GP_EINVAL)
			return false;
		text = gp_buf_str(&out);
		return gp_str_find(text, GP_STR(":encryption-data"), 0) < text.len;
	}
	return false;
}

/* Its directory's place is told elsewhere than lib/mail/zip.h looks: it is taken for sound. */
static bool is_zip64(struct gp_str file)
{
	struct gp_str end = gp_str_sub(file, file.len > ZIP64_WITHIN ? file.len - ZIP64_WITHIN : 0, SIZE_MAX);

	return gp_str_find(end, GP_STR("PK\6\7"), 0) < end.len;
}

unsigned virus_archive_look_zip(struct gp_str file, uint64_t *room)
{
	struct gp_arena *arena = gp_arena_new(0);
	unsigned found = 0;
	struct gp_zip zip;

	(void)room;
	if (gp_zip_open(arena, file, &zip) == GP_OK) {
		found = judge(&zip);
		if (is_document_locked(&zip))
			found |= VIRUS_ARCHIVE_ENCRYPTED | VIRUS_ARCHIVE_DOCUMENT;
	}
	else if (!is_zip64(file))
		found = VIRUS_ARCHIVE_BROKEN;
	gp_arena_free(arena);
	return found;
}
