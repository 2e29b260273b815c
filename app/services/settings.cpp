#include "app/services/settings.h"

// Here, so that only programs that use it link it.
#include "moc_settings.cpp"
