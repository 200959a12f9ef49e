/*
 * ARJ and LHA archives: a chain of members, each with a header in front.
 *
 * The marks of both are short: what does not begin with a sound header is none.
 */
#include "lib/base/inflate.h"
#include "milter-virus/archive_int.h"

#define ARJ_MARK GP_STR("\x60\xea")
#define ARJ_FRAME 4u /* in front of a header: the mark, and its size */
#define ARJ_HEADER_MIN 30u
#define ARJ_HEADER_MAX 2600u
enum { ARJ_LOCKED = 0x01, ARJ_VOLUME = 0x04, ARJ_CONTINUED = 0x08 };

/* The header that stands there: its size with all that belongs to it; 0: it is not sound. */
static size_t arj_header(struct gp_str s)
{
	size_t size = (size_t)virus_archive_number(s, 2, 2), whole = ARJ_FRAME + size + 4, further;

	if (!gp_str_starts(s, ARJ_MARK) || size < ARJ_HEADER_MIN || size > ARJ_HEADER_MAX ||
	    whole + 2 > s.len ||
	    gp_crc32(gp_str_sub(s, ARJ_FRAME, size)) != virus_archive_number(s, ARJ_FRAME + size, 4))
		return 0;
	while ((further = (size_t)virus_archive_number(s, whole, 2)) > 0)
		whole += 2 + further + 4;
	return whole + 2 <= s.len ? whole + 2 : 0;
}

unsigned virus_archive_look_arj(struct gp_str file, uint64_t *room)
{
	size_t size = arj_header(file);
	unsigned flags = (unsigned)virus_archive_number(file, ARJ_FRAME + 4, 1), found = 0;
	struct gp_str rest = gp_str_sub(file, size, SIZE_MAX);

	(void)room;
	if (size == 0)
		return 0;
	if (flags & ARJ_VOLUME)
		found |= VIRUS_ARCHIVE_BROKEN;
	while (!gp_str_starts(rest, GP_STR("\x60\xea\0\0"))) {
		uint64_t data = virus_archive_number(rest, ARJ_FRAME + 12, 4);

		size = arj_header(rest);
		flags = (unsigned)virus_archive_number(rest, ARJ_FRAME + 4, 1);
		if (size == 0 || data > rest.len - size)
			return found | VIRUS_ARCHIVE_BROKEN;
		if (flags & ARJ_LOCKED)
			found |= VIRUS_ARCHIVE_ENCRYPTED;
		if (flags & (ARJ_VOLUME | ARJ_CONTINUED))
			found |= VIRUS_ARCHIVE_BROKEN;
		rest = gp_str_sub(rest, size + (size_t)data, SIZE_MAX);
	}
	return found;
}

#define LHA_HEADER 22u /* at least */

/* The size of the header that stands there; 0: it is none. */
static size_t lha_header(struct gp_str s)
{
	size_t size = (size_t)virus_archive_number(s, 0, 1);
	unsigned sum = 0;

	if (s.len < LHA_HEADER || !gp_str_starts(gp_str_sub(s, 2, 3), GP_STR("-lh")) || s.ptr[6] != '-')
		return 0;
	if (s.ptr[20] == 2)
		return (size_t)virus_archive_number(s, 0, 2);
	if (s.ptr[20] != 0 && s.ptr[20] != 1)
		return 0;
	for (size_t i = 2; i < size + 2; i++)
		sum += (unsigned)virus_archive_number(s, i, 1);
	return (sum & 0xff) == virus_archive_number(s, 1, 1) ? size + 2 : 0;
}

unsigned virus_archive_look_lha(struct gp_str file, uint64_t *room)
{
	struct gp_str rest = file;
	size_t size;

	(void)room;
	while ((size = lha_header(rest)) >= LHA_HEADER) {
		uint64_t data = virus_archive_number(rest, 7, 4);

		if (size > rest.len || data > rest.len - size)
			return VIRUS_ARCHIVE_BROKEN;
		rest = gp_str_sub(rest, size + (size_t)data, SIZE_MAX);
	}
	return 0;
}
