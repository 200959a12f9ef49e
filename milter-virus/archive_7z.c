/*
 * 7z archives: the header at the beginning, whose checksum is there, says where the one at the end is
 * and what its checksum is; that one is usually packed.
 *
 * What is in it is not read here: the engine tells of each member before it unpacks it, or cannot
 * (engine_layers.c).  The packed one says how: also that there is a password.
 */
#include "lib/base/inflate.h"
#include "milter-virus/archive_int.h"

#define START_SIZE 32u
/* Marks in the header at the end (7zFormat.txt, "Property IDs"). */
enum { HEADER = 0x01, FILES_INFO = 0x05, PACK_INFO = 0x06, PACKED_HEADER = 0x17 };
#define AES GP_STR("\x24\x06\xf1\x07\x01") /* a method's number, and how long that is */

/* Of the header at the end. */
static unsigned look_inside(struct gp_str s)
{
	unsigned kind = (unsigned)virus_archive_number(s, 0, 1), next = (unsigned)virus_archive_number(s, 1, 1);
	bool has_content = false;

	if (kind == HEADER)
		has_content = next != FILES_INFO && next != 0;
	if (kind == PACKED_HEADER && gp_str_find(s, AES, 0) < s.len)
		return VIRUS_ARCHIVE_ENCRYPTED;
	if (kind == PACKED_HEADER && next == PACK_INFO) /* it lies behind what is in the archive */
		has_content = virus_archive_number(s, 2, 1) != 0;
	return has_content ? VIRUS_ARCHIVE_SHUT : 0;
}

unsigned virus_archive_look_7z(struct gp_str file, uint64_t *room)
{
	uint64_t at = virus_archive_number(file, 12, 8), size = virus_archive_number(file, 20, 8);
	struct gp_str header;

	(void)room;
	if (file.len < START_SIZE ||
	    gp_crc32(gp_str_sub(file, 12, 20)) != virus_archive_number(file, 8, 4))
		return VIRUS_ARCHIVE_BROKEN;
	if (at > file.len - START_SIZE || size > file.len - START_SIZE - at)
		return VIRUS_ARCHIVE_BROKEN;
	header = gp_str_sub(file, START_SIZE + (size_t)at, (size_t)size);
	if (gp_crc32(header) != virus_archive_number(file, 28, 4))
		return VIRUS_ARCHIVE_BROKEN;
	return look_inside(header);
}
