#include "app/services/conversation_store.h"

// Here, so that only programs that use the store link it.
#include "moc_conversation_store.cpp"
