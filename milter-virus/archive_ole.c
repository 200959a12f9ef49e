/*
 * Office documents with a password, of which libclamav 1.4 says nothing: in the compound files ([MS-CFB])
 * of Word, Excel and PowerPoint, and of their followers, which then lie packed in such a file
 * ([MS-OFFCRYPTO]).  Those of OpenDocument are in archive_zip.c.
 *
 * The directory's names say it, or the beginning of the stream.  Streams so small that they lie within
 * another one are not followed: those of documents are not.
 */
#include "milter-virus/archive_int.h"

#define HEADER_SIZE 512u
#define HEADER_TABLES 109u /* sectors of the table of sectors that the header names */
#define ENTRY_SIZE 128u
#define SMALL 4096u /* a smaller stream lies elsewhere */
#define DIRECTORY_MAX 2000u /* sectors that are looked at: 8,000 streams */

struct ole {
	struct gp_str file;
	unsigned shift; /* of a sector's size */
};

static uint32_t u32(struct gp_str s, size_t at)
{
	return (uint32_t)virus_archive_number(s, at, 4);
}

static struct gp_str sector(const struct ole *o, uint32_t n)
{
	uint64_t at = ((uint64_t)n + 1) << o->shift;

	return at < o->file.len ? gp_str_sub(o->file, (size_t)at, (size_t)1 << o->shift) : gp_str_n(NULL, 0);
}

/* The sector that follows this one, by the table; UINT32_MAX: none. */
static uint32_t follower(const struct ole *o, uint32_t n)
{
	uint32_t per = (1u << o->shift) / 4, table = n / per, at;

	if (n >= o->file.len >> o->shift)
		return UINT32_MAX;
	if (table < HEADER_TABLES) {
		at = u32(o->file, 76 + 4 * table);
	} else {
		uint32_t list = u32(o->file, 68); /* of further ones, each with the next in its last place */

		for (table -= HEADER_TABLES; table >= per - 1; table -= per - 1)
			list = u32(sector(o, list), 4 * (per - 1));
		at = u32(sector(o, list), 4 * table);
	}
	return sector(o, at).len > 0 ? u32(sector(o, at), 4 * (n % per)) : UINT32_MAX;
}

/* Word: its header says so (FibBase.fEncrypted). */
static bool is_word_locked(struct gp_str stream)
{
	return u32(stream, 0) << 16 == 0xa5ecu << 16 && virus_archive_number(stream, 10, 2) & 0x0100;
}

/* Excel: the record FilePass is among the first. */
static bool is_excel_locked(struct gp_str stream)
{
	while (stream.len >= 4) {
		unsigned record = (unsigned)virus_archive_number(stream, 0, 2);

		if (record == 0x2f)
			return true;
		stream = gp_str_sub(stream, 4 + (size_t)virus_archive_number(stream, 2, 2), SIZE_MAX);
	}
	return false;
}

static bool is_locked(struct gp_str stream)
{
	(void)stream;
	return true; /* the name says it */
}

#define NAME(text) {text, sizeof(text) - 1}

static const struct {
	struct gp_str name;
	bool (*is_locked)(struct gp_str stream); /* its first sector */
} streams[] = {
	{NAME("EncryptedPackage"), is_locked},
	{NAME("EncryptedSummary"), is_locked}, /* of PowerPoint */
	{NAME("WordDocument"), is_word_locked},
	{NAME("Workbook"), is_excel_locked},
	{NAME("Book"), is_excel_locked},
};

/* An entry's name is in UTF-16, its length with the zero behind it. */
static bool is_named(struct gp_str entry, struct gp_str name)
{
	if (virus_archive_number(entry, 64, 2) != 2 * name.len + 2)
		return false;
	for (size_t i = 0; i < name.len; i++)
		if (virus_archive_number(entry, 2 * i, 2) != (unsigned char)name.ptr[i])
			return false;
	return true;
}

static bool is_entry_locked(const struct ole *o, struct gp_str entry)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(streams); i++)
		if (is_named(entry, streams[i].name) &&
		    (streams[i].is_locked == is_locked || u32(entry, 120) >= SMALL) &&
		    streams[i].is_locked(sector(o, u32(entry, 116))))
			return true;
	return false;
}

unsigned virus_archive_look_ole(struct gp_str file, uint64_t *room)
{
	struct ole o = {.file = file, .shift = (unsigned)virus_archive_number(file, 30, 2)};
	uint32_t at = u32(file, 48);

	(void)room;
	if (file.len < HEADER_SIZE || (o.shift != 9 && o.shift != 12))
		return 0;
	/* A chain of more sectors than there are is a ring. */
	for (size_t n = 0; n < GP_MIN((size_t)DIRECTORY_MAX, file.len >> o.shift); n++, at = follower(&o, at)) {
		struct gp_str s = sector(&o, at);

		if (s.len == 0)
			break;
		for (size_t i = 0; i + ENTRY_SIZE <= s.len; i += ENTRY_SIZE)
			if (is_entry_locked(&o, gp_str_sub(s, i, ENTRY_SIZE)))
				return VIRUS_ARCHIVE_ENCRYPTED | VIRUS_ARCHIVE_DOCUMENT;
	}
	return 0;
}
