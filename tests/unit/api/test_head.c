/* Request heads: what passes, what is refused, and with which status. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "api/head.h"

static char bytes[HEAD_MAX * 2];

/* 0: it passes; else the status it is refused with; -1: more is needed. */
static int judge(const char *text, struct head *ret)
{
        struct head_problem bad = {};
        size_t scanned = 0, size = strlen(text);

        memcpy(bytes, text, size + 1);
        switch (head_scan(bytes, size, &scanned, &bad)) {
        case HEAD_MORE:
                return -1;
        case HEAD_WRONG:
                return bad.status;
        case HEAD_WHOLE:
                break;
        }
        return head_parse(bytes, scanned, ret, &bad) ? 0 : bad.status;
}

static void a_plain_request_is_taken_apart(void **state)
{
        struct head h;

        (void)state;
        assert_int_equal(judge("GET /processes?q=a&b HTTP/1.1\r\nHost: localhost:9733\r\nAccept:  text/plain \r\n"
                               "authorization: Bearer x\r\n\r\n", &h), 0);
        assert_int_equal(h.method, METHOD_GET);
        assert_string_equal(h.path, "/processes");
        assert_string_equal(h.query, "q=a&b");
        assert_string_equal(h.host, "localhost:9733");
        assert_string_equal(h.accept, "text/plain");
        assert_string_equal(h.authorization, "Bearer x");
        assert_true(h.keep_alive);
        assert_false(h.body);
}

static void it_may_come_byte_by_byte(void **state)
{
        static const char text[] = "GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next";
        struct head_problem bad;
        size_t scanned = 0, size = 1;

        (void)state;
        while (head_scan(text, size, &scanned, &bad) == HEAD_MORE)
                size++;
        assert_int_equal(scanned, strlen(text) - strlen("GET /next"));
}

static void a_target_with_a_host_in_it_counts(void **state)
{
        struct head h;

        (void)state;
        assert_int_equal(judge("GET http://evil.example/a?b HTTP/1.1\r\nHost: localhost\r\n\r\n", &h), 0);
        assert_string_equal(h.host, "evil.example");
        assert_string_equal(h.path, "/a");
        assert_string_equal(h.query, "b");
        assert_int_equal(judge("GET http://h HTTP/1.1\r\nHost: localhost\r\n\r\n", &h), 0);
        assert_string_equal(h.path, "/");
        assert_int_equal(judge("GET http://user@h/ HTTP/1.1\r\nHost: h\r\n\r\n", &h), 400);
        assert_int_equal(judge("GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n", &h), 400);
}

