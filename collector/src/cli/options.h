/* cli/options.h: one parser for the options of all commands; a command's row says which it takes. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A set of options is a sum of these. */
typedef uint64_t option_set;
#define OPTION_HELP (UINT64_C(1) << 0)
#define OPTION_STORE (UINT64_C(1) << 1)
#define OPTION_JSON (UINT64_C(1) << 2)
#define OPTION_PORT (UINT64_C(1) << 3)
#define OPTION_HOST (UINT64_C(1) << 4)
#define OPTION_NO_OPEN (UINT64_C(1) << 5)
#define OPTION_NO_DEMO (UINT64_C(1) << 6)
#define OPTION_ALLOWED_HOST (UINT64_C(1) << 7)
#define OPTION_LIMIT (UINT64_C(1) << 8)
#define OPTION_SEQUENCE_ID (UINT64_C(1) << 9)
#define OPTION_PRETTY (UINT64_C(1) << 10)
#define OPTION_RAW (UINT64_C(1) << 11)
#define OPTION_LIST (UINT64_C(1) << 12)
#define OPTION_DURABILITY (UINT64_C(1) << 13)
#define OPTION_FILTER (UINT64_C(1) << 14)
#define OPTION_SORT (UINT64_C(1) << 15)
#define OPTION_FOLLOW (UINT64_C(1) << 16)
#define OPTION_ACTION (UINT64_C(1) << 17)
#define OPTION_STATUS (UINT64_C(1) << 18)
#define OPTION_CHANGED (UINT64_C(1) << 19)
#define OPTION_SLOWER (UINT64_C(1) << 20)
#define OPTION_ATTEMPTS (UINT64_C(1) << 21)
#define OPTION_FOLD (UINT64_C(1) << 22)
#define OPTION_PROJECT (UINT64_C(1) << 23)
#define OPTION_APP_ID (UINT64_C(1) << 24)
#define OPTION_PARTITION_KEY (UINT64_C(1) << 25)
#define OPTION_TARGET_FILE (UINT64_C(1) << 26)
#define OPTION_SERDE_MODULE (UINT64_C(1) << 27)
#define OPTION_TEMPLATE (UINT64_C(1) << 28)
#define OPTION_TOKEN_FILE (UINT64_C(1) << 29)
#define OPTION_TLS_CERT (UINT64_C(1) << 30)
#define OPTION_TLS_KEY (UINT64_C(1) << 31)

enum { ALLOWED_HOSTS_MAX = 32, DEFAULT_PORT = 7241 };

struct options {
	option_set given;  /* OPTION_… bits that were on the command line */
	const char *store; /* NULL: the usual place */
	uint16_t port;
	const char *host;
	const char *allowed_hosts[ALLOWED_HOSTS_MAX];
	size_t allowed_host_count;
	const char *token_file; /* NULL: not given; likewise those of TLS */
	const char *tls_cert;
	const char *tls_key;
	int64_t limit; /* -1: not given; 0: all */
	int64_t sequence_id;
	/* NULL where they were not given. */
	const char *filter, *sort;
	const char *action, *status, *changed, *slower;
	const char *project, *app_id, *partition_key, *target_file, *serde_module, *template;
	enum durability durability; /* OPTION_DURABILITY says whether it was given */
	char **args;                /* what is no option */
	int arg_count;
};

static inline bool options_has(const struct options *options, option_set bit)
{
	return (options->given & bit) != 0;
}

/* Parse argv (argv[0] is skipped, argv is reordered and borrowed by out). allowed: bits that the command
 * takes. False after having said on stderr what is wrong; command: its name, for that. */
bool options_parse(const char *command, option_set allowed, int argc, char **argv, struct options *out);

/* The index in argv of the first word that is neither an option nor an option's value: the command's name. 0:
 * there is none. */
int options_find_command(int argc, char **argv);

/* Whether a word is an option that another word follows as its value. */
bool options_takes_value(const char *word);
/* Each option of these OPTION_… bits, as "--name". */
void options_each(option_set allowed, void (*each)(const char *word));

#endif
