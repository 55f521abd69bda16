/* Prints what is made from the option table when memtide is built: `template` (memtided.conf), `man` (the section
 * OPTIONS of memtided.8), `help`. Not installed. */
#include <stdio.h>
#include <string.h>

#include "model/config.h"

int main(int argc, char **argv)
{
        static const struct {
                const char *name;
                void (*print)(FILE *to);
        } forms[] = {
                { "template", config_print_template },
                { "man", config_print_man },
                { "help", config_print_help },
        };

        for (size_t i = 0; argc == 2 && i < sizeof forms / sizeof *forms; i++)
                if (strcmp(argv[1], forms[i].name) == 0) {
                        forms[i].print(stdout);
                        return fflush(stdout) == 0 ? 0 : 1;
                }
        fputs("usage: option-printer template|man|help\n", stderr);
        return 2;
}
