#include "cli/options.h"

#include "cli/say.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *name;
	option_set bit;
	int has_value;
} specs[] = {
	{"help", OPTION_HELP, no_argument},
	{"store", OPTION_STORE, required_argument},
	{"json", OPTION_JSON, no_argument},
	{"port", OPTION_PORT, required_argument},
	{"host", OPTION_HOST, required_argument},
	{"no-open", OPTION_NO_OPEN, no_argument},
	{"no-demo", OPTION_NO_DEMO, no_argument},
	/* As Burr's own server spells it. */
	{"no-copy-demo_data", OPTION_NO_DEMO, no_argument},
	{"no-copy_demo_data", OPTION_NO_DEMO, no_argument},
	{"allowed-host", OPTION_ALLOWED_HOST, required_argument},
	{"limit", OPTION_LIMIT, required_argument},
	{"sequence-id", OPTION_SEQUENCE_ID, required_argument},
	{"sequence_id", OPTION_SEQUENCE_ID, required_argument},
	{"pretty", OPTION_PRETTY, no_argument},
	{"raw", OPTION_RAW, no_argument},
	{"list", OPTION_LIST, no_argument},
	{"durability", OPTION_DURABILITY, required_argument},
	{"filter", OPTION_FILTER, required_argument},
	{"sort", OPTION_SORT, required_argument},
	{"follow", OPTION_FOLLOW, no_argument},
	{"token-file", OPTION_TOKEN_FILE, required_argument},
	{"tls-cert", OPTION_TLS_CERT, required_argument},
	{"tls-key", OPTION_TLS_KEY, required_argument},
	{"action", OPTION_ACTION, required_argument},
	{"status", OPTION_STATUS, required_argument},
	{"changed", OPTION_CHANGED, required_argument},
	{"slower", OPTION_SLOWER, required_argument},
	{"attempts", OPTION_ATTEMPTS, no_argument},
	{"fold", OPTION_FOLD, no_argument},
	{"project", OPTION_PROJECT, required_argument},
	/* As burr-test-case spells them. */
	{"project-name", OPTION_PROJECT, required_argument},
	{"app-id", OPTION_APP_ID, required_argument},
	{"partition-key", OPTION_PARTITION_KEY, required_argument},
	{"target-file-name", OPTION_TARGET_FILE, required_argument},
	{"serde-module", OPTION_SERDE_MODULE, required_argument},
	{"action-name", OPTION_ACTION, required_argument},
	{"template", OPTION_TEMPLATE, required_argument},
};
enum { SPEC_COUNT = sizeof(specs) / sizeof(*specs), LONG_BASE = 1000 };

static void fill_long_options(struct option out[SPEC_COUNT + 1])
{
	for (int i = 0; i < SPEC_COUNT; i++)
		out[i] = (struct option){specs[i].name, specs[i].has_value, NULL, LONG_BASE + i};
	out[SPEC_COUNT] = (struct option){NULL, 0, NULL, 0};
}

static bool read_number(
	const char *name, const char *text, int64_t min, int64_t max, const char *wanted, int64_t *out)
{
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 10);
	if (!*text || *end || errno || number < min || number > max) {
		say_error("--%s is %s, not '%s'", name, wanted, text);
		return false;
	}
	*out = number;
	return true;
}

