// The models that are loaded, by key: the engine's on this machine, or what a server offers. Which of them a
// chat uses is not known here.
#pragma once

#include "app/services/capabilities.h"
#include "app/services/cards.h"
#include "app/services/model_setup.h"

#include <QObject>

#include <functional>

namespace switchyard {

using ModelKey = QString; ///< a file's path, or an entry of a server; "": none

enum class ModelState { None, Loading, Ready, Failed };

/// Why a model that worked does not any more.
enum class CardTrouble {
    None,
    Memory, ///< what an answer needed could not be had; the model is there
    Lost    ///< the card computes nothing any more
};

/// Nothing here waits: state and progress come by signal.
class ModelHost : public QObject {
    Q_OBJECT
  public:
    using QObject::QObject;
    ~ModelHost() override = default;

    /// Begins to load a model beside those that are loaded, or refuses it where it does not fit beside them;
    /// one that loads or is ready already is left alone.
    /// `in_place_of` one that is ready (it may be the same): the file is looked at before, and one that
    /// cannot be used changes nothing, which refused() says; else that model is given up first.
    /// One that loads for another device begins anew.
    virtual void load(const ModelKey& key, const ModelKey& in_place_of = {},
                      const DeviceChoice& device = {}) = 0;
    /// Asked, on this thread, how a model is to be loaded. Hosts that load nothing themselves do not ask.
    virtual void setSetups(std::function<ModelSetup(const ModelKey& key)> setups) { Q_UNUSED(setups) }
    /// Its runs end; what was under way for it is given up.
    virtual void unload(const ModelKey& key) = 0;
    virtual ModelState state(const ModelKey& key) const = 0;
    /// Empty where it is not ready. Valid until the next event loop turn.
    virtual const Capabilities& capabilities(const ModelKey& key) const = 0;
    /// The model's dials as they are in force, or come into force.
    virtual ModelTuning modelTuning(const ModelKey& key) const = 0;
    /// Moves a dial of the model (precision of the weights). Where it cannot be done it goes back.
    virtual void setModelTuning(const ModelKey& key, const ModelTuning& tuning) = 0;
    /// Tokens a text costs, by that model; -1 where it is not ready. The answer comes on this thread, later.
    virtual void countTokens(const ModelKey& key, const QString& text, std::function<void(int)> answer) = 0;
    /// How the card that computes the model is; nothing where none does. The answer comes on this thread,
    /// later.
    virtual void readCard(const ModelKey& key, std::function<void(const CardReading&)> answer) = 0;

  Q_SIGNALS:
    /// `error`: of Failed, the cause and the way on as the engine says it (engineSentence() has it in the
    /// window's language).
    void stateChanged(const switchyard::ModelKey& key, switchyard::ModelState state, const QString& error);
    /// It is not loaded, and what was loaded stays. `error` is the engine's, too.
    void refused(const switchyard::ModelKey& key, const QString& error);
    void capabilitiesChanged(const switchyard::ModelKey& key); ///< expected speeds were corrected by measured
    void loadProgress(const switchyard::ModelKey& key, double share);
    /// Weights being re-encoded; equal: finished.
    void recodeProgress(const switchyard::ModelKey& key, quint32 done, quint32 total);
    /// A sentence; the dial is back where it was, which modelTuning() says.
    void recodeFailed(const switchyard::ModelKey& key, const QString& error);
    /// An answer ended for it. After Lost the model comes anew where its device is chosen automatically, and
    /// fails else.
    void cardFailed(const switchyard::ModelKey& key, switchyard::CardTrouble trouble);
};

} // namespace switchyard
