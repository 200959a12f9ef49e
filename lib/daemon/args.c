/*
 * The command line that every program has.
 */
#include "lib/daemon/args.h"

#include <getopt.h>
#include <stdio.h>

#include "config.h"

static const struct option options[] = {
	{"config", required_argument, NULL, 'c'},
	{"check", no_argument, NULL, 'C'},
	{"print-config", no_argument, NULL, 'P'},
	{"print-sample", no_argument, NULL, 'S'},
	{"print-options", no_argument, NULL, 'O'},
	{"foreground", no_argument, NULL, 'f'},
	{"version", no_argument, NULL, 'V'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static void print_help(const char *program, const char *summary)
{
	printf("Usage: %s [-c FILE] [--check | --print-config]\n"
	       "%s\n\n"
	       "  -c, --config FILE   read FILE instead of " GP_SYSCONFDIR "/gatepost.conf\n"
	       "      --check         say what is wrong with the configuration, and exit\n"
	       "      --print-config  print every setting with its value and origin, and exit\n"
	       "  -f, --foreground    accepted and without effect: it always stays there\n"
	       "      --version       print the version, and exit\n"
	       "  -h, --help          print this, and exit\n\n"
	       "SIGUSR1 reads the configuration anew; SIGTERM ends the program when the\n"
	       "messages that are being judged are answered.  See %s(8), gatepost.conf(5).\n",
	       program, summary, program);
}

void gp_args_parse(const char *program, const char *summary, int argc, char **argv,
		   struct gp_args *ret)
{
	struct gp_args args = {.mode = GP_MODE_SERVE};
	int c;

	while ((c = getopt_long(argc, argv, "c:fh", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			args.file = optarg;
			break;
		case 'C':
			args.mode = GP_MODE_CHECK;
			break;
		case 'P':
			args.mode = GP_MODE_PRINT_CONFIG;
			break;
		case 'S':
			args.mode = GP_MODE_PRINT_SAMPLE;
			break;
		case 'O':
			args.mode = GP_MODE_PRINT_OPTIONS;
			break;
		case 'f':
			break;
		case 'V':
			printf("%s %s\n", program, GP_VERSION);
			args.mode = GP_MODE_DONE;
			break;
		case 'h':
			print_help(program, summary);
			args.mode = GP_MODE_DONE;
			break;
		default: /* getopt has said what */
			args.mode = GP_MODE_USAGE;
			break;
		}
		if (args.mode == GP_MODE_DONE || args.mode == GP_MODE_USAGE)
			break;
	}
	if (args.mode != GP_MODE_DONE && args.mode != GP_MODE_USAGE && optind < argc) {
		fprintf(stderr, "%s: unexpected argument \"%s\"; see --help\n", program,
			argv[optind]);
		args.mode = GP_MODE_USAGE;
	}
	*ret = args;
}
