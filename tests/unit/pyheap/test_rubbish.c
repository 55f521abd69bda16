/* All parts over memory that answers random words, many of them pointers into itself: nothing may crash, hang or grow. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "fake_memory.h"
#include "pyheap/census.h"
#include "pyheap/containers.h"
#include "pyheap/gc.h"

#define BASE UINT64_C(0x500000)
#define SIZE (8u << 20)
#define ROUNDS 60

struct rubbish {
        uint64_t state;
        unsigned kept; /* of 16 words so many are pointers into the memory */
};

static uint64_t next(struct rubbish *r)
{
        r->state ^= r->state << 13;
        r->state ^= r->state >> 7;
        r->state ^= r->state << 17;
        return r->state;
}

/* A new answer at every read, even of the same place. */
static ssize_t answer(void *context, void *to, const struct iovec *pieces, size_t n)
{
        struct rubbish *r = context;
        size_t size = 0;

        for (size_t i = 0; i < n; i++)
                size += pieces[i].iov_len;
        for (size_t i = 0; i < size; i += 8) {
                uint64_t word = next(r);

                if (word % 16 < r->kept)
                        word = BASE + (word >> 16) % (SIZE / 256) * 256;
                else if (word % 4 == 0)
                        word = (word >> 32) % 300;
                else if (word % 4 == 1)
                        word = FLAG_READY | FLAG_HEAP | (word >> 20 & 0xffffffff);
                memcpy((char *)to + i, &word, size - i < 8 ? size - i : 8);
        }
        return (ssize_t)size;
}

/* A memory of one thing only: one word everywhere. Every pointer leads to itself, every length is the same. */
static ssize_t answer_one_word(void *context, void *to, const struct iovec *pieces, size_t n)
{
        const struct rubbish *r = context;
        size_t size = 0;

        for (size_t i = 0; i < n; i++)
                size += pieces[i].iov_len;
        for (size_t i = 0; i < size; i += 8)
                memcpy((char *)to + i, &r->state, size - i < 8 ? size - i : 8);
        return (ssize_t)size;
}

static void look_with(remote_read_fn *read, struct rubbish *rubbish, unsigned minor)
{
        struct mapping mapping[] = {
                { .start = BASE, .end = BASE + SIZE, .readable = true, .writable = true, .kind = MAPPING_ANONYMOUS },
                { .start = BASE + SIZE, .end = BASE + 2 * SIZE, .readable = true, .kind = MAPPING_FILE, .path = (char *)"/usr/bin/python" },
        };
        const struct remote_budget budget = { 64 << 20, 200000000, 500000000 };
        struct mappings m = { .v = mapping, .n = 2 };
        struct python found = {}, p = { .layout = *layout_of(minor), .runtime = BASE, .type_type = BASE, .interpreters = { BASE },
                                        .modules = { BASE }, .n_interpreters = 1 };
        struct pools pools = {};
        struct error err = {};
        struct types types;
        struct look look;
        struct remote r;
        bool sampled;
        struct orphans orphans = {};

        look_init(&look);
        remote_init(&r, read, rubbish);
        remote_allow(&r, &budget);
        find_python(&r, &m, &(struct find_options){ .exe = "/usr/bin/python" }, &found, &err);
        assert_int_equal(types_init(&types, &r, &m, &p.layout, p.type_type), 0);
        remote_allow(&r, &budget);
        gc_read(&r, &p, &look.gc, &err);
        remote_allow(&r, &budget);
        assert_int_equal(pools_find(&r, &m, p.layout.pool_size, -1, &pools, &err), 0);
        census_take(&r, &types, &pools, 100000000, &orphans, &sampled, &err);
        remote_allow(&r, &budget);
        assert_true(containers_find(&types, &p, &orphans, 100, &look, &err) >= -ENOENT || err.text[0]);
        pools_done(&pools);
        types_done(&types);
        remote_done(&r);
        look_done(&look);
}

static void random_words_do_no_harm(void **state)
{
        int64_t began_ns = clock_mono_ns();

        (void)state;
        for (unsigned i = 0; i < ROUNDS; i++) {
                struct rubbish r = { .state = 0x9e3779b97f4a7c15 + i, .kept = i % 17 };

                look_with(answer, &r, LAYOUT_OLDEST + i % 9);
        }
        assert_true(clock_mono_ns() - began_ns < ROUNDS * INT64_C(3000000000));
}

static void one_word_everywhere_does_no_harm(void **state)
{
        static const uint64_t words[] = { 0, 1, BASE, BASE + 8, BASE + 256, UINT64_MAX, INT64_MAX, 0x7f, 0x0101010101010101 };

        (void)state;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
                for (unsigned minor = LAYOUT_OLDEST; minor <= LAYOUT_NEWEST; minor++) {
                        struct rubbish r = { .state = words[i] };

                        look_with(answer_one_word, &r, minor);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(random_words_do_no_harm),
                cmocka_unit_test(one_word_everywhere_does_no_harm),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
