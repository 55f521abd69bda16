/* The figures in a finding's evidence. */
#include "render/evidence.h"

#include <math.h>

#include "base/units.h"

static double get_number(const json_t *object, const char *key)
{
        const json_t *value = json_object_get(object, key);

        return json_is_number(value) ? json_number_value(value) : NAN;
}

static int64_t get_int(const json_t *object, const char *key)
{
        double value = get_number(object, key);

        return value >= 0 && value < 9e18 ? (int64_t)value : -1;
}

static int64_t get_time(const json_t *object, const char *key)
{
        const char *text = json_string_value(json_object_get(object, key));
        int64_t ms;

        return text && time_parse(text, &ms, NULL) == 0 ? ms : -1;
}

struct evidence evidence_read(const json_t *e)
{
        const json_t *limit = json_object_get(e, "limit"), *generations = json_object_get(e, "generations");
        const json_t *troughs = json_object_get(e, "troughs");

        return (struct evidence){
                .from_bytes = get_int(e, "from_bytes"),
                .to_bytes = get_int(e, "to_bytes"),
                .from_at_ms = get_time(e, "from_at"),
                .to_at_ms = get_time(e, "to_at"),
                .span_seconds = get_int(e, "span_seconds"),
                .exact_bytes = get_int(e, "exact_bytes"),
                .rises = get_int(e, "rises"),
                .slots = get_int(e, "slots"),
                .bytes_per_hour = get_number(e, "bytes_per_hour"),
                .low_bytes_per_hour = get_number(e, "low_bytes_per_hour"),
                .high_bytes_per_hour = get_number(e, "high_bytes_per_hour"),
                .confidence = get_number(e, "confidence"),
                .limit_kind = json_string_value(json_object_get(limit, "kind")),
                .limit_place = json_string_value(json_object_get(limit, "place")),
                .limit_bytes = get_int(limit, "limit_bytes"),
                .used_bytes = get_int(limit, "used_bytes"),
                .room_bytes = get_int(limit, "room_bytes"),
                .limit_at_ms = get_time(limit, "at"),
                .generations_alike = get_int(generations, "alike"),
                .generations_of = get_int(generations, "of"),
                .lifetime_seconds = get_int(generations, "lifetime_seconds"),
                .note = json_string_value(json_object_get(e, "note")),
                .troughs = json_is_array(troughs) ? troughs : NULL,
        };
}
