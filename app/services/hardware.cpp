#include "app/services/hardware.h"

#include "app/services/engine_sentence.h"
#include "engine/backends/cuda/device_library.h"
#include "engine/base/error.h"

#include <QCoreApplication>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

class ThisHardware : public Hardware {
  protected:
    Cards look() const override {
        const auto library = DeviceLibrary::find();
        {
            const std::lock_guard lock(mutex_);
            library_ = library;
        }
        Cards all;
        for (int i = 0; i < library->count(); ++i) {
            Card card{i, QString::fromStdString(library->info(i).name), library->info(i).memory_bytes};
            card.memory_free = library->memory(i).free;
            card.unusable = engineSentence(QString::fromStdString(library->unusable(i)));
            all.cards.push_back(card);
        }
        all.none = engineSentence(QString::fromStdString(library->reason()));
        return all;
    }

    CardReading readCard(int card) const override {
        std::shared_ptr<const DeviceLibrary> library;
        {
            const std::lock_guard lock(mutex_);
            library = library_;
        }
        if (!library || card < 0 || card >= library->count())
            return {};
        const cuda::MemoryUse memory = library->memory(card);
        const cuda::DeviceHealth health = library->health(card);
        CardReading reading;
        reading.memory = memory.total;
        reading.memory_free = memory.free;
        reading.celsius = health.celsius;
        reading.watts = health.watts;
        reading.watts_limit = health.watts_limit;
        reading.clock_mhz = health.clock_mhz;
        reading.memory_clock_mhz = health.memory_clock_mhz;
        return reading;
    }

    std::shared_ptr<Backend> openDevice(const DeviceChoice& choice,
                                        const BackendOptions& options) const override {
        return choose_backend(choice, options).backend;
    }

  private:
    mutable std::mutex mutex_;
    mutable std::shared_ptr<const DeviceLibrary> library_; ///< guarded; of the last look
};

} // namespace

const Card* Cards::find(int index) const {
    const auto found = std::ranges::find(cards, index, &Card::index);
    return found == cards.end() ? nullptr : &*found;
}

QString Hardware::lossOf(int card) const {
    const std::lock_guard lock(mutex_);
    const auto lost = lost_.find(card);
    return lost == lost_.end()
               ? QString()
               : QCoreApplication::translate(
                     "Hardware", "%1 was lost while it computed; start the program again to use it")
                     .arg(lost->second);
}

void Hardware::lose(int card, const QString& name) {
    const std::lock_guard lock(mutex_);
    lost_[card] = name;
}

Cards Hardware::cards() const {
    Cards all = look();
    bool usable = false;
    for (Card& card : all.cards) {
        if (const QString loss = lossOf(card.index); !loss.isEmpty())
            card.unusable = loss;
        usable = usable || card.unusable.isEmpty();
    }
    if (!usable && all.none.isEmpty() && !all.cards.empty())
        all.none = all.cards.front().unusable;
    return all;
}

CardReading Hardware::read(int card) const { return lossOf(card).isEmpty() ? readCard(card) : CardReading(); }

std::shared_ptr<Backend> Hardware::open(const DeviceChoice& choice, const BackendOptions& options) const {
    if (choice.kind == DeviceChoice::Kind::Cuda) {
        if (const QString loss = lossOf(choice.index); !loss.isEmpty())
            throw Error(loss.toStdString());
    }
    return openDevice(choice, options);
}

std::shared_ptr<Hardware> thisHardware() { return std::make_shared<ThisHardware>(); }

QString deviceWord(const DeviceChoice& choice) {
    switch (choice.kind) {
    case DeviceChoice::Kind::Auto:
        return u"auto"_s;
    case DeviceChoice::Kind::Cpu:
        return u"cpu"_s;
    case DeviceChoice::Kind::Cuda:
        return choice.index < 0 ? u"cuda"_s : u"cuda:%1"_s.arg(choice.index);
    }
    return {};
}

DeviceChoice deviceOfWord(const QString& word) {
    try {
        return parse_device(word.toStdString());
    } catch (const Error&) {
        return {};
    }
}

} // namespace switchyard
