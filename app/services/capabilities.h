// What a loaded model allows, and what each choice of a dial would cost.
#pragma once

#include "app/services/speed_history.h"
#include "engine/run/tuning.h"
#include "engine/text/template_traits.h"

#include <QString>
#include <QStringList>

#include <vector>

namespace switchyard {

/// How one choice of a stepped control would turn out, known before it is chosen.
struct ChoiceForecast {
    QString name;               ///< "Q4_K"
    QString label{};            ///< shown instead of the name; "": the name
    quint64 bytes = 0;          ///< of memory of our own: weights, or the cache as `note` says
    TokenCost token;            ///< of an answer
    SpeedRange speed;           ///< expected at decode
    bool no_gain = false;       ///< larger than the file, and no nearer to the authors' weights
    bool on_card = false;       ///< `bytes` are of a card's memory
    quint64 experts_in_ram = 0; ///< bytes, where the card fetches them from there
    QString note;               ///< "Q5_0 where rows are not divisible by 256" (engineFallbacks() says it)
};

/// What dialState() makes the state of each dial of.
struct Capabilities {
    bool ready = false;
    QString model_path, model_name, architecture, device; ///< device: "CPU, 2 threads" (engineDevice())
    QString model_fingerprint;                            ///< the same for the same file, wherever it lies
    QString file_precision;                               ///< "Q4_1"
    int card = -1;                                        ///< that computes it; -1: the CPU does
    /// A sentence, where the device was chosen automatically: the engine's (engineSentence() says it).
    QString device_why;
    SpeedRange speed, speed_on_cpu{};    ///< of a card, at the file's precision; measured on the processor
    int threads = 1;                     ///< of the device
    double bandwidth = 0;                ///< bytes a second read from memory; 0: not measured
    int context = 0;                     ///< tokens
    int experts = 0, experts_active = 0; ///< 0: dense, the expert dial is off
    bool can_carve = false;
    bool thinking = false, thinking_effort = false; ///< its template has a switch, and a word, for that
    SystemRole system_role = SystemRole::Heard;
    QStringList notes; ///< sentences, of the engine's too (engineSentence() says them): what a user should
                       ///< know of how the file was understood
    std::vector<ChoiceForecast> weights, kv;
    Tuning defaults;                                   ///< the model's own
    quint64 weights_bytes = 0, kv_bytes_per_token = 0; ///< weights: measured, in memory of our own
    quint64 memory_total = 0, memory_available = 0;    ///< bytes of RAM, or of the card's memory
};

} // namespace switchyard
