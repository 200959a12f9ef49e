/*
 * RAR archives: a chain of blocks, each with a header that has a checksum and says how much data stands
 * behind it.  Until version 4 (technote.txt of RAR 4) and from version 5 on (that of RAR 5).
 *
 * The engine looks into a RAR archive as a whole, or not at all: where libclamunrar is missing.
 */
#include "lib/base/inflate.h"
#include "milter-virus/archive_int.h"

/* What was seen of an archive until now. */
struct rar {
	struct gp_str file;
	size_t at;
	bool has_content; /* files that can be unpacked */
	bool is_locked;	  /* there are some with a password */
	bool is_broken;
};

static unsigned judge(const struct rar *r)
{
	return (r->is_broken ? VIRUS_ARCHIVE_BROKEN : 0) | (r->is_locked ? VIRUS_ARCHIVE_ENCRYPTED : 0) |
	       (r->has_content || (r->is_broken && !r->is_locked) ? VIRUS_ARCHIVE_SHUT : 0);
}

static void note_file(struct rar *r, bool is_locked, uint64_t size)
{
	r->is_locked |= is_locked;
	r->has_content |= !is_locked && size >= VIRUS_ARCHIVE_TINY;
}

static bool fail(struct rar *r)
{
	r->is_broken = true;
	return false;
}

/* To the block that follows header and data; false: they are not all there. */
static bool skip(struct rar *r, uint64_t header, uint64_t data)
{
	size_t left = r->file.len - r->at;

	if (header > left || data > left - header)
		return fail(r);
	r->at += (size_t)(header + data);
	return true;
}

#define R4_HEADER 7u /* at least */
enum { R4_FIRST = 0x72, R4_MAIN = 0x73, R4_FILE = 0x74, R4_SUB = 0x7a, R4_END = 0x7b };
enum { R4_LONG = 0x8000 };						  /* of all: data follow */
enum { R4_VOLUME = 0x01, R4_MAIN_COMMENT = 0x02, R4_MAIN_LOCKED = 0x80 }; /* of the first */
enum { R4_SPLIT = 0x03, R4_LOCKED = 0x04, R4_FILE_COMMENT = 0x08, R4_FOLDER = 0xe0, R4_LARGE = 0x100 };
enum { R4_NEXT_VOLUME = 0x01 }; /* of the last */

/* Does the checksum hold?  An old header with a comment in it is covered in part. */
static bool is_r4_sound(struct gp_str block, unsigned type, unsigned flags)
{
	bool is_whole = (type == R4_MAIN && !(flags & R4_MAIN_COMMENT)) ||
			(type == R4_FILE && !(flags & R4_FILE_COMMENT)) || type == R4_END;

	return !is_whole || (gp_crc32(gp_str_sub(block, 2, SIZE_MAX)) & 0xffff) ==
				    virus_archive_number(block, 0, 2);
}

/* One block; false: it was the last. */
static bool take_r4(struct rar *r)
{
	struct gp_str s = gp_str_sub(r->file, r->at, SIZE_MAX);
	unsigned type = (unsigned)virus_archive_number(s, 2, 1);
	unsigned flags = (unsigned)virus_archive_number(s, 3, 2);
	uint64_t size = virus_archive_number(s, 5, 2), data = 0;

	if (s.len == 0 || virus_archive_is_padding(s))
		return false; /* the mark of the end is younger than the format */
	if (s.len < R4_HEADER || type < R4_FIRST || type > R4_END || size < R4_HEADER || size > s.len ||
	    !is_r4_sound(gp_str_sub(s, 0, (size_t)size), type, flags))
		return fail(r);
	if (type == R4_FILE || (flags & R4_LONG))
		data = virus_archive_number(s, 7, 4);
	if ((type == R4_FILE || type == R4_SUB) && (flags & R4_LARGE))
		data |= virus_archive_number(s, 32, 4) << 32;
	if (type == R4_MAIN && (flags & R4_MAIN_LOCKED)) {
		r->is_locked = true;
		return false; /* nothing can be read behind it */
	}
	if (type == R4_FILE && (flags & R4_FOLDER) != R4_FOLDER)
		note_file(r, flags & R4_LOCKED, virus_archive_number(s, 11, 4));
	if ((type == R4_MAIN && (flags & R4_VOLUME)) || (type == R4_FILE && (flags & R4_SPLIT)) ||
	    (type == R4_END && (flags & R4_NEXT_VOLUME)))
		r->is_broken = true;
	return skip(r, size, data) && type != R4_END;
}

