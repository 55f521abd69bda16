/* What a finding advises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "scene.h"

static void advice_fits_the_framework(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        assert_advice(&s, "before-limit profile let-me-look");
        assert_says(&s, "before-limit", "do",
                    "Restart shop.service before 23 Nov 02:30 UTC, at a quiet hour, or raise memory.max of "
                    "shop.service from 1.00 GiB.");
        assert_says(&s, "profile", "do", "`memray attach 4242` for 10 min");
        assert_says(&s, "profile", "why", "explains the 262 MiB");
        s.c.framework = "gunicorn";
        assert_advice(&s, "before-limit gunicorn-recycle profile let-me-look");
        assert_says(&s, "gunicorn-recycle", "why", "about 46.0 MiB");
        s.args[2] = (char *)"--max-requests=1000";
        assert_advice(&s, "before-limit profile let-me-look");
        s.args[2] = (char *)"--max-requests-jitter";
        s.c.framework = "celery";
        assert_advice(&s, "before-limit celery-recycle profile let-me-look");
        assert_says(&s, "celery-recycle", "do",
                    "`worker_max_memory_per_child = 512000` (in KiB: its peak so far, 500 MiB)");
        s.c.framework = "uwsgi";
        assert_advice(&s, "before-limit uwsgi-recycle profile let-me-look");
        assert_says(&s, "uwsgi-recycle", "do", "`reload-on-rss = 500`");
        s.c.now.peak_rss_bytes = -1; /* what can't be filled in is left out */
        assert_advice(&s, "before-limit profile let-me-look");
        generations(&s); /* they are recycled already */
        assert_advice(&s, "before-limit profile let-me-look");
        assert_says(&s, "profile", "do", "`memray attach PID` to one of its processes");
        s.c.framework = s.c.python = NULL; /* whether it is Python at all is not known */
        assert_advice(&s, "before-limit");
        a_leak(&s);
        s.c.framework = "gunicorn";
        s.c.limit_at_ms = -1;
        s.c.process_name = "pypy3"; /* neither tracemalloc nor memray */
        assert_advice(&s, "gunicorn-recycle");
        s.c.process_name = "python";
        s.c.python = "2.7";
        assert_advice(&s, "gunicorn-recycle");
}

static void a_step_is_streamed_or_done_in_a_child(void **state)
{
        struct scene s;

        (void)state;
        a_step(&s);
        s.c.limit_at_ms = -1;
        assert_advice(&s, "stream child-for-peak let-me-look");
        assert_says(&s, "stream", "why", "It took 400 MiB at 16:40 UTC while reading 100 MiB");
        assert_says(&s, "child-for-peak", "do", "`ProcessPoolExecutor(max_tasks_per_child=1)`");
        assert_says(&s, "child-for-peak", "why", "here 400 MiB of 400 MiB stayed");
        s.c.python = "3.9";
        assert_says(&s, "child-for-peak", "do", "`multiprocessing.Pool(maxtasksperchild=1)`");
        s.trend.to_bytes = 339 * MIB; /* less than 60 % stayed */
        assert_advice(&s, "stream let-me-look");
        s.c.after_ms = 0;
        assert_advice(&s, "profile let-me-look");
        assert_says(&s, "profile", "why", "explains the 400 MiB");
}

static void where_there_is_too_little_data_one_waits(void **state)
{
        struct scene s;

        (void)state;
        a_leak(&s);
        s.c.kind = FINDING_LIMIT;
        s.c.limit_at_ms = -1;
        s.trend.verdict = VERDICT_INSUFFICIENT_DATA;
        s.trend.ready_at_ms = s.c.now_ms + 30 * MINUTE;
        assert_advice(&s, "let-me-look wait");
        assert_says(&s, "wait", "why", "6 h 40 min of data is too little; there will be an answer at about 18:10 UTC.");
}

static void no_more_than_five_pieces_are_given(void **state)
{
        struct scene s;
        json_t *list;

        (void)state;
        a_step(&s);
        s.c.framework = "flask";
        s.c.limit_at_ms = s.c.now_ms + HOUR;
        s.c.now.threads = 100;
        s.c.now.fds = 1000;
        assert_advice(&s, "before-limit flask-teardown stream child-for-peak join-threads");
        list = list_of(&s, true);
        assert_int_equal(json_array_size(list), 5);
        json_decref(list);
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(advice_fits_the_framework),
                cmocka_unit_test(a_step_is_streamed_or_done_in_a_child),
                cmocka_unit_test(where_there_is_too_little_data_one_waits),
                cmocka_unit_test(no_more_than_five_pieces_are_given),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