/* Where the value of an option that is any text goes; NULL: it is another's. */
static const char **text_of(struct options *out, option_set bit)
{
	const struct {
		option_set bit;
		const char **text;
	} texts[] = {
		{OPTION_HOST, &out->host},
		{OPTION_FILTER, &out->filter},
		{OPTION_SORT, &out->sort},
		{OPTION_ACTION, &out->action},
		{OPTION_STATUS, &out->status},
		{OPTION_CHANGED, &out->changed},
		{OPTION_SLOWER, &out->slower},
		{OPTION_PROJECT, &out->project},
		{OPTION_APP_ID, &out->app_id},
		{OPTION_PARTITION_KEY, &out->partition_key},
		{OPTION_TARGET_FILE, &out->target_file},
		{OPTION_SERDE_MODULE, &out->serde_module},
		{OPTION_TEMPLATE, &out->template},
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		if (texts[i].bit == bit)
			return texts[i].text;
	return NULL;
}

static bool take(struct options *out, int spec, const char *value)
{
	const char *name = specs[spec].name;
	int64_t number;
	const char **text = text_of(out, specs[spec].bit);
	out->given |= specs[spec].bit;
	if (text) {
		*text = value;
		return true;
	}
	switch (specs[spec].bit) {
	case OPTION_STORE:
		if (!*value) {
			say_error("--store needs the name of a folder");
			return false;
		}
		out->store = value;
		return true;
	case OPTION_PORT:
		if (!read_number(name, value, 0, 65535, "a port from 1 to 65535 (0: any free one)", &number))
			return false;
		out->port = (uint16_t)number;
		return true;
	case OPTION_ALLOWED_HOST:
		if (out->allowed_host_count == ALLOWED_HOSTS_MAX) {
			say_error("--allowed-host: %d at most", ALLOWED_HOSTS_MAX);
			return false;
		}
		out->allowed_hosts[out->allowed_host_count++] = value;
		return true;
	case OPTION_DURABILITY:
		if (!durability_find(value, &out->durability)) {
			say_error("--durability is os, group or power, not '%s'", value);
			return false;
		}
		return true;
	case OPTION_TOKEN_FILE:
		out->token_file = value;
		return true;
	case OPTION_TLS_CERT:
		out->tls_cert = value;
		return true;
	case OPTION_TLS_KEY:
		out->tls_key = value;
		return true;
	case OPTION_LIMIT:
		return read_number(name, value, 0, INT32_MAX, "a number (0: all)", &out->limit);
	case OPTION_SEQUENCE_ID:
		return read_number(name, value, INT32_MIN, INT64_MAX,
			"the number of a step (-1: the last one)", &out->sequence_id);
	default:
		return true;
	}
}

static bool fail_unknown(const char *command, const char *word)
{
	say_error("there is no option '%s': see burr help %s", word, command);
	return false;
}

/* The spec of a long option, "--name" or "--name=value"; -1 when there is none of this name. */
static int find_spec(const char *word)
{
	const char *name = word + 2;
	size_t len = strcspn(name, "=");
	for (int i = 0; strncmp(word, "--", 2) == 0 && i < SPEC_COUNT; i++)
		if (strlen(specs[i].name) == len && strncmp(specs[i].name, name, len) == 0)
			return i;
	return -1;
}

bool options_parse(const char *command, option_set allowed, int argc, char **argv, struct options *out)
{
	struct option longs[SPEC_COUNT + 1];
	int c;
	*out = (struct options){.port = DEFAULT_PORT, .host = "127.0.0.1", .limit = -1, .sequence_id = -1};
	fill_long_options(longs);
	opterr = 0;
	optind = 0; /* glibc: start anew */
	while ((c = getopt_long(argc, argv, ":hfp:", longs, NULL)) != -1) {
		if (c == ':') {
			say_error("%s needs a value: see burr help %s", argv[optind - 1], command);
			return false;
		}
		if (c == '?' && optopt >= LONG_BASE) {
			say_error("--%s takes no value", specs[optopt - LONG_BASE].name);
			return false;
		}
		if (c == '?' && optopt) {
			char word[] = {'-', (char)optopt, '\0'};
			return fail_unknown(command, word);
		}
		if (c == '?')
			return fail_unknown(command, argv[optind - 1]);
		int spec = c == 'h'   ? 0
			   : c == 'f' ? find_spec("--follow")
			   : c == 'p' ? find_spec("--project")
				      : c - LONG_BASE;
		if (!(specs[spec].bit & (allowed | OPTION_HELP))) {
			say_error("burr %s takes no --%s: see burr help %s", command, specs[spec].name,
				command);
			return false;
		}
		if (!take(out, spec, optarg))
			return false;
	}
	out->args = argv + optind;
	out->arg_count = argc - optind;
	return true;
}

int options_find_command(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (argv[i][0] != '-')
			return i;
		int spec = find_spec(argv[i]);
		if (spec < 0)
			return 0; /* "--", or a mistake: what follows may be anything */
		if (specs[spec].has_value == required_argument && !strchr(argv[i], '='))
			i++;
	}
	return 0;
}

bool options_takes_value(const char *word)
{
	int spec = find_spec(strcmp(word, "-p") == 0 ? "--project" : word);
	return spec >= 0 && specs[spec].has_value == required_argument && !strchr(word, '=');
}

void options_each(option_set allowed, void (*each)(const char *word))
{
	option_set seen = 0; /* of several spellings the first */
	for (int i = 0; i < SPEC_COUNT; i++) {
		char word[64];
		if (!(specs[i].bit & (allowed | OPTION_HELP)) || (specs[i].bit & seen))
			continue;
		seen |= specs[i].bit;
		snprintf(word, sizeof(word), "--%s", specs[i].name);
		each(word);
	}
}
