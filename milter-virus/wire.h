/*
 * What the processes of milter-virus say to each other: datagrams over socket pairs
 * (SOCK_SEQPACKET), with descriptors beside them (SCM_RIGHTS).
 *
 *	front → spawner   VIRUS_LOAD {options}		starts a loader
 *			  VIRUS_KILL + pidfd		for a worker of another user
 *	spawner → front   VIRUS_STARTED + socket, pidfd	the loader's; or err
 *	loader → front    VIRUS_READY {info}, or VIRUS_FAILED_TO_LOAD {words}; once
 *	front → loader    VIRUS_FORK
 *	front → loader    VIRUS_KEEP {folder}		copies what it read, for a drain that fails
 *	loader → front    VIRUS_KEPT			… has done so, or cannot
 *	loader → front    VIRUS_STARTED + socket, pidfd	the worker's; or err
 *	front → worker    VIRUS_SCAN {size} + memory file
 *	worker → front    VIRUS_ASK {layer}		any number
 *	front → worker    VIRUS_KNOWN {verdict}		one for each, at once or when another
 *							worker has it (pending.h)
 *	worker → front    VIRUS_RESULT {…}
 *
 * The end of its socket ends a process, and what it started: nobody needs to be killed when the
 * front dies.  A worker may be in a stranger's hands: the front trusts nothing that it says, and
 * every datagram has the size that its kind has.
 */
#ifndef GP_VIRUS_WIRE_H
#define GP_VIRUS_WIRE_H

#include <stdint.h>

#include "lib/base/err.h"
#include "milter-virus/engine.h"

enum virus_wire_kind {
	VIRUS_LOAD = 1,
	VIRUS_KILL,
	VIRUS_STARTED,
	VIRUS_READY,
	VIRUS_FAILED_TO_LOAD,
	VIRUS_FORK,
	VIRUS_KEEP,
	VIRUS_KEPT,
	VIRUS_SCAN,
	VIRUS_ASK,
	VIRUS_KNOWN,
	VIRUS_RESULT,
};

struct virus_wire_head {
	uint32_t kind; /* enum virus_wire_kind */
	int32_t err;   /* VIRUS_STARTED: errno or 0; VIRUS_FAILED_TO_LOAD: GP_E… */
};

struct virus_wire_load {
	struct virus_wire_head head;
	struct virus_engine_options options;
	uint64_t worker_memory;
	uint32_t cpu_s; /* of a worker for one message */
};

struct virus_wire_ready {
	struct virus_wire_head head;
	struct virus_engine_info info;
};

struct virus_wire_failed {
	struct virus_wire_head head;
	char text[512];
};

struct virus_wire_keep {
	struct virus_wire_head head;
	uint64_t fingerprint; /* of what it read */
	char folder[VIRUS_PATH_MAX];
};

struct virus_wire_scan {
	struct virus_wire_head head;
	uint64_t size;
	uint32_t wants_layers; /* the front remembers verdicts */
};

struct virus_wire_ask {
	struct virus_wire_head head;
	struct virus_layer layer;
};

struct virus_wire_known {
	struct virus_wire_head head;
	uint32_t verdict; /* enum virus_known */
	char name[VIRUS_NAME_MAX];
};

/* n_layers of them are sent. */
struct virus_wire_result {
	struct virus_wire_head head;
	uint32_t status; /* enum virus_status */
	uint32_t n_known, n_layers;
	int64_t cpu_us;
	char name[VIRUS_NAME_MAX];
	struct virus_layer layers[VIRUS_LAYERS_MAX];
};

#define VIRUS_RESULT_HEAD offsetof(struct virus_wire_result, layers)

union virus_wire {
	struct virus_wire_head head;
	struct virus_wire_load load;
	struct virus_wire_ready ready;
	struct virus_wire_failed failed;
	struct virus_wire_keep keep;
	struct virus_wire_scan scan;
	struct virus_wire_ask ask;
	struct virus_wire_known known;
	struct virus_wire_result result;
};

/* A pair of close-on-exec sockets for it.  GP_ESYS with errno. */
int virus_wire_pair(int ret[2]) GP_MUST_USE;

/* Sends one datagram with n descriptors (0 to 2); never raises SIGPIPE.  GP_ETEMP: it does not
 * fit now (the socket is non-blocking, or `at_once`), GP_ESYS with errno. */
int virus_wire_send(int fd, const void *data, size_t len, const int *fds, size_t n, bool at_once)
	GP_MUST_USE;

/* Takes one datagram.  GP_OK with its size in *ret_len: its form fits its kind; GP_ETEMP: there is
 * none now (at_once), GP_ENOENT: the end; GP_EINVAL: nonsense, GP_ESYS with errno (ECONNRESET: the
 * end, of a process that had not read all that was sent to it).  Descriptors that came beside it
 * are stored in ret_fds (2 of them, -1: none) and are the caller's; NULL closes them. */
int virus_wire_receive(int fd, union virus_wire *ret, size_t *ret_len, int ret_fds[2], bool at_once)
	GP_MUST_USE;

#endif
