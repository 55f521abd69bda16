#include "client/commands.h"
