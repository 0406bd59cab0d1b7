/* cli/complete.c: what a shell asks when Tab is pressed, and the scripts by which it asks.
 *
 * burr completion SHELL prints a script that calls `burr __complete WORD …` with the words of the line, the
 * last of them being the one that is completed; what may stand there is printed, a line each. So the shells
 * know nothing of burr, and a new command or option is completed as soon as it is in the table of cli.c. */
#include "cli/complete.h"

#include "base/clean.h"
#include "cli/find.h"
#include "cli/options.h"
#include "cli/say.h"

#include <burr/load.h>
#include <stdio.h>
#include <string.h>

/* ---- the scripts ---- */

static const char bash_script[] =
	"_burr() {\n"
	"\tlocal IFS=$'\\n'\n"
	"\tCOMPREPLY=($(compgen -W \"$(burr __complete \"${COMP_WORDS[@]:1:COMP_CWORD}\" 2>/dev/null)\" -- "
	"\"${COMP_WORDS[COMP_CWORD]}\"))\n"
	"\tCOMPREPLY=(\"${COMPREPLY[@]// /\\\\ }\")\n"
	"}\n"
	"complete -o default -F _burr burr\n";

static const char zsh_script[] =
	"#compdef burr\n"
	"_burr() {\n"
	"\tlocal -a found\n"
	"\tfound=(${(f)\"$(burr __complete \"${(@)words[2,CURRENT]}\" 2>/dev/null)\"})\n"
	"\tif (( $#found )); then compadd -a found; else _files; fi\n"
	"}\n"
	"compdef _burr burr\n";

static const char fish_script[] =
	"complete -c burr -f -a '(burr __complete (commandline -opc)[2..] (commandline -ct) 2>/dev/null)'\n";

int command_completion(const struct options *options)
{
	static const struct {
		const char *shell;
		const char *script;
	} scripts[] = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
	for (size_t i = 0; i < sizeof(scripts) / sizeof(*scripts); i++) {
		if (strcmp(options->args[0], scripts[i].shell) != 0)
			continue;
		say_bytes(slice_of(scripts[i].script));
		return CLI_OK;
	}
	say_error("there is a completion for bash, zsh and fish, not for '%s'", options->args[0]);
	return CLI_USAGE;
}

/* ---- the words ---- */

static void free_list(void *pointer_to_list)
{
	burr_free(*(void **)pointer_to_list);
}

/* A name that would be two lines is not offered. */
static void offer(const char *word)
{
	if (!strchr(word, '\n'))
		say("%s\n", word);
}

static void offer_projects(const char *store)
{
	CLEAN(free_list) burr_project_item *items = NULL;
	size_t count = 0;
	if (burr_list_projects(store, &items, &count, NULL) != BURR_OK)
		return; /* no store, nothing to offer */
	for (size_t i = 0; i < count; i++)
		offer(items[i].name);
}

/* By their folders alone: a key was pressed. */
static void offer_runs(const char *store_option, const char *project)
{
	CLEAN(buf_fini) struct buf names = BUF_INIT;
	struct store *store;
	if (store_open(store_option, STORE_READ, &store, NULL) != BURR_OK)
		return;
	find_app_names(store, project, &names);
	const char *end = names.data + names.len;
	for (const char *name = names.data; name < end; name += strlen(name) + 1)
		offer(name);
	store_close(store);
}

/* The n-th word of a command's arguments, "PROJECT APP STEP [TO]", without brackets; false behind the last.
 */
static bool argument_word(const char *args, int n, char *out, size_t size)
{
	for (;;) {
		args += strspn(args, " []");
		size_t len = strcspn(args, " []");
		if (!len)
			return false;
		if (n-- == 0) {
			snprintf(out, size, "%.*s", (int)len, args);
			return true;
		}
		args += len;
	}
}

struct line {
	const struct command *command; /* NULL: none yet */
	const char *store;             /* of --store */
	const char *project;           /* of --project, however it is spelt */
	const char *value_of;          /* the option whose value is to be completed; NULL */
	const char *args[4];           /* what is no option */
	int arg_count;
};

static bool names_project(const char *option)
{
	return strcmp(option, "-p") == 0 || strcmp(option, "--project") == 0 ||
	       strcmp(option, "--project-name") == 0;
}

static void read_line(
	const struct command *commands, size_t count, char **words, int word_count, struct line *out)
{
	*out = (struct line){.command = NULL};
	for (int i = 0; i < word_count - 1; i++) {
		const char *word = words[i];
		if (*word == '-') {
			out->value_of = options_takes_value(word) ? word : NULL;
			if (out->value_of && i + 1 < word_count - 1) {
				out->store = strcmp(word, "--store") == 0 ? words[i + 1] : out->store;
				out->project = names_project(word) ? words[i + 1] : out->project;
				out->value_of = NULL;
				i++;
			}
			continue;
		}
		for (size_t j = 0; !out->command && j < count; j++)
			if (strcmp(commands[j].name, word) == 0)
				out->command = &commands[j];
		if (out->command && strcmp(out->command->name, word) != 0 && out->arg_count < 4)
			out->args[out->arg_count++] = word;
	}
}

