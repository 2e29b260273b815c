// What is said and offered of the model that a chat was answered by, where another one is in use.
#pragma once

#include "app/services/conversation.h"

#include <QObject>

#include <memory>
#include <optional>

namespace switchyard {

class Background;
class CurrentModel;
class ModelLibrary;

struct ChatModelOffer {
    QString sentence;     ///< empty: nothing is to be said
    QString action, path; ///< "Load X", and what is loaded then; empty: its file is not there
};

/// Whether a file lies where it did, looked at beside the window: its disk may answer late.
class PlaceOfModel : public QObject {
    Q_OBJECT
  public:
    explicit PlaceOfModel(QObject* parent = nullptr);
    ~PlaceOfModel() override;
    /// As it was found last; nullopt: it is being looked at, and found() follows.
    std::optional<bool> holds(const QString& path);
    void lookAgain();

  Q_SIGNALS:
    void found(); ///< another answer than before

  private:
    QString path_;
    std::optional<bool> there_;
    std::unique_ptr<Background> looker_; ///< made with the first question
};

/// Nothing while `place` is still being looked at.
ChatModelOffer offerModel(const Conversation& chat, const CurrentModel& model, const ModelLibrary& library,
                          PlaceOfModel& place);

} // namespace switchyard
