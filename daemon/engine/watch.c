#include "engine/watch.h"
