/* Programs that were looked into. */
#include "looked.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"

struct scene s;
struct look look;

void begin(bool in_pools)
{
        a_leak(&s);
        s.c.limit_at_ms = -1;
        s.c.headroom = NULL;
        make_looks(&look, s.c.now_ms, 10 * MINUTE);
        add_type(&look, "flask.app.Flask", 48, OF(1, 1, 1, 1));
        add_type(&look, "function", 160, OF(12000, 12000, 12003, 12003));
        add_container(&look, "html.entities.html5", "dict", OF(2231, 2231, 2231, 2231));
        if (in_pools)
                set_memory(&look, OF(50, 80, 110, 140), OF(2, 2, 2, 2), OF(12, 12, 13, 13));
        else
                set_memory(&look, OF(50, 51, 51, 52), OF(2, 2, 2, 2), OF(20, 50, 80, 110));
        s.c.look = &look;
}

void end(void)
{
        look_done(&look);
}

json_t *suspects_of(void)
{
        struct buffer b = {};
        _cleanup_(freep) char *text = NULL;
        json_t *list;

        diagnosis_suspects(&s.c, &b);
        text = buffer_take(&b, NULL);
        assert_non_null(text);
        assert_null(strpbrk(text, "\n\r"));
        list = json_loads(text, 0, NULL);
        assert_non_null(list);
        return list;
}

void assert_suspects(const char *expected)
{
        json_t *list = suspects_of(), *suspect;
        char names[1000] = "";
        size_t i;

        json_array_foreach(list, i, suspect) strcat(strcat(names, i ? " " : ""), get(suspect, "name"));
        assert_string_equal(names, expected);
        json_decref(list);
}

void flask_dict(void)
{
        begin(true);
        add_container(&look, "shop.cache.ORDERS", "dict", OF(9100, 23000, 38000, 52000));
        add_type(&look, "shop.models.Order", 64, OF(9100, 23000, 38000, 52000));
        add_type(&look, "dict", 232, OF(20000, 34000, 49000, 63000));
}

void flask_dict_of_bytes(void)
{
        begin(false);
        add_container(&look, "shop.cache.BLOBS", "dict", OF(9100, 40000, 71000, 100000));
        add_type(&look, "str", 64, OF(60000, 91000, 122000, 151000));
}

void cache_on_a_method(void)
{
        begin(true);
        add_container(&look, "shop.price.Pricer.total", "functools._lru_cache_wrapper",
                      OF(20000, 110000, 200000, 290000));
        add_type(&look, "tuple", 56, OF(40000, 130000, 220000, 310000));
}

void list_in_background(void)
{
        begin(false);
        add_container(&look, "shop.audit.LINES", "list", OF(700, 1300, 1900, 2500));
}

void ctypes_malloc(void)
{
        begin(false);
        add_library(&look, "_speedups");
        add_library(&look, "ddtrace");
}

void cycles_uncollected(void)
{
        begin(true);
        add_type(&look, "shop.tree.Node", 64, OF(100000, 300000, 500000, 700000));
        add_type(&look, "dict", 232, OF(110000, 310000, 510000, 710000));
        for (int i = 0; i < LOOKS; i++) {
                gc_at(&look, i)->enabled = 0;
                gc_at(&look, i)->counts[0] = 100000 + i * 400000;
        }
}

void csv_read_whole(void)
{
        begin(true);
        a_step(&s);
        s.c.limit_at_ms = -1;
        s.c.headroom = NULL;
        s.c.look = &look;
        look_done(&look);
        make_looks(&look, s.c.now_ms, 10 * MINUTE);
        add_type(&look, "list", 100, OF(900000, 900000, 900000, 900000));
        set_memory(&look, OF(440, 440, 440, 440), OF(10, 10, 10, 10), OF(20, 20, 20, 20));
}

void frames_in_a_list(void)
{
        begin(false);
        add_library(&look, "pandas");
        add_library(&look, "numpy");
        add_container(&look, "shop.reports.FRAMES", "list", OF(20, 60, 90, 120));
        add_type(&look, "pandas.core.frame.DataFrame", 64, OF(20, 60, 90, 120));
        add_type(&look, "numpy.ndarray", 112, OF(200, 240, 270, 300));
        for (int i = 0; i < LOOKS; i++) { /* arrays of 1 MB are mapped each on its own */
                memory_at(&look, i)->large_bytes = memory_at(&look, i)->heap_bytes - 12 * MIB;
                memory_at(&look, i)->heap_bytes = 12 * MIB;
        }
}

void churning_threads(void)
{
        begin(true);
        s.trend.verdict = VERDICT_STABLE;
        s.trend.step_at_ms = -1;
        s.c.kind = FINDING_FRAGMENTATION;
        set_memory(&look, OF(30, 30, 30, 30), OF(2, 2, 2, 2), OF(200, 210, 205, 210));
        for (int i = 0; i < LOOKS; i++) {
                memory_at(&look, i)->arenas = 24;
                memory_at(&look, i)->arena_bytes = 180 * MIB;
                memory_at(&look, i)->heap_bytes = 10 * MIB;
        }
}

void survivors_of_a_peak(void)
{
        begin(true);
        s.trend.verdict = VERDICT_STABLE;
        s.c.kind = FINDING_FRAGMENTATION;
        look_done(&look);
        make_looks(&look, s.c.now_ms, 30 * MINUTE);
        add_type(&look, "dict", 232, OF(600, 600, 600, 600));
        set_memory(&look, OF(12, 12, 12, 12), OF(104, 104, 104, 104), OF(5, 5, 5, 5));
}
