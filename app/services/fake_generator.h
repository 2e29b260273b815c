// A generator that plays a script: every window and service can be tried without a model, at any speed and
// with every failure.
#pragma once

#include "app/services/generator.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <thread>

namespace switchyard {

/// What the fake does. Seconds of 0 pass at once.
struct FakeScript {
    /// The answer; split into tokens of about a word, or one CJK character.
    QString text = QStringLiteral("MLA stores one latent vector per token instead of keys and values for "
                                  "every head, so the cache is **much smaller**.");
    /// Where set, gives the answer to a request instead of `text`; called on the worker's thread.
    std::function<QString(const GenerationRequest&)> reply;
    double tokens_per_second = 300; ///< 0: as fast as possible
    double prefill_seconds = 0;
    int prompt_tokens = 40;
    int fail_at = -1; ///< before this token of the answer the run fails with `error`; -1: never
    QString error =
        QStringLiteral("The KV cache needs 96 MiB more, 40 MiB are free: choose Q8_0 or a shorter chat.");
    double load_seconds = 0;
    QString load_error;    ///< not empty: loading fails with this
    QString refused_error; ///< not empty: while a model works, a further one is refused with this
    double recode_seconds = 0.5;
    quint32 recode_slices = 210;
    double carve_seconds = 0.5;
    QString carve_error;
    Capabilities capabilities; ///< of the model that loadModel() brings; default: mixtureModel()
    FakeScript();
};

class FakeGenerator : public Generator {
    Q_OBJECT
  public:
    explicit FakeGenerator(FakeScript script = {}, QObject* parent = nullptr);
    ~FakeGenerator() override;

    /// Takes effect with the next load or run.
    void setScript(const FakeScript& script);
    /// A dense model, whose expert dial is off and that can be carved.
    static Capabilities denseModel();
    /// A mixture of 64 experts, 6 of them active.
    static Capabilities mixtureModel();

    /// What submit() was given, in order: for tests.
    std::vector<GenerationRequest> requests() const;

    void loadModel(const QString& path) override;
    void unloadModel() override;
    ModelState modelState() const override { return state_; }
    const Capabilities& capabilities() const override { return capabilities_; }
    RunId submit(GenerationRequest request) override;
    void cancel(RunId run) override;
    void setTuning(RunId run, const SequenceTuning& tuning) override;
    void setModelTuning(const ModelTuning& tuning) override;
    void countTokens(const QString& text, std::function<void(int)> answer) override;
    void carve(const QString& output) override;
    void cancelCarve() override;
    std::vector<RunEvent> drain() override { return stream_.drain(); }

    /// The pieces a text is streamed in.
    static std::vector<std::string> split(const QString& text);

  private:
    struct Run;
    struct Answer;
    void work(std::stop_token stop);
    void play(Run& run, std::stop_token stop);
    bool prefill(Run& run, const FakeScript& script, std::stop_token stop);
    TokenRecord record(const Run& run, const Answer& answer, int index) const;
    void takeMoves(Run& run, int token);
    void applyReplay(Run& run, int token);
    void finish(Run& run, FinishReason reason, const QString& error = {});
    void emitEvent(RunEvent event);
    /// Sleeps; false where the run was cancelled or the program ends.
    bool waitUntil(Run& run, std::chrono::steady_clock::time_point time, std::stop_token stop);
    void recodeTick();

    mutable std::mutex mutex_; ///< guards what follows up to stream_
    std::condition_variable_any wake_;
    FakeScript script_;
    std::deque<std::shared_ptr<Run>> queue_; ///< front: the one that runs
    std::vector<GenerationRequest> requests_;
    ModelTuning model_tuning_;
    quint32 recoded_ = 0, recode_total_ = 0;
    RunId next_run_ = 1;

    TokenStream stream_;
    ModelState state_ = ModelState::None;
    Capabilities capabilities_;
    int load_serial_ = 0, recode_serial_ = 0, carve_serial_ = 0;
    std::chrono::steady_clock::time_point recode_start_;
    std::jthread worker_;
};

} // namespace switchyard
