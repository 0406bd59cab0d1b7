#include "cli/spawn.h"

#include "base/clean.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>

/* Between fork and exec only what a signal handler may call. */
static void become_program(char *const argv[], int out_fd)
{
	static const int changed[] = {SIGPIPE, SIGTTIN, SIGTTOU, SIGHUP};
	sigset_t none;
	int null_fd = open("/dev/null", O_RDWR);
	if (null_fd < 0)
		return;
	dup2(null_fd, STDIN_FILENO);
	dup2(out_fd >= 0 ? out_fd : null_fd, STDOUT_FILENO);
	dup2(out_fd >= 0 ? out_fd : null_fd, STDERR_FILENO);
	if (null_fd > STDERR_FILENO)
		close(null_fd);
	for (size_t i = 0; i < sizeof(changed) / sizeof(*changed); i++)
		signal(changed[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	execvp(argv[0], argv);
}

static void tell(int fd, int error)
{
	ssize_t written = write(fd, &error, sizeof(error));
	(void)written; /* nobody waits any more */
}

bool spawn_detached(char *const argv[])
{
	/* The program's exec closes the pipe; what comes through it before is why there was none. */
	int ends[2];
	int error = 0;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return false;
	pid_t pid = fork();
	if (pid == 0) {
		setsid();
		pid_t grandchild = fork();
		if (grandchild == 0)
			become_program(argv, -1);
		if (grandchild <= 0)
			tell(ends[1], errno);
		_exit(0);
	}
	close(ends[1]);
	if (pid > 0)
		while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
			;
	ssize_t got = read(ends[0], &error, sizeof(error));
	close(ends[0]);
	return pid > 0 && got == 0;
}

pid_t spawn_child(char *const argv[], int out_fd)
{
	pid_t pid = fork();
	if (pid == 0) {
		become_program(argv, out_fd);
		_exit(127);
	}
	return pid;
}
