#include "model/growth.h"

const char *verdict_name(enum verdict verdict)
{
        static const char *const names[VERDICTS] = {
                [VERDICT_INSUFFICIENT_DATA] = "insufficient-data", [VERDICT_STABLE] = "stable",
                [VERDICT_WARMING_UP] = "warming-up", [VERDICT_STEP] = "step", [VERDICT_LEAK] = "leak",
        };

        return names[verdict];
}
