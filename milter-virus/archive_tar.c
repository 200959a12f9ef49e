/*
 * tar archives (POSIX.1-1988 "ustar", and GNU's): headers with a checksum, each followed by the member.
 *
 * Not all writers end them with zeros, so an archive that is cut between two members is sound.  What
 * says more of a member's size than its header does (sparse files, extended headers with a size) is
 * not followed, nor are links that have a size: some have data, some have not.
 */
#include "milter-virus/archive_int.h"

#define BLOCK 512u
#define SUM_AT 148u
#define SIZE_AT 124u
#define TYPE_AT 156u

/* Digits of base 8 with blanks around them, or GNU's base 256; false: neither. */
static bool take_octal(struct gp_str field, uint64_t *ret)
{
	uint64_t value = 0;
	size_t i = 0;

	if ((unsigned char)field.ptr[0] & 0x80) {
		for (i = field.len - 8; i < field.len; i++)
			value = value << 8 | (unsigned char)field.ptr[i];
		*ret = value;
		return true;
	}
	while (i < field.len && field.ptr[i] == ' ')
		i++;
	for (; i < field.len && field.ptr[i] >= '0' && field.ptr[i] <= '7'; i++)
		value = value << 3 | (unsigned)(field.ptr[i] - '0');
	*ret = value;
	return i == field.len || field.ptr[i] == ' ' || field.ptr[i] == '\0';
}

/* The checksum counts itself as blanks, and in some archives bytes as signed. */
static bool is_header_sound(struct gp_str block)
{
	uint64_t said;
	int sum = 0, sum_signed = 0;

	for (size_t i = 0; i < BLOCK; i++) {
		char c = i >= SUM_AT && i < SUM_AT + 8 ? ' ' : block.ptr[i];

		sum += (unsigned char)c;
		sum_signed += (signed char)c;
	}
	return take_octal(gp_str_sub(block, SUM_AT, 8), &said) &&
	       (said == (uint64_t)sum || (int64_t)said == sum_signed);
}

/* Can its header be relied on for what follows? */
static bool is_plain(struct gp_str block, struct gp_str data, uint64_t size)
{
	char type = block.ptr[TYPE_AT];

	if (type == 'x')
		return gp_str_find(data, GP_STR(" size="), 0) >= data.len;
	return type != 'S' && (size == 0 || type < '1' || type > '6');
}

unsigned virus_archive_look_tar(struct gp_str file, uint64_t *room)
{
	struct gp_str rest = file;

	(void)room;
	while (rest.len >= BLOCK && !virus_archive_is_padding(gp_str_sub(rest, 0, BLOCK))) {
		struct gp_str block = gp_str_sub(rest, 0, BLOCK);
		uint64_t size;

		if (!is_header_sound(block))
			return VIRUS_ARCHIVE_BROKEN;
		rest = gp_str_sub(rest, BLOCK, SIZE_MAX);
		if (!take_octal(gp_str_sub(block, SIZE_AT, 12), &size) ||
		    !is_plain(block, gp_str_sub(rest, 0, (size_t)GP_MIN(size, rest.len)), size))
			return 0;
		if (size > rest.len)
			return VIRUS_ARCHIVE_BROKEN;
		rest = gp_str_sub(rest, ((size_t)size + BLOCK - 1) / BLOCK * BLOCK, SIZE_MAX);
	}
	return rest.len >= BLOCK || virus_archive_is_padding(rest) ? 0 : VIRUS_ARCHIVE_BROKEN;
}
