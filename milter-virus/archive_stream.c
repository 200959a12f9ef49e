/*
 * Files that are compressed, one in each: gzip (RFC 1952), bzip2, XZ (its specification 1.2.1), and
 * LZMA without a frame.
 *
 * gzip tells of its length behind what it holds only, and several may follow one another: so it is
 * unpacked.  bzip2 has a mark at its end, which need not begin with a byte; XZ has an index there.
 */
#include "lib/base/inflate.h"
#include "milter-virus/archive_int.h"

#define GZIP_RESERVED 0xe0u /* flags that mean nothing: the engine, too, refuses them */

unsigned virus_archive_look_gzip(struct gp_str file, uint64_t *room)
{
	if (*room == 0)
		return 0;
	if (virus_archive_number(file, 3, 1) & GZIP_RESERVED)
		return VIRUS_ARCHIVE_BROKEN;
	return gp_gzip_check(file, room) == GP_EINVAL ? VIRUS_ARCHIVE_BROKEN : 0;
}

#define BZIP2_BLOCK GP_STR("1AY&SY")
#define BZIP2_END 0x177245385090u
#define BZIP2_END_SIZE 6u
#define BZIP2_CRC_SIZE 4u
#define BZIP2_TINY 128u /* what is larger holds more than a few bytes */
#define BZIP2_HEADER 4u /* "BZh", and the size of blocks */

/* Where the last mark of an end is over, the next whole byte; 0: there is none. */
static size_t bzip2_end(struct gp_str s)
{
	uint64_t bits = 0; /* the 7 bytes from `at` on, the first is the highest */

	for (size_t at = s.len; at-- > BZIP2_HEADER;) {
		bits = bits >> 8 | (uint64_t)(unsigned char)s.ptr[at] << 48;
		for (unsigned shift = 0; shift < 8; shift++)
			if ((bits >> (8 - shift) & 0xffffffffffffu) == BZIP2_END)
				return at + BZIP2_END_SIZE + BZIP2_CRC_SIZE + (shift > 0);
	}
	return 0;
}

static bool is_bzip2(struct gp_str s)
{
	struct gp_str first = gp_str_sub(s, BZIP2_HEADER, BZIP2_END_SIZE);

	return gp_str_starts(s, GP_STR("BZh")) && s.len > BZIP2_HEADER && s.ptr[3] >= '1' &&
	       s.ptr[3] <= '9' &&
	       (gp_str_eq(first, BZIP2_BLOCK) || gp_str_eq(first, GP_STR("\x17\x72\x45\x38\x50\x90")));
}

/* libclamav 1.4 unpacks the first of several streams only. */
static bool has_further_stream(struct gp_str s)
{
	size_t at = BZIP2_HEADER;

	while ((at = gp_str_find(s, BZIP2_BLOCK, at + 1)) < s.len)
		if (is_bzip2(gp_str_sub(s, at - BZIP2_HEADER, SIZE_MAX)))
			return true;
	return false;
}

unsigned virus_archive_look_bzip2(struct gp_str file, uint64_t *room)
{
	unsigned found = 0;
	size_t end;

	(void)room;
	if (!is_bzip2(file))
		return 0;
	end = bzip2_end(file);
	if (end == 0 || end > file.len || is_bzip2(gp_str_sub(file, end, SIZE_MAX)))
		found |= VIRUS_ARCHIVE_BROKEN;
	if (has_further_stream(file))
		found |= VIRUS_ARCHIVE_UNSUPPORTED;
	if (found == 0 && end > BZIP2_TINY)
		found = VIRUS_ARCHIVE_SHUT;
	return found;
}

#define XZ_MAGIC GP_STR("\xfd" "7zXZ\0")
#define XZ_HEADER 12u /* and the footer */
#define XZ_BEHIND (64u << 10) /* that may stand behind the end */

static bool is_xz_footer(struct gp_str s)
{
	return s.len >= XZ_HEADER && s.ptr[10] == 'Y' && s.ptr[11] == 'Z' &&
	       gp_crc32(gp_str_sub(s, 4, 6)) == virus_archive_number(s, 0, 4);
}

/* One of its numbers, of 7 bits a byte, the lowest first; false: it is none. */
static bool take_multibyte(struct gp_str *rest, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 9 && i < rest->len; i++) {
		value |= (uint64_t)(rest->ptr[i] & 0x7f) << (7 * i);
		if (!(rest->ptr[i] & 0x80)) {
			*rest = gp_str_sub(*rest, i + 1, SIZE_MAX);
			*ret = value;
			return true;
		}
	}
	return false;
}

