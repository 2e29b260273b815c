// What the plots show of one chat: a ring of the last tokens with their times, and the marks where a dial
// moved. Knows nothing of widgets.
#pragma once

#include "app/services/run_service.h"

#include <QElapsedTimer>
#include <QString>

#include <deque>
#include <vector>

namespace switchyard {

/// Bytes in GiB, as the plots draw memory.
constexpr double gib(std::uint64_t bytes) { return static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0); }

/// What the plots are drawn over.
enum class PlotXAxis { Tokens, Seconds };

/// One token of the plots.
struct PlotToken {
    MessageId message = 0;
    int index = 0;      ///< of the answer
    int number = 0;     ///< over all answers shown, from 0
    double seconds = 0; ///< of work, waiting between answers left out; where the token was finished
    double latency_ms = 0;
    double tokens_per_second = 0; ///< as RunSeries smooths it; 0: too little is known yet
    /// GiB: of RAM, or of a card's memory where that computed the token.
    double weights = 0, kv = 0, scratch = 0;
    double other = 0; ///< GiB of RAM beside those parts
    bool on_card = false;
    QString text;
    // The dials in force.
    double temperature = 0, top_p = 1;
    int experts_active = 0; ///< 0: a dense model
    QString quant, kv_type;

    static QString dialNames(); ///< ",temperature,top_p ...", for the head of a table
    QString dialValues() const; ///< the same as values
};

/// A dial that moved, or the start of an answer's prefill.
struct PlotMark {
    MessageId message = 0;
    int number = 0;
    double seconds = 0;
    QString label; ///< "Active experts 2"
};

struct PlotPrefill {
    int number = 0;          ///< the token it came before
    double from = 0, to = 0; ///< seconds of work
    int tokens = 0;
};

class RunSeries {
  public:
    static constexpr int kCapacity = 16384; ///< tokens kept; older ones leave
    /// A speed is the mean over the answer's last tokens, at least so many and so long: the time of a single
    /// one says nothing where threads wait for one another now and then.
    static constexpr std::size_t kRateTokens = 8;
    static constexpr double kRateMs = 250;

    void clear();
    /// An answer begins; its tokens follow.
    void begin(MessageId message);
    /// `ram_gib`: what the program has of RAM; 0: not known.
    void add(const RunEvent& event, double ram_gib);
    /// A whole stored answer.
    void addRecord(MessageId message, const RunRecord& record);

    const std::deque<PlotToken>& tokens() const { return tokens_; }
    const std::deque<PlotMark>& marks() const { return marks_; }
    const std::deque<PlotPrefill>& prefills() const { return prefills_; }
    /// Grows with every change; views compare it to know whether they are up to date.
    quint64 version() const { return version_; }
    /// Tokens that have left the ring: views drop what lies before tokens().front().
    int firstNumber() const { return tokens_.empty() ? 0 : tokens_.front().number; }
    bool empty() const { return tokens_.empty(); }
    /// Changes with clear(): views start over.
    int generation() const { return generation_; }

  private:
    void addToken(const TokenRecord& token, double ram_gib);
    void addMove(const DialMove& move);
    void addPrefill(double milliseconds, int prompt_tokens);
    void clearWindow();
    void widenWindow(double latency_ms);
    double rate() const;

    std::deque<PlotToken> tokens_;
    std::deque<PlotMark> marks_;
    std::deque<PlotPrefill> prefills_;
    MessageId message_ = 0;
    bool on_card_ = false; ///< the answer is computed there
    int next_number_ = 0, answer_start_ = 0;
    double seconds_ = 0;
    bool prefill_known_ = false;
    int prefill_tokens_ = 0;
    QElapsedTimer prefill_timer_; ///< runs from the first prefill event of a live answer
    std::deque<double> window_;   ///< latencies of the last tokens of this answer, ms
    double window_ms_ = 0;        ///< their sum
    quint64 version_ = 0;
    int generation_ = 0;
};

/// "Active experts 2", in the language of the window.
QString moveLabel(const DialMove& move);

} // namespace switchyard
