/*
 * Memory; see the header.
 *
 * A group has what its limit (memory.max, or memory.high where that is lower) leaves over what is
 * in use (memory.current) without the file cache that nobody used of late (inactive_file): the
 * kernel gives that up first, as it does for MemAvailable.  Whoever contains the group counts too.
 */
#include "milter-virus/memory.h"

#include <limits.h>
#include <stdio.h>

#include "lib/base/buf.h"
#include "lib/base/fd.h"
#include "lib/base/num.h"

#define FILE_MAX_BYTES 65536

const struct virus_memory_places virus_memory_places = {
	.meminfo = "/proc/meminfo", .group = "/proc/self/cgroup", .groups = "/sys/fs/cgroup"};

/* The number behind a word at the beginning of a line; false: it is not there. */
static bool find_number(struct gp_str text, struct gp_str word, uint64_t *ret)
{
	while (text.len > 0) {
		size_t end = gp_str_find_chr(text, '\n', 0);
		struct gp_str line = gp_str_sub(text, 0, end), number;

		text = gp_str_sub(text, end + 1, text.len);
		if (!gp_str_starts(line, word))
			continue;
		line = gp_str_sub(line, word.len, line.len);
		return gp_str_next_word(&line, &number) && gp_num_parse_uint(number, 10, ret) == GP_OK;
	}
	return false;
}

/* A file of a group; "" where there is none. */
static struct gp_str read_file(const char *folder, const char *name, struct gp_buf *buf)
{
	char path[PATH_MAX];

	buf->len = 0;
	if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path) ||
	    gp_file_read(path, buf, NULL) < 0)
		return GP_STR("");
	return gp_buf_str(buf);
}

/* A file with nothing but a number, or "max". */
static uint64_t read_limit(const char *folder, const char *name)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(64);
	uint64_t value;

	if (gp_num_parse_uint(gp_str_trim(read_file(folder, name, &buf)), 10, &value) < 0)
		return UINT64_MAX;
	return value;
}

/* What one group leaves. */
static uint64_t room_in(const char *folder)
{
	GP_BUF_AUTO stat = GP_BUF_INIT(FILE_MAX_BYTES);
	uint64_t limit = GP_MIN(read_limit(folder, "memory.max"), read_limit(folder, "memory.high"));
	uint64_t used, cache = 0;

	if (limit == UINT64_MAX)
		return limit;
	used = read_limit(folder, "memory.current");
	(void)find_number(read_file(folder, "memory.stat", &stat), GP_STR("inactive_file "), &cache);
	used -= GP_MIN(cache, used);
	return limit > used ? limit - used : 0;
}

/* The least of a group and of all that contain it. */
static uint64_t room_in_groups(const struct virus_memory_places *places)
{
	GP_BUF_AUTO list = GP_BUF_INIT(FILE_MAX_BYTES);
	char folder[PATH_MAX];
	uint64_t room = UINT64_MAX;
	struct gp_str line, text = GP_STR(""), group = GP_STR("");
	size_t least;

	if (gp_file_read(places->group, &list, NULL) == GP_OK)
		text = gp_buf_str(&list);
	while (text.len > 0) {
		size_t end = gp_str_find_chr(text, '\n', 0);

		line = gp_str_sub(text, 0, end);
		text = gp_str_sub(text, end + 1, text.len);
		if (gp_str_starts(line, GP_STR("0::/")))
			group = gp_str_sub(line, 3, line.len);
	}
	/* One outside of what this process may see ("/../…") has no files for it. */
	least = (size_t)snprintf(folder, sizeof(folder), "%s", places->groups);
	if (least + group.len >= sizeof(folder))
		return room;
	(void)snprintf(folder + least, sizeof(folder) - least, "%.*s", GP_STR_FMT(group));
	for (size_t len = least + group.len; len > least; len--) {
		if (folder[len] != '\0' && folder[len] != '/')
			continue;
		folder[len] = '\0';
		room = GP_MIN(room, room_in(folder));
	}
	folder[least] = '\0';
	return GP_MIN(room, room_in(folder));
}

uint64_t virus_memory_available(const struct virus_memory_places *places)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(FILE_MAX_BYTES);
	uint64_t kb;

	if (gp_file_read(places->meminfo, &buf, NULL) < 0 ||
	    !find_number(gp_buf_str(&buf), GP_STR("MemAvailable:"), &kb))
		return 0;
	return GP_MIN(kb * 1024, room_in_groups(places));
}
