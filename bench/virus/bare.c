/*
 * gp-virus-bare DATABASE LIST ROUNDS: libclamav alone, in a loop over files on one thread.
 *
 * What a scan costs without anybody around it: same database, same options as milter-virus has by
 * default, libclamav's cache off.  Prints the CPU time per message in milliseconds, the median of
 * the rounds.
 */
#include <clamav.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define FILES_MAX 20000
#define ROUNDS_MAX 100

static char *files[FILES_MAX];
static size_t n_files;

static int fail(const char *what, const char *why)
{
	fprintf(stderr, "gp-virus-bare: %s: %s\n", what, why);
	return 1;
}

static struct cl_engine *load(const char *database)
{
	struct cl_engine *e;
	unsigned n = 0;

	if (cl_init(CL_INIT_DEFAULT) != CL_SUCCESS || !(e = cl_engine_new()))
		return NULL;
	cl_engine_set_num(e, CL_ENGINE_DISABLE_CACHE, 1);
	if (cl_load(database, e, &n, CL_DB_STDOPT) != CL_SUCCESS || cl_engine_compile(e) != CL_SUCCESS)
		return NULL;
	fprintf(stderr, "gp-virus-bare: %u signatures\n", n);
	return e;
}

static int read_list(const char *path)
{
	FILE *f = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (!f)
		return -1;
	while (n_files < FILES_MAX && (len = getline(&line, &size, f)) > 0) {
		line[strcspn(line, "\n")] = '\0';
		files[n_files++] = strdup(line);
	}
	free(line);
	fclose(f);
	return n_files > 0 ? 0 : -1;
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int scan_all(struct cl_engine *e)
{
	struct cl_scan_options options = {.general = CL_SCAN_GENERAL_HEURISTICS, .parse = ~0u,
					  .heuristic = CL_SCAN_HEURISTIC_EXCEEDS_MAX};

	for (size_t i = 0; i < n_files; i++) {
		const char *name;
		unsigned long scanned = 0;
		int fd = open(files[i], O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			return fail(files[i], "cannot be opened");
		(void)cl_scandesc_callback(fd, files[i], &name, &scanned, e, &options, NULL);
		close(fd);
	}
	return 0;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	double times[ROUNDS_MAX];
	struct cl_engine *e;
	int rounds = argc == 4 ? atoi(argv[3]) : 0;

	if (rounds < 1 || rounds > ROUNDS_MAX)
		return fail("usage", "gp-virus-bare DATABASE LIST ROUNDS");
	if (!(e = load(argv[1])))
		return fail(argv[1], "cannot be loaded");
	if (read_list(argv[2]) < 0)
		return fail(argv[2], "names no files");
	for (int i = 0; i < rounds; i++) {
		double before = cpu_ms();

		if (scan_all(e) != 0)
			return 1;
		times[i] = (cpu_ms() - before) / (double)n_files;
	}
	qsort(times, (size_t)rounds, sizeof(*times), by_size);
	printf("%.4f\n", times[rounds / 2]);
	cl_engine_free(e);
	return 0;
}
