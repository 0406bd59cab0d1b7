/* cli/browser.h: show a page to whoever sits at this machine. */
#ifndef CLI_BROWSER_H
#define CLI_BROWSER_H

#include <stdbool.h>

/* Open url in a browser where there is one to see it: $BROWSER, else xdg-open and its like, with DISPLAY or
 * WAYLAND_DISPLAY set. True when one was started. It is on its own and outlives us. */
bool browser_open(const char *url);

#endif
