/* look_parse() is given anything. What it takes for a look is one: written and read again it is the same, and it may follow
 * itself. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "detect/looks.h"
#include "model/look_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool holds)
{
        if (!holds)
                abort();
}

static void expect_number(int64_t value)
{
        expect(value >= -1 && value <= INT64_C(1) << 56);
}

static void expect_name(const char *name)
{
        char clean[LOOK_NAME_MOST + 1];

        expect(name && strlen(name) <= LOOK_NAME_MOST);
        text_clean(name, strlen(name), clean, sizeof clean);
        expect(strcmp(name, clean) == 0);
}

static void expect_look(const struct look *look)
{
        expect(look->n_types <= LOOK_NAMES_MOST && look->n_containers <= LOOK_NAMES_MOST && look->n_past <= LOOK_PAST);
        for (size_t i = 0; i < look->n_past; i++)
                expect(look->past[i].at_ms < (i + 1 < look->n_past ? look->past[i + 1].at_ms : look->at_ms));
        for (size_t i = 0; i < look->n_types; i++) {
                expect_name(look->types[i].name);
                expect_number(look->types[i].objects);
                expect_number(look->types[i].tracked);
                expect_number(look->types[i].bytes);
                for (size_t k = 0; k < LOOK_PAST; k++) {
                        expect_number(look->types[i].past_objects[k]);
                        expect_number(look->types[i].past_bytes[k]);
                }
        }
        for (size_t i = 0; i < look->n_containers; i++) {
                expect_name(look->containers[i].name);
                expect_name(look->containers[i].type);
                expect_number(look->containers[i].length);
                for (size_t k = 0; k < LOOK_PAST; k++)
                        expect_number(look->containers[i].past[k]);
        }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
        struct buffer once = {}, twice = {};
        struct look look, again;
        struct error err = {};

        if (look_parse(data, size, &look, &err) < 0) {
                expect(err.code);
                return 0;
        }
        expect_look(&look);
        look_write(&look, &once);
        expect(!once.failed);
        if (look_parse(once.data, once.size, &again, &err) == 0) {
                look_write(&again, &twice);
                expect(twice.size == once.size && memcmp(twice.data, once.data, once.size) == 0);
                again.at_ms++;
                expect(looks_continue(&look, &again) == 0);
                looks_cut(&again);
                expect_look(&again);
                look_done(&again);
        } else {
                expect(once.size > LOOK_BYTES_MOST);
        }
        look_done(&look);
        buffer_done(&once);
        buffer_done(&twice);
        return 0;
}
