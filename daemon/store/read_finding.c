#include "store/findings.h"
