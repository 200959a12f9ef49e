/*
 * Cabinets ([MS-CAB]): what a cabinet says of its own size, and the blocks of each of its folders with
 * their checksums.
 */
#include "milter-virus/archive_int.h"

#define HEADER_SIZE 36u
#define FOLDER_SIZE 8u
#define BLOCK_SIZE 8u
enum { HAS_PREVIOUS = 1, HAS_NEXT = 2, HAS_RESERVE = 4 };

struct cabinet {
	struct gp_str file;
	size_t block_reserve; /* bytes in each block's header besides */
	size_t left;	      /* of the file: folders do not overlap */
};

/* As the specification has it: by four bytes, the last ones in the opposite order. */
static uint32_t checksum(struct gp_str s, uint32_t sum)
{
	uint32_t last = 0;
	size_t i = 0;

	for (; s.len - i >= 4; i += 4)
		sum ^= (uint32_t)virus_archive_number(s, i, 4);
	for (; i < s.len; i++)
		last = last << 8 | (unsigned char)s.ptr[i];
	return sum ^ last;
}

/* The blocks of a folder from there on: are they there, and as they were? */
static bool is_folder_sound(struct cabinet *c, size_t at, unsigned n)
{
	size_t head = BLOCK_SIZE + c->block_reserve;

	for (unsigned i = 0; i < n; i++) {
		struct gp_str block = gp_str_sub(c->file, at, SIZE_MAX);
		uint32_t sum = (uint32_t)virus_archive_number(block, 0, 4);
		size_t size = (size_t)virus_archive_number(block, 4, 2);

		if (block.len < head || size > block.len - head || head + size > c->left)
			return false;
		if (sum != 0 && sum != checksum(gp_str_sub(block, 4, head - 4),
						checksum(gp_str_sub(block, head, size), 0)))
			return false;
		at += head + size;
		c->left -= head + size;
	}
	return true;
}

unsigned virus_archive_look_cab(struct gp_str file, uint64_t *room)
{
	unsigned folders = (unsigned)virus_archive_number(file, 26, 2);
	unsigned flags = (unsigned)virus_archive_number(file, 30, 2);
	struct cabinet c = {.file = file, .left = file.len};
	size_t at = HEADER_SIZE, folder = FOLDER_SIZE;

	(void)room;
	if (file.len < HEADER_SIZE || virus_archive_number(file, 8, 4) > file.len ||
	    (flags & (HAS_PREVIOUS | HAS_NEXT)))
		return VIRUS_ARCHIVE_BROKEN;
	if (flags & HAS_RESERVE) {
		at += 4 + (size_t)virus_archive_number(file, 36, 2);
		folder += (size_t)virus_archive_number(file, 38, 1);
		c.block_reserve = (size_t)virus_archive_number(file, 39, 1);
	}
	for (unsigned i = 0; i < folders; i++, at += folder) {
		struct gp_str s = gp_str_sub(file, at, folder);

		if (s.len < folder || !is_folder_sound(&c, (size_t)virus_archive_number(s, 0, 4),
						       (unsigned)virus_archive_number(s, 4, 2)))
			return VIRUS_ARCHIVE_BROKEN;
	}
	return 0;
}
