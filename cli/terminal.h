/* What the person at the terminal sees: one redrawn progress line on a TTY, a plain line now and then on a pipe, notes and
 * warnings on stderr, and Ctrl-C as a request to stop. */
#ifndef MNK_CLI_TERMINAL_H
#define MNK_CLI_TERMINAL_H

#include "cli.h"

/* Installs the SIGINT and SIGTERM handlers and returns the observer to hand to the library; valid until the program ends. */
const mnk_observer *terminal_observer(const cli_common *common);
/* Ends a progress line that is still open, so that the next output starts on its own line. */
void terminal_finish(void);
bool terminal_colour(FILE *stream, bool no_color);
/* Prints "manikin: error: …" with its hint; the important line comes last. */
void terminal_error(const mnk_error *err, bool no_color, bool verbose);

#endif
