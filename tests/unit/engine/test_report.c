/* What the sampler tells arrives whole, and nothing that it could say breaks the engine. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "model/look_bytes.h"
#include "model/report.h"

static const struct process_id some_id = { .pid = 4242, .start_ticks = 1833921, .boot = 0xb3f2c1d0 };

static void add_some_identity(struct buffer *to, size_t n_args)
{
        char *args[] = { (char *)"python3", (char *)"", (char *)"-m", (char *)"flask" };
        const struct identity who = {
                .name = (char *)"python3", .args = args, .n_args = n_args, .ppid = 1, .uid = 33, .application = (char *)"shop",
                .framework = (char *)"flask", .limit_bytes = BYTES_UNKNOWN, .started_at_ms = 1000, .forked = true,
        };

        report_add_identity(to, REPORT_APPEARED, 7, &some_id, &who);
}

static void identity_arrives_whole(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        struct report got;
        struct error err = {};

        (void)state;
        add_some_identity(&b, 4);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        assert_int_equal(got.kind, REPORT_APPEARED);
        assert_int_equal(got.seat, 7);
        assert_true(process_id_equal(&got.id, &some_id));
        assert_int_equal(got.identity.n_args, 4);
        assert_string_equal(got.identity.args[1], "");
        assert_string_equal(got.identity.args[3], "flask");
        assert_string_equal(got.identity.framework, "flask");
        assert_null(got.identity.unit);
        assert_true(got.identity.forked);
        assert_int_equal(got.identity.limit_bytes, BYTES_UNKNOWN);
        identity_done(&got.identity);
}

static void an_incomplete_frame_waits_for_more(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        struct report got;
        struct report_tick tick;
        struct error err = {};

        (void)state;
        add_some_identity(&b, 4);
        for (size_t size = 0; size < b.size; size++) {
                assert_int_equal(report_parse(b.data, size, &got, &err), 0);
                assert_int_equal(report_find_tick(b.data, size, &tick, &err), 0);
        }
        assert_int_equal(report_find_tick(b.data, b.size, &tick, &err), 0);
}

static void a_round_ends_with_its_tick(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        const struct report_change changes[2] = { { 0, 10, 3 }, { 7, UINT32_MAX, 0 } };
        const struct report_tick tick = { .wall_ms = 99, .n_changes = 2 };
        struct report_tick found = {};
        struct report got;
        struct error err = {};
        size_t whole;

        (void)state;
        add_some_identity(&b, 0);
        report_add_gone(&b, 3, GONE_NOT_PYTHON);
        report_add_tick(&b, &tick, changes);
        whole = b.size;
        add_some_identity(&b, 1); /* of the next round */
        assert_int_equal(report_find_tick(b.data, b.size, &found, &err), whole);
        assert_int_equal(found.wall_ms, 99);
        for (size_t at = 0; at < whole;) {
                int64_t n = report_parse(b.data + at, whole - at, &got, &err);

                assert_true(n > 0);
                at += (size_t)n;
                identity_done(&got.identity);
        }
        assert_int_equal(got.kind, REPORT_TICK);
        assert_memory_equal(got.changes, changes, sizeof changes);
}

static const struct headroom near = {
        .kind = LIMIT_CGROUP_MAX, .limit_bytes = 1 << 30, .used_bytes = 700, .room_bytes = (1 << 30) - 700,
        .shared_by = 99, .oom_kills = 2, .place = "/system.slice/shop.service",
};

