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

/// What a token of an answer costs: `bytes` of weights to read, `weights` to multiply with, and what does not
/// grow with them: the `steps` of the forward pass, which threads begin and end together, and a sampler that
/// looks at a whole `vocabulary`.
struct TokenCost {
    double bytes = 0, weights = 0, steps = 0, vocabulary = 0;
    bool same_model(const TokenCost& other) const {
        return weights == other.weights && steps == other.steps && vocabulary == other.vocabulary;
    }
};

/// A token's time is taken to be bytes / bandwidth + weights * (arithmetic of the format) + a fixed part. The
/// bandwidth is measured; how far each term is off its usual size is learnt from answers by Bayesian linear
/// regression (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, section 2.1), so that a
/// large model tells about arithmetic, a tiny one about the fixed part, and both about models between them.
class SpeedHistory {
  public:
    /// `json`: what toJson() wrote; anything else is an empty history.
    explicit SpeedHistory(const QByteArray& json = {});

    /// An answer's usual token took `seconds`, with weights in `format` ("Q4_K") on so many threads.
    void add(const QString& format, int threads, TokenCost cost, double seconds) {
        add({}, format, threads, cost, seconds);
    }
    /// The same on a card, by its name.
    void addOnCard(const QString& card, const QString& format, TokenCost cost, double seconds) {
        add(card, format, 1, cost, seconds);
    }
    /// `bandwidth`: bytes a second; 0: nothing is known.
    SpeedRange expect(const QString& format, int threads, TokenCost cost, double bandwidth) const;
    /// On a card: by answers of the same kind there, else by the bytes a second that others reached there;
    /// where there was none, nothing is known.
    SpeedRange expectOnCard(const QString& card, const QString& format, TokenCost cost) const;
    /// What answers with that model took on the processor, with any number of threads; of the latest.
    SpeedRange measured(const QString& format, TokenCost cost) const;

    QByteArray toJson() const;

  private:
    void add(const QString& card, const QString& format, int threads, TokenCost cost, double seconds);

    struct Learnt {
        QString card{}; ///< its name; "": the processor
        QString format;
        int threads = 1;
        TokenCost cost;
        double seconds = 0;
    };
    std::deque<Learnt> learnt_; ///< the latest last
};

} // namespace switchyard
