#include "ui/model_loading.h"

#include "app/services/chat_controller.h"
#include "ui/models/model_text.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
QString nameOf(const QString& path) { return shownModelName(path.section(u'/', -1)); }
} // namespace

ModelLoading::ModelLoading(CurrentModel& model, ChatController& controller, QObject* parent)
    : QObject(parent), model_(model), controller_(controller) {
    connect(&model_, &CurrentModel::stateChanged, this, &ModelLoading::takeState);
    connect(&model_, &CurrentModel::refused, this, [this](const QString& path, const QString& error) {
        asked_.clear();
        instead_.clear();
        say(tr("%1 was not loaded: %2. %3 stays in use.")
                .arg(nameOf(path), error.endsWith(u'.') ? error.chopped(1) : error, nameOf(works_)),
            Offer::None, true);
    });
    connect(&controller_, &ChatController::runChanged, this, &ModelLoading::whenIdle);
    connect(&controller_.list(), &ChatListService::changed, this, &ModelLoading::whenIdle);
}

int ModelLoading::answers() const {
    const auto& chats = controller_.list().chats();
    const auto count = std::count_if(chats.begin(), chats.end(), [this](const ConversationSummary& chat) {
        return controller_.run(chat.id) != nullptr;
    });
    return std::max(static_cast<int>(count), controller_.busy() ? 1 : 0);
}

void ModelLoading::load(const QString& path) {
    const QString before = waits_ ? path_ : asked_;
    const ModelState state = model_.state();
    if (before == path && (state == ModelState::Loading || state == ModelState::Ready))
        return; // it is under way
    path_ = path;
    instead_ = before.isEmpty()
                   ? QString()
                   : tr("%1 takes the place of %2, which is not loaded.").arg(nameOf(path), nameOf(before));
    waits_ = model_.state() == ModelState::Ready && answers() > 0;
    if (!waits_)
        return begin();
    if (path == works_) { // the wish for another one is taken back
        waits_ = false;
        instead_.clear();
        return say({}, Offer::None, false);
    }
    sayWaiting();
}

/// All answers end with the model, those that wait for their turn, too: it is said how many.
void ModelLoading::sayWaiting() {
    const int count = answers();
    const QString when = (count > 1 ? tr("%1 is loaded when %n answer(s) have ended.", nullptr, count)
                                    : tr("%1 is loaded when the answer has ended."))
                             .arg(nameOf(path_));
    say(instead_.isEmpty() ? when : instead_ + u'\n' + when, Offer::LoadNow, false);
}

void ModelLoading::begin() {
    waits_ = false;
    asked_ = path_;
    say({}, Offer::None, false);
    model_.use(path_);
    if (asked_ == path_) // not answered yet
        say(instead_, Offer::None, false);
}

void ModelLoading::whenIdle() {
    if (waits_ && answers() == 0)
        begin();
    else if (waits_)
        sayWaiting();
}

void ModelLoading::takeState(ModelState state, const QString& error) {
    if (state == ModelState::Loading || state == ModelState::None)
        return say(instead_, Offer::None, false);
    asked_.clear();
    if (state == ModelState::Ready) {
        works_ = model_.capabilities().model_path;
        return sayNotes();
    }
    instead_.clear();
    const bool back = state == ModelState::Failed && !works_.isEmpty() && works_ != path_;
    say(state == ModelState::Failed ? error : QString(), back ? Offer::Back : Offer::None,
        state == ModelState::Failed);
}

/// What was found in the file is said once, where it is seen; the facts beside the name keep it.
void ModelLoading::sayNotes() {
    constexpr qsizetype kMost = 3;
    const QStringList& notes = model_.capabilities().notes;
    QStringList said = notes.first(std::min(kMost, notes.size()));
    if (!instead_.isEmpty())
        said.prepend(std::exchange(instead_, {}));
    if (notes.size() > kMost)
        said += tr("%n more note(s) stand beside the model's name.", nullptr,
                   static_cast<int>(notes.size() - kMost));
    say(said.join(u'\n'), said.isEmpty() ? Offer::None : Offer::Dismiss, false);
}

void ModelLoading::act() {
    switch (std::exchange(offer_, Offer::None)) {
    case Offer::LoadNow:
        return begin();
    case Offer::Back:
        return load(works_);
    case Offer::Dismiss:
        return say({}, Offer::None, false);
    case Offer::None:
        return;
    }
}

void ModelLoading::say(const QString& sentence, Offer offer, bool is_error) {
    offer_ = offer;
    const QString action = offer == Offer::LoadNow
                               ? answers() > 1 ? tr("Load now, stopping %n answer(s)", nullptr, answers())
                                               : tr("Load now, stopping the answer")
                           : offer == Offer::Back    ? tr("Back to %1").arg(nameOf(works_))
                           : offer == Offer::Dismiss ? tr("Understood")
                                                     : QString();
    Q_EMIT notice(sentence, action, is_error);
}

} // namespace switchyard
