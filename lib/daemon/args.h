/*
 * The command line that every program has.
 */
#ifndef GP_DAEMON_ARGS_H
#define GP_DAEMON_ARGS_H

enum gp_mode {
	GP_MODE_SERVE,
	GP_MODE_CHECK,
	GP_MODE_PRINT_CONFIG,
	GP_MODE_PRINT_SAMPLE,  /* for the build: the sample file */
	GP_MODE_PRINT_OPTIONS, /* for the test of the man pages */
	GP_MODE_DONE,	       /* --help, --version: printed already */
	GP_MODE_USAGE,	       /* wrong; said so on standard error */
};

struct gp_args {
	enum gp_mode mode;
	const char *file; /* of -c, or NULL */
};

void gp_args_parse(const char *program, const char *summary, int argc, char **argv,
		   struct gp_args *ret);

#endif
