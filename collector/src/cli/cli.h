/* cli/cli.h: the program's command line: one table of commands, one way through it.
 *
 * A command is a row in cli.c and a file of this folder. It gets its options parsed, prints what it found on
 * stdout and what went wrong on stderr (cli/say.h), and returns the program's exit code. Commands that read
 * work on the store's files, so they give the same with and without a collector. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include "cli/options.h"

/* The program's exit codes, the same in all commands; part of what scripts may rely on. */
enum exit_code {
	CLI_OK = 0,
	CLI_ERROR = 1,  /* something failed, and stderr says what; or a check found something */
	CLI_USAGE = 2,  /* the command line makes no sense */
	CLI_ABSENT = 3, /* what was asked for is not there: no such project, no collector running */
};
/* The same for people. */
#define CLI_EXIT_CODES                                                                  \
	"0  all is well\n"                                                              \
	"1  something failed and stderr says what, or verify or doctor found trouble\n" \
	"2  the command line makes no sense\n"                                          \
	"3  what was asked for is not there: project, run, step, text, collector\n"

struct command {
	const char *name;
	const char *args;    /* "PROJECT APP", "[PROJECT]"; "" for none */
	const char *summary; /* one line for the list of commands */
	const char *help;    /* what follows the usage line: options and examples */
	option_set options;  /* OPTION_… bits that it takes */
	int args_min;
	int args_max; /* ARGS_ANY: no limit */
	int (*run)(const struct options *options);
};
enum { ARGS_ANY = 1 << 16 };

/* The program: parse, run, return the exit code. */
int cli_run(int argc, char **argv);

int command_serve(const struct options *options);
int command_stop(const struct options *options);
int command_status(const struct options *options);
int command_recover(const struct options *options);
int command_doctor(const struct options *options);
int command_open(const struct options *options);
int command_ls(const struct options *options);
int command_show(const struct options *options);
int command_steps(const struct options *options);
int command_state(const struct options *options);
int command_diff(const struct options *options);
int command_grep(const struct options *options);
int command_tail(const struct options *options);
int command_test_case(const struct options *options);
int command_verify(const struct options *options);
int command_demo(const struct options *options);

#endif
