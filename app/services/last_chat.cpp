#include "app/services/last_chat.h"

namespace switchyard {

LastChat::LastChat(ChatController& controller, Settings& settings, QObject* parent)
    : QObject(parent), controller_(controller), settings_(settings) {}

void LastChat::begin(bool show_it) {
    const auto last = settings_.get<Setting::LastChat>().toLongLong();
    if (show_it && last > 0)
        controller_.openChat(last);
    connect(&controller_, &ChatController::threadChanged, this, &LastChat::note);
    connect(&controller_, &ChatController::chatBegan, this, &LastChat::note);
}

void LastChat::note() {
    const OpenChat& chat = controller_.chat();
    settings_.set<Setting::LastChat>(chat.id() == 0 || chat.isTemporary() ? QString()
                                                                          : QString::number(chat.id()));
}

} // namespace switchyard
