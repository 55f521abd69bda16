#include "engine/alerts.h"
