#include "app/services/theme_watcher.h"

// Here, so that only programs that use it link it.
#include "moc_theme_watcher.cpp"
