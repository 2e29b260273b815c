#include "app/services/speed_history.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr std::size_t kKept = 64;
constexpr std::size_t kRecent = 5; ///< answers of a format that count
/// Seconds a weight and thread, as seen on AVX2 and AVX-512 machines of several years.
constexpr double kQuickest = 30e-12, kSlowest = 250e-12;
constexpr double kSteady = 0.08; ///< what answers of the same kind differ by
constexpr double kOther = 0.2;   ///< how much further another format may lie

} // namespace

SpeedHistory::SpeedHistory(const QByteArray& json) {
    for (const QJsonValue& entry : QJsonDocument::fromJson(json).array()) {
        const QJsonObject object = entry.toObject();
        const Learnt learnt{object.value("format"_L1).toString(), object.value("threads"_L1).toInt(),
                            object.value("seconds_per_weight"_L1).toDouble()};
        if (!learnt.format.isEmpty() && learnt.threads > 0 && std::abs(learnt.seconds_per_weight) < 1e-3)
            learnt_.push_back(learnt);
    }
    while (learnt_.size() > kKept)
        learnt_.pop_front();
}

void SpeedHistory::add(const QString& format, int threads, TokenCost cost, double bandwidth, double seconds) {
    if (bandwidth <= 0 || cost.weights <= 0 || seconds <= 0 || threads < 1)
        return;
    learnt_.push_back({format, threads, (seconds - cost.bytes / bandwidth) / cost.weights});
    if (learnt_.size() > kKept)
        learnt_.pop_front();
}

SpeedRange SpeedHistory::expect(const QString& format, int threads, TokenCost cost, double bandwidth) const {
    if (bandwidth <= 0 || cost.bytes <= 0)
        return {};
    const auto speed = [&](double seconds_per_weight, double factor) {
        // Nothing is read more than a little quicker than was measured.
        const double reading = cost.bytes / bandwidth;
        return 1 / (std::max(reading + cost.weights * seconds_per_weight, reading * 0.5) * factor);
    };
    std::vector<double> same, others;
    for (auto it = learnt_.rbegin(); it != learnt_.rend(); ++it) {
        if (it->threads != threads)
            continue;
        others.push_back(it->seconds_per_weight);
        if (it->format == format && same.size() < kRecent)
            same.push_back(it->seconds_per_weight);
    }
    if (!same.empty()) {
        const auto [least, most] = std::ranges::minmax(same);
        return {speed(most, 1 + kSteady), speed(least, 1 - kSteady)};
    }
    if (!others.empty()) {
        const auto [least, most] = std::ranges::minmax(others);
        return {speed(most, 1 + kOther), speed(least, 1 - kOther)};
    }
    return {speed(kSlowest / threads, 1), speed(kQuickest / threads, 1)};
}

QByteArray SpeedHistory::toJson() const {
    QJsonArray array;
    for (const Learnt& learnt : learnt_)
        array.append(QJsonObject{{u"format"_s, learnt.format},
                                 {u"threads"_s, learnt.threads},
                                 {u"seconds_per_weight"_s, learnt.seconds_per_weight}});
    return QJsonDocument(array).toJson(QJsonDocument::Compact);
}

} // namespace switchyard
