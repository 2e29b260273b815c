#include "ui/models/anatomy_view.h"

#include "app/services/engine_sentence.h"
#include "ui/models/anatomy_text.h"
#include "ui/models/model_text.h"
#include "ui/models/part_bar.h"
#include "ui/plain_text.h"
#include "ui/theme.h"
#include "ui/wheel_guard.h"

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QLocale>
#include <QRegularExpression>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>
#include <iterator>
#include <limits>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kUsualContext = 4096; ///< tokens, until another number is chosen

QLabel* label(const QString& text, bool muted = false) {
    auto* made = new PlainLabel(text);
    made->setProperty("muted", muted);
    made->setWordWrap(!muted);
    made->setTextInteractionFlags(muted ? Qt::NoTextInteraction : Qt::TextSelectableByMouse);
    return made;
}

/// A table of figures, made by Table.
QLabel* tableLabel(const QString& name) {
    auto* made = new OwnHtmlLabel;
    made->setObjectName(name);
    made->setWordWrap(true);
    made->setTextInteractionFlags(Qt::TextSelectableByMouse);
    return made;
}

QLabel* heading(const QString& text) {
    auto* made = new PlainLabel(text);
    made->setProperty("heading", true);
    return made;
}

QLabel* figure(const QString& text) {
    auto* made = new PlainLabel(text);
    made->setAlignment(Qt::AlignRight | Qt::AlignVCenter);
    return made;
}

QGridLayout* grid() {
    auto* made = new QGridLayout;
    made->setContentsMargins(0, 0, 0, 0);
    made->setHorizontalSpacing(12);
    made->setVerticalSpacing(4);
    return made;
}

/// A table in one label: many labels would take too long to build while a number is typed.
class Table {
  public:
    void add(std::initializer_list<QString> cells, int right = -1) {
        html_ += u"<tr>"_s;
        for (int column = 0; const QString& cell : cells)
            html_ += (column++ == right ? u"<td align=right style='padding-right:10px'>"_s
                                        : u"<td style='padding-right:10px'>"_s) +
                     oneLine(cell).toHtmlEscaped() + u"</td>"_s;
        html_ += u"</tr>"_s;
    }
    QString html() const { return u"<table cellspacing=0 cellpadding=2>"_s + html_ + u"</table>"_s; }

  private:
    QString html_;
};

void empty(QGridLayout* layout) {
    while (QLayoutItem* item = layout->takeAt(0)) {
        delete item->widget();
        delete item;
    }
}

QString percent(std::uint64_t part, std::uint64_t all) {
    return QLocale().toString(all > 0 ? 100.0 * static_cast<double>(part) / static_cast<double>(all) : 0.0,
                              'f', 1) +
           u" %"_s;
}

/// The metadata's name where people can tell models apart by it, else the file's.
QString titleOf(const AnatomyReport& report) {
    static const QRegularExpression hash(QStringLiteral("^[0-9a-f]{12,}$"));
    static const QStringList nameless{u"model"_s,   u"models"_s,     u"hf"_s,    u"snapshot"_s,
                                      u"main"_s,    u"checkpoint"_s, u"llama"_s, u"qwen2"_s,
                                      u"unknown"_s, u"none"_s,       u"."_s};
    const QString name = QString::fromStdString(report.config.name).trimmed();
    const QString file = shownModelName(report.source.section(u'/', -1, -1, QString::SectionSkipEmpty));
    const bool for_people = name.size() > 2 && !name.contains(u'/') &&
                            !hash.match(name.toLower()).hasMatch() && !nameless.contains(name.toLower());
    return for_people || file.isEmpty() ? name : file;
}

} // namespace

AnatomyView::AnatomyView(const QString& name, QWidget* parent) : QWidget(parent) { build(name); }

