#include "ui/model_loading.h"

#include "app/services/chat_controller.h"
#include "app/services/engine_sentence.h"
#include "ui/models/model_text.h"

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
QString nameOf(const QString& path) { return shownModelName(path.section(u'/', -1)); }

/// A reason as a part of a sentence that names the device by itself.
QString withoutEnds(QString reason, const QString& device) {
    while (reason.endsWith(u'.') || reason.endsWith(u'。'))
        reason.chop(1);
    if (reason.startsWith(device + u": "_s))
        reason.remove(0, device.size() + 2);
    return reason;
}
} // namespace

ModelLoading::ModelLoading(CurrentModel& model, Devices& devices, ChatController& controller, QObject* parent)
    : QObject(parent), model_(model), devices_(devices), controller_(controller) {
    connect(&model_, &CurrentModel::stateChanged, this, &ModelLoading::takeState);
    connect(&model_, &CurrentModel::refused, this, &ModelLoading::takeRefusal);
    connect(&model_, &CurrentModel::cardFailed, this, &ModelLoading::takeCardTrouble);
    connect(&controller_, &ChatController::runChanged, this, &ModelLoading::whenIdle);
    connect(&controller_.list(), &ChatListService::changed, this, &ModelLoading::whenIdle);
}

int ModelLoading::answers() const { return controller_.busyChats(); }

void ModelLoading::load(const QString& path) { want({path, devices_.choice(path)}); }

void ModelLoading::choose(const DeviceChoice& device, bool own) {
    const QString path = wish_.path;
    devices_.choose(device, path, own);
    const Wish wish{path, device};
    const ModelState state = model_.state();
    if (!path.isEmpty() && state != ModelState::None && (wish != wish_ || state == ModelState::Failed))
        want(wish);
}

void ModelLoading::want(const Wish& wish) {
    const Wish before = waits_ ? wish_ : asked_;
    const ModelState state = model_.state();
    if (before == wish && (state == ModelState::Loading || state == ModelState::Ready))
        return; // it is under way
    wish_ = wish;
    const bool replaces = !before.path.isEmpty() && before.path != wish.path;
    instead_ = {};
    if (replaces)
        instead_ = [taken = nameOf(wish.path), left = nameOf(before.path)] {
            return tr("%1 takes the place of %2, which is not loaded.").arg(taken, left);
        };
    waits_ = state == ModelState::Ready && answers() > 0;
    if (!waits_)
        return begin();
    if (wish == works_) { // the wish for another one is taken back
        waits_ = false;
        instead_ = {};
        return say({}, Offer::None, false);
    }
    sayWaiting();
}

void ModelLoading::sayWaiting() {
    say([this] { return waitingWords(); }, Offer::LoadNow, false);
}

/// All answers end with the model, those that wait for their turn, too: it is said how many.
QString ModelLoading::waitingWords() const {
    const int count = answers();
    const QString device = devices_.nameOf(wish_.device);
    const QString when =
        moves() ? (count > 1 ? tr("%1 is opened on %2 when %n answer(s) have ended.", nullptr, count)
                             : tr("%1 is opened on %2 when the answer has ended."))
                      .arg(nameOf(wish_.path), device)
                : (count > 1 ? tr("%1 is loaded when %n answer(s) have ended.", nullptr, count)
                             : tr("%1 is loaded when the answer has ended."))
                      .arg(nameOf(wish_.path));
    return instead_ ? instead_() + u'\n' + when : when;
}

void ModelLoading::begin() {
    waits_ = false;
    asked_ = wish_;
    say({}, Offer::None, false);
    model_.use(wish_.path, wish_.device);
    if (asked_ == wish_) // not answered yet
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
    asked_ = {};
    const bool lost = std::exchange(lost_, false);
    if (state == ModelState::Ready) {
        const QString path = model_.capabilities().model_path;
        works_ = {path, path == wish_.path ? wish_.device : DeviceChoice()};
        return sayNotes();
    }
    instead_ = {};
    const bool back = !works_.path.isEmpty() && works_ != wish_;
    const bool card = wish_.device.kind == DeviceChoice::Kind::Cuda;
    say([error, path = model_.key()] { return engineSentence(error, path); },
        lost   ? Offer::CpuForNow
        : card ? Offer::ToCpu
        : back ? Offer::Back
               : Offer::None,
        true);
}

