#include "app/services/cards.h"

#include "engine/base/error.h"

#include <algorithm>

namespace switchyard {

const Card* Cards::find(int index) const {
    const auto found = std::ranges::find(cards, index, &Card::index);
    return found == cards.end() ? nullptr : &*found;
}

Cards cardsOf(const Hardware& hardware) {
    const CardList list = hardware.cards();
    Cards all;
    for (const CardInfo& card : list.cards)
        all.cards.push_back({card.index, QString::fromStdString(card.name), card.memory, card.memory_free,
                             QString::fromStdString(card.unusable)});
    all.none = QString::fromStdString(list.none);
    return all;
}

QString deviceWord(const DeviceChoice& choice) { return QString::fromStdString(device_word(choice)); }

DeviceChoice deviceOfWord(const QString& word) {
    try {
        return parse_device(word.toStdString());
    } catch (const Error&) {
        return {};
    }
}

} // namespace switchyard
