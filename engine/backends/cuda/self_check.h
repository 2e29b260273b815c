// Whether a card computes what the CPU does: asked once of each type of weights, before a model is entrusted
// to it.
#pragma once

#include "engine/backends/cuda/check_memory.h"
#include "engine/backends/cuda/check_model.h"
#include "engine/backends/cuda/step_launches.h"
#include "engine/run/backend.h"

#include <functional>
#include <memory>
#include <mutex>
#include <string>

namespace switchyard::cuda {

/// Sends small models of one type each (check_model.h) through the card and the CPU: answers' rows and a
/// prompt's, attention, routing and experts. Threads may ask at once.
class SelfCheck {
  public:
    /// Gives a backend on the card that is not checked itself, and whose memory goes with it.
    using MakeTrial = std::function<std::shared_ptr<Backend>(StepLaunches)>;

    /// What `memory` knows of `card` is not asked again.
    SelfCheck(MakeTrial make_trial, CheckMemory memory, std::string card)
        : make_trial_(std::move(make_trial)), memory_(std::move(memory)), card_(std::move(card)),
          known_(memory_.find(card_)) {}

    /// Why the card cannot be used, as a clause; "": it can. Throws Error.
    std::string trouble();
    /// Whether products with weights of `type` are the CPU's. Throws Error.
    bool serves(BlockType type);
    /// Whether layers with states, gates of attention and norms behind blocks are the CPU's: asked before the
    /// first model that has such. Throws Error.
    bool serves_states();
    /// The same of attention to what rows choose of their context, compressed rows and residual streams.
    bool serves_choices();
    /// Whether steps of one row by programs (row_program.h) have the bits of others. Not where the card was
    /// lost in one, or a process did not come back from asking, twice. Throws Error.
    bool takes_programs();
    /// As serves(), as far as it was asked already.
    bool is_off(BlockType type) const;

  private:
    /// Whether models with such layers are computed as the CPU does; `known` notes it.
    bool serves(CheckModel::Layers layers, std::optional<bool>& known);

    MakeTrial make_trial_;
    CheckMemory memory_;
    std::string card_;
    mutable std::mutex mutex_;
    CardFindings known_;
};

} // namespace switchyard::cuda