/* The bytes of a stream's blocks, by its index, and whether there is something in them; false where
 * that is none. */
static bool add_blocks(struct gp_str index, uint64_t *ret_size, bool *ret_content)
{
	struct gp_str rest = gp_str_sub(index, 1, index.len - 1 - 4 /* its checksum */);
	uint64_t n, packed, unpacked, sum = 0;

	if (index.ptr[0] != '\0' || !take_multibyte(&rest, &n))
		return false;
	for (uint64_t i = 0; i < n; i++) {
		if (!take_multibyte(&rest, &packed) || !take_multibyte(&rest, &unpacked) ||
		    packed > SIZE_MAX / 4 - sum)
			return false;
		sum += (packed + 3) / 4 * 4;
		*ret_content |= unpacked >= VIRUS_ARCHIVE_TINY;
	}
	*ret_size = sum;
	return true;
}

/* The stream whose footer ends the file: where it begins, whether there is something in it; false: it
 * is not whole. */
static bool find_stream(struct gp_str s, size_t *ret_begin, bool *ret_content)
{
	struct gp_str footer = gp_str_sub(s, s.len - XZ_HEADER, XZ_HEADER), head;
	uint64_t index_size = (virus_archive_number(footer, 4, 4) + 1) * 4, blocks;
	size_t at = s.len - XZ_HEADER;
	struct gp_str index;

	if (index_size < 8 || index_size > at)
		return false;
	at -= (size_t)index_size;
	index = gp_str_sub(s, at, (size_t)index_size);
	if (gp_crc32(gp_str_sub(index, 0, index.len - 4)) !=
		    virus_archive_number(index, index.len - 4, 4) ||
	    !add_blocks(index, &blocks, ret_content) || blocks > at || at - blocks < XZ_HEADER)
		return false;
	at -= (size_t)blocks + XZ_HEADER;
	head = gp_str_sub(s, at, XZ_HEADER);
	*ret_begin = at;
	return gp_str_starts(head, XZ_MAGIC) &&
	       gp_str_eq(gp_str_sub(head, 6, 2), gp_str_sub(footer, 8, 2)) &&
	       gp_crc32(gp_str_sub(head, 6, 2)) == virus_archive_number(head, 8, 4);
}

/* The end of the last stream, behind which there may be a little; 0: there is none. */
static size_t xz_end(struct gp_str s)
{
	size_t lowest = GP_MAX(s.len > XZ_BEHIND ? s.len - XZ_BEHIND : 0, (size_t)XZ_HEADER);

	for (size_t end = s.len; end >= lowest; end--)
		if (is_xz_footer(gp_str_sub(s, end - XZ_HEADER, XZ_HEADER)))
			return end;
	return 0;
}

unsigned virus_archive_look_xz(struct gp_str file, uint64_t *room)
{
	size_t end = xz_end(file);
	struct gp_str behind;
	bool has_content = false;

	(void)room;
	behind = gp_str_sub(file, end, SIZE_MAX);
	if (end == 0 || gp_str_find(behind, XZ_MAGIC, 0) < behind.len)
		return VIRUS_ARCHIVE_BROKEN;
	while (end >= XZ_HEADER && is_xz_footer(gp_str_sub(file, end - XZ_HEADER, XZ_HEADER)) &&
	       find_stream(gp_str_sub(file, 0, end), &end, &has_content)) {
		if (end == 0)
			return has_content ? VIRUS_ARCHIVE_SHUT : 0;
		while (end >= 4 && virus_archive_number(file, end - 4, 4) == 0)
			end -= 4; /* between two */
	}
	return VIRUS_ARCHIVE_BROKEN;
}

/* The usual parameters, a power of two for a dictionary, and a size that may be: there is no mark. */
unsigned virus_archive_look_lzma(struct gp_str file, uint64_t *room)
{
	uint64_t dictionary = virus_archive_number(file, 1, 4), size = virus_archive_number(file, 5, 8);

	(void)room;
	if (file.len < 18 || dictionary < 1 << 16 || (dictionary & (dictionary - 1)) != 0 ||
	    (size != UINT64_MAX && size >> 38 != 0) || file.ptr[13] != '\0')
		return 0;
	return VIRUS_ARCHIVE_UNSUPPORTED;
}
