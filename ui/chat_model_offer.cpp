#include "ui/chat_model_offer.h"

#include "app/services/background.h"
#include "app/services/current_model.h"
#include "app/services/model_library.h"
#include "ui/models/model_menu.h"
#include "ui/models/model_text.h"

#include <QCoreApplication>
#include <QFileInfo>

#include <utility>

namespace switchyard {
namespace {

struct ChatModelOfferTexts {
    Q_DECLARE_TR_FUNCTIONS(ChatModelOfferTexts)
};

QString keyName(const QString& key) { return key.section(QLatin1Char('/'), -1); }

/// Where the chat's model is; empty: nowhere; nullopt: that is not known yet. Of a chat of before only the
/// name of the file is known.
std::optional<QString> pathOfChatModel(const ChatModel& model, const QList<ModelEntry>& models,
                                       PlaceOfModel& place) {
    const auto usable = [](const ModelEntry& entry) { return entry.error.isEmpty(); };
    for (const ModelEntry& entry : models) {
        if (usable(entry) && entry.path == model.key)
            return entry.path;
    }
    if (model.key.startsWith(QLatin1Char('/'))) {
        const std::optional<bool> there = place.holds(model.key);
        if (!there)
            return std::nullopt;
        if (*there)
            return model.key;
    }
    for (const ModelEntry& entry : models) {
        if (usable(entry) && (keyName(entry.path) == keyName(model.key) || entry.name == model.key))
            return entry.path;
    }
    return QString();
}

bool isInUse(const ChatModel& model, const Capabilities& now) {
    if (!model.fingerprint.isEmpty() && !now.model_fingerprint.isEmpty())
        return model.fingerprint == now.model_fingerprint;
    return keyName(model.key) == keyName(now.model_path);
}

} // namespace

PlaceOfModel::PlaceOfModel(QObject* parent) : QObject(parent) {}
PlaceOfModel::~PlaceOfModel() = default; // the looker is waited for

std::optional<bool> PlaceOfModel::holds(const QString& path) {
    if (path_ != path) {
        path_ = path;
        there_.reset();
        lookAgain();
    }
    return there_;
}

void PlaceOfModel::lookAgain() {
    if (path_.isEmpty())
        return;
    try {
        if (!looker_)
            looker_ = std::make_unique<Background>();
    } catch (const std::exception& error) { // no thread: nothing is offered
        qWarning("the chat's model is not looked for: %s", error.what());
        return;
    }
    looker_->run(
        this, [path = path_] { return QFileInfo::exists(path); },
        [this, path = path_](bool there) {
            if (path == path_ && std::exchange(there_, there) != there)
                Q_EMIT found();
        });
}

ChatModelOffer offerModel(const Conversation& chat, const CurrentModel& model, const ModelLibrary& library,
                          PlaceOfModel& place) {
    const ModelState state = model.state();
    const Capabilities& now = model.capabilities();
    if (chat.model.key.isEmpty() || chat.thread().isEmpty() || state == ModelState::Loading ||
        (state == ModelState::Ready && isInUse(chat.model, now)))
        return {};
    const auto& models = library.models();
    ChatModelOffer offer;
    const std::optional<QString> path = pathOfChatModel(chat.model, models, place);
    if (!path)
        return {};
    offer.path = *path;
    if (offer.path.isEmpty() && (library.scanning() || models.isEmpty()))
        return {}; // it may yet be found
    const QString name = shownModelName(libraryName(models, offer.path, keyName(chat.model.key)));
    if (offer.path.isEmpty()) {
        offer.sentence = ChatModelOfferTexts::tr(
                             "This chat was answered by %1, whose file is not on this machine any more.")
                             .arg(name);
        return offer;
    }
    offer.sentence = state == ModelState::Ready
                         ? ChatModelOfferTexts::tr("This chat was answered by %1; %2 is in use now.")
                               .arg(name, shownModelName(libraryName(models, now.model_path, now.model_name)))
                         : ChatModelOfferTexts::tr("This chat was answered by %1.").arg(name);
    offer.action = ChatModelOfferTexts::tr("Load %1").arg(name);
    return offer;
}

} // namespace switchyard
