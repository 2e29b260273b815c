#include "app/services/chat_controller.h"

// Here, so that only programs that use it link it.
#include "moc_chat_controller.cpp"
