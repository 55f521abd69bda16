#include "render/finding_json.h"
