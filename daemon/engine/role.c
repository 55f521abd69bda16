/* Starting the other executables of the daemon. */
#include "engine/role.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/confine.h"
#include "version.h"

#define FIRST_FD 3

static const int reading[] = { CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH };

int role_keep_capabilities(struct error *err)
{
        /* As root the api becomes another user and gives the rest up; CAP_KILL is how we can still end it then. */
        static const int root[] = { CAP_KILL, CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_SETUID, CAP_SETGID, CAP_SETPCAP };

        return geteuid() == 0 ? confine_capabilities(root, sizeof root / sizeof *root, 1, err)
                              : confine_capabilities(reading, sizeof reading / sizeof *reading, 0, err);
}

/* Folders relative to this executable's own: an installed tree that was moved (DESTDIR), then a build folder. */
static const char *const places[] = { "../libexec/memtide/", "", "sampler/", "api/", "alert/" };

static int role_find(const char *name, char ret[static PATH_MAX], struct error *err)
{
        char self[PATH_MAX];
        ssize_t n = readlink("/proc/self/exe", self, sizeof self - 1);
        char *slash;

        if (n > 0) {
                self[n] = '\0';
                slash = strrchr(self, '/');
                for (size_t i = 0; slash && i < sizeof places / sizeof *places; i++) {
                        slash[1] = '\0';
                        if (snprintf(ret, PATH_MAX, "%s%s%s", self, places[i], name) < PATH_MAX && access(ret, X_OK) == 0)
                                return 0;
                }
        }
        snprintf(ret, PATH_MAX, "%s/%s", MEMTIDE_LIBEXECDIR, name);
        if (access(ret, X_OK) == 0)
                return 0;
        return error_set(err, ENOENT, "cannot find the program %s, neither beside memtided nor as %s", name, ret);
}

/* In the child, between fork and exec: async-signal-safe calls alone. */
static void become(const struct role_start *start, const char *path, char *const *argv, pid_t parent)
{
        int moved[ROLE_FDS_MAX], null;
        sigset_t none;

        prctl(PR_SET_PDEATHSIG, SIGTERM);
        if (getppid() != parent)
                _exit(0);
        /* First out of the way of the numbers they shall have, then to them (dup2 clears close-on-exec). */
        for (int i = 0; i < start->n_fds; i++) {
                moved[i] = fcntl(start->fds[i], F_DUPFD_CLOEXEC, FIRST_FD + ROLE_FDS_MAX);
                if (moved[i] < 0)
                        _exit(126);
        }
        for (int i = 0; i < start->n_fds; i++)
                dup2(moved[i], FIRST_FD + i);
        null = open("/dev/null", O_RDWR);
        dup2(null, STDIN_FILENO);
        dup2(STDERR_FILENO, STDOUT_FILENO);
        syscall(SYS_close_range, FIRST_FD + start->n_fds, ~0U, 0);
        if (start->reads_processes)
                confine_pass_on(reading, sizeof reading / sizeof *reading);
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execv(path, argv);
        _exit(127);
}

pid_t role_start(const struct role_start *start, struct error *err)
{
        char path[PATH_MAX];
        char *argv[128] = { (char *)start->name };
        pid_t parent = getpid(), pid;
        int r = role_find(start->name, path, err);

        if (r < 0)
                return r;
        for (size_t i = 0; start->args && start->args[i] && i < 126; i++)
                argv[i + 1] = (char *)start->args[i];
        pid = fork();
        if (pid < 0)
                return error_set(err, errno, "cannot start %s: %s", start->name, strerror(errno));
        if (pid == 0)
                become(start, path, argv, parent);
        return pid;
}
