// "Answer again with": another model is loaded for an answer, and answers as a further version of it. Where
// it cannot be loaded everything is as it was.
#pragma once

#include "ui/window_services.h"

#include <optional>

class QMenu;

namespace switchyard {

class ModelLoading;

class AnswerElsewhere : public QObject {
    Q_OBJECT
  public:
    /// All must outlive it.
    AnswerElsewhere(const WindowServices& services, ModelLoading& loading, QObject* parent = nullptr);

    /// Puts the models that can answer into the menu of this answer.
    void fill(QMenu& menu, MessageId answer);
    /// Of the shown chat, by the model of this path.
    void begin(MessageId answer, const QString& path);

  Q_SIGNALS:
    void said(const QString& sentence); ///< why it is not answered again

  private:
    struct Wish {
        ConversationId chat;
        MessageId answer;
        QString path, before; ///< before: the model that was in use; empty: none
    };
    void takeState(ModelState state, const QString& error);
    void takeRefusal(const QString& path);
    void answer(const Wish& wish);
    QString nameOf(const QString& path) const;

    WindowServices services_;
    ModelLoading& loading_;
    std::optional<Wish> wish_; ///< its model loads
};

} // namespace switchyard
