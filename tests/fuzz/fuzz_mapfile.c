/*
 * Map files.  Every entry of a file that is taken is found by its key, look-ups of anything
 * end, and a network found holds the address.
 */
#include "lib/conf/mapfile.h"
#include "tests/fuzz/fuzz.h"

static void check_entry(const struct gp_map_hit *entry, void *arg)
{
	const struct gp_mapfile *map = arg;
	struct gp_str key = entry->key;
	struct gp_map_hit hit;

	if (key.len > 1 && key.ptr[0] == '@')
		key = gp_str_sub(key, 1, key.len);
	FUZZ_CHECK(gp_mapfile_find(map, key, &hit) && hit.line == entry->line);
	gp_mapfile_find_address(map, entry->value, &hit);
	gp_mapfile_find_domain(map, entry->value, &hit);
	if (gp_str_find_chr(key, '@', 0) < key.len)
		FUZZ_CHECK(gp_mapfile_find_address(map, key, &hit));
}

static void check_address(const struct gp_mapfile *map, struct gp_str text)
{
	struct gp_map_hit hit;
	struct gp_cidr net;
	struct gp_ip ip;

	if (gp_ip_parse(text, &ip) < 0 || !gp_mapfile_find_ip(map, &ip, &hit))
		return;
	if (hit.key.ptr[0] == '@')
		hit.key = gp_str_sub(hit.key, 1, hit.key.len);
	FUZZ_CHECK(gp_cidr_parse(hit.key, &net) == GP_OK && gp_cidr_contains(&net, &ip));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	GP_CONF_REPORT_AUTO report;
	struct gp_arena *a = gp_arena_new(0);
	struct gp_str text = gp_str_n(data, size), word;
	struct gp_mapfile *map = NULL;
	struct gp_str name;
	double number;

	gp_conf_report_init(&report);
	if (gp_mapfile_parse("fuzz", text, a, &map, &report) == GP_OK) {
		gp_mapfile_each(map, check_entry, map);
		while (gp_str_next_word(&text, &word))
			check_address(map, word);
	} else {
		FUZZ_CHECK(report.errors.len > 0);
	}
	text = gp_str_n(data, size);
	while (gp_mapfile_next_number(&text, &name, &number, NULL) == GP_OK)
		FUZZ_CHECK(name.len > 0);
	gp_arena_free(a);
	return 0;
}
