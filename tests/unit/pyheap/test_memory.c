#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "fake_memory.h"
#include "pyheap/memory.h"

#define MIB INT64_C(1048576)
#define ARENA_1 UINT64_C(0x7f0004000000) /* 64 MiB boundaries */
#define ARENA_2 UINT64_C(0x7f0008000000)
#define ARENA_3 UINT64_C(0x7f000c000000)

struct scene {
        struct fake_memory memory;
        struct remote remote;
        struct mappings maps;
        struct look_memory split;
};

static void split(struct scene *s, const char *smaps, const struct pools *pools)
{
        struct error err = {};
        FILE *f = fmemopen((void *)smaps, strlen(smaps), "r");

        assert_non_null(f);
        assert_int_equal(mappings_load(f, &s->maps, &err), 0);
        fclose(f);
        remote_init(&s->remote, fake_memory_read, &s->memory);
        remote_allow(&s->remote, &GENEROUS);
        memory_split(&s->maps, pools, &s->remote, -1, &s->split);
}

static void end(struct scene *s)
{
        mappings_done(&s->maps);
        remote_done(&s->remote);
        fake_memory_done(&s->memory);
}

static void put_heap(struct scene *s, uint64_t at, uint64_t arena, uint64_t before, uint64_t size)
{
        fake_memory_map(&s->memory, at, 4096);
        fake_memory_put_bytes(&s->memory, at, &(uint64_t[]){ arena, before, size, size }, 32);
}

static const char of_each_kind[] =
        "00400000-00500000 r-xp 00000000 08:01 12     /usr/bin/python 3\nSize: 1024 kB\nRss:  100 kB\n"
        "00a00000-00b00000 rw-p 00000000 00:00 0      [heap]\nRss:  200 kB\n"
        "7f0000000000-7f0000100000 rw-p 00000000 00:00 0 \nRss:  300 kB\n"
        "7f0000200000-7f0000300000 rw-p 00000000 00:00 0 [anon:cpython]\nRss:  400 kB\n"
        "7f0000400000-7f0000500000 rw-s 00000000 00:01 9 /dev/shm/x\nRss:  500 kB\n"
        "7f0000600000-7f0000700000 rw-s 00000000 00:01 9 \nRss:  600 kB\n"
        "7ffc00000000-7ffc00100000 rw-p 00000000 00:00 0 [stack]\nRss:  50 kB\n"
        "7ffd00000000-7ffd00001000 r-xp 00000000 00:00 0 [vdso]\nRss:  4 kB\n";

static void memory_is_split_by_kind(void **state)
{
        struct pools pools = { .size = 16384, .used_bytes = 100000 };
        struct pool pool[10];
        struct scene s = {};

        (void)state;
        for (unsigned i = 0; i < 10; i++)
                pool[i] = (struct pool){ 0x7f0000000000 + i * 16384, 1, 1 };
        pools.v = pool;
        pools.n = 10;
        split(&s, of_each_kind, &pools);
        assert_int_equal(s.split.python_bytes, 100000);
        assert_int_equal(s.split.python_free_bytes, 163840 - 100000);
        assert_int_equal(s.split.native_bytes, 950 * 1024 - 163840);
        assert_int_equal(s.split.file_bytes, 104 * 1024);
        assert_int_equal(s.split.shmem_bytes, 1100 * 1024);
        assert_int_equal(s.split.heap_bytes, 200 * 1024);
        assert_int_equal(s.split.arena_bytes, 0);
        assert_int_equal(s.split.arenas, 0);
        assert_int_equal(s.split.large_bytes, 0);
        end(&s);
}

static void where_pools_are_not_known_python_is_not_told_apart(void **state)
{
        const struct pools none = { .size = 16384 };
        struct scene s = {};

        (void)state;
        split(&s, of_each_kind, NULL);
        assert_int_equal(s.split.python_bytes, -1);
        assert_int_equal(s.split.native_bytes, -1);
        assert_int_equal(s.split.large_bytes, -1);
        assert_int_equal(s.split.file_bytes, 104 * 1024);
        assert_int_equal(s.split.heap_bytes, 200 * 1024);
        end(&s);
        s = (struct scene){};
        split(&s, of_each_kind, &none); /* another allocator: known that there are none */
        assert_int_equal(s.split.python_bytes, -1);
        assert_int_equal(s.split.native_bytes, -1);
        assert_int_equal(s.split.large_bytes, 0);
        end(&s);
}