static void headroom_and_exact_figures_arrive_whole(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        const struct report_exact exact = { 4096, 1024, 0 }, unread = { -1, -1, -1 };
        const struct headroom unknown = HEADROOM_UNKNOWN;
        struct report got;
        struct error err = {};

        (void)state;
        report_add_headroom(&b, 7, &near);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        assert_int_equal(got.kind, REPORT_HEADROOM);
        assert_int_equal(got.seat, 7);
        assert_int_equal(got.headroom.kind, LIMIT_CGROUP_MAX);
        assert_int_equal(got.headroom.limit_bytes, 1 << 30);
        assert_int_equal(got.headroom.used_bytes, 700);
        assert_int_equal(got.headroom.room_bytes, (1 << 30) - 700);
        assert_int_equal(got.headroom.shared_by, 99);
        assert_int_equal(got.headroom.oom_kills, 2);
        assert_string_equal(got.headroom.place, "/system.slice/shop.service");
        buffer_clear(&b);
        report_add_headroom(&b, 7, &unknown);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        assert_int_equal(got.headroom.kind, LIMIT_NONE);
        buffer_clear(&b);
        report_add_exact(&b, 8, &exact);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        assert_int_equal(got.kind, REPORT_EXACT);
        assert_int_equal(got.seat, 8);
        assert_memory_equal(&got.exact, &exact, sizeof exact);
        buffer_clear(&b);
        report_add_exact(&b, 8, &unread);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        assert_int_equal(got.exact.anon_bytes, -1);
}

static void a_look_arrives_whole(void **state)
{
        _cleanup_(buffer_done) struct buffer b = {};
        _cleanup_(freep) char *most = calloc(1, LOOK_BYTES_MOST + 1);
        struct report got;
        struct error err = {};

        (void)state;
        assert_non_null(most);
        report_add_look(&b, 9, &(struct report_look){ 41200, "any bytes", 9 });
        report_add_look(&b, 10, &(struct report_look){ 0, NULL, 0 });
        assert_int_equal(report_parse(b.data, b.size, &got, &err), sizeof(struct report_frame) + 8 + 8 + 9);
        assert_int_equal(got.kind, REPORT_LOOK);
        assert_int_equal(got.seat, 9);
        assert_int_equal(got.look.cpu_us, 41200);
        assert_int_equal(got.look.size, 9);
        assert_memory_equal(got.look.bytes, "any bytes", 9);
        buffer_clear(&b);
        report_add_look(&b, 9, &(struct report_look){ 1, most, LOOK_BYTES_MOST });
        assert_int_equal(report_parse(b.data, b.size, &got, &err), b.size);
        buffer_clear(&b);
        report_add_look(&b, 9, &(struct report_look){ 1, most, LOOK_BYTES_MOST + 1 });
        assert_int_equal(report_parse(b.data, b.size, &got, &err), -EBADMSG);
        buffer_clear(&b);
        report_add_look(&b, 9, &(struct report_look){ -1, most, 1 });
        assert_int_equal(report_parse(b.data, b.size, &got, &err), -EBADMSG);
}

static void assert_headroom_refused(struct headroom h, const char *place)
{
        _cleanup_(buffer_done) struct buffer b = {};
        struct report got;
        struct error err = {};

        report_add_headroom(&b, 7, &h);
        if (place) /* the writer would end it */
                memcpy(b.data + b.size - sizeof h + offsetof(struct headroom, place), place, HEADROOM_PLACE_SIZE);
        assert_int_equal(report_parse(b.data, b.size, &got, &err), -EBADMSG);
}

static void headroom_that_cannot_be_is_refused(void **state)
{
        char endless[HEADROOM_PLACE_SIZE];
        struct headroom h;

        (void)state;
        memset(endless, 'x', sizeof endless);
        assert_headroom_refused(near, endless);
        h = near;
        h.kind = LIMIT_KINDS;
        assert_headroom_refused(h, NULL);
        h.kind = (enum limit_kind)-1;
        assert_headroom_refused(h, NULL);
        h = near;
        h.limit_bytes = -1;
        assert_headroom_refused(h, NULL);
        h = near;
        h.used_bytes = INT64_MIN;
        assert_headroom_refused(h, NULL);
        h = near;
        h.room_bytes = -1;
        assert_headroom_refused(h, NULL);
        h = near;
        h.oom_kills = -2;
        assert_headroom_refused(h, NULL);
        h = HEADROOM_UNKNOWN;
        h.room_bytes = -2;
        assert_headroom_refused(h, NULL);
}

