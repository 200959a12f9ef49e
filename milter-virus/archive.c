/*
 * Which format a file is of; see the header.
 */
#include "milter-virus/archive.h"

#include "milter-virus/archive_int.h"

/* Kinds that libclamav 1.4 does not unpack at all, and whose mark says enough. */
static unsigned look_unsupported(struct gp_str file, uint64_t *room)
{
	(void)file, (void)room;
	return VIRUS_ARCHIVE_UNSUPPORTED;
}

#define MARK(text) {text, sizeof(text) - 1}

static const struct {
	struct gp_str mark;
	size_t at;
	unsigned (*look)(struct gp_str file, uint64_t *room);
} formats[] = {
	{MARK("PK\3\4"), 0, virus_archive_look_zip},
	{MARK("PK\5\6"), 0, virus_archive_look_zip},	   /* without members */
	{MARK("PK\7\x08PK\3\4"), 0, virus_archive_look_zip}, /* the first of several files */
	{MARK("PK00PK\3\4"), 0, virus_archive_look_zip},   /* that was to be one of several */
	{MARK("\x1f\x8b\x08"), 0, virus_archive_look_gzip},
	{MARK("BZh"), 0, virus_archive_look_bzip2},
	{MARK("\xfd" "7zXZ\0"), 0, virus_archive_look_xz},
	{MARK("7z\xbc\xaf\x27\x1c"), 0, virus_archive_look_7z},
	{MARK("Rar!\x1a\7\0"), 0, virus_archive_look_rar4},
	{MARK("Rar!\x1a\7\1\0"), 0, virus_archive_look_rar5},
	{MARK("MSCF\0\0\0\0"), 0, virus_archive_look_cab},
	{MARK("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), 0, virus_archive_look_ole},
	{MARK("ustar\0" "00"), 257, virus_archive_look_tar},
	{MARK("ustar  \0"), 257, virus_archive_look_tar}, /* of GNU */
	{MARK("\x60\xea"), 0, virus_archive_look_arj},
	{MARK("-lh"), 2, virus_archive_look_lha},
	{MARK("\x5d\0\0"), 0, virus_archive_look_lzma},
	{MARK("\x28\xb5\x2f\xfd"), 0, look_unsupported},   /* Zstandard */
	{MARK("\x04\x22\x4d\x18"), 0, look_unsupported},   /* LZ4 */
	{MARK("LZIP\1"), 0, look_unsupported},
	{MARK("LRZI\0"), 0, look_unsupported},
	{MARK("\x89LZO\0\r\n\x1a\n"), 0, look_unsupported},
	{MARK("MSWIM\0\0\0"), 0, look_unsupported},
	{MARK("**ACE**"), 7, look_unsupported},
	{MARK("!<arch>\ndebian-binary"), 0, look_unsupported},
	{MARK("\xed\xab\xee\xdb"), 0, look_unsupported},   /* RPM */
};

unsigned virus_archive_look(struct gp_str file, uint64_t *room)
{
	for (size_t i = 0; i < GP_ARRAY_SIZE(formats); i++)
		if (gp_str_starts(gp_str_sub(file, formats[i].at, formats[i].mark.len), formats[i].mark))
			return formats[i].look(file, room);
	return 0;
}
