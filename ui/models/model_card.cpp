#include "ui/models/model_card.h"

#include "engine/base/cores.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/wheel_guard.h"

#include <QCheckBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSignalBlocker>
#include <QSpinBox>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

ModelCard::ModelCard(Settings& settings, QWidget* parent) : QWidget(parent), settings_(settings) {
    setObjectName(u"models.card"_s);
    facts_ = new PlainLabel(this);
    facts_->setObjectName(u"models.card.facts"_s);
    facts_->setProperty("muted", true);
    facts_->setProperty("small", true);
    facts_->setWordWrap(true);
    facts_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    hash_ = new QToolButton(this);
    hash_->setObjectName(u"models.card.hash"_s);
    hash_->setText(tr("Compute SHA-256"));
    hash_->setProperty("action", true);
    setup_button_ = new QToolButton(this);
    setup_button_->setObjectName(u"models.card.setup"_s);
    setup_button_->setText(tr("How it is loaded…"));
    setup_button_->setCheckable(true);
    setup_button_->setProperty("action", true);
    sum_field_ = new QLineEdit(this); // to be copied; a label could not break it over lines
    sum_field_->setObjectName(u"models.card.sum"_s);
    sum_field_->setAccessibleName(tr("SHA-256 of the file"));
    sum_field_->setReadOnly(true);
    sum_field_->hide();
    error_ = new PlainLabel(this);
    error_->setObjectName(u"models.card.error"_s);
    error_->setProperty("error", true);
    error_->setWordWrap(true);
    error_->hide();
    auto* row = new QHBoxLayout;
    row->addWidget(facts_, 1);
    row->addWidget(hash_, 0, Qt::AlignTop);
    row->addWidget(setup_button_, 0, Qt::AlignTop);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(6);
    layout->addLayout(row);
    layout->addWidget(sum_field_);
    layout->addWidget(setup_ = buildSetup());
    layout->addWidget(question_ = buildQuestion());
    layout->addWidget(error_);
    setup_->hide();
    question_->hide();
    connect(hash_, &QToolButton::clicked, this, &ModelCard::computeHash);
    connect(setup_button_, &QToolButton::toggled, this, [this](bool on) { showParts(on, false); });
    setModel(nullptr, false);
}

QSpinBox* ModelCard::addBox(const QString& name, const QString& title, const QString& none, int step,
                            int most) {
    auto* box = new QSpinBox;
    box->setObjectName(u"models.setup."_s + name);
    box->setAccessibleName(title);
    box->setRange(0, most);
    box->setSingleStep(step);
    box->setSpecialValueText(none);
    box->setGroupSeparatorShown(true);
    box->setKeyboardTracking(false);
    connect(box, &QSpinBox::valueChanged, this, &ModelCard::keep);
    return box;
}

QWidget* ModelCard::buildSetup() {
    auto* part = new QFrame(this);
    part->setProperty("card", true);
    context_ = addBox(u"context"_s, tr("Longest conversation, in tokens"), tr("as the model says"), 1024,
                      kMostContext);
    threads_ = addBox(u"threads"_s, tr("Threads on the processor"), tr("one a core"), 1,
                      std::clamp(available_cores(), 1, kMostThreads));
    idle_ = addBox(u"idle"_s, tr("Minutes without an answer, after which its memory is given back"),
                   tr("never"), 5, kMostIdle);
    idle_->setSuffix(tr(" min"));
    auto* across = new QHBoxLayout;
    across->setSpacing(8);
    for (const auto& [title, box] : {std::pair(tr("Context"), context_), std::pair(tr("Threads"), threads_),
                                     std::pair(tr("Unload idle"), idle_)}) {
        auto* label = new PlainLabel(title);
        label->setBuddy(box);
        across->addWidget(label);
        across->addWidget(box, 1);
    }
    lock_ = new QCheckBox(tr("Lock in memory, where the system allows it"));
    lock_->setObjectName(u"models.setup.lock"_s);
    connect(lock_, &QCheckBox::toggled, this, &ModelCard::keep);
    setup_note_ = new PlainLabel;
    setup_note_->setObjectName(u"models.setup.note"_s);
    setup_note_->setProperty("muted", true);
    setup_note_->setProperty("small", true);
    setup_note_->setWordWrap(true);
    auto* layout = new QVBoxLayout(part);
    layout->setContentsMargins(12, 8, 12, 8);
    layout->setSpacing(6);
    layout->addLayout(across);
    layout->addWidget(lock_);
    layout->addWidget(setup_note_);
    leaveWheelToPage(part);
    return part;
}

QWidget* ModelCard::buildQuestion() {
    auto* part = new QFrame(this);
    part->setProperty("card", true);
    question_text_ = new PlainLabel;
    question_text_->setObjectName(u"models.delete.text"_s);
    question_text_->setWordWrap(true);
    auto* go = new QPushButton(tr("Move to the trash"));
    go->setObjectName(u"models.delete.go"_s);
    go->setProperty("danger", true);
    auto* stay = new QPushButton(tr("Keep it"));
    stay->setObjectName(u"models.delete.keep"_s);
    auto* layout = new QHBoxLayout(part);
    layout->setContentsMargins(12, 8, 12, 8);
    layout->addWidget(question_text_, 1);
    layout->addWidget(stay);
    layout->addWidget(go);
    connect(go, &QPushButton::clicked, this, &ModelCard::remove);
    connect(stay, &QPushButton::clicked, this, [this] { showParts(false, false); });
    return part;
}

