// What is said and offered of the model that a chat was answered by, where another one is in use.
#pragma once

#include "app/services/conversation.h"

namespace switchyard {

class CurrentModel;
class ModelLibrary;

struct ChatModelOffer {
    QString sentence;     ///< empty: nothing is to be said
    QString action, path; ///< "Load X", and what is loaded then; empty: its file is not there
};

ChatModelOffer offerModel(const Conversation& chat, const CurrentModel& model, const ModelLibrary& library);

} // namespace switchyard
