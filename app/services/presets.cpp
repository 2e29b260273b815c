#include "app/services/presets.h"

// Here, so that only programs that use it link it.
#include "moc_presets.cpp"
