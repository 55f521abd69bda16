/* memtide-alert: delivers one alert, and ends. Started by memtided as memtide-alert webhook|exec, which hands it the
 * descriptors: 3 the configuration, 4 the alert, 5 where to say why it failed (where the program's output goes too).
 * Status 0: delivered, 1: to be tried again, 3: refused for good; of a program: its own. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "alert/program.h"
#include "alert/webhook.h"
#include "base/cleanup.h"
#include "base/confine.h"
#include "base/file.h"
#include "model/config.h"

#define CONFIG_PATH "/proc/self/fd/3"
#define BODY_PATH "/proc/self/fd/4"
#define BODY_FD 4
#define SAYING_FD 5
#define CONFIG_MAX (1 << 20)
#define BODY_MAX (16 << 20)
/* memtided ends it sooner. Should that be gone this remains, in the program too: an exec keeps it. */
#define LAST_DEADLINE_S 40
#define STATUS_AGAIN 1
#define STATUS_REFUSED 3

static int load(const char *path, size_t most, const char *what, char **ret, size_t *ret_size, struct error *err)
{
        int r = file_load(AT_FDCWD, path, most, ret, ret_size);

        return r < 0 ? error_set(err, -r, "cannot read the %s handed over: %s", what, strerror(-r)) : 0;
}

/* The daemon may be spared when memory runs out; what delivers its alerts need not be. Where it can't be said it stays. */
static void be_no_exception(void)
{
        _cleanup_(closep) int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

        if (score >= 0 && write(score, "0", 1) < 0)
                return;
}

/* Standard input is the alert, from its beginning; all that is said goes to memtided. A group of its own, so that the
 * program is ended with what it started. */
static int take_place(struct error *err)
{
        setsid();
        alarm(LAST_DEADLINE_S);
        signal(SIGPIPE, SIG_DFL);
        if (dup2(BODY_FD, STDIN_FILENO) < 0 || dup2(SAYING_FD, STDOUT_FILENO) < 0 || dup2(SAYING_FD, STDERR_FILENO) < 0)
                return error_set(err, errno, "memtide-alert is started by memtided: descriptors 4 and 5 are not there");
        be_no_exception();
        return 0;
}

/* No capabilities, whatever it delivers to. What talks to the network is no more root than the api is; the program stays the
 * daemon's user: whoever may configure it may do as much as that user. */
static int lock_in(bool network, struct error *err)
{
        static const char *const users[] = { "memtide", "nobody", NULL };
        static const int become[] = { CAP_SETUID, CAP_SETGID };
        int r = 0;

        if (network && geteuid() == 0) {
                r = confine_capabilities(become, 2, 2, err);
                if (r >= 0)
                        r = confine_user(users, err);
                prctl(PR_SET_PDEATHSIG, SIGTERM); /* another user's: the kernel forgot it */
        }
        if (r >= 0)
                r = confine_capabilities(NULL, 0, 0, err);
        return r < 0 ? r : confine_no_new_privileges(err);
}

static int deliver(bool network, const struct config *config, const char *body, size_t size, struct error *err)
{
        const char *target = network ? config->webhook : config->exec;

        if (!target)
                return error_set(err, EINVAL, "nothing is configured to deliver to");
        syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0);
        return network ? webhook_post(target, body, size, err) : program_become(target, body, size, err);
}

static int run(int argc, char **argv, struct error *err)
{
        _cleanup_(config_done) struct config config = {};
        _cleanup_(freep) char *settings = NULL, *body = NULL;
        bool network = argc == 2 && strcmp(argv[1], "webhook") == 0;
        size_t size = 0;
        int r;

        if (!network && (argc != 2 || strcmp(argv[1], "exec") != 0))
                return error_set(err, EINVAL, "memtide-alert is started by memtided, as memtide-alert webhook or exec");
        r = take_place(err);
        if (r >= 0)
                r = load(CONFIG_PATH, CONFIG_MAX, "configuration", &settings, NULL, err);
        if (r >= 0)
                r = config_parse(settings, &config, err);
        if (r >= 0)
                r = load(BODY_PATH, BODY_MAX, "alert", &body, &size, err);
        if (r >= 0)
                r = lock_in(network, err);
        return r < 0 ? r : deliver(network, &config, body, size, err);
}

int main(int argc, char **argv)
{
        struct error err = {};
        int r = run(argc, argv, &err);

        if (err.text[0])
                dprintf(STDERR_FILENO, "%s\n", err.text);
        return r < 0 ? STATUS_AGAIN : r == WEBHOOK_REFUSED ? STATUS_REFUSED : EXIT_SUCCESS;
}
