#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "fake_memory.h"
#include "pyheap/census.h"

#define TYPES UINT64_C(0x200000)   /* type, and behind it a class of the test's */
#define POOLS UINT64_C(0x7f0000000000)
#define POOL 16384
#define BLOCK 64

static void put_type(struct fake_memory *m, uint64_t at, const char *name, uint64_t flags)
{
        fake_memory_put(m, at, 1);
        fake_memory_put(m, at + OBJECT_TYPE, TYPES);
        fake_memory_put(m, at + TYPE_NAME, at + 1024);
        fake_memory_put(m, at + TYPE_BASICSIZE, 32);
        fake_memory_put(m, at + TYPE_FLAGS, flags | FLAG_READY);
        fake_memory_put_bytes(m, at + 1024, name, strlen(name) + 1);
}

/* A pool with room for n objects touched, every third block free again. Returns how many objects it holds. */
static unsigned put_pool(struct fake_memory *m, uint64_t at, unsigned n, uint64_t type)
{
        struct pool_head head = { .class = BLOCK / 16 - 1, .next_offset = POOL_HEAD + n * BLOCK, .last_offset = POOL - BLOCK };

        for (unsigned i = 0; i < n; i++) {
                uint64_t block = at + POOL_HEAD + i * BLOCK;

                if (i % 3 == 2) {
                        fake_memory_put(m, block, head.free);
                        fake_memory_put(m, block + 24, type); /* what is left of it */
                        fake_memory_put(m, block + 16, 1);
                        head.free = block;
                        continue;
                }
                fake_memory_put(m, block, i % 2 ? POOLS : 0); /* the collector's link: tracked or not */
                fake_memory_put(m, block + 16, 1);
                fake_memory_put(m, block + 24, type);
                head.used++;
        }
        fake_memory_put_bytes(m, at, &head, sizeof head);
        return head.used;
}

struct scene {
        struct fake_memory memory;
        struct remote remote;
        struct mappings mappings;
        struct types types;
        struct pools pools;
};

static void begin(struct scene *s, unsigned pools)
{
        *s = (struct scene){};
        fake_memory_map(&s->memory, TYPES, 8192);
        fake_memory_map(&s->memory, POOLS, pools * POOL);
        put_type(&s->memory, TYPES, "type", FLAG_TYPE | FLAG_GC);
        put_type(&s->memory, TYPES + 4096, "shop.Order", FLAG_GC);
        remote_init(&s->remote, fake_memory_read, &s->memory);
        remote_allow(&s->remote, &GENEROUS);
        s->mappings = fake_memory_mappings(&s->memory);
        assert_int_equal(types_init(&s->types, &s->remote, &s->mappings, layout_of(11), TYPES), 0);
}

static void end(struct scene *s)
{
        pools_done(&s->pools);
        types_done(&s->types);
        mappings_done(&s->mappings);
        remote_done(&s->remote);
        fake_memory_done(&s->memory);
}

static void objects_are_counted_and_free_blocks_are_not(void **state)
{
        struct scene s;
        struct error err = {};
        bool sampled = true;
        struct orphans orphans = {};
        unsigned n;

        (void)state;
        begin(&s, 4);
        n = put_pool(&s.memory, POOLS + POOL, 250, TYPES + 4096);
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, -1, &s.pools, &err), 0);
        assert_int_equal(s.pools.n, 1);
        assert_int_equal(s.pools.used_bytes, n * BLOCK);
        assert_true(pools_hold(&s.pools, POOLS + POOL + 100));
        assert_false(pools_hold(&s.pools, POOLS + 2 * POOL));
        assert_int_equal(census_take(&s.remote, &s.types, &s.pools, 1000000000, &orphans, &sampled, &err), 0);
        assert_false(sampled);
        assert_int_equal(s.types.n, 1);
        assert_string_equal(s.types.all[0]->name, "shop.Order");
        assert_int_equal(s.types.all[0]->objects, n);
        assert_int_equal(s.types.all[0]->tracked, 84);
        assert_int_equal(s.types.all[0]->bytes, n * BLOCK);
        end(&s);
}

static void a_share_of_the_pools_is_scaled(void **state)
{
        struct error err = {};
        bool sampled = false;
        struct orphans orphans = {};
        struct scene s;
        unsigned n = 0;

        (void)state;
        begin(&s, 1000);
        for (unsigned i = 0; i < 1000; i++)
                n += put_pool(&s.memory, POOLS + i * POOL, 200 + i % 50, TYPES + 4096);
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, -1, &s.pools, &err), 0);
        assert_int_equal(s.pools.n, 1000);
        assert_int_equal(census_take(&s.remote, &s.types, &s.pools, 1000000, &orphans, &sampled, &err), 0);
        assert_true(sampled);
        assert_in_range(s.types.all[0]->objects + 1, n * 0.999, n * 1.001 + 2); /* all blocks alike: exact but for rounding */
        end(&s);
}

/* Read to the end for want of budget: what was read of each block size tells of the rest of it. One block of another size, in
 * which the class is seen by chance, is no reason to take its objects for so many times more. */
