#include "cli/cli.h"

#include "base/clean.h"
#include "cli/complete.h"
#include "cli/nearest.h"
#include "cli/say.h"
#include "notices/licenses.h"
#include "query/filter.h"

#include <fcntl.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>

#define HELP_STORE "  --store DIR        the store; else BURR_STORE, burr_path or ~/.burr\n"
#define HELP_JSON "  --json             one JSON document, for programs\n"

static int command_help(const struct options *options);

static const struct command commands[] = {
	{"serve", "", "start the collector and the web UI",
		"What `burr` alone does, too. A second one on the same store says where the\n"
		"first is, opens that and ends.\n"
		"\n"
		"Options:\n" HELP_STORE "  --port N           the UI's port, 7241; 0: any that is free\n"
		"  --host ADDRESS     the address to listen on, 127.0.0.1; beyond loopback\n"
		"                     burr asks for a token, and prints a link with it\n"
		"  --no-open          do not open a browser\n"
		"  --no-demo          do not run the samples on a store that is new\n"
		"  --allowed-host N   a further name to be asked by (a proxy's), or\n"
		"                     *.example.org; may be repeated\n"
		"  --token-file FILE  ask for the token in FILE, on loopback too\n"
		"  --tls-cert FILE, --tls-key FILE\n"
		"                     HTTPS with this certificate (and those of who signed it)\n"
		"                     and key, in PEM form; read again when they change\n"
		"  --durability HOW   what a power loss may take of the store's records, from now\n"
		"                     on: os (what the kernel has not written yet), group (the\n"
		"                     last 100 ms), power (nothing; slow). The store keeps it\n"
		"\n"
		"Examples:\n"
		"  burr\n"
		"  burr --store ./runs --port 8000 --no-open &\n"
		"  burr --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem\n",
		OPTION_STORE | OPTION_PORT | OPTION_HOST | OPTION_NO_OPEN | OPTION_NO_DEMO |
			OPTION_ALLOWED_HOST | OPTION_DURABILITY | OPTION_TOKEN_FILE | OPTION_TLS_CERT |
			OPTION_TLS_KEY,
		0, 0, command_serve},
	{"stop", "", "end the collector of the store",
		"Waits until it has ended, 10 s at most. Programs that are tracked go on: they\n"
		"write the store themselves until the next burr.\n"
		"\n"
		"Options:\n" HELP_STORE,
		OPTION_STORE, 0, 0, command_stop},
	{"status", "", "is a collector running, and how is it",
		"Exit code 0 when one is running, 3 when not.\n"
		"\n"
		"Options:\n" HELP_STORE HELP_JSON,
		OPTION_STORE | OPTION_JSON, 0, 0, command_status},
	{"recover", "", "take in what ended programs left",
		"A program that is killed leaves its last records in its spool, a hidden file of\n"
		"the store. A collector takes them in by itself, and so does the next program\n"
		"that is tracked; this does it now, or waits until the collector has, 10 s at\n"
		"most. A spool that this version cannot read is set aside and never deleted.\n"
		"\n"
		"Exit code 1 when something was lost, or has to be tried again.\n"
		"\n"
		"Options:\n" HELP_STORE HELP_JSON,
		OPTION_STORE | OPTION_JSON, 0, 0, command_recover},
	{"doctor", "", "is the store well, and what to do where it is not",
		"Looks at the store's folder, its file system, the collector, spools, socket and\n"
		"the ends of logs; changes nothing. Each line is ok, a note or a problem.\n"
		"\n"
		"Exit code 0 without a problem, 1 with one.\n"
		"\n"
		"Options:\n" HELP_STORE HELP_JSON,
		OPTION_STORE | OPTION_JSON, 0, 0, command_doctor},
	{"open", "[PROJECT [APP]]", "show the UI, a project or a run in the browser",
		"Prints the page's address, and opens it where there is a display.\n"
		"\n"
		"Options:\n" HELP_STORE "  --no-open          print the address only\n"
		"\n"
		"Example:\n"
		"  burr open demo_counter\n",
		OPTION_STORE | OPTION_NO_OPEN, 0, 2, command_open},
	{"ls", "[PROJECT]", "list the projects, or the runs of one, newest first",
		"Options:\n" HELP_STORE "  --limit N          at most N (0: all); 30 unless --json\n"
		"  --filter TEXT      only runs that fit; burr help filter tells the language\n"
		"  --sort WORD        by last, first, duration, steps, failed or tokens; with a -\n"
		"                     in front the largest first; -last unless given\n" HELP_JSON "\n"
		"Examples:\n"
		"  burr ls\n"
		"  burr ls demo_counter --limit 5\n"
		"  burr ls demo_failure --filter 'status:failed after:2h' --sort=-steps\n",
		OPTION_STORE | OPTION_LIMIT | OPTION_JSON | OPTION_FILTER | OPTION_SORT, 0, 1, command_ls},
	{"show", "PROJECT APP", "show a run: its links and its last steps",
		"APP may be shortened to any beginning that only one run has. burr steps tells\n"
		"more of steps.\n"
		"\n"
		"Options:\n" HELP_STORE
		"  --limit N          the last N steps (0: all); 20 unless --json\n" HELP_JSON "\n"
		"Example:\n"
		"  burr show demo_counter count-to-10\n",
		OPTION_STORE | OPTION_LIMIT | OPTION_JSON, 2, 2, command_show},
	{"steps", "PROJECT APP [STEP]", "list the steps of a run, or those around one",
		"The last 20, or, with STEP, that step and five on each side. A range 10..20, or\n"
		"10.. or ..20, lists from its beginning on. Numbers are sequence ids. An attempt\n"
		"that a later one took the place of is left out. APP may be shortened to any\n"
		"beginning that only one run has.\n"
		"\n"
		"Exit code 3 when there is no STEP.\n"
		"\n"
		"Options:\n" HELP_STORE "  --limit N          at most N (0: all); 20 unless --json\n"
		"  --action NAME      only steps of this action\n"
		"  --status WORD      only those that are ok, failed or open\n"
		"  --changed KEY      only those that changed this key of the state\n"
		"  --slower TIME      only those that took so long, as 250ms, 1.5s or 2m\n"
		"  --attempts         with attempts that gave way to later ones\n"
		"  --fold             a cycle of actions that comes three times or more is a line\n" HELP_JSON
		"\n"
		"Examples:\n"
		"  burr steps demo_counter count-to-10\n"
		"  burr steps demo_counter count-to-10 4..6\n"
		"  burr steps demo_chat chat --status failed --slower 1s --limit 0\n",
		OPTION_STORE | OPTION_LIMIT | OPTION_ACTION | OPTION_STATUS | OPTION_CHANGED | OPTION_SLOWER |
			OPTION_ATTEMPTS | OPTION_FOLD | OPTION_JSON,
		2, 3, command_steps},
	{"state", "PROJECT APP", "print the state after a step",
		"The last finished step's, unless one is named. APP may be shortened to any\n"
		"beginning that only one run has.\n"
		"\n"
		"Options:\n" HELP_STORE "  --sequence-id N    the step; -1 is the last, -2 the one before\n"
		"  --pretty           laid out for reading: the default on a terminal\n"
		"  --raw              as it was recorded: the default elsewhere\n"
		"  --json             with the step's number, action and status around it\n"
		"\n"
		"Examples:\n"
		"  burr state demo_counter count-to-10 --sequence-id 3\n"
		"  burr state demo_counter count-to-10 | jq .counter\n",
		OPTION_STORE | OPTION_SEQUENCE_ID | OPTION_PRETTY | OPTION_RAW | OPTION_JSON, 2, 2,
		command_state},
	{"diff", "PROJECT APP STEP [TO]", "what a step changed in the state",
		"With one number: what that step changed. With two: from the state after STEP to\n"
		"that after TO. + is added, ~ changed, - removed. Numbers are\n"
		"sequence ids, as burr show lists them, or the word last. APP may be shortened to\n"
		"any beginning that only one run has.\n"
		"\n"
		"Options:\n" HELP_STORE HELP_JSON "\n"
		"Examples:\n"
		"  burr diff demo_counter count-to-10 3\n"
		"  burr diff demo_counter count-to-10 0 last\n",
		OPTION_STORE | OPTION_JSON, 3, 4, command_diff},
	{"grep", "TEXT [PROJECT [APP]]", "find a text in what runs took, gave and changed",
		"In the runs of all projects, of one, or in one run. Looks through actions,\n"
		"inputs, results, errors, attributes and the values of the state that a step\n"
		"changed; one line for each step and field. Case of ASCII letters does not count.\n"
		"Runs come newest first.\n"
		"\n"
		"Exit code 3 when the text is nowhere.\n"
		"\n"
		"Options:\n" HELP_STORE "  -p, --project P    as PROJECT\n"
		"  --limit N          at most N (0: all); 100 unless --json\n" HELP_JSON "\n"
		"Examples:\n"
		"  burr grep declined\n"
		"  burr grep declined demo_failure\n",
		OPTION_STORE | OPTION_PROJECT | OPTION_LIMIT | OPTION_JSON, 1, 3, command_grep},
	{"tail", "PROJECT [APP]", "the last steps of a run, and those to come",
		"Of the newest run where none is named. APP may be shortened to any beginning\n"
		"that only one run has.\n"
		"\n"
		"Options:\n" HELP_STORE "  --limit N          the last N steps (0: all), 10\n"
		"  -f, --follow       and each further one as it ends, until Ctrl-C\n"
		"  --json             the lines of the log as they stand\n"
		"\n"
		"Example:\n"
		"  burr tail -f demo_chat\n",
		OPTION_STORE | OPTION_LIMIT | OPTION_FOLLOW | OPTION_JSON, 1, 2, command_tail},
	{"test-case", "create [PROJECT APP]", "make a test of a recorded step",
		"Prints the states before and after the step as a list of one test case, in the\n"
		"form of Burr's fixtures. With --target-file-name it is added to the list in that\n"
		"file, and a program that tests the action with it is printed. APP may be\n"
		"shortened to any beginning that only one run has.\n"
		"\n"
		"Options:\n" HELP_STORE "  --project-name P   as PROJECT\n"
		"  --app-id ID        as APP\n"
		"  --partition-key K  which the run must have\n"
		"  --sequence-id N    the step; -1 is the last, -2 the one before\n"
		"  --target-file-name F\n"
		"                     the file of test cases, made where there is none\n"
		"  --template WORD    the program: pytest, the default, or c, for libburr\n"
		"  --serde-module M   a Python module or file that the program imports first\n"
		"  --action-name A    the action, where it is not that of the step\n"
		"\n"
		"Example:\n"
		"  burr test-case create demo_counter count-to-10 --sequence-id 3 \\\n"
		"    --target-file-name counts.json --template c >test_count.c\n",
		OPTION_STORE | OPTION_PROJECT | OPTION_APP_ID | OPTION_PARTITION_KEY | OPTION_SEQUENCE_ID |
			OPTION_TARGET_FILE | OPTION_TEMPLATE | OPTION_SERDE_MODULE | OPTION_ACTION,
		1, 3, command_test_case},
	{"verify", "[PROJECT [APP]]", "read every byte of runs, list what is damaged",
		"Logs, graphs and metadata of all runs, of a project's, or of one. A damaged line\n"
		"costs itself alone: all others load. APP may be shortened to any beginning that\n"
		"only one run has.\n"
		"\n"
		"Exit code 1 when something is damaged.\n"
		"\n"
		"Options:\n" HELP_STORE HELP_JSON,
		OPTION_STORE | OPTION_JSON, 0, 2, command_verify},
	{"demo", "[NAME ...]", "run the sample programs",
		"All of them, or those that are named.\n"
		"\n"
		"Options:\n" HELP_STORE "  --list             say what there is; run nothing\n"
		"\n"
		"Example:\n"
		"  burr demo --list\n",
		OPTION_STORE | OPTION_LIST, 0, ARGS_ANY, command_demo},
	{"completion", "SHELL", "print the completion of bash, zsh or fish",
		"Examples:\n"
		"  source <(burr completion bash)                    # or in ~/.bashrc\n"
		"  burr completion zsh >\"${fpath[1]}/_burr\"\n"
		"  burr completion fish >~/.config/fish/completions/burr.fish\n",
		0, 1, 1, command_completion},
	{"help", "[COMMAND]", "show this, or the help of a command", "", 0, 0, 1, command_help},
};
enum { COMMAND_COUNT = sizeof(commands) / sizeof(*commands) };

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