/// What is in use stays, where it is: so does the choice that led there.
void ModelLoading::takeRefusal(const QString& path, const QString& error) {
    const Wish asked = std::exchange(asked_, {});
    instead_ = {};
    if (asked.path == works_.path && asked != works_) {
        devices_.choose(works_.device, works_.path, devices_.hasOwn(works_.path));
        wish_ = works_;
        return say(
            [this, asked, path, error] {
                const QString device = devices_.nameOf(asked.device);
                return tr("%1 was not opened on %2: %3. It stays where it is.")
                    .arg(nameOf(path), device, withoutEnds(engineSentence(error, path), device));
            },
            Offer::Dismiss, true);
    }
    const bool card = asked.path == path && asked.device.kind == DeviceChoice::Kind::Cuda;
    say(
        [this, asked, path, error, stays = nameOf(works_.path)] {
            const QString reason = withoutEnds(engineSentence(error, path), devices_.nameOf(asked.device));
            return tr("%1 was not loaded: %2. %3 stays in use.").arg(nameOf(path), reason, stays);
        },
        card ? Offer::ToCpu : Offer::None, true);
}

/// The reason stands under the answer that ended for it.
void ModelLoading::takeCardTrouble(CardTrouble trouble) {
    const QString card = model_.capabilities().device;
    lost_ = trouble == CardTrouble::Lost;
    if (lost_)
        instead_ = [card] {
            return tr("%1 was lost while it computed. What was written is kept; the model is opened anew, on "
                      "the CPU.")
                .arg(card);
        };
    else if (trouble == CardTrouble::Memory)
        say(
            [card] {
                return tr("%1 had not enough free memory for the answer. What was written is kept; on the "
                          "CPU there is the memory of the machine.")
                    .arg(card);
            },
            Offer::ToCpu, true);
}

/// What was found in the file is said once, where it is seen; the facts beside the name keep it.
void ModelLoading::sayNotes() {
    const Words instead = std::exchange(instead_, {});
    const bool kept = std::exchange(kept_, false) && devices_.hasOwn(works_.path);
    const bool any = kept || instead || !model_.capabilities().notes.isEmpty();
    say([this, instead, kept] { return noteWords(instead, kept); }, any ? Offer::Dismiss : Offer::None,
        false);
}

/// `kept`: the model in use was given a device of its own.
QString ModelLoading::noteWords(const Words& instead, bool kept) const {
    constexpr qsizetype kMost = 3;
    const QStringList notes = engineSentences(model_.capabilities().notes);
    QStringList said = notes.first(std::min(kMost, notes.size()));
    if (instead)
        said.prepend(instead());
    if (kept)
        said.prepend(
            tr("%1 is opened on the CPU from now on, all other models on %2. \"As for all models\" in "
               "the list of devices takes that back.")
                .arg(nameOf(works_.path), devices_.nameOf(devices_.choiceOfAll())));
    if (notes.size() > kMost)
        said += tr("%n more note(s) stand beside the model's name.", nullptr,
                   static_cast<int>(notes.size() - kMost));
    return said.join(u'\n');
}

void ModelLoading::act() {
    switch (std::exchange(offer_, Offer::None)) {
    case Offer::LoadNow:
        return begin();
    case Offer::Back:
        return want(works_);
    case Offer::ToCpu:
        kept_ = true;
        return choose({DeviceChoice::Kind::Cpu, -1}, true);
    case Offer::CpuForNow: // the card may be there again at the next start
        return want({wish_.path, {DeviceChoice::Kind::Cpu, -1}});
    case Offer::Dismiss:
        return say({}, Offer::None, false);
    case Offer::None:
        return;
    }
}

QString ModelLoading::actionOf(Offer offer) const {
    switch (offer) {
    case Offer::LoadNow:
        if (moves())
            return answers() > 1 ? tr("Open now, stopping %n answer(s)", nullptr, answers())
                                 : tr("Open now, stopping the answer");
        return answers() > 1 ? tr("Load now, stopping %n answer(s)", nullptr, answers())
                             : tr("Load now, stopping the answer");
    case Offer::Back:
        return tr("Back to %1").arg(nameOf(works_.path));
    case Offer::ToCpu:
    case Offer::CpuForNow:
        return tr("Open on the CPU");
    case Offer::Dismiss:
        return tr("Understood");
    case Offer::None:
        break;
    }
    return {};
}

void ModelLoading::say(const Words& words, Offer offer, bool is_error) {
    offer_ = offer;
    said_ = words;
    said_error_ = is_error;
    sayAgain();
}

void ModelLoading::sayAgain() { Q_EMIT notice(said_ ? said_() : QString(), actionOf(offer_), said_error_); }

} // namespace switchyard
