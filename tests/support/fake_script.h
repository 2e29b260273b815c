// What scripted services do: every window and service can be tried without a model, at any speed and with
// every failure.
#pragma once

#include "app/services/run_service.h"

namespace switchyard {

/// A dense model, whose expert dial is off and that can be carved.
Capabilities denseModel();
/// A mixture of 64 experts, 6 of them active.
Capabilities mixtureModel();
/// The pieces a text is streamed in: about a word each, or one CJK character.
std::vector<std::string> splitText(const QString& text);
int countPieces(const QString& text); ///< of splitText(), in no time

/// Seconds of 0 pass at once.
struct FakeScript {
    QString text = QStringLiteral("MLA stores one latent vector per token instead of keys and values for "
                                  "every head, so the cache is **much smaller**."); ///< the answer
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
    QString recode_error; ///< not empty: half way the weights cannot be re-encoded any further
    double carve_seconds = 0.5;
    QString carve_error;
    Capabilities capabilities = mixtureModel(); ///< of the model that load() brings
    CardReading card{};                         ///< how its card is
};

} // namespace switchyard