/* ---- help ---- */

static void print_overview(void)
{
	say("burr shows what state machine applications do: a collector that takes their\n"
	    "steps, and a web UI at http://localhost:7241.\n"
	    "\n"
	    "Usage: burr [COMMAND] [OPTIONS]\n"
	    "\n"
	    "Commands:\n");
	for (size_t i = 0; i < COMMAND_COUNT; i++) {
		struct buf left = BUF_INIT;
		buf_printf(&left, "%s %s", commands[i].name, commands[i].args);
		/* A long one has a line of its own. */
		bool fits = left.len <= 26;
		say("  %-26s%s%s%s\n", left.data ? left.data : "",
			fits ? " " : "\n                             ", commands[i].summary,
			i ? "" : "; the default");
		buf_fini(&left);
	}
	say("\n"
	    "Each has --json where it prints what it found, and its own options: burr help\n"
	    "COMMAND tells them.\n"
	    "\n"
	    "Options:\n"
	    "  --store DIR                the store; else BURR_STORE, burr_path or ~/.burr\n"
	    "  --help, --version\n"
	    "  --licenses                 the notices of all software in this program\n"
	    "\n"
	    "Exit codes:\n" CLI_EXIT_CODES);
}

static void print_help(const struct command *command)
{
	say("Usage: burr %s%s%s%s\n\n", command->name, *command->args ? " " : "", command->args,
		command->options ? " [OPTIONS]" : "");
	say("burr %s: %s.\n%s%s", command->name, command->summary, *command->help ? "\n" : "", command->help);
}

