#include "ui/models/known_list.h"

#include "ui/models/hub_files.h"
#include "ui/models/model_text.h"
#include "ui/plain_text.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

/// What the models of the table are good for, by their ids.
QString goodFor(const QString& id) {
    if (id == u"small"_s)
        return KnownList::tr("Very small and quick: to try the dials with. It knows little.");
    if (id == u"default"_s)
        return KnownList::tr(
            "A good beginning: quick on any machine, answers in English and Chinese, writes code.");
    if (id == u"large"_s)
        return KnownList::tr("Slower and noticeably better: for code and longer answers.");
    return {};
}

} // namespace

KnownList::KnownList(Downloads& downloads, ModelLibrary& library, const QString& folder, QWidget* parent)
    : QWidget(parent), downloads_(downloads), library_(library), folder_(folder) {
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->setSpacing(10);
    for (const KnownModel& model : downloads.options().known)
        rows_.push_back(makeRow(model));
    connect(&downloads_, &Downloads::changed, this, &KnownList::showRows);
    connect(&library_, &ModelLibrary::changed, this, &KnownList::showRows);
    showRows();
}

KnownList::Row KnownList::makeRow(const KnownModel& model) {
    Row row;
    row.model = model;
    auto* card = new QFrame(this);
    card->setProperty("card", true);
    auto* title = new PlainLabel(model.name, card);
    title->setProperty("strong", true);
    auto* words = new PlainLabel(goodFor(model.id), card);
    words->setWordWrap(true);
    row.facts = new PlainLabel(card);
    row.facts->setObjectName(u"known.%1.facts"_s.arg(model.id));
    row.facts->setProperty("muted", true);
    row.facts->setProperty("small", true);
    row.facts->setWordWrap(true);
    row.fetch = new QPushButton(card);
    row.fetch->setObjectName(u"known.%1.download"_s.arg(model.id));
    row.fetch->setAccessibleName(tr("Download %1").arg(model.name));
    connect(row.fetch, &QPushButton::clicked, this,
            [this, model] { downloads_.add(orderOf(model, folder_)); });
    auto* lines = new QVBoxLayout;
    lines->setSpacing(3);
    lines->addWidget(title);
    lines->addWidget(words);
    lines->addWidget(row.facts);
    auto* across = new QHBoxLayout(card);
    across->setContentsMargins(14, 10, 14, 10);
    across->setSpacing(12);
    across->addLayout(lines, 1);
    across->addWidget(row.fetch, 0, Qt::AlignVCenter);
    layout()->addWidget(card);
    return row;
}

void KnownList::setRoom(const MachineRoom& room) {
    room_ = room;
    showRows();
}

void KnownList::showRows() {
    for (const Row& row : rows_) {
        const KnownModel& model = row.model;
        QStringList facts{downloadSize(model.bytes), model.licence};
        if (const QString fit = HubFiles::fitText(room_.fit(model.bytes)); !fit.isEmpty())
            facts.append(fit);
        row.facts->setText(facts.join(u" · "_s));
        const QString path = folder_ + u'/' + model.file;
        const bool there = std::ranges::any_of(library_.models(), [&](const ModelEntry& entry) {
            return entry.path.section(u'/', -1) == model.file && entry.bytes == model.bytes;
        });
        const bool under_way = downloads_.running(path) != nullptr;
        row.fetch->setEnabled(!there && !under_way);
        row.fetch->setText(there ? tr("On this machine") : under_way ? tr("Downloading…") : tr("Download"));
    }
}

} // namespace switchyard
