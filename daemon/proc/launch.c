/* How a Python program was started. */
#include "proc/launch.h"

#include <string.h>

#include "base/text.h"
#include "proc/python.h"

struct launch launch_parse(char *const *args, size_t n, bool is_python)
{
        char version[PYTHON_VERSION_SIZE];
        struct launch l = { .kind = LAUNCH_INTERACTIVE };
        size_t i;

        if (n == 0)
                return (struct launch){ .kind = LAUNCH_PROGRAM, .what = "" };
        /* A login shell's dash: "-python". A title holds more than a path: "python worker 3 [idle]"; and nothing behind
         * it. */
        if (!python_by_name(args[0] + (args[0][0] == '-'), version) &&
            !(is_python && n > 1 && !strpbrk(args[0], " :[")))
                return (struct launch){ .kind = LAUNCH_PROGRAM, .what = args[0], .rest = args + 1, .n_rest = n - 1 };
        for (i = 1; i < n; i++) {
                const char *arg = args[i];
                size_t letters;

                if (arg[0] != '-' || arg[1] == '\0') {
                        l.kind = arg[0] == '-' ? LAUNCH_INTERACTIVE : LAUNCH_SCRIPT;
                        break;
                }
                if (arg[1] == '-') {
                        i += strcmp(arg, "--check-hash-based-pycs") == 0;
                        continue;
                }
                /* Flags may stand together, the last of them with its value: -um http.server, -Wignore. */
                letters = 1 + strcspn(arg + 1, "cmWX");
                if (arg[letters] == '\0')
                        continue;
                if (arg[letters] == 'W' || arg[letters] == 'X') {
                        i += arg[letters + 1] == '\0';
                        continue;
                }
                l.kind = arg[letters] == 'c' ? LAUNCH_CODE : LAUNCH_MODULE;
                if (arg[letters + 1])
                        l.what = arg + letters + 1;
                else if (++i < n)
                        l.what = args[i];
                break;
        }
        if (l.kind == LAUNCH_SCRIPT)
                l.what = args[i];
        if (!l.what)
                l.kind = LAUNCH_INTERACTIVE;
        l.rest = i + 1 < n ? args + i + 1 : NULL;
        l.n_rest = i + 1 < n ? n - i - 1 : 0;
        return l;
}
