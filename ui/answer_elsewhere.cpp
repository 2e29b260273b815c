#include "ui/answer_elsewhere.h"

#include "app/services/engine_sentence.h"
#include "ui/model_loading.h"
#include "ui/models/model_menu.h"
#include "ui/models/model_text.h"

#include <QMenu>

#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {

AnswerElsewhere::AnswerElsewhere(const WindowServices& services, ModelLoading& loading, QObject* parent)
    : QObject(parent), services_(services), loading_(loading) {
    connect(&services_.model, &CurrentModel::stateChanged, this, &AnswerElsewhere::takeState);
    connect(&services_.model, &CurrentModel::refused, this, &AnswerElsewhere::takeRefusal);
}

QString AnswerElsewhere::nameOf(const QString& path) const {
    return shownModelName(libraryName(services_.library.models(), path, path.section(u'/', -1)));
}

void AnswerElsewhere::fill(QMenu& menu, MessageId answer) {
    menu.clear();
    const CurrentModel& model = services_.model;
    addModels(menu, services_.library.models(),
              model.state() == ModelState::Ready ? model.capabilities().model_path : QString(),
              [this, answer](const QString& path) { begin(answer, path); });
}

void AnswerElsewhere::begin(MessageId answer, const QString& path) {
    ChatController& controller = services_.controller;
    wish_.reset();
    if (controller.busy() || !controller.message(answer))
        return;
    const CurrentModel& model = services_.model;
    const QString now = model.state() == ModelState::Ready ? model.capabilities().model_path : QString();
    if (now == path) {
        controller.chat().regenerate(answer);
        return;
    }
    wish_ = {controller.current(), answer, path, now};
    loading_.load(path);
}

void AnswerElsewhere::takeState(ModelState state, const QString& error) {
    if (!wish_ || state == ModelState::Loading || state == ModelState::None)
        return;
    if (loading_.path() != wish_->path) // another was wished since
        return wish_.reset();
    if (state == ModelState::Ready && services_.model.key() != wish_->path)
        return; // the one before, which stays until the answers under way have ended
    const Wish wish = *std::exchange(wish_, {});
    if (state == ModelState::Ready) {
        // Once everybody has taken the model's dials over.
        QMetaObject::invokeMethod(
            this, [this, wish] { answer(wish); }, Qt::QueuedConnection);
        return;
    }
    const QString reason = engineSentence(error, wish.path);
    QString sentence =
        tr("%1 could not be loaded, so the answer stays as it is: %2").arg(nameOf(wish.path), reason);
    if (!wish.before.isEmpty())
        sentence = tr("%1 could not be loaded, so the answer stays as it is, and %2 is loaded again: %3")
                       .arg(nameOf(wish.path), nameOf(wish.before), reason);
    Q_EMIT said(sentence);
    if (!wish.before.isEmpty())
        QMetaObject::invokeMethod(
            this, [this, path = wish.before] { loading_.load(path); }, Qt::QueuedConnection);
}

/// The model in use stays.
void AnswerElsewhere::takeRefusal(const QString& path) {
    if (!wish_ || path != wish_->path)
        return;
    wish_.reset();
    Q_EMIT said(tr("%1 was not loaded, so the answer stays as it is. The reason stands above the thread.")
                    .arg(nameOf(path)));
}

void AnswerElsewhere::answer(const Wish& wish) {
    ChatController& controller = services_.controller;
    const bool asked = controller.current() == wish.chat && services_.model.key() == wish.path &&
                       controller.chat().regenerate(wish.answer);
    if (!asked)
        Q_EMIT said(tr("%1 is loaded, but nothing was asked again: its chat is not shown any more, or is "
                       "being answered. Choose “Answer again with” once more.")
                        .arg(nameOf(wish.path)));
}

} // namespace switchyard
