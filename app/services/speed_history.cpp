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
constexpr std::size_t kRecent = 5; ///< answers of the same kind that count
constexpr double kSteady = 0.08;   ///< what answers of the same kind differ by
constexpr double kMisfit = 0.12;   ///< how far an answer may lie off the terms below
constexpr double kAgeing = 0.15;   ///< how much less each older answer says

/// Seconds that each term usually takes. Measured on AVX2 and AVX-512 machines of several years.
struct Terms {
    Terms(int threads, const TokenCost& cost, double bandwidth)
        : reading(cost.bytes / bandwidth), arithmetic(cost.weights * 100e-12 / threads),
          fixed(250e-6 + cost.steps * 3e-6 + cost.vocabulary * 10e-9) {}
    double reading, arithmetic, fixed;
    double sum() const { return reading + arithmetic + fixed; }
    /// What the quickest machines take: reading and arithmetic at the same time.
    double least() const { return std::max(0.6 * reading, 0.3 * arithmetic) + 0.2 * fixed; }
};

// By how many times its usual size each term may be off (standard deviations), before anything was measured.
constexpr double kReading = 0.3, kArithmetic = 1.75, kFixed = 3.0;
constexpr double kFormat = 0.4; ///< the arithmetic of one format against that of all
constexpr double kModel = 0.2;  ///< one model against what its terms say

double square(double x) { return x * x; }

/// How what is not known of one token's time goes together with what is not known of another's.
double covariance(const Terms& a, const Terms& b, bool same_format, bool same_model) {
    const double arithmetic = a.arithmetic * b.arithmetic;
    return square(kReading) * a.reading * b.reading + square(kArithmetic) * arithmetic +
           square(kFixed) * a.fixed * b.fixed + (same_format ? square(kFormat) * arithmetic : 0) +
           (same_model ? square(kModel) * a.sum() * b.sum() : 0);
}

/// Cholesky's factor of the positive definite `matrix` [n, n], in its lower half; then L^-1 v by solve().
class Triangle {
  public:
    explicit Triangle(std::vector<std::vector<double>> matrix) : rows_(std::move(matrix)) {
        for (std::size_t i = 0; i < rows_.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j) {
                double rest = rows_[i][j];
                for (std::size_t k = 0; k < j; ++k)
                    rest -= rows_[i][k] * rows_[j][k];
                rows_[i][j] = i == j ? std::sqrt(rest) : rest / rows_[j][j];
            }
    }
    std::vector<double> solve(std::vector<double> v) const {
        for (std::size_t i = 0; i < rows_.size(); ++i) {
            for (std::size_t k = 0; k < i; ++k)
                v[i] -= rows_[i][k] * v[k];
            v[i] /= rows_[i][i];
        }
        return v;
    }

  private:
    std::vector<std::vector<double>> rows_;
};

SpeedRange speeds(double least_seconds, double most_seconds) { return {1 / most_seconds, 1 / least_seconds}; }

/// `seconds`: of answers of the same kind, the latest last.
SpeedRange recentSpeeds(std::vector<double> seconds) {
    if (seconds.size() > kRecent)
        seconds.erase(seconds.begin(), seconds.end() - kRecent);
    const auto [least, most] = std::ranges::minmax(seconds);
    return speeds(least * (1 - kSteady), most * (1 + kSteady));
}

bool usable(double value, double most) { return std::isfinite(value) && value >= 0 && value < most; }

} // namespace

SpeedHistory::SpeedHistory(const QByteArray& json) {
    for (const QJsonValue& entry : QJsonDocument::fromJson(json).array()) {
        const QJsonObject object = entry.toObject();
        const auto number = [&](QLatin1StringView key) { return object.value(key).toDouble(-1); };
        add(object.value("card"_L1).toString(), object.value("format"_L1).toString(),
            object.value("threads"_L1).toInt(),
            {number("bytes"_L1), number("weights"_L1), number("steps"_L1), number("vocabulary"_L1)},
            number("seconds"_L1));
    }
}

void SpeedHistory::add(const QString& card, const QString& format, int threads, TokenCost cost,
                       double seconds) {
    constexpr double kMost = 1e15;
    for (const double value : {cost.bytes, cost.weights, cost.steps, cost.vocabulary})
        if (!usable(value, kMost))
            return;
    if (format.isEmpty() || threads < 1 || !usable(seconds, 1e6) || seconds < 1e-9)
        return;
    learnt_.push_back({card, format, threads, cost, seconds});
    // Each device has a history of its own.
    const auto same = [&card](const Learnt& learnt) { return learnt.card == card; };
    if (std::ranges::count_if(learnt_, same) > static_cast<std::ptrdiff_t>(kKept))
        learnt_.erase(std::ranges::find_if(learnt_, same));
    constexpr std::size_t kMostKept = 4 * kKept; // of all devices
    if (learnt_.size() > kMostKept)
        learnt_.pop_front();
}

