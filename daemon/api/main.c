/* memtide-api: answers HTTP. Started by memtided, which hands it the descriptors: 3 the configuration, 4 the status
 * page, 5 the board, 6 and on the listening sockets. What it opens itself it opens before it gives up the right to open anything. */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "api/api.h"
#include "api/server.h"
#include "base/clock.h"
#include "base/confine.h"
#include "base/file.h"
#include "base/log.h"
#include "base/secret.h"

#define CONFIG_PATH "/proc/self/fd/3" /* from its beginning, whoever read it before */
#define STATUS_FD 4
#define BOARD_FD 5
#define FIRST_SOCKET 6
#define SOCKETS_MAX 64
#define CONFIG_MAX (1 << 20)
/* Of bodies in all: two of the largest listing there can be, a thousand command lines of 32 KiB. */
#define POOL_BYTES (64 << 20)

struct role {
        struct config config;
        struct api api;
        char *token;
        int sockets[SOCKETS_MAX], n_sockets, stop_fd;
};

static int parse_sockets(int argc, char **argv, struct role *r, struct error *err)
{
        char *end = NULL;
        long n = 0;

        if (argc == 3 && strcmp(argv[1], "--sockets") == 0)
                n = strtol(argv[2], &end, 10);
        if (!end || *end || n < 1 || n > SOCKETS_MAX)
                return error_set(err, EINVAL, "memtide-api is started by memtided, as memtide-api --sockets N");
        for (r->n_sockets = 0; r->n_sockets < n; r->n_sockets++) {
                int fd = FIRST_SOCKET + r->n_sockets, flags = fcntl(fd, F_GETFL);

                /* accept4() is called until it would wait. */
                if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
                        return error_set(err, errno, "socket %d of %ld was not handed over: %s", r->n_sockets + 1, n,
                                         strerror(errno));
                r->sockets[r->n_sockets] = fd;
        }
        return 0;
}

static int read_config(struct role *r, struct error *err)
{
        _cleanup_(freep) char *text = NULL;
        int failed = file_load(AT_FDCWD, CONFIG_PATH, CONFIG_MAX, &text, NULL);

        if (failed < 0)
                return error_set(err, -failed, "cannot read the configuration handed over: %s", strerror(-failed));
        return config_parse(text, &r->config, err);
}

/* As large as it was made, most of which nothing was ever written to. */
static int map_board(const struct board **ret, uint32_t *ret_room, struct error *err)
{
        struct stat st;
        const void *board = MAP_FAILED;

        if (fstat(BOARD_FD, &st) == 0 && st.st_size >= (off_t)sizeof(struct board))
                board = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, BOARD_FD, 0);
        if (board == MAP_FAILED)
                return error_set(err, errno, "cannot map the board: %s", strerror(errno));
        *ret = board;
        *ret_room = (uint32_t)(((size_t)st.st_size - sizeof(struct board)) / sizeof(struct board_entry));
        return 0;
}

static int open_all(struct role *r, struct error *err)
{
        void *page = mmap(NULL, sizeof(struct status), PROT_READ, MAP_SHARED, STATUS_FD, 0);
        const struct board *board;
        uint32_t board_room;
        int failed;

        if (page == MAP_FAILED)
                return error_set(err, errno, "cannot map the status page: %s", strerror(errno));
        r->api.status = page;
        failed = map_board(&board, &board_room, err);
        if (failed < 0)
                return failed;
        failed = r->config.token_file ? secret_load(r->config.token_file, &r->token, err) : 0;
        if (failed < 0)
                return failed;
        r->api.token = r->token;
        r->api.statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
        failed = store_reader_open(r->config.db, &r->api.reader, err);
        if (failed < 0)
                return failed;
        state_init(&r->api.state, r->api.reader, board, board_room);
        /* The first answer is as quick as the next ones; and what it needs has been opened and looked up by then. */
        return state_refresh(&r->api.state, err);
}

static bool add_event(int epoll, int fd)
{
        return fd >= 0 && epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &(struct epoll_event){ .events = EPOLLIN }) == 0;
}

/* A signal, or memtided's end. The kernel can't be relied on to tell of the latter by a signal (PR_SET_PDEATHSIG): it
 * comes in the name of the process that ends, which may not signal another user unless it has CAP_KILL. */
static int watch_for_the_end(struct role *r, struct error *err)
{
        sigset_t set;

        signal(SIGPIPE, SIG_IGN);
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigaddset(&set, SIGINT);
        sigprocmask(SIG_BLOCK, &set, NULL);
        r->stop_fd = epoll_create1(EPOLL_CLOEXEC);
        if (!add_event(r->stop_fd, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)) ||
            !add_event(r->stop_fd, (int)syscall(SYS_pidfd_open, getppid(), 0)))
                return error_set(err, errno, "cannot wait for signals and for memtided's end: %s", strerror(errno));
        return 0;
}

static int lock_in(struct error *err)
{
        static const char *const users[] = { "memtide", "nobody", NULL };
        static const struct confine_call calls[] = {
                { "accept4" }, { "recvfrom" }, { "sendmsg" }, { "sendto" }, { "shutdown" }, { "getsockname" }, { "getsockopt" },
                { "setsockopt" }, { "epoll_wait" }, { "epoll_ctl" }, { "epoll_create1" }, {},
        };
        static const int become[] = { CAP_SETUID, CAP_SETGID };
        int r = confine_capabilities(become, 2, 2, err);

        if (r >= 0)
                r = confine_user(users, err);
        if (r >= 0)
                r = confine_capabilities(NULL, 0, 0, err);
        if (r >= 0)
                r = confine_no_new_privileges(err);
        if (r >= 0)
                r = confine_files(err);
        return r >= 0 ? confine_system_calls(calls, err) : r;
}

/* Did memtided end before it could be watched? */
static bool is_orphan(const struct api *api)
{
        return getppid() != atomic_load_explicit(&api->status->engine_pid, memory_order_relaxed);
}

static void role_done(struct role *r)
{
        cache_done(&r->api.cache);
        keep_done(&r->api.keep);
        state_done(&r->api.state);
        store_reader_close(r->api.reader);
        secret_free(r->token);
        config_done(&r->config);
}

static int run(struct role *r, int argc, char **argv, struct error *err)
{
        const struct handler handler = { api_answer, &r->api, &r->api.pool };
        int failed = parse_sockets(argc, argv, r, err);

        r->api.config = &r->config;
        r->api.pool.limit = POOL_BYTES;
        r->api.began_boot_ms = clock_boot_ms();
        if (failed >= 0)
                failed = watch_for_the_end(r, err);
        if (failed >= 0)
                failed = read_config(r, err);
        if (failed >= 0)
                failed = open_all(r, err);
        if (failed >= 0)
                failed = lock_in(err);
        if (failed < 0)
                return failed;
        if (is_orphan(&r->api))
                return 0;
        return server_run(r->sockets, (size_t)r->n_sockets, r->stop_fd, &handler, err);
}

int main(int argc, char **argv)
{
        static struct role role;
        struct error err = {};
        int r;

        log_init("memtide-api");
        /* Said once, or glibc raises it to the size of the largest body and then keeps that much for ever. */
        mallopt(M_MMAP_THRESHOLD, 128 << 10);
        /* For lower case beyond ASCII (?q=); no other part of a locale is wanted. */
        setlocale(LC_CTYPE, "C.UTF-8");
        r = run(&role, argc, argv, &err);
        if (r < 0)
                log_error("%s", err.text);
        role_done(&role);
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
