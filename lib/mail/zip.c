/*
 * From the record at the end (which may have a comment behind it) to the central directory, from
 * there to the members: APPNOTE.TXT of PKWARE, 4.3.
 */
#include "lib/mail/zip.h"

#include "lib/base/inflate.h"
#include "lib/base/limits.h"

#define END_SIZE 22u
#define END_WITHIN (END_SIZE + 0xffffu) /* the comment's length has 16 bits */
#define ENTRY_SIZE 46u
#define LOCAL_SIZE 30u
#define FLAG_ENCRYPTED 1u

enum { STORED = 0, DEFLATED = 8 };

/* Callers have seen to it that the bytes are there. */
static unsigned u16(struct gp_str s, size_t at)
{
	return (unsigned char)s.ptr[at] | (unsigned)(unsigned char)s.ptr[at + 1] << 8;
}

static size_t u32(struct gp_str s, size_t at)
{
	return u16(s, at) | (size_t)u16(s, at + 2) << 16;
}

/* Where the record at the end begins; data.len: there is none. */
static size_t find_end(struct gp_str data)
{
	const struct gp_str mark = GP_STR("PK\5\6");
	size_t lowest = data.len > END_WITHIN ? data.len - END_WITHIN : 0;

	if (data.len < END_SIZE)
		return data.len;
	for (size_t at = data.len - END_SIZE + 1; at-- > lowest;)
		if (gp_str_starts(gp_str_sub(data, at, SIZE_MAX), mark))
			return at;
	return data.len;
}

/* Takes one entry of the directory; false where there is no further one. */
static bool take_entry(struct gp_str *rest, size_t moved, struct gp_zip_member *ret)
{
	struct gp_str s = *rest;
	size_t name, whole;

	if (s.len < ENTRY_SIZE || !gp_str_starts(s, GP_STR("PK\1\2")))
		return false;
	name = u16(s, 28);
	whole = ENTRY_SIZE + name + u16(s, 30) + u16(s, 32);
	if (whole > s.len)
		return false;
	*ret = (struct gp_zip_member){
		.name = gp_str_sub(s, ENTRY_SIZE, name),
		.is_encrypted = u16(s, 8) & FLAG_ENCRYPTED,
		.method = u16(s, 10),
		.packed = u32(s, 20),
		.header = u32(s, 42) + moved,
	};
	*rest = gp_str_sub(s, whole, SIZE_MAX);
	return true;
}

int gp_zip_open(struct gp_arena *a, struct gp_str data, struct gp_zip *ret)
{
	size_t end = find_end(data), size, moved;
	struct gp_zip zip = {.data = data};
	struct gp_zip_member member;
	struct gp_str rest;

	if (end >= data.len)
		return GP_EINVAL;
	size = u32(data, end + 12);
	if (size > end || u32(data, end + 16) > end - size)
		return GP_EINVAL;
	moved = end - size - u32(data, end + 16); /* what stands before the archive */
	rest = gp_str_sub(data, end - size, size);
	while (zip.members.len < GP_MAX_ZIP_MEMBERS && take_entry(&rest, moved, &member))
		*gp_vec_push(a, &zip.members) = member;
	*ret = zip;
	return GP_OK;
}

int gp_zip_content(const struct gp_zip *zip, const struct gp_zip_member *m, struct gp_buf *out)
{
	struct gp_str s = gp_str_sub(zip->data, m->header, SIZE_MAX), packed;

	if (m->is_encrypted || s.len < LOCAL_SIZE || !gp_str_starts(s, GP_STR("PK\3\4")))
		return GP_EINVAL;
	packed = gp_str_sub(s, LOCAL_SIZE + u16(s, 26) + u16(s, 28), m->packed);
	if (packed.len < m->packed)
		return GP_EINVAL;
	if (m->method == DEFLATED)
		return gp_inflate(packed, out);
	if (m->method != STORED)
		return GP_EINVAL;
	gp_buf_add_str(out, packed);
	return gp_buf_error(out);
}
