/*
 * What there is of memory, by the files of a host that is made up.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "milter-virus/folder.h"
#include "milter-virus/memory.h"
#include "tests/unit/test.h"

#define MB (UINT64_C(1) << 20)

#define DIR_TEMPLATE "/tmp/gatepost-memory.XXXXXX"

static char dir[sizeof(DIR_TEMPLATE)];
static char meminfo[64], group[64], groups[64];
static const struct virus_memory_places places = {meminfo, group, groups};

static void put(const char *name, const char *text)
{
	char path[200];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	assert_int_equal(gp_file_replace(path, text, strlen(text), 0644, NULL), GP_OK);
}

/* A group's files, in MB; -1: no limit. */
static void put_group(const char *folder, int max, int high, int current, int cache)
{
	const struct {
		const char *name;
		int mb;
	} files[] = {{"memory.max", max}, {"memory.high", high}, {"memory.current", current}};
	char name[100], text[200];

	for (size_t i = 0; i < GP_ARRAY_SIZE(files); i++) {
		snprintf(name, sizeof(name), "groups%s/%s", folder, files[i].name);
		snprintf(text, sizeof(text), "%lld\n", (long long)files[i].mb * (1 << 20));
		put(name, files[i].mb < 0 ? "max\n" : text);
	}
	snprintf(name, sizeof(name), "groups%s/memory.stat", folder);
	snprintf(text, sizeof(text), "anon 1\nfile 5\nkernel 1\nactive_file 7\ninactive_file %lld\nslab 3\n",
		 (long long)cache * (1 << 20));
	put(name, text);
}

static int make_host(void **state)
{
	static const char *const folders[] = {"groups", "groups/system.slice",
					      "groups/system.slice/virus.service"};
	char path[200];

	(void)state;
	memcpy(dir, DIR_TEMPLATE, sizeof(dir));
	assert_non_null(mkdtemp(dir));
	for (size_t i = 0; i < GP_ARRAY_SIZE(folders); i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, folders[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	snprintf(meminfo, sizeof(meminfo), "%s/meminfo", dir);
	snprintf(group, sizeof(group), "%s/group", dir);
	snprintf(groups, sizeof(groups), "%s/groups", dir);
	put("meminfo", "MemTotal:  8388608 kB\nMemFree:  1024 kB\nMemAvailable:  4194304 kB\n");
	put("group", "12:pids:/elsewhere\n0::/system.slice/virus.service\n");
	put_group("/system.slice/virus.service", -1, -1, 100, 0);
	put_group("/system.slice", -1, -1, 500, 0);
	return 0;
}

static int remove_host(void **state)
{
	(void)state;
	virus_folder_remove(dir);
	return 0;
}

static void without_limits_the_host_counts(void **state)
{
	(void)state;
	assert_int_equal(virus_memory_available(&places), 4096 * MB);
	put("group", "0::/\n");
	assert_int_equal(virus_memory_available(&places), 4096 * MB);
	put("group", "4:memory:/old\n");
	assert_int_equal(virus_memory_available(&places), 4096 * MB);
	put("meminfo", "MemTotal:  8388608 kB\n");
	assert_int_equal(virus_memory_available(&places), 0);
}

static void the_lowest_limit_counts(void **state)
{
	(void)state;
	put_group("/system.slice/virus.service", 2048, -1, 1000, 0);
	assert_int_equal(virus_memory_available(&places), 1048 * MB);
	put_group("/system.slice/virus.service", 2048, 1500, 1000, 0);
	assert_int_equal(virus_memory_available(&places), 500 * MB);
	put_group("/system.slice", 1600, -1, 1400, 0);
	assert_int_equal(virus_memory_available(&places), 200 * MB);
	put_group("", 1450, -1, 1400, 0); /* as a container sees the group that it is */
	assert_int_equal(virus_memory_available(&places), 50 * MB);
	put_group("", 8000, -1, 1400, 0);
	put_group("/system.slice", -1, -1, 1400, 0);
	put_group("/system.slice/virus.service", 9000, -1, 1000, 0);
	assert_int_equal(virus_memory_available(&places), 4096 * MB);
}

static void cache_that_nobody_uses_is_free(void **state)
{
	(void)state;
	put_group("/system.slice/virus.service", 2048, -1, 2000, 1500);
	assert_int_equal(virus_memory_available(&places), 1548 * MB);
	put_group("/system.slice/virus.service", 2048, -1, 3000, 100); /* above the limit already */
	assert_int_equal(virus_memory_available(&places), 0);
	put_group("/system.slice/virus.service", 2048, -1, 1000, 5000);
	assert_int_equal(virus_memory_available(&places), 2048 * MB);
}

static void a_group_that_is_out_of_sight(void **state)
{
	(void)state;
	put("group", "0::/../../other.slice\n");
	put_group("", 1000, -1, 400, 0);
	assert_int_equal(virus_memory_available(&places), 600 * MB);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(without_limits_the_host_counts, make_host, remove_host),
		cmocka_unit_test_setup_teardown(the_lowest_limit_counts, make_host, remove_host),
		cmocka_unit_test_setup_teardown(cache_that_nobody_uses_is_free, make_host, remove_host),
		cmocka_unit_test_setup_teardown(a_group_that_is_out_of_sight, make_host, remove_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
