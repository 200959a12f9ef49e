/*
 * Runs a fuzz target without a fuzzer: over every file of the folders and files
 * named, each one whole and cut at up to 64 places.  Ordinary builds replay the
 * corpora with it, so what a fuzzer once found stays found.
 *
 * Input is handed over in a heap block of exactly its size, so that the
 * sanitizers see the first byte read too far.
 */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/fd.h"
#include "lib/base/mem.h"
#include "tests/fuzz/fuzz.h"

#define CUTS 64
#define INPUT_MAX (64u << 20)

static size_t n_files;

static void run_copy(const char *data, size_t size)
{
	GP_FREE uint8_t *copy = gp_xmalloc(size ? size : 1);

	if (size)
		memcpy(copy, data, size);
	LLVMFuzzerTestOneInput(copy, size);
}

static void run_file(const char *path)
{
	GP_BUF_AUTO buf = GP_BUF_INIT(INPUT_MAX);
	struct gp_diag diag;
	size_t step;

	if (gp_file_read(path, &buf, &diag) < 0) {
		fprintf(stderr, "%s\n", diag.text);
		exit(2);
	}
	step = buf.len / CUTS + 1;
	for (size_t n = 0; n < buf.len; n += step)
		run_copy(buf.data, n);
	run_copy(buf.data, buf.len);
	n_files++;
}

static void run_path(const char *path)
{
	struct dirent **names;
	struct stat st;
	int n;

	if (stat(path, &st) == 0 && !S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &names, NULL, alphasort);
	if (n < 0) {
		perror(path);
		exit(2);
	}
	for (int i = 0; i < n; i++) {
		GP_BUF_AUTO file = GP_BUF_INIT(4096);

		if (names[i]->d_name[0] != '.') {
			gp_buf_printf(&file, "%s/%s", path, names[i]->d_name);
			run_file(gp_buf_cstr(&file));
		}
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run_path(argv[i]);
	printf("%zu files\n", n_files);
	return n_files ? 0 : 2; /* an empty corpus is a mistake */
}
