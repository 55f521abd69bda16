/* A bearer token kept in a file. */
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
        SECRET_LEAST = 16,
        SECRET_MOST = 4096, /* a request's head has 16 KiB */
};

/* Returns how many bytes were read, at most room; or -errno. */
static ssize_t read_bytes(int fd, char *ret, size_t room)
{
        size_t have = 0;

        while (have < room) {
                ssize_t n = read(fd, ret + have, room - have);

                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        break;
                have += (size_t)n;
        }
        return (ssize_t)have;
}

static bool is_token(const char *text)
{
        size_t body = strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/");

        return body && text[body + strspn(text + body, "=")] == '\0';
}

static int check_token(const char *path, char *text, size_t size, struct error *err)
{
        if (size && text[size - 1] == '\n')
                text[--size] = '\0';
        if (size && text[size - 1] == '\r')
                text[--size] = '\0';
        if (strlen(text) != size || !is_token(text))
                return error_set(err, EINVAL,
                                 "the token in %s has other characters than letters, digits, - . _ ~ + / and = at "
                                 "its end", path);
        if (size < SECRET_LEAST)
                return error_set(err, EINVAL, "the token in %s has %zu characters: %d or more are needed", path, size,
                                 SECRET_LEAST);
        return 0;
}

int secret_load(const char *path, char **ret, struct error *err)
{
        /* Non-blocking: opening a FIFO would wait for a writer. */
        _cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        _cleanup_(secret_freep) char *text = NULL;
        struct stat st;
        ssize_t size;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0)
                return error_set(err, errno, "cannot read the token file %s: %s", path, strerror(errno));
        if (!S_ISREG(st.st_mode))
                return error_set(err, EINVAL, "the token file %s is not a regular file", path);
        if (st.st_mode & 007)
                return error_set(err, EINVAL,
                                 "the token file %s has mode %03o: others may have no access to it (chmod o=)",
                                 path, st.st_mode & 0777);
        text = calloc(1, SECRET_MOST + 4);
        if (!text)
                return error_set(err, ENOMEM, "out of memory reading %s", path);
        size = read_bytes(fd, text, SECRET_MOST + 3);
        if (size < 0)
                return error_set(err, (int)-size, "cannot read the token file %s: %s", path, strerror((int)-size));
        if (size > SECRET_MOST + 2)
                return error_set(err, EINVAL, "the token file %s holds more than %d characters", path, SECRET_MOST);
        if (size == 0)
                return error_set(err, EINVAL, "the token file %s is empty: %d characters or more are needed", path,
                                 SECRET_LEAST);
        r = check_token(path, text, (size_t)size, err);
        if (r < 0)
                return r;
        *ret = take_ptr(text);
        return 0;
}

char *secret_free(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

bool secret_equal(const char *secret, const char *sent, size_t sent_size)
{
        size_t size = strlen(secret);
        volatile unsigned char different = size != sent_size;

        for (size_t i = 0; i < sent_size; i++)
                different |= (unsigned char)(sent[i] ^ secret[size ? i % size : 0]);
        return !different;
}
