/* GET /healthz: from the status page alone, so that it is right when the database is not. */
#include "api/api.h"
#include "base/clock.h"

/* No tick was stored for so long that sampling can't be on time: three intervals, and two seconds for a busy machine.
 * Before the first one: three intervals, at least five seconds. */
static bool is_late(const struct api *api)
{
        int64_t last_ms = atomic_load_explicit(&api->status->last_tick_boot_ms, memory_order_relaxed);
        int64_t now_ms = clock_boot_ms();
        int64_t allowed_ms = 3 * api->config->interval_ms;

        if (last_ms)
                return now_ms - last_ms > allowed_ms + 2000;
        return now_ms - api->began_boot_ms > (allowed_ms > 5000 ? allowed_ms : 5000);
}

void get_healthz(struct call *c)
{
        int32_t said = atomic_load_explicit(&c->api->status->health, memory_order_relaxed);
        enum health health = said > HEALTH_OK && said < HEALTHS ? (enum health)said : HEALTH_OK;
        _cleanup_(buffer_done) struct buffer text = {};
        struct problem problem;

        if (health == HEALTH_OK && is_late(c->api))
                health = HEALTH_LATE;
        if (health != HEALTH_OK) {
                problem = (struct problem){ .status = 503, .detail = health_text(health),
                                            .reason = health_name(health) };
                answer_problem(c->answer, &c->api->pool, &problem);
                return;
        }
        buffer_add_text(&text, "ok\n");
        answer_finish(c->answer, &c->api->pool, &text, "text/plain; charset=utf-8");
}