void ModelCard::setModel(const ModelEntry* model, bool in_use) {
    const bool same = model && model_ && model->path == model_->path;
    const bool same_bytes = same && model->bytes == model_->bytes && model->changed == model_->changed;
    model_ = model ? std::optional(*model) : std::nullopt;
    in_use_ = in_use;
    setVisible(model != nullptr);
    if (!same_bytes)
        forgetHash();
    if (!same) {
        showParts(setup_button_->isChecked(), false);
        error_->hide();
    }
    hash_->setEnabled(model && !model->folder && !hashing_);
    hash_->setVisible(sum_.isEmpty());
    if (!hashing_)
        hash_->setText(tr("Compute SHA-256"));
    setup_button_->setVisible(model && model->error.isEmpty());
    if (!model || !model->error.isEmpty())
        setup_button_->setChecked(false);
    showFacts();
    showSetup();
}

void ModelCard::showFacts() {
    if (!model_)
        return facts_->clear();
    facts_->setText(!model_->error.isEmpty()    ? QString()
                    : model_->licence.isEmpty() ? tr("Its files name no licence.")
                                                : tr("Licence: %1").arg(oneLine(model_->licence, 60)));
    sum_field_->setVisible(!sum_.isEmpty());
    if (sum_field_->text() != sum_) {
        sum_field_->setText(sum_);
        sum_field_->setCursorPosition(0);
    }
}

/// One of them at a time: there may be little room.
void ModelCard::showParts(bool setup, bool question) {
    setup_->setVisible(setup);
    question_->setVisible(question);
    const QSignalBlocker quiet(setup_button_);
    setup_button_->setChecked(setup);
    Q_EMIT opened(setup || question);
}

// ---- Its hash ----

/// What is computed, or was, is of another file.
void ModelCard::forgetHash() {
    ++hash_serial_;
    background_.stop();
    hashing_ = false;
    sum_.clear();
}

void ModelCard::computeHash() {
    if (!model_ || hashing_)
        return;
    hashing_ = true;
    hash_->setEnabled(false);
    const int serial = ++hash_serial_;
    const auto say = [this, serial](double share) {
        QMetaObject::invokeMethod(
            this,
            [this, serial, share] {
                if (serial == hash_serial_)
                    hash_->setText(tr("Computing… %1 %").arg(static_cast<int>(100 * share)));
            },
            Qt::QueuedConnection);
    };
    background_.run(
        this,
        [path = model_->path, say](const std::stop_token& stop) {
            int last = -1;
            return sha256OfFile(path, stop, [&](double share) {
                if (const int percent = static_cast<int>(100 * share); percent != last) {
                    last = percent;
                    say(share);
                }
            });
        },
        [this, serial](const QByteArray& sum) {
            if (serial != hash_serial_)
                return;
            hashing_ = false;
            hash_->setText(tr("Compute SHA-256"));
            hash_->setEnabled(true);
            error_->setVisible(sum.isEmpty());
            error_->setText(tr("The file cannot be read."));
            sum_ = QString::fromLatin1(sum);
            hash_->setVisible(sum_.isEmpty());
            showFacts();
        });
}

// ---- How it is loaded ----

void ModelCard::showSetup() {
    const ModelSetup setup = model_ ? setupOf(settings_, model_->path) : ModelSetup();
    showing_ = true;
    context_->setMaximum(model_ && model_->context > 0 ? model_->context : kMostContext);
    context_->setValue(setup.context);
    threads_->setValue(setup.threads);
    idle_->setValue(setup.idle_minutes);
    lock_->setChecked(setup.lock);
    showing_ = false;
    setup_note_->setText(
        in_use_
            ? tr("All but the idle time acts when it is loaded the next time: it is in use now.")
            : tr("Acts when it is loaded. With the next message an unloaded model comes back by itself."));
}

void ModelCard::keep() {
    if (showing_ || !model_)
        return;
    ModelSetup setup = setupOf(settings_, model_->path);
    const int context = context_->value();
    setup.context = context > 0 ? std::max(context, kLeastContext) : 0;
    setup.threads = threads_->value();
    setup.idle_minutes = idle_->value();
    setup.lock = lock_->isChecked();
    keepSetup(settings_, model_->path, setup);
    showSetup();
}

// ---- Its way to the trash ----

QString ModelCard::deleteRefusal() const {
    if (!model_)
        return tr("Choose a model.");
    if (model_->rank != 0)
        return tr("It belongs to %1: delete it there.").arg(model_->source);
    if (in_use_ || (needed_ && needed_(model_->path)))
        return tr("It is in use: load another one first.");
    return {};
}

void ModelCard::askDelete() {
    if (!deleteRefusal().isEmpty())
        return;
    const QStringList files = filesOf(*model_);
    const QString size = sizeText(model_->bytes);
    const QString name = oneLine(model_->name, 80);
    question_text_->setText(
        model_->folder ? tr("The folder %1 (%2) goes to the trash, with all that is in it.").arg(name, size)
        : files.size() > 1
            ? tr("%1 (%n parts, %2) goes to the trash.", nullptr, static_cast<int>(files.size()))
                  .arg(name, size)
            : tr("%1 (%2) goes to the trash.").arg(name, size));
    error_->hide();
    showParts(false, true);
}

void ModelCard::remove() {
    showParts(false, false);
    if (!deleteRefusal().isEmpty())
        return;   // it was loaded meanwhile
    forgetHash(); // it may be reading the file
    hash_->setEnabled(false);
    background_.run(
        this, [model = *model_] { return moveToTrash(filesOf(model)); },
        [this, path = model_->path](const QString& error) {
            if (model_ && model_->path == path) { // else another was chosen meanwhile
                error_->setText(fewLines(error));
                error_->setVisible(!error.isEmpty());
            }
            Q_EMIT deleted();
        });
}

} // namespace switchyard
