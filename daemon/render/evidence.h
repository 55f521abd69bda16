/* The figures in a finding's evidence, as far as it holds them: it may come from a file or over the network. Pure. */
#pragma once

#include <jansson.h>
#include <stdint.h>

/* Negative, NAN, NULL: not there. Texts live as long as the JSON. */
struct evidence {
        int64_t from_bytes, to_bytes, from_at_ms, to_at_ms, span_seconds, exact_bytes, rises, slots;
        double bytes_per_hour, low_bytes_per_hour, high_bytes_per_hour, confidence;
        const char *limit_kind, *limit_place;
        int64_t limit_bytes, used_bytes, room_bytes, limit_at_ms;
        int64_t generations_alike, generations_of, lifetime_seconds;
        const char *note;
        const json_t *troughs; /* a list of [at, bytes], neither of which is sure; NULL */
};

/* evidence: NULL, or any value. */
struct evidence evidence_read(const json_t *evidence);
