// The model that the chats use: one of the host's, or none.
#pragma once

#include "app/services/model_host.h"

namespace switchyard {

class CurrentModel : public QObject {
    Q_OBJECT
  public:
    /// The host must outlive it.
    explicit CurrentModel(ModelHost& host, QObject* parent = nullptr);

    const ModelKey& key() const { return key_; }
    /// Loads it where it is not ready. A model that works is given up only for one that can be read: until
    /// then it stays the current one. The newest wish counts. One that is ready comes anew, for another
    /// device.
    void use(ModelKey key, const DeviceChoice& device = {});
    void unload();
    ModelState state() const { return host_.state(key_); }
    /// Why it failed, as the engine says it; else empty.
    const QString& error() const { return error_; }
    /// Whether it is loaded, or is to be: its file is needed.
    bool needs(const ModelKey& key) const {
        const bool there = state() == ModelState::Ready || state() == ModelState::Loading;
        return !key.isEmpty() && (key == wished_ || (key == key_ && there));
    }
    const Capabilities& capabilities() const { return host_.capabilities(key_); }
    /// Of another of the host's.
    const Capabilities& capabilities(const ModelKey& key) const { return host_.capabilities(key); }
    ModelTuning tuning() const { return host_.modelTuning(key_); }
    void setTuning(const ModelTuning& tuning) { host_.setModelTuning(key_, tuning); }
    void countTokens(const QString& text, std::function<void(int)> answer);
    void readCard(std::function<void(const CardReading&)> answer);

  Q_SIGNALS:
    // The host's, where they are about this model.
    void stateChanged(switchyard::ModelState state, const QString& error);
    void refused(const switchyard::ModelKey& key, const QString& error); ///< a wish; the current one stays
    void capabilitiesChanged();
    void loadProgress(double share);
    void recodeProgress(quint32 done, quint32 total);
    void recodeFailed(const QString& error);
    void cardFailed(switchyard::CardTrouble trouble);

  private:
    void takeState(const ModelKey& key, ModelState state, const QString& error);
    void tell(ModelState state, const QString& error);

    ModelHost& host_;
    ModelKey key_;
    QString error_;
    ModelKey wished_; ///< is looked at while the current one works
};

} // namespace switchyard
