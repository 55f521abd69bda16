#include "detect/life.h"