static int fail_unknown(const char *name)
{
	CLEAN(buf_fini) struct buf hint = BUF_INIT;
	struct nearest nearest = NEAREST_INIT;
	for (size_t i = 0; i < COMMAND_COUNT; i++)
		nearest_offer(&nearest, name, commands[i].name);
	nearest_put(&nearest, &hint);
	if (!hint.len)
		buf_append_str(&hint, ": see burr help");
	say_error("there is no command '%s'%.*s", name, SLICE_ARG(buf_slice(&hint)));
	return CLI_USAGE;
}

static int command_help(const struct options *options)
{
	if (!options->arg_count) {
		print_overview();
		return CLI_OK;
	}
	const struct command *command = find_command(options->args[0]);
	if (!command && strcmp(options->args[0], "filter") == 0) {
		say_bytes(slice_of(filter_help()));
		return CLI_OK;
	}
	if (!command)
		return fail_unknown(options->args[0]);
	print_help(command);
	return CLI_OK;
}

/* ---- running ---- */

/* Descriptors 0 to 2 must be something, or the next file that is opened becomes stdout. */
static void open_standard_files(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_RDONLY : O_WRONLY) < 0)
			_exit(CLI_ERROR);
}

/* Only for the width of characters: numbers stay as JSON has them. */
static void set_locale(void)
{
	if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
		setlocale(LC_CTYPE, "C.UTF-8");
}

