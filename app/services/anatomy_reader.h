// What a model is made of and will take, read away from the window's thread.
#pragma once

#include "app/services/background.h"
#include "engine/model/anatomy.h"
#include "engine/model/shapes.h"
#include "engine/run/kv_block.h"

#include <QObject>
#include <QString>

#include <atomic>
#include <optional>
#include <vector>

namespace switchyard {

/// Everything the window shows of a model that it has not loaded. Plain data: any context and precision can
/// be forecast from it at once.
struct AnatomyReport {
    QString source; ///< the file's path, or the shape's name
    QString error;  ///< not empty: it could not be read, and why; the rest is then empty
    ModelConfig config;
    Anatomy anatomy;
    QString file_precision; ///< "Q4_1"; empty: of no one type
    bool is_file = false;   ///< not a shape

    struct Precision {
        QString name; ///< "file" or "Q4_K"
        quint64 weights_bytes = 0, mapped_bytes = 0;
        QString note; ///< types that stand in where a row length forbids this one
        bool no_gain = false;
    };
    std::vector<Precision> precisions;
    struct Cache {
        QString name;            ///< "F16"
        SequenceBytes sequence;  ///< what a conversation takes
        quint64 token_bytes = 0; ///< of one token of a long conversation
    };
    std::vector<Cache> caches;
    quint64 scratch_bytes = 0;                               ///< of a prefill chunk of the usual size
    quint64 copies_bytes = 0, text_bytes = 0;                ///< see MemoryUse
    double flops_per_token = 0, flops_per_context_token = 0; ///< at no context; more for each token of it
    quint64 memory_available = 0;                            ///< bytes of RAM free now; 0: not known
};

struct ReportedMemory {
    quint64 weights = 0, mapped = 0, text = 0, kv = 0, scratch = 0;
    quint64 total() const { return weights + text + kv + scratch; }
    quint64 onCard() const { return weights + mapped + kv + scratch; } ///< of a card's memory
};

/// The report's memory at a precision, a cache type (both by index) and a context in tokens.
ReportedMemory memoryOf(const AnatomyReport& report, int precision, int cache, int context);

/// Reads one report. Never throws: what is wrong stands in `error`.
AnatomyReport readAnatomy(const QString& path);
AnatomyReport readAnatomy(const Shape& shape);

/// Reads on a thread of its own; of requests that overtake one another only the last is answered.
class AnatomyReader : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;

    void readFile(const QString& path);
    void readShape(const Shape& shape);

  Q_SIGNALS:
    void read(const switchyard::AnatomyReport& report);

  private:
    void post(std::function<AnatomyReport()> job);
    std::atomic<int> serial_{0};
    Background background_; ///< last: its thread uses everything above
};

} // namespace switchyard