void AnatomyView::build(const QString& name) {
    sentence_ = label({});
    sentence_->setObjectName(name + u".sentence"_s);
    title_ = label({});
    title_->setObjectName(name + u".title"_s);
    QFont bold = title_->font();
    bold.setBold(true);
    title_->setFont(bold);
    kind_ = label({}, true);
    parameters_ = label({});
    parameters_->setObjectName(name + u".parameters"_s);
    bar_ = new PartBar;
    bar_->setObjectName(name + u".bar"_s);
    parts_ = grid();
    parts_->setColumnStretch(1, 1);
    facts_ = tableLabel(name + u".facts"_s);
    precisions_ = tableLabel(name + u".precisions"_s);

    content_ = new QWidget;
    auto* inner = new QVBoxLayout(content_);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->setSpacing(8);
    inner->addWidget(title_);
    inner->addWidget(kind_);
    inner->addWidget(parameters_);
    inner->addWidget(bar_);
    inner->addLayout(parts_);
    inner->addWidget(facts_);
    inner->addWidget(heading(tr("Memory it will take")));
    inner->addWidget(buildMemory(name));
    inner->addWidget(heading(tr("Weights at each precision")));
    inner->addWidget(precisions_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(0, 0, 0, 0);
    layout->addWidget(sentence_);
    layout->addWidget(content_);
    layout->addStretch();
    leaveWheelToPage(this);
    setSentence(tr("Choose a model to see what it is made of."));
}

QWidget* AnatomyView::buildMemory(const QString& name) {
    context_ = new QSpinBox;
    context_->setObjectName(name + u".context"_s);
    context_->setAccessibleName(tr("Context to forecast memory for, in tokens"));
    context_->setGroupSeparatorShown(true);
    context_->setSingleStep(1024);
    context_->setRange(1, std::numeric_limits<int>::max());
    context_->setValue(kUsualContext);
    precision_ = new QComboBox;
    precision_->setObjectName(name + u".precision"_s);
    precision_->setAccessibleName(tr("Precision of the weights to forecast memory for"));
    cache_ = new QComboBox;
    cache_->setObjectName(name + u".cache"_s);
    cache_->setAccessibleName(tr("Precision of the KV cache to forecast memory for"));
    use_ = tableLabel(name + u".use"_s);
    verdict_ = label({});
    verdict_->setObjectName(name + u".verdict"_s);
    measured_ = label({});
    measured_->setObjectName(name + u".measured"_s);

    auto* box = new QWidget;
    auto* form = new QFormLayout;
    form->setLabelAlignment(Qt::AlignLeft);
    form->setHorizontalSpacing(16);
    form->addRow(tr("Context in tokens"), context_);
    form->addRow(tr("Weights"), precision_);
    form->addRow(tr("KV cache"), cache_);
    auto* inner = new QVBoxLayout(box);
    inner->setContentsMargins(0, 0, 0, 0);
    inner->setSpacing(8);
    inner->addLayout(form);
    inner->addWidget(use_);
    inner->addWidget(verdict_);
    inner->addWidget(measured_);
    connect(context_, &QSpinBox::valueChanged, this, &AnatomyView::showMemory);
    connect(precision_, &QComboBox::currentIndexChanged, this, &AnatomyView::showMemory);
    connect(cache_, &QComboBox::currentIndexChanged, this, &AnatomyView::showMemory);
    return box;
}

void AnatomyView::setSentence(const QString& sentence) {
    sentence_->setText(fewLines(sentence));
    sentence_->show();
    setLook(sentence_, "error", false);
    content_->hide();
}

void AnatomyView::setReport(const AnatomyReport& report) {
    report_ = report;
    if (!report.error.isEmpty()) {
        setSentence(report.error);
        setLook(sentence_, "error", true);
        return;
    }
    sentence_->hide();
    content_->show();
    title_->setText(oneLine(titleOf(report)));
    QStringList kind{QString::fromStdString(report.config.architecture)};
    if (!report.file_precision.isEmpty())
        kind << report.file_precision;
    kind_->setText(oneLine(kind.join(u" · "_s)));
    const Anatomy& anatomy = report.anatomy;
    parameters_->setText(tr("%1 parameters, %2 of them active a token")
                             .arg(countText(anatomy.parameters), countText(anatomy.active)));
    parameters_->setToolTip(plainTip(
        tr("Active are those that a token is computed with: of the routed experts only the chosen ones. The "
           "embedding table is looked up; with it there are %1.")
            .arg(countText(anatomy.active_with_embedding))));
    bar_->setAnatomy(anatomy);
    showParts();
    showChoices();
    showPrecisions();
    showMemory();
}

void AnatomyView::showParts() {
    empty(parts_);
    for (int row = 0; const AnatomyPart& part : report_.anatomy.parts) {
        parts_->addWidget(new PartSwatch(part.role), row, 0);
        parts_->addWidget(new PlainLabel(AnatomyText::partName(part.role)), row, 1);
        parts_->addWidget(figure(countText(part.parameters)), row, 2);
        parts_->addWidget(figure(percent(part.parameters, report_.anatomy.parameters)), row, 3);
        auto* active = figure(tr("%1 active").arg(countText(part.active)));
        active->setProperty("muted", true);
        parts_->addWidget(active, row++, 4);
    }
}

void AnatomyView::showFacts() {
    const ModelConfig& config = report_.config;
    const QLocale locale;
    Table table;
    const auto add = [&](const QString& name, const QString& text) { table.add({name, text}); };
    add(tr("Shape"), AnatomyText::shape(config));
    add(tr("Experts"), AnatomyText::routing(config));
    add(tr("Context"), tr("%1 tokens").arg(locale.toString(config.context)));
    QStringList caches;
    for (const AnatomyReport::Cache& cache : report_.caches)
        caches << tr("%1 in %2")
                      .arg(locale.formattedDataSize(static_cast<qint64>(cache.token_bytes), 1), cache.name);
    add(tr("KV a token"), tr("%1 values: %2")
                              .arg(locale.toString(report_.anatomy.kv_values_per_token),
                                   caches.join(tr(", ", "between the parts of a list"))));
    add(tr("Work a token"),
        tr("about %1, at this context %2")
            .arg(AnatomyText::flops(report_.flops_per_token),
                 AnatomyText::flops(report_.flops_per_token +
                                    report_.flops_per_context_token * context_->value())));
    if (report_.anatomy.tied)
        add(tr("Output"), tr("the embedding table, used a second time (tied)"));
    facts_->setText(table.html());
}

void AnatomyView::showChoices() {
    const QString precision = precision_->currentData().toString(), cache = cache_->currentData().toString();
    const QSignalBlocker blocks[] = {QSignalBlocker(precision_), QSignalBlocker(cache_),
                                     QSignalBlocker(context_)};
    precision_->clear();
    for (const AnatomyReport::Precision& p : report_.precisions) {
        QString text = p.name;
        if (p.name == "file"_L1)
            text = report_.file_precision.isEmpty() ? tr("as in the file")
                   : report_.is_file                ? tr("%1 (the file's)").arg(report_.file_precision)
                                                    : tr("%1 (as published)").arg(report_.file_precision);
        precision_->addItem(text, p.name);
    }
    cache_->clear();
    for (const AnatomyReport::Cache& c : report_.caches)
        cache_->addItem(c.name, c.name);
    precision_->setCurrentIndex(std::max(0, precision_->findData(precision)));
    cache_->setCurrentIndex(std::max(0, cache_->findData(cache)));
    context_->setMaximum(std::max(1, report_.config.context));
}

void AnatomyView::showPrecisions() {
    Table table;
    for (const AnatomyReport::Precision& p : report_.precisions)
        if (p.name != "file"_L1)
            table.add({p.name, sizeText(p.weights_bytes),
                       p.no_gain ? tr("no gain over the file") : engineFallbacks(p.note)},
                      1);
    precisions_->setText(table.html());
}

void AnatomyView::showMemory() {
    if (report_.source.isEmpty() || !report_.error.isEmpty())
        return;
    showFacts();
    const ReportedMemory memory =
        memoryOf(report_, precision_->currentIndex(), cache_->currentIndex(), context_->value());
    Table table;
    table.add({tr("Weights"), sizeText(memory.weights)}, 1);
    if (report_.is_file) // a shape has none
        table.add({tr("Tokenizer and metadata"), sizeText(memory.text)}, 1);
    table.add({tr("KV cache at this context"), sizeText(memory.kv)}, 1);
    table.add({tr("Scratch for a chunk of the prompt"), sizeText(memory.scratch)}, 1);
    table.add({tr("Together"), sizeText(memory.total())}, 1);
    if (memory.mapped > 0)
        table.add({tr("Stays in the file, read as needed"), sizeText(memory.mapped)}, 1);
    use_->setText(table.html());
    const quint64 free = report_.memory_available;
    const bool fits = free == 0 || memory.total() <= free;
    QStringList verdicts{
        fits ? tr("Fits: %1 of RAM are free.").arg(sizeText(free))
             : tr("Does not fit: %1 are needed, %2 of RAM are free. Choose a lower precision or "
                  "a shorter context.")
                   .arg(sizeText(memory.total()), sizeText(free))};
    bool anywhere = fits;
    for (const Card& card : cards_) {
        verdicts << cardVerdict(card, memory);
        anywhere = anywhere || memory.onCard() <= card.memory_free;
    }
    setLook(verdict_, "error", !anywhere);
    verdict_->setText(verdicts.join(u'\n'));
    showMeasured();
}

QString AnatomyView::cardVerdict(const Card& card, const ReportedMemory& memory) const {
    const QString name = oneLine(card.name), need = sizeText(memory.onCard());
    return memory.onCard() <= card.memory_free
               ? tr("Fits %1: %2 of %3 of VRAM are free.")
                     .arg(name, sizeText(card.memory_free), sizeText(card.memory))
               : tr("Does not fit %1: %2 are needed there, %3 of VRAM are free.")
                     .arg(name, need, sizeText(card.memory_free));
}

void AnatomyView::setCards(const Cards& cards) {
    cards_.clear();
    std::ranges::copy_if(cards.cards, std::back_inserter(cards_),
                         [](const Card& card) { return card.unusable.isEmpty() && card.memory_free > 0; });
    showMemory();
}

void AnatomyView::setMeasured(const QString& path, quint64 weights_bytes, const QString& card) {
    measured_path_ = path;
    measured_card_ = card;
    measured_weights_ = weights_bytes;
    showMeasured();
}

void AnatomyView::showMeasured() {
    const bool known = measured_weights_ > 0 && report_.is_file && report_.source == measured_path_ &&
                       !report_.precisions.empty();
    measured_->setVisible(known);
    // What is free now no longer has the memory of a model that is in use.
    verdict_->setVisible(!known && report_.memory_available > 0);
    if (!known)
        return;
    const ReportedMemory memory = memoryOf(report_, 0, 0, 0);
    measured_->setText(measured_card_.isEmpty()
                           ? tr("In use now: its weights were forecast at %1 and take %2.")
                                 .arg(sizeText(memory.weights), sizeText(measured_weights_))
                           : tr("In use now on %1: its weights were forecast at %2 and take %3 of VRAM.")
                                 .arg(oneLine(measured_card_), sizeText(memory.weights + memory.mapped),
                                      sizeText(measured_weights_)));
}

} // namespace switchyard
