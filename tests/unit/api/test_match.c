/* ?q=: case does not count, neither in ASCII nor beyond. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <locale.h>
#include <string.h>

#include "api/match.h"

static bool matches(const char *text, const char *q)
{
        struct buffer needle = {}, scratch = {};
        bool found;

        match_fold(q, strlen(q), &needle);
        found = match_text(text, strlen(text), &needle, &scratch);
        buffer_done(&needle);
        buffer_done(&scratch);
        return found;
}

static void case_does_not_count(void **state)
{
        (void)state;
        assert_true(matches("python3 -m Flask run", "FLASK RUN"));
        assert_true(matches("Straßenbahn ÄÖÜ", "äöü"));
        assert_true(matches("привет", "ПРИВЕТ"));
        assert_true(matches("anything", ""));
        assert_true(matches("", ""));
        assert_false(matches("", "x"));
        assert_false(matches("gunicorn", "unicorns"));
}

int main(void)
{
        const struct CMUnitTest tests[] = { cmocka_unit_test(case_does_not_count) };

        setlocale(LC_CTYPE, "C.UTF-8");
        return cmocka_run_group_tests(tests, NULL, NULL);
}
