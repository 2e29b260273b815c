#include "app/services/hub/machine_room.h"

#include "app/services/forecast.h"
#include "engine/base/cores.h"
#include "engine/base/memory.h"

#include <QFile>
#include <QRegularExpression>

#include <algorithm>
#include <cmath>

namespace switchyard {
namespace {

constexpr double kBeside = 1.06;             ///< of a file's size: what reading it puts beside it
constexpr quint64 kConversation = 400 << 20; ///< bytes of cache and scratch, usually

/// Bytes of the weights that a token reads, as a share of all: of mixtures their name says it ("30B-A3B").
/// 0: not known.
double activeShare(const HubListing& listing, double parameters) {
    static const QRegularExpression active(QStringLiteral("[-_]A(\\d+(?:\\.\\d+)?)B(?:[-_.]|$)"),
                                           QRegularExpression::CaseInsensitiveOption);
    static const QRegularExpression mixture(
        QStringLiteral("\\dx\\d+(?:\\.\\d+)?B|moe|mixtral|deepseek-?(?:v|coder-v)[23]|gpt-oss"),
        QRegularExpression::CaseInsensitiveOption);
    const QString name = listing.model.name.section(QLatin1Char('/'), -1);
    if (const QRegularExpressionMatch match = active.match(name); match.hasMatch() && parameters > 0)
        return std::min(1.0, match.captured(1).toDouble() * 1e9 / parameters);
    const bool some = mixture.match(name).hasMatch() || mixture.match(listing.architecture).hasMatch() ||
                      listing.architecture == QLatin1String("deepseek2");
    return some ? 0 : 1;
}

/// "Q4_K" of "Q4_K_M"
QString formatOf(QString precision) {
    static const QRegularExpression size(QStringLiteral("_(?:X?X?S|M|L|XL|MOE)$"));
    const QString cut = precision.remove(size);
    return cut == QLatin1String("FP16") ? QStringLiteral("F16") : cut;
}

/// Bits a weight, by the digit of a precision's name.
double bitsOf(const QString& precision) {
    static const QRegularExpression digits(QStringLiteral("(\\d+)"));
    const double bits = digits.match(precision).captured(1).toDouble();
    return bits == 0 ? 16 : bits < 16 ? bits + 0.7 : bits;
}

} // namespace

Fit MachineRoom::fit(quint64 bytes) const {
    const auto needed = static_cast<quint64>(kBeside * static_cast<double>(bytes)) + kConversation;
    if (card_free > 0 && needed <= card_free)
        return Fit::Card;
    if (ram_total == 0 || ram_free == 0)
        return Fit::Unknown;
    if (needed <= ram_free / 10 * 9)
        return Fit::Memory;
    return needed <= ram_total / 100 * 95 ? Fit::Tight : Fit::TooLarge;
}

SpeedRange MachineRoom::speed(const HubListing& listing, const HubFile& file) const {
    const QString format = formatOf(file.precision);
    const double bytes = static_cast<double>(file.bytes);
    const double parameters =
        listing.parameters > 0 ? static_cast<double>(listing.parameters) : bytes * 8 / bitsOf(file.precision);
    const double share = activeShare(listing, parameters);
    const Fit place = fit(file.bytes);
    if (share == 0 || place == Fit::TooLarge || place == Fit::Unknown)
        return {};
    // Layers and their steps grow slowly with a model; most have about this vocabulary.
    constexpr double kLayers = 24, kSmall = 0.5e9, kGrowth = 0.24, kSteps = 12, kVocabulary = 150'000;
    TokenCost cost;
    cost.bytes = bytes * share;
    cost.weights = parameters * share;
    cost.steps = kSteps * kLayers * std::pow(std::max(0.1, parameters / kSmall), kGrowth);
    cost.vocabulary = kVocabulary;
    return place == Fit::Card ? history.expectOnCard(card, format, cost)
                              : history.expect(format, threads, cost, bandwidth);
}

int MachineRoom::best(const QList<HubFile>& files) const {
    int best = -1;
    const auto rank = [this](const HubFile& file) {
        const Fit place = fit(file.bytes);
        // More bits than these cost time and memory, and are hardly to be told apart: a card reads its memory
        // quickly, a processor answers twice as fast at half the bits.
        constexpr double kOnCard = 10, kInMemory = 5;
        const bool wide = bitsOf(file.precision) > (place == Fit::Card ? kOnCard : kInMemory);
        return std::tuple(place == Fit::Card || place == Fit::Memory, !wide, wide ? ~file.bytes : file.bytes);
    };
    for (int i = 0; i < files.size(); ++i) {
        const Fit place = fit(files[i].bytes);
        if (place != Fit::TooLarge && place != Fit::Unknown &&
            (best < 0 || rank(files[i]) > rank(files[best])))
            best = i;
    }
    return best;
}

MachineRoom readMachineRoom(const QString& speeds_file, const Cards& cards, double bandwidth) {
    constexpr qint64 kMost = 1 << 18;
    MachineRoom room;
    const SystemMemory memory = system_memory();
    room.ram_total = memory.total;
    room.ram_free = memory.available;
    for (const Card& card : cards.cards) {
        const quint64 free = card.memory_free > 0 ? card.memory_free : card.memory;
        if (card.unusable.isEmpty() && free > room.card_free) {
            room.card = card.name;
            room.card_free = free;
        }
    }
    room.threads = available_cores();
    room.bandwidth = bandwidth > 0 ? bandwidth : measureMemoryBandwidth(room.threads);
    if (QFile file(speeds_file); file.open(QIODevice::ReadOnly))
        room.history = SpeedHistory(file.read(kMost));
    return room;
}

} // namespace switchyard
