/* cli/complete.h: what is made from the table of commands beside its help: completion and the manual's page.
 */
#ifndef CLI_COMPLETE_H
#define CLI_COMPLETE_H

#include "base/buf.h"
#include "cli/cli.h"

/* Print what may stand in the place of the last word, a line each. */
void complete_words(const struct command *commands, size_t count, char **words, int word_count);
/* burr.1, for man. */
void complete_put_manual(const struct command *commands, size_t count, struct buf *out);

int command_completion(const struct options *options);

#endif