static void print_manual(void)
{
	CLEAN(buf_fini) struct buf page = BUF_INIT;
	complete_put_manual(commands, COMMAND_COUNT, &page);
	say_bytes(buf_slice(&page));
}

static bool print_early(int argc, char **argv, int *out_code)
{
	const char *first = argc > 1 ? argv[1] : "";
	*out_code = CLI_OK;
	if (strcmp(first, "--version") == 0 || strcmp(first, "-V") == 0)
		say("burr %s\n", burr_version());
	else if (strcmp(first, "--licenses") == 0)
		say_bytes((struct slice){burr_licenses, burr_licenses_len});
	else if (strcmp(first, "--help") == 0 || strcmp(first, "-h") == 0)
		print_overview();
	else if (strcmp(first, "__complete") == 0)
		complete_words(commands, COMMAND_COUNT, argv + 2, argc - 2);
	else if (strcmp(first, "__manual") == 0)
		print_manual();
	else
		return false;
	return true;
}

static int fail_args(const struct command *command)
{
	say_error("burr %s takes %s: see burr help %s", command->name,
		*command->args ? command->args : "no names", command->name);
	return CLI_USAGE;
}

static int run_command(int argc, char **argv)
{
	struct options options;
	int code;
	if (print_early(argc, argv, &code))
		return code;
	int at = options_find_command(argc, argv);
	const struct command *command = at ? find_command(argv[at]) : &commands[0];
	if (!command)
		return fail_unknown(argv[at]);
	if (at) { /* options in front of the command are the command's */
		memmove(argv + at, argv + at + 1, (size_t)(argc - at) * sizeof(*argv));
		argc--;
	}
	if (!options_parse(command->name, command->options, argc, argv, &options))
		return CLI_USAGE;
	if (options_has(&options, OPTION_HELP)) {
		print_help(command);
		return CLI_OK;
	}
	if (options.arg_count < command->args_min || options.arg_count > command->args_max)
		return fail_args(command);
	return command->run(&options);
}

int cli_run(int argc, char **argv)
{
	open_standard_files();
	signal(SIGPIPE, SIG_DFL); /* `burr ls | head` ends without a word */
	set_locale();
	int code = run_command(argc, argv);
	return say_finish() || code != CLI_OK ? code : CLI_ERROR;
}
