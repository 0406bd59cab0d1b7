/* cli/spawn.h: programs that burr starts: a browser, the samples. */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

/* Start a program that goes its own way: in a session of its own, its input and output on /dev/null, nobody's
 * child to wait for. argv[0] is looked for in PATH unless it has a '/'. False when it could not be started;
 * that the program is not there counts as such. Any thread. */
bool spawn_detached(char *const argv[]);

/* Start a program as a child of ours with what it prints on out_fd, its input on /dev/null; -1 when that
 * failed. The caller waits for it. */
pid_t spawn_child(char *const argv[], int out_fd);

#endif