SpeedRange SpeedHistory::expectOnCard(const QString& card, const QString& format, TokenCost cost) const {
    // What one format reads a second more or less than another, and a large model than a small one.
    constexpr double kSlower = 0.4, kFaster = 1.6;
    std::vector<double> same;
    double slowest = 0, fastest = 0; // bytes a second
    for (const Learnt& learnt : learnt_) {
        if (learnt.card != card || card.isEmpty())
            continue;
        const double rate = learnt.cost.bytes / learnt.seconds;
        slowest = slowest > 0 ? std::min(slowest, rate) : rate;
        fastest = std::max(fastest, rate);
        if (learnt.format == format && learnt.cost.same_model(cost))
            same.push_back(learnt.seconds);
    }
    if (!same.empty())
        return recentSpeeds(same);
    if (slowest <= 0 || cost.bytes <= 0)
        return {};
    return {kSlower * slowest / cost.bytes, kFaster * fastest / cost.bytes};
}

SpeedRange SpeedHistory::measured(const QString& format, TokenCost cost) const {
    std::vector<double> same;
    for (const Learnt& learnt : learnt_)
        if (learnt.card.isEmpty() && learnt.format == format && learnt.cost.same_model(cost))
            same.push_back(learnt.seconds);
    return same.empty() ? SpeedRange() : recentSpeeds(same);
}

SpeedRange SpeedHistory::expect(const QString& format, int threads, TokenCost cost, double bandwidth) const {
    if (bandwidth <= 0 || cost.bytes <= 0 || threads < 1)
        return {};
    std::vector<const Learnt*> answers; // the latest first
    std::vector<double> same;
    for (auto it = learnt_.rbegin(); it != learnt_.rend(); ++it) {
        if (it->threads != threads || !it->card.isEmpty())
            continue;
        answers.push_back(&*it);
        if (it->format == format && it->cost.same_model(cost) && same.size() < kRecent)
            same.push_back(it->seconds);
    }
    if (!same.empty()) {
        std::ranges::reverse(same);
        return recentSpeeds(same);
    }
    const Terms asked(threads, cost, bandwidth);
    std::vector<std::vector<double>> between;
    std::vector<double> to_asked, surprise;
    for (std::size_t i = 0; i < answers.size(); ++i) {
        const Learnt& a = *answers[i];
        const Terms terms(threads, a.cost, bandwidth);
        std::vector<double>& row = between.emplace_back();
        for (std::size_t j = 0; j <= i; ++j)
            row.push_back(covariance(terms, Terms(threads, answers[j]->cost, bandwidth),
                                     a.format == answers[j]->format, a.cost.same_model(answers[j]->cost)));
        row.back() += square(kMisfit * a.seconds) * (1 + kAgeing * static_cast<double>(i));
        to_asked.push_back(covariance(terms, asked, a.format == format, a.cost.same_model(cost)));
        surprise.push_back(a.seconds - terms.sum());
    }
    const Triangle triangle(std::move(between));
    const std::vector<double> weight = triangle.solve(to_asked), news = triangle.solve(surprise);
    double seconds = asked.sum(), variance = covariance(asked, asked, true, true);
    for (std::size_t i = 0; i < answers.size(); ++i) {
        seconds += weight[i] * news[i];
        variance -= square(weight[i]);
    }
    seconds = std::max(seconds, asked.least());
    const double spread = std::max(std::sqrt(std::max(variance, 0.0)), kMisfit * seconds);
    return speeds(std::max(seconds - spread, std::min(asked.least(), seconds * (1 - kMisfit))),
                  seconds + spread);
}

QByteArray SpeedHistory::toJson() const {
    QJsonArray array;
    for (const Learnt& learnt : learnt_) {
        QJsonObject object{{u"format"_s, learnt.format},    {u"threads"_s, learnt.threads},
                           {u"bytes"_s, learnt.cost.bytes}, {u"weights"_s, learnt.cost.weights},
                           {u"steps"_s, learnt.cost.steps}, {u"vocabulary"_s, learnt.cost.vocabulary},
                           {u"seconds"_s, learnt.seconds}};
        if (!learnt.card.isEmpty())
            object.insert(u"card"_s, learnt.card);
        array.append(object);
    }
    return QJsonDocument(array).toJson(QJsonDocument::Compact);
}

} // namespace switchyard
