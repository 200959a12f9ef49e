/*
 * virus-scanner: the program of the spawner, its loaders and their workers (spawner.h).
 *
 * libclamav is linked here and nowhere else: the front holds nothing of it, and these hold nothing of
 * what the front links.
 */
#include <stdio.h>
#include <stdlib.h>

#include "milter-virus/spawner.h"

int main(int argc, char **argv)
{
	virus_spawner_main(&virus_engine_clamav, argc, argv);
	fputs("virus-scanner is started by milter-virus(8)\n", stderr);
	return EXIT_FAILURE;
}
