/* cli/options.h: one parser for the options of all commands; a command's row says which it takes. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "store/store.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_bit {
	OPTION_HELP = 1 << 0,
	OPTION_STORE = 1 << 1,
	OPTION_JSON = 1 << 2,
	OPTION_PORT = 1 << 3,
	OPTION_HOST = 1 << 4,
	OPTION_NO_OPEN = 1 << 5,
	OPTION_NO_DEMO = 1 << 6,
	OPTION_ALLOWED_HOST = 1 << 7,
	OPTION_LIMIT = 1 << 8,
	OPTION_SEQUENCE_ID = 1 << 9,
	OPTION_PRETTY = 1 << 10,
	OPTION_RAW = 1 << 11,
	OPTION_LIST = 1 << 12,
	OPTION_DURABILITY = 1 << 13,
	OPTION_FILTER = 1 << 14,
	OPTION_SORT = 1 << 15,
	OPTION_FOLLOW = 1 << 16,
	OPTION_TOKEN_FILE = 1 << 17,
	OPTION_TLS_CERT = 1 << 18,
	OPTION_TLS_KEY = 1 << 19,
};

enum { ALLOWED_HOSTS_MAX = 32, DEFAULT_PORT = 7241 };

struct options {
	unsigned given;    /* OPTION_… bits that were on the command line */
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
	const char *filter; /* NULL: not given; likewise sort */
	const char *sort;
	enum durability durability; /* OPTION_DURABILITY says whether it was given */
	char **args;                /* what is no option */
	int arg_count;
};

static inline bool options_has(const struct options *options, enum option_bit bit)
{
	return options->given & bit;
}

/* Parse argv (argv[0] is skipped, argv is reordered and borrowed by out). allowed: bits that the command
 * takes. False after having said on stderr what is wrong; command: its name, for that. */
bool options_parse(const char *command, unsigned allowed, int argc, char **argv, struct options *out);

/* The index in argv of the first word that is neither an option nor an option's value: the command's name. 0:
 * there is none. */
int options_find_command(int argc, char **argv);

/* Whether a word is an option that another word follows as its value. */
bool options_takes_value(const char *word);
/* Each option of these OPTION_… bits, as "--name". */
void options_each(unsigned allowed, void (*each)(const char *word));

#endif
