// What answers on this machine have taken a token, and what others will take by that.
#pragma once

#include <QByteArray>
#include <QString>

#include <deque>

namespace switchyard {

/// Tokens a second, from the least to the most to expect. 0: not known.
struct SpeedRange {
    double low = 0, high = 0;
    bool known() const { return high > 0; }
};

/// What a token of an answer costs: `bytes` of weights to read and `weights` to multiply with.
struct TokenCost {
    double bytes = 0, weights = 0;
};

/// A token's time is taken to be bytes / bandwidth + weights * (arithmetic of the format). The bandwidth is
/// measured; what a format's arithmetic costs is learnt from answers, and until then stands between bounds.
class SpeedHistory {
  public:
    /// `json`: what toJson() wrote; anything else is an empty history.
    explicit SpeedHistory(const QByteArray& json = {});

    /// An answer's usual token took `seconds`, with weights in `format` ("Q4_K") on so many threads.
    void add(const QString& format, int threads, TokenCost cost, double bandwidth, double seconds);
    /// `bandwidth`: bytes a second; 0: nothing is known.
    SpeedRange expect(const QString& format, int threads, TokenCost cost, double bandwidth) const;

    QByteArray toJson() const;

  private:
    struct Learnt {
        QString format;
        int threads = 1;
        double seconds_per_weight =
            0; ///< beside reading; may be below 0 where reading was quicker than measured
    };
    std::deque<Learnt> learnt_; ///< the latest last
};

} // namespace switchyard
