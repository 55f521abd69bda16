#include "detect/generations.h"