/* One arena of two heaps; a second one that the kernel joined with what lies below it; and on a third boundary a pool. */
static void arenas_are_known_by_their_headers(void **state)
{
        struct scene s = {};

        (void)state;
        put_heap(&s, ARENA_1, ARENA_1 + 0x30, 0, 3 * MIB);
        put_heap(&s, ARENA_2, ARENA_1 + 0x30, ARENA_1, 2 * MIB);
        put_heap(&s, ARENA_3, ARENA_3 + 0x20, 0, MIB);
        fake_memory_map(&s.memory, 0x7f0010000000, 4096);
        fake_memory_put_bytes(&s.memory, 0x7f0010000000, &(struct pool_head){ .used = 3, .class = 3, .next_offset = 304,
                                                                              .last_offset = 16384 - 64 }, POOL_HEAD);
        split(&s,
              "7f0004000000-7f0004300000 rw-p 00000000 00:00 0 \nRss: 2048 kB\n"
              "7f0004300000-7f0008000000 ---p 00000000 00:00 0 \nRss: 0 kB\n"
              "7f0008000000-7f0008200000 rw-p 00000000 00:00 0 \nRss: 1024 kB\n"
              "7f000be00000-7f000c100000 rw-p 00000000 00:00 0 \nRss: 2560 kB\n"
              "7f0010000000-7f0010100000 rw-p 00000000 00:00 0 \nRss: 1024 kB\n", NULL);
        assert_int_equal(s.split.arenas, 2);
        assert_int_equal(s.split.arena_bytes, 4 * MIB);
        end(&s);
}

static void headers_that_lie_are_no_arenas(void **state)
{
        struct scene s = {};

        (void)state;
        put_heap(&s, ARENA_1, ARENA_1 + 0x40, 0, 3 * MIB);
        put_heap(&s, ARENA_2, ARENA_1 + 0x30, ARENA_1, 3 * MIB);  /* of no arena */
        put_heap(&s, ARENA_3, ARENA_3 + 0x30, 0, UINT64_MAX);
        split(&s,
              "7f0004000000-7f0004300000 rw-p 00000000 00:00 0 \nRss: 2048 kB\n"
              "7f0008000000-7f0008200000 rw-p 00000000 00:00 0 \nRss: 1024 kB\n"
              "7f000c000000-7f000c100000 rw-p 00000000 00:00 0 \nRss: 1024 kB\n"
              "7f0014000000-7f0014100000 rw-p 00000000 00:00 0 \nRss: 1024 kB\n", NULL);
        assert_int_equal(s.split.arenas, 0);
        assert_int_equal(s.split.arena_bytes, 0);
        end(&s);
}

static void memory_that_may_not_be_read_leaves_arenas_unknown(void **state)
{
        struct scene s = { .memory.answer = -1 }; /* EPERM */

        (void)state;
        split(&s, "7f0004000000-7f0004300000 rw-p 00000000 00:00 0 \nRss: 2048 kB\n", &(struct pools){ .size = 16384 });
        assert_int_equal(s.split.arenas, -1);
        assert_int_equal(s.split.arena_bytes, -1);
        assert_int_equal(s.split.file_bytes, 0);
        end(&s);
}

/* A buffer of 20 MiB above 1 MiB of pools, which the kernel joined; one of 30 MiB, half of it untouched; a thread's stack,
 * hardly used; a mapping full of pools; a hundred small ones. */
static void large_blocks_are_stretches_without_pools(void **state)
{
        struct pool pool[64 + 1024];
        struct pools pools = { .v = pool, .size = 16384 };
        struct scene s = {};

        (void)state;
        for (unsigned i = 0; i < 64; i++)
                pool[pools.n++] = (struct pool){ 0x7f0000100000 + i * 16384, 1, 1 };
        for (unsigned i = 0; i < 1024; i++)
                pool[pools.n++] = (struct pool){ 0x7f0030000000 + i * 16384, 1, 1 };
        split(&s,
              "7f0000100000-7f0001600000 rw-p 00000000 00:00 0 \nRss: 21504 kB\n"
              "7f0010000000-7f0011e00000 rw-p 00000000 00:00 0 \nRss: 15360 kB\n"
              "7f0020000000-7f0020800000 rw-p 00000000 00:00 0 \nRss: 64 kB\n"
              "7f0030000000-7f0031000000 rw-p 00000000 00:00 0 \nRss: 16384 kB\n"
              "7f0040000000-7f0040700000 rw-p 00000000 00:00 0 \nRss: 7168 kB\n"
              "7f0050000000-7f0052000000 rw-s 00000000 00:01 9 \nRss: 32768 kB\n", &pools);
        assert_int_equal(s.split.large_bytes, 35 * MIB);
        end(&s);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(memory_is_split_by_kind),
                cmocka_unit_test(where_pools_are_not_known_python_is_not_told_apart),
                cmocka_unit_test(arenas_are_known_by_their_headers),
                cmocka_unit_test(headers_that_lie_are_no_arenas),
                cmocka_unit_test(memory_that_may_not_be_read_leaves_arenas_unknown),
                cmocka_unit_test(large_blocks_are_stretches_without_pools),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
