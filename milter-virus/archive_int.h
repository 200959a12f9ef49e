/*
 * The formats that archive.h knows: a function for each, which gets a file that begins as one of
 * these does, and returns bits of archive.h.
 */
#ifndef GP_VIRUS_ARCHIVE_INT_H
#define GP_VIRUS_ARCHIVE_INT_H

#include "milter-virus/archive.h"

/* A number of n bytes (at most 8), the lowest first; bytes that are not there count as 0. */
static inline uint64_t virus_archive_number(struct gp_str s, size_t at, unsigned n)
{
	struct gp_str bytes = gp_str_sub(s, at, n);
	uint64_t value = 0;

	for (size_t i = bytes.len; i > 0; i--)
		value = value << 8 | (unsigned char)bytes.ptr[i - 1];
	return value;
}

/* Is it what transport may leave behind a file: zeros, ends of lines? */
static inline bool virus_archive_is_padding(struct gp_str s)
{
	for (size_t i = 0; i < s.len; i++)
		if (s.ptr[i] != '\0' && s.ptr[i] != '\r' && s.ptr[i] != '\n')
			return false;
	return true;
}

/* archive_stream.c: one file, compressed */
unsigned virus_archive_look_gzip(struct gp_str file, uint64_t *room);
unsigned virus_archive_look_bzip2(struct gp_str file, uint64_t *room);
unsigned virus_archive_look_xz(struct gp_str file, uint64_t *room);
unsigned virus_archive_look_lzma(struct gp_str file, uint64_t *room);
/* archive_zip.c */
unsigned virus_archive_look_zip(struct gp_str file, uint64_t *room);
/* archive_ole.c */
unsigned virus_archive_look_ole(struct gp_str file, uint64_t *room);
/* archive_7z.c */
unsigned virus_archive_look_7z(struct gp_str file, uint64_t *room);
/* archive_rar.c */
unsigned virus_archive_look_rar4(struct gp_str file, uint64_t *room);
unsigned virus_archive_look_rar5(struct gp_str file, uint64_t *room);
/* archive_cab.c */
unsigned virus_archive_look_cab(struct gp_str file, uint64_t *room);
/* archive_tar.c */
unsigned virus_archive_look_tar(struct gp_str file, uint64_t *room);
/* archive_arj.c */
unsigned virus_archive_look_arj(struct gp_str file, uint64_t *room);
unsigned virus_archive_look_lha(struct gp_str file, uint64_t *room);

#endif
