/*
 * Failures of the system that an engine may overlook: a temporary file that could not be written,
 * memory that was not there.
 *
 *	virus_faults_begin();
 *	… a scan …
 *	if ((err = virus_faults_seen())) …	errno of the first
 */
#ifndef GP_VIRUS_ENGINE_FAULTS_H
#define GP_VIRUS_ENGINE_FAULTS_H

#include <stdbool.h>

/* One thread at a time: workers have one. */
void virus_faults_begin(void);
int virus_faults_seen(void);
/* Could files not be made because of where they were to be made? */
bool virus_faults_has_no_folder(void);
/* For engine_faults_memory.c. */
void virus_faults_note_memory(void);

#endif
