/* Programs that must be told apart, by what looks into their heaps say of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "looked.h"

/* Of all answers so many are not known: whether anything is held, by Python or by native code, can't be told of what does
 * not grow. */
#define UNKNOWN 5

static const struct program {
        const char *name;
        void (*make)(void);
        const char *growing, *holding, *loading, *dataframes, *native, *fragmentation, *gc; /* NULL: any */
        const char *advice, *suspects;
} programs[] = {
        { "a module's dict grows per request", flask_dict, "yes", "yes", "no", "no", "no", NULL, "no",
          "bound-container flask-teardown", "shop.cache.ORDERS shop.models.Order" },
        { "the same, values are bytes", flask_dict_of_bytes, "yes", "yes", "no", "no", "no", NULL, "no",
          "bound-container flask-teardown", "shop.cache.BLOBS" },
        { "functools.cache on a method", cache_on_a_method, "yes", "yes", "no", "no", "no", NULL, "no",
          "bound-container flask-teardown", "shop.price.Pricer.total" },
        { "a background thread appends", list_in_background, "yes", "yes", "no", "no", "no", NULL, "no",
          "bound-container flask-teardown", "shop.audit.LINES" },
        { "ctypes malloc without free", ctypes_malloc, "yes", "no", "no", "no", "yes", NULL, "no", "native-trace",
          "_speedups ddtrace" },
        { "gc.disable() and cycles", cycles_uncollected, "yes", NULL, "no", "no", "no", NULL, "yes", "gc-enable",
          "shop.tree.Node" },
        { "reads a CSV whole", csv_read_whole, "no", "no", "yes", "no", NULL, NULL, "no", "stream child-for-peak", "" },
        { "appends a DataFrame to a list", frames_in_a_list, "yes", "yes", "no", "yes", "no", NULL, "no",
          "bound-container flask-teardown dtypes drop-frames",
          "shop.reports.FRAMES numpy.ndarray pandas.core.frame.DataFrame" },
        { "threads, churn, survivors", churning_threads, "no", "no", "no", "no", "no", "yes", "no", "arena-max trim",
          "" },
        { "a peak of small objects, few survivors", survivors_of_a_peak, "no", "no", "no", "no", "no", "yes", "no",
          "lower-peak", "" },
};

/* What is said must be right; what is not known is no fault. Returns how many are not known. */
static int count_unknown(const char *id, const char *right, const char *name)
{
        json_t *list = list_of(&s, false), *entry;
        int unknown = 0;
        size_t i;

        json_array_foreach(list, i, entry)
        {
                if (!right || strcmp(get(entry, "id"), id) != 0 || strcmp(get(entry, "answer"), right) == 0)
                        continue;
                unknown++;
                if (strcmp(get(entry, "answer"), "unknown") != 0)
                        fail_msg("%s: %s is %s: %s", name, id, get(entry, "answer"), get(entry, "because"));
        }
        json_decref(list);
        return unknown;
}

static void programs_are_told_apart(void **state)
{
        int unknown = 0;

        (void)state;
        for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
                const struct program *p = &programs[i];

                p->make();
                unknown += count_unknown("growing", p->growing, p->name);
                unknown += count_unknown("holding", p->holding, p->name);
                unknown += count_unknown("loading", p->loading, p->name);
                unknown += count_unknown("dataframes", p->dataframes, p->name);
                unknown += count_unknown("native", p->native, p->name);
                unknown += count_unknown("fragmentation", p->fragmentation, p->name);
                unknown += count_unknown("gc", p->gc, p->name);
                assert_advice(&s, p->advice);
                assert_suspects(p->suspects);
                end();
        }
        assert_int_equal(unknown, UNKNOWN);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(programs_are_told_apart),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