static void cut_short_a_type_is_scaled_by_its_own_block_size(void **state)
{
        struct error err = {};
        bool sampled = false;
        struct orphans orphans = {};
        struct scene s;
        unsigned n = 0;

        (void)state;
        begin(&s, 200);
        for (unsigned i = 0; i < 100; i++)
                n += put_pool(&s.memory, POOLS + i * POOL, 250, TYPES + 4096);
        for (unsigned i = 100; i < 200; i++) {
                const struct pool_head head = { .used = 10, .class = 128 / 16 - 1, .next_offset = POOL_HEAD + 10 * 128,
                                                .last_offset = POOL - 128 };

                fake_memory_put_bytes(&s.memory, POOLS + i * POOL, &head, sizeof head);
        }
        fake_memory_put(&s.memory, POOLS + 101 * POOL + POOL_HEAD + 16, 1);
        fake_memory_put(&s.memory, POOLS + 101 * POOL + POOL_HEAD + 24, TYPES + 4096);
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, -1, &s.pools, &err), 0);
        s.remote.bytes_left = 130 * POOL;
        assert_int_equal(census_take(&s.remote, &s.types, &s.pools, 1000000000, &orphans, &sampled, &err), 0);
        assert_true(sampled);
        assert_int_equal(s.types.all[0]->objects, n + 1);
        end(&s);
}

static void a_free_list_in_a_ring_ends(void **state)
{
        struct error err = {};
        struct scene s;
        bool sampled;
        struct orphans orphans = {};

        (void)state;
        begin(&s, 1);
        put_pool(&s.memory, POOLS, 250, TYPES + 4096);
        fake_memory_put(&s.memory, POOLS + POOL_HEAD + 2 * BLOCK, POOLS + POOL_HEAD + 5 * BLOCK);
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, -1, &s.pools, &err), 0);
        assert_int_equal(census_take(&s.remote, &s.types, &s.pools, 1000000000, &orphans, &sampled, &err), 0);
        fake_memory_put(&s.memory, POOLS + 8, POOLS + 3); /* and one that leaves the blocks */
        assert_int_equal(census_take(&s.remote, &s.types, &s.pools, 1000000000, &orphans, &sampled, &err), 0);
        end(&s);
}

/* Four pools, the second one's page never touched, the third's swapped out. */
static void pages_never_touched_are_not_read(void **state)
{
        const uint64_t present = UINT64_C(1) << 63, swapped = UINT64_C(1) << 62;
        _cleanup_(fclosep) FILE *pagemap = tmpfile();
        struct error err = {};
        struct scene s;

        (void)state;
        assert_non_null(pagemap);
        begin(&s, 4);
        for (unsigned i = 0; i < 4; i++) {
                uint64_t page = (POOLS + i * POOL) / 4096;

                put_pool(&s.memory, POOLS + i * POOL, 10, TYPES + 4096);
                for (unsigned k = 0; k < 4; k++)
                        assert_int_equal(pwrite(fileno(pagemap), &(uint64_t){ i == 1 ? 0 : i == 2 ? swapped : present }, 8,
                                                (off_t)(page + k) * 8), 8);
        }
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, fileno(pagemap), &s.pools, &err), 0);
        assert_int_equal(s.pools.n, 3);
        assert_true(pools_hold(&s.pools, POOLS + 2 * POOL));
        assert_false(pools_hold(&s.pools, POOLS + POOL));
        end(&s);
}

static void without_pools_it_says_so(void **state)
{
        struct error err = {};
        struct scene s;
        bool sampled;
        struct orphans orphans = {};

        (void)state;
        begin(&s, 1);
        assert_int_equal(pools_find(&s.remote, &s.mappings, POOL, -1, &s.pools, &err), 0);
        assert_true(census_take(&s.remote, &s.types, &s.pools, 1000000000, &orphans, &sampled, &err) < 0);
        assert_non_null(strstr(err.text, "another allocator"));
        end(&s);
}

static void heads_that_can_t_be_are_refused(void **state)
{
        const struct pool_head good = { .used = 3, .class = 3, .next_offset = 48 + 64 * 4, .last_offset = POOL - 64 };
        struct pool_head head;

        (void)state;
        assert_true(pool_head_holds(&good, POOL));
        assert_false(pool_head_holds(&good, 4096));
        head = good, head.class = 32;
        assert_false(pool_head_holds(&head, POOL));
        head = good, head.class = UINT32_MAX;
        assert_false(pool_head_holds(&head, POOL));
        head = good, head.used = 256;
        assert_false(pool_head_holds(&head, POOL));
        head = good, head.next_offset = 47;
        assert_false(pool_head_holds(&head, POOL));
        head = good, head.arena = UINT32_MAX;
        assert_false(pool_head_holds(&head, POOL));
        assert_false(pool_head_holds(&(struct pool_head){}, POOL));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(objects_are_counted_and_free_blocks_are_not),
                cmocka_unit_test(a_share_of_the_pools_is_scaled),
                cmocka_unit_test(cut_short_a_type_is_scaled_by_its_own_block_size),
                cmocka_unit_test(a_free_list_in_a_ring_ends),
                cmocka_unit_test(pages_never_touched_are_not_read),
                cmocka_unit_test(without_pools_it_says_so),
                cmocka_unit_test(heads_that_can_t_be_are_refused),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