static void rubbish_is_refused(void **state)
{
        static const struct {
                int status;
                const char *text;
        } cases[] = {
                { 400, "\x16\x03\x01\x02" },
                { 400, "GET / HTTP/1.1\nHost: a\n\n" },
                { 400, "GET / HTTP/1.1\r\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\x01\r\n\r\n" },
                { 400, "GET /\r\nHost: a\r\n\r\n" },
                { 400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n" },
                { 400, "GET / HTTP/1.1 x\r\nHost: a\r\n\r\n" },
                { 400, "G(T / HTTP/1.1\r\nHost: a\r\n\r\n" },
                { 400, "GET x HTTP/1.1\r\nHost: a\r\n\r\n" },
                { 400, "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n" },
                { 400, "GET / HTTP/x\r\nHost: a\r\n\r\n" },
                { 505, "GET / HTTP/2.0\r\nHost: a\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\n folded: x\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\nnocolon\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n" },
                { 400, "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n" },
                { 400, "\r\n\r\n" },
        };
        struct head h;

        (void)state;
        for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
                if (judge(cases[i].text, &h) != cases[i].status)
                        fail_msg("%d instead of %d: %s", judge(cases[i].text, &h), cases[i].status, cases[i].text);
}

static void what_is_too_long_is_refused_before_it_ends(void **state)
{
        static char text[HEAD_MAX + 100];
        struct head h;

        (void)state;
        memset(text, 'a', HEAD_LINE_MAX + 1);
        memcpy(text, "GET /", 5);
        assert_int_equal(judge(text, &h), 414);
        strcat(text, " HTTP/1.1\r\nHost: a\r\n\r\n");
        assert_int_equal(judge(text, &h), 414);
        memset(text, 'a', HEAD_MAX);
        memcpy(text, "GET / HTTP/1.1\r\nX: ", 19);
        assert_int_equal(judge(text, &h), 431);
        strcpy(text, "GET / HTTP/1.1\r\n");
        for (int i = 0; i < 101; i++)
                strcat(text, "X: 1\r\n");
        strcat(text, "\r\n");
        assert_int_equal(judge(text, &h), 431);
}

static void connections_are_kept_as_the_version_says(void **state)
{
        struct head h;

        (void)state;
        assert_int_equal(judge("GET / HTTP/1.0\r\n\r\n", &h), 0);
        assert_false(h.keep_alive);
        assert_null(h.host);
        assert_int_equal(judge("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &h), 0);
        assert_true(h.keep_alive);
        assert_int_equal(judge("GET / HTTP/1.1\r\nHost: a\r\nConnection: TE, close\r\n\r\n", &h), 0);
        assert_false(h.keep_alive);
        assert_int_equal(judge("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n", &h), 0);
        assert_int_equal(h.method, METHOD_OTHER);
        assert_true(h.body);
        assert_int_equal(judge("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n", &h), 0);
        assert_false(h.body);
}

static void only_our_names_are_allowed_as_host(void **state)
{
        static const char *const ours[] = {
                "localhost", "LOCALHOST:9733", "localhost.", "a.localhost", "127.0.0.1", "127.0.0.1:80", 
                "192.168.1.5:9733", "[::1]", "[fe80::1]:9733", "memory.example", "box:1",
        };
        static const char *const foreign[] = {
                "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "localhost:x",
                "localhost:123456", "[::1", "::1", "1", "0x7f.1", "notlocalhost", "[127.0.0.1]", ":80", "[]",
        };
        char *names[] = { (char *)"memory.example.", (char *)"Box" };

        (void)state;
        for (size_t i = 0; i < sizeof ours / sizeof *ours; i++)
                if (!head_host_allowed(ours[i], names, 2))
                        fail_msg("refused: %s", ours[i]);
        for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
                if (head_host_allowed(foreign[i], names, 2))
                        fail_msg("allowed: %s", foreign[i]);
}

static void text_is_sent_to_those_who_want_it_more(void **state)
{
        (void)state;
        assert_false(head_prefers_text(NULL));
        assert_false(head_prefers_text("*/*"));
        assert_false(head_prefers_text("application/json, text/plain"));
        assert_false(head_prefers_text("application/json;q=0.9, text/plain;q=0.5"));
        assert_false(head_prefers_text("text/plain;q=0"));
        assert_false(head_prefers_text("text/html,application/xhtml+xml,*/*;q=0.8"));
        assert_false(head_prefers_text("text/plain;q=1e999999, application/json"));
        assert_true(head_prefers_text("text/plain"));
        assert_true(head_prefers_text("Text/Plain; charset=utf-8"));
        assert_true(head_prefers_text("text/plain, */*"));
        assert_true(head_prefers_text("text/*"));
        assert_true(head_prefers_text("application/json;q=0.2, text/plain;q=0.5"));
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(a_plain_request_is_taken_apart),
                cmocka_unit_test(it_may_come_byte_by_byte),
                cmocka_unit_test(a_target_with_a_host_in_it_counts),
                cmocka_unit_test(rubbish_is_refused),
                cmocka_unit_test(what_is_too_long_is_refused_before_it_ends),
                cmocka_unit_test(connections_are_kept_as_the_version_says),
                cmocka_unit_test(only_our_names_are_allowed_as_host),
                cmocka_unit_test(text_is_sent_to_those_who_want_it_more),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
