/* The words for a verdict and for a severity, with the mark that says how much it matters before any colour does. */
#pragma once

#include <stdbool.h>

#include "render/line.h"

/* verdict: the API's word. A word this version does not know comes back as it is (it is foreign text), NULL as NULL. */
const char *verdict_words(const char *verdict, bool utf8, enum line_style *ret_style);

bool verdict_leaks(const char *verdict);

/* The same for the severity of a finding. */
const char *severity_words(const char *severity, bool utf8, enum line_style *ret_style);
