/* Made while building, not installed: prints the man page's sections that come from the table of commands. */
#include <stdio.h>

#include "client/commands.h"

int main(void)
{
        commands_print_man(stdout);
        return 0;
}
