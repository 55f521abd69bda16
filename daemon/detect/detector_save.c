#include "detect/detector.h"
