// Measures how long the event loop was not free: a 1 ms timer, and the longest gap between two of its ticks.
#pragma once

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <algorithm>
#include <ctime>
#include <vector>

namespace switchyard {

/// Milliseconds this thread has worked so far.
inline double threadTime() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// Gaps by the clock, and the time this thread itself worked in each: on a machine that is busy with other
/// programs the first says how busy it is, the second what this program does.
class StallMeter : public QObject {
  public:
    StallMeter() {
        timer_.setTimerType(Qt::PreciseTimer);
        timer_.setInterval(1);
        connect(&timer_, &QTimer::timeout, this, [this] {
            const double busy = threadTime();
            gaps_.push_back(static_cast<double>(clock_.nsecsElapsed()) / 1e6);
            busy_.push_back(busy - busy_at_);
            busy_at_ = busy;
            clock_.restart();
        });
    }
    void start() {
        gaps_.clear();
        busy_.clear();
        clock_.start();
        busy_at_ = threadTime();
        timer_.start();
    }
    void stop() { timer_.stop(); }

    double longestGap() const { return largest(gaps_); }  ///< milliseconds by the clock
    double longestBusy() const { return largest(busy_); } ///< milliseconds of work in one gap
    /// Work of the thread, as a share of the time that has passed.
    double load() const {
        double busy = 0, all = 0;
        for (std::size_t i = 0; i < gaps_.size(); ++i) {
            busy += busy_[i];
            all += gaps_[i];
        }
        return all > 0 ? busy / all : 0;
    }
    std::size_t ticks() const { return gaps_.size(); }

  private:
    static double largest(const std::vector<double>& values) {
        return values.empty() ? 0 : *std::max_element(values.begin(), values.end());
    }

    QTimer timer_;
    QElapsedTimer clock_;
    double busy_at_ = 0;
    std::vector<double> gaps_, busy_;
};

} // namespace switchyard
