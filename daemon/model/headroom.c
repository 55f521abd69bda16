#include "model/headroom.h"

#include <stddef.h>

const char *limit_kind_name(enum limit_kind kind)
{
        static const char *const names[LIMIT_KINDS] = {
                [LIMIT_NONE] = NULL, [LIMIT_CGROUP_MAX] = "memory.max", [LIMIT_CGROUP_HIGH] = "memory.high",
                [LIMIT_RLIMIT_AS] = "RLIMIT_AS", [LIMIT_RLIMIT_DATA] = "RLIMIT_DATA", [LIMIT_MACHINE] = "MemAvailable",
        };

        return names[kind];
}