unsigned virus_archive_look_rar4(struct gp_str file, uint64_t *room)
{
	struct rar r = {.file = file, .at = R4_HEADER};

	(void)room;
	while (take_r4(&r))
		;
	return judge(&r);
}

enum { R5_MAIN = 1, R5_FILE = 2, R5_LOCKED = 4, R5_END = 5 };
enum { R5_EXTRA = 0x01, R5_DATA = 0x02, R5_SPLIT = 0x18 };	/* of all */
enum { R5_VOLUME = 0x01, R5_NEXT_VOLUME = 0x01, R5_FOLDER = 0x01 }; /* of the first, last, a file */
#define R5_RECORD_LOCKED 1u

/* A number of 7 bits a byte, the lowest first; 0, and nothing more to read, where there is none. */
static uint64_t take_number(struct gp_str *rest)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < 10 && i < rest->len; i++) {
		value |= (uint64_t)(rest->ptr[i] & 0x7f) << (7 * i);
		if (!(rest->ptr[i] & 0x80)) {
			*rest = gp_str_sub(*rest, i + 1, SIZE_MAX);
			return value;
		}
	}
	*rest = gp_str_n(NULL, 0);
	return 0;
}

/* Is there a record of a password among what follows a file's header? */
static bool is_r5_locked(struct gp_str records)
{
	while (records.len > 0) {
		uint64_t size = take_number(&records);
		struct gp_str record = gp_str_sub(records, 0, (size_t)GP_MIN(size, (uint64_t)SIZE_MAX));

		if (record.len > 0 && take_number(&record) == R5_RECORD_LOCKED)
			return true;
		records = gp_str_sub(records, (size_t)GP_MIN(size, (uint64_t)SIZE_MAX), SIZE_MAX);
	}
	return false;
}

/* What a header says, whose checksum holds; false: it is the last. */
static bool read_r5(struct rar *r, struct gp_str header, uint64_t *ret_data)
{
	struct gp_str rest = header;
	uint64_t type = take_number(&rest), flags = take_number(&rest);
	uint64_t extra = flags & R5_EXTRA ? take_number(&rest) : 0, own;

	*ret_data = flags & R5_DATA ? take_number(&rest) : 0;
	own = take_number(&rest); /* its flags */
	if (type == R5_LOCKED) {
		r->is_locked = true;
		return false; /* nothing can be read behind it */
	}
	if (type == R5_FILE && !(own & R5_FOLDER))
		note_file(r, extra <= header.len &&
			     is_r5_locked(gp_str_sub(header, header.len - (size_t)extra, SIZE_MAX)),
			  take_number(&rest));
	if ((type == R5_MAIN && (own & R5_VOLUME)) || (type == R5_FILE && (flags & R5_SPLIT)) ||
	    (type == R5_END && (own & R5_NEXT_VOLUME)))
		r->is_broken = true;
	return type != R5_END;
}

static bool take_r5(struct rar *r)
{
	struct gp_str s = gp_str_sub(r->file, r->at, SIZE_MAX), rest = gp_str_sub(s, 4, SIZE_MAX);
	uint64_t size = take_number(&rest), data;
	size_t before = s.len - rest.len; /* the checksum, and this number */

	if (size == 0 || size > rest.len ||
	    gp_crc32(gp_str_sub(s, 4, before - 4 + (size_t)size)) != virus_archive_number(s, 0, 4))
		return fail(r);
	return read_r5(r, gp_str_sub(rest, 0, (size_t)size), &data) && skip(r, before + size, data);
}

unsigned virus_archive_look_rar5(struct gp_str file, uint64_t *room)
{
	struct rar r = {.file = file, .at = 8};

	(void)room;
	while (take_r5(&r))
		;
	return judge(&r);
}
