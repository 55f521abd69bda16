#include "detect/diagnosis.h"