static void offer_values(const struct line *line)
{
	const char *option = line->value_of;
	static const struct {
		const char *option;
		const char *words;
	} known[] = {
		{"--durability", "os\ngroup\npower\n"},
		{"--sort", "last\nfirst\nduration\nsteps\nfailed\ntokens\n"},
		{"--status", "ok\nfailed\nopen\n"},
		{"--template", "pytest\nc\n"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strcmp(option, known[i].option) == 0)
			say_bytes(slice_of(known[i].words));
	if (names_project(option))
		offer_projects(line->store);
	else if (strcmp(option, "--app-id") == 0 && line->project)
		offer_runs(line->store, line->project);
}

static void offer_argument(const struct command *commands, size_t count, const struct line *line)
{
	char word[32];
	if (!argument_word(line->command->args, line->arg_count, word, sizeof(word)))
		return;
	if (word[0] >= 'a' && word[0] <= 'z') /* it is said as it stands */
		offer(word);
	else if (strcmp(word, "PROJECT") == 0)
		offer_projects(line->store);
	else if (strcmp(word, "APP") == 0 && line->arg_count > 0)
		offer_runs(line->store, line->args[line->arg_count - 1]);
	else if (strcmp(word, "SHELL") == 0)
		say_bytes(SLICE_LIT("bash\nzsh\nfish\n"));
	for (size_t i = 0; strcmp(word, "COMMAND") == 0 && i < count; i++)
		offer(commands[i].name);
}

void complete_words(const struct command *commands, size_t count, char **words, int word_count)
{
	struct line line;
	const char *last = word_count ? words[word_count - 1] : "";
	read_line(commands, count, words, word_count, &line);
	if (line.value_of)
		offer_values(&line);
	else if (*last == '-')
		options_each(line.command ? line.command->options : commands[0].options, offer);
	else if (line.command)
		offer_argument(commands, count, &line);
	else
		for (size_t i = 0; i < count; i++)
			offer(commands[i].name);
}

/* ---- the page of the manual ---- */

/* Text for troff: a dot or quote at a line's beginning and every backslash would be commands. */
static void put_troff(struct buf *out, const char *text)
{
	bool begins = true;
	for (; *text; text++) {
		if (begins && (*text == '.' || *text == '\''))
			buf_append_str(out, "\\&");
		buf_append_str(out, *text == '\\' ? "\\e" : *text == '-' ? "\\-" : "");
		if (*text != '\\' && *text != '-')
			buf_append_char(out, *text);
		begins = *text == '\n';
	}
}

void complete_put_manual(const struct command *commands, size_t count, struct buf *out)
{
	buf_printf(out,
		".TH BURR 1 \"\" \"burr %s\" \"User Commands\"\n"
		".SH NAME\nburr \\- tracking for applications that are state machines\n"
		".SH SYNOPSIS\n.B burr\n[COMMAND] [OPTIONS]\n"
		".SH DESCRIPTION\nA collector that takes the steps of applications, keeps them below ~/.burr "
		"and serves "
		"a web UI at http://localhost:7241; and commands that look into what was recorded, with or "
		"without "
		"it.\n.SH COMMANDS\n",
		burr_version());
	for (size_t i = 0; i < count; i++) {
		buf_printf(out, ".SS burr %s ", commands[i].name);
		put_troff(out, commands[i].args);
		buf_append_str(out, "\n");
		put_troff(out, commands[i].summary);
		buf_append_str(out, ".\n.PP\n.nf\n");
		put_troff(out, commands[i].help);
		buf_append_str(out, ".fi\n");
	}
	buf_append_str(out,
		".SH ENVIRONMENT\n"
		".TP\n.B BURR_STORE, burr_path\nThe store, where no \\-\\-store names it.\n"
		".TP\n.B BURR_CATALOG\nWhere the index lies, store or cache; else as the store's file system "
		"wants it.\n"
		".TP\n.B NO_COLOR\nNo colours on a terminal.\n"
		".TP\n.B COLAB_RELEASE_TAG, CODESPACES, VSCODE_PROXY_URI, JUPYTERHUB_SERVICE_PREFIX\nand "
		"others by "
		"which Colab, Codespaces, VS Code and Jupyter are known: burr then answers to the names that "
		"their "
		"proxies use, may be shown in their frames, and says so when it starts.\n"
		".SH EXIT STATUS\n.nf\n" CLI_EXIT_CODES ".fi\n"
		".SH FILES\n~/.burr, a folder a project, in it a folder a run.\n");
}
