#include "app/services/single_instance.h"

// Here, so that only programs that use it link it.
#include "moc_single_instance.cpp"
