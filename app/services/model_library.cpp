#include "app/services/model_library.h"

// Here, so that only programs that use it link it.
#include "moc_model_library.cpp"