static void exact_figures_that_cannot_be_are_refused(void **state)
{
        static const struct report_exact lies[] = { { -2, 0, 0 }, { 0, -2, 0 }, { 0, 0, INT64_MIN } };

        (void)state;
        for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
                _cleanup_(buffer_done) struct buffer b = {};
                struct report got;
                struct error err = {};

                report_add_exact(&b, 7, &lies[i]);
                assert_int_equal(report_parse(b.data, b.size, &got, &err), -EBADMSG);
        }
}

/* A frame of the right kind with a byte too few or too many. */
static void frames_of_another_size_are_refused(void **state)
{
        const struct report_exact exact = { 1, 1, 1 };

        (void)state;
        for (int more = -1; more <= 1; more += 2)
                for (int kind = 0; kind < 2; kind++) {
                        _cleanup_(buffer_done) struct buffer b = {};
                        struct report_frame frame;
                        struct report got;
                        struct error err = {};

                        if (kind == 0)
                                report_add_headroom(&b, 7, &near);
                        else
                                report_add_exact(&b, 7, &exact);
                        buffer_add_char(&b, '\0');
                        memcpy(&frame, b.data, sizeof frame);
                        frame.size += (uint32_t)more;
                        memcpy(b.data, &frame, sizeof frame);
                        assert_int_equal(report_parse(b.data, sizeof frame + frame.size, &got, &err), -EBADMSG);
                }
}

/* Every byte of a good round turned into every other kind of byte: refused or read, never a crash (ASan looks on). */
static void a_lying_sampler_breaks_nothing(void **state)
{
        static const unsigned char lies[] = { 0, 1, 0x7f, 0x80, 0xff };
        _cleanup_(buffer_done) struct buffer b = {};
        const struct report_change change = { 0, 10, 3 };
        const struct report_tick tick = { .n_changes = 1 };
        const struct detail detail = DETAIL_UNKNOWN;
        const struct report_exact exact = { 1, 1, 1 };

        (void)state;
        add_some_identity(&b, 3);
        report_add_detail(&b, 7, &detail);
        report_add_headroom(&b, 7, &near);
        report_add_exact(&b, 7, &exact);
        report_add_look(&b, 7, &(struct report_look){ 5, "bytes", 5 });
        report_add_gone(&b, 7, GONE_EXITED);
        report_add_tick(&b, &tick, &change);
        for (size_t i = 0; i < b.size; i++)
                for (size_t k = 0; k < sizeof lies; k++) {
                        _cleanup_(freep) char *copy = malloc(b.size);
                        struct report_tick found;
                        size_t at = 0;
                        int64_t n;

                        memcpy(copy, b.data, b.size);
                        copy[i] = (char)lies[k];
                        report_find_tick(copy, b.size, &found, NULL);
                        do {
                                struct report got;

                                n = report_parse(copy + at, b.size - at, &got, NULL);
                                if (n > 0)
                                        identity_done(&got.identity);
                                at += n > 0 ? (size_t)n : 0;
                        } while (n > 0 && at < b.size);
                }
}

int main(void)
{
        const struct CMUnitTest tests[] = {
                cmocka_unit_test(identity_arrives_whole),
                cmocka_unit_test(an_incomplete_frame_waits_for_more),
                cmocka_unit_test(a_round_ends_with_its_tick),
                cmocka_unit_test(headroom_and_exact_figures_arrive_whole),
                cmocka_unit_test(a_look_arrives_whole),
                cmocka_unit_test(headroom_that_cannot_be_is_refused),
                cmocka_unit_test(exact_figures_that_cannot_be_are_refused),
                cmocka_unit_test(frames_of_another_size_are_refused),
                cmocka_unit_test(a_lying_sampler_breaks_nothing),
        };

        return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
