#include "ui/models/shape_calculator.h"

#include "ui/models/anatomy_view.h"
#include "ui/plain_text.h"
#include "ui/wheel_guard.h"

#include <QCheckBox>
#include <QComboBox>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QSpinBox>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kMostWidth = 1 << 20, kMostVocabulary = 1 << 22; ///< as read_config() allows

QScrollArea* scrolling(QWidget* content) {
    auto* area = new QScrollArea;
    area->setWidgetResizable(true);
    area->setFrameShape(QFrame::NoFrame);
    area->setFocusPolicy(Qt::NoFocus);
    area->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    area->setWidget(content);
    return area;
}

} // namespace

ShapeCalculator::ShapeCalculator(QWidget* parent) : QWidget(parent), base_(known_shapes().front()) {
    setObjectName(u"calculator"_s);
    known_ = new QComboBox;
    known_->setObjectName(u"calculator.known"_s);
    known_->setAccessibleName(tr("A well-known model's shape to start from"));
    for (const Shape& shape : known_shapes())
        known_->addItem(QString::fromStdString(shape.title), QString::fromStdString(shape.name));

    auto* fields = new QWidget;
    auto* form = new QFormLayout(fields);
    form->setContentsMargins(0, 0, 12, 0);
    form->setLabelAlignment(Qt::AlignLeft);
    form->setHorizontalSpacing(16);
    form->addRow(tr("Start from"), known_);
    addField(form, u"layers"_s, tr("Layers"), &ModelConfig::layers, 1, 1024);
    addField(form, u"hidden"_s, tr("Hidden width"), &ModelConfig::hidden, 32, kMostWidth);
    addField(form, u"heads"_s, tr("Heads"), &ModelConfig::heads, 1, 4096);
    addField(form, u"kvHeads"_s, tr("KV heads"), &ModelConfig::kv_heads, 1, 4096);
    addField(form, u"headDim"_s, tr("Width of a head"), &ModelConfig::head_dim, 2, 4096);
    addField(form, u"latent"_s, tr("Latent of the KV cache (MLA), 0: none"), &ModelConfig::kv_lora_rank, 0,
             kMostWidth);
    addField(form, u"feedForward"_s, tr("Width of dense layers"), &ModelConfig::feed_forward, 0, kMostWidth);
    experts_ = addField(form, u"experts"_s, tr("Experts, 0: a dense model"), &ModelConfig::experts, 0, 4096);
    active_ =
        addField(form, u"active"_s, tr("Active experts a token"), &ModelConfig::experts_active, 0, 4096);
    addField(form, u"expertWidth"_s, tr("Width of an expert"), &ModelConfig::expert_width, 0, kMostWidth);
    addField(form, u"sharedWidth"_s, tr("Width of the shared experts together"), &ModelConfig::shared_width,
             0, kMostWidth);
    addField(form, u"denseLayers"_s, tr("Dense layers before the experts"), &ModelConfig::dense_layers, 0,
             1024);
    addField(form, u"vocabulary"_s, tr("Vocabulary"), &ModelConfig::vocabulary, 1, kMostVocabulary);
    addField(form, u"context"_s, tr("Context in tokens"), &ModelConfig::context, 1, 1 << 30);
    tied_ = new QCheckBox(tr("The output is the embedding table (tied)"));
    tied_->setObjectName(u"calculator.tied"_s);
    form->addRow(tied_);

    leaveWheelToPage(fields);

    view_ = new AnatomyView(u"calculator.anatomy"_s);
    auto* layout = new QHBoxLayout(this);
    layout->setContentsMargins(0, 8, 0, 0);
    layout->setSpacing(16);
    layout->addWidget(scrolling(fields), 2);
    layout->addWidget(scrolling(view_), 3);

    pause_.setSingleShot(true);
    pause_.setInterval(150);
    connect(&pause_, &QTimer::timeout, this, &ShapeCalculator::recompute);
    connect(known_, &QComboBox::currentIndexChanged, this, &ShapeCalculator::chooseKnown);
    connect(tied_, &QCheckBox::toggled, this, &ShapeCalculator::fieldChanged);
    connect(experts_, &QSpinBox::valueChanged, this, &ShapeCalculator::limitActive);
    connect(active_, &QSpinBox::valueChanged, this, [this](int active) {
        if (!limiting_)
            wanted_active_ = active;
    });
    connect(&reader_, &AnatomyReader::read, view_, &AnatomyView::setReport);
    const int lite = known_->findData(u"deepseek-v2-lite"_s);
    known_->setCurrentIndex(lite);
    chooseKnown(lite);
}

void ShapeCalculator::setCards(const Cards& cards) { view_->setCards(cards); }

QSpinBox* ShapeCalculator::addField(QFormLayout* form, const QString& name, const QString& title,
                                    int ModelConfig::*size, int least, int most) {
    auto* box = new QSpinBox;
    box->setObjectName(u"calculator."_s + name);
    box->setAccessibleName(title);
    box->setGroupSeparatorShown(true);
    box->setRange(least, most);
    box->setFocusPolicy(Qt::StrongFocus);
    auto* label = new PlainLabel(title);
    label->setWordWrap(true);
    label->setBuddy(box);
    form->addRow(label, box);
    fields_.push_back({box, size});
    connect(box, &QSpinBox::valueChanged, this, &ShapeCalculator::fieldChanged);
    return box;
}

void ShapeCalculator::chooseKnown(int index) {
    if (index < 0)
        return;
    base_ = known_shapes()[static_cast<std::size_t>(index)];
    filling_ = true;
    wanted_active_ = base_.config.experts_active;
    for (const Field& field : fields_)
        field.box->setValue(base_.config.*field.size);
    tied_->setChecked(base_.parts.tied);
    filling_ = false;
    if (isVisible())
        recompute();
    else
        computed_ = false;
}

/// No more experts can be active than there are. What was asked for comes back with them: on the way to "128"
/// stand "1" and "12".
void ShapeCalculator::limitActive() {
    limiting_ = true;
    const int experts = experts_->value();
    active_->setRange(std::min(experts, 1), experts);
    active_->setValue(wanted_active_);
    limiting_ = false;
}

void ShapeCalculator::fieldChanged() {
    if (!filling_)
        pause_.start();
}

void ShapeCalculator::showEvent(QShowEvent* event) {
    QWidget::showEvent(event);
    if (!computed_)
        recompute();
}

Shape ShapeCalculator::shape() const {
    Shape shape = base_;
    ModelConfig& c = shape.config;
    for (const Field& field : fields_)
        c.*field.size = field.box->value();
    shape.parts.tied = tied_->isChecked();
    const bool own = std::ranges::all_of(
        fields_, [&](const Field& field) { return c.*field.size == base_.config.*field.size; });
    if (!own || shape.parts.tied != base_.parts.tied)
        c.name = tr("Like %1").arg(QString::fromStdString(base_.title)).toStdString();
    // What hangs together with the typed sizes follows them.
    if (!base_.config.latent() || !c.latent()) {
        c.value_dim = c.head_dim;
        c.rope.dims = c.latent() ? c.head_dim / 4 * 2 : c.head_dim;
    }
    c.dense_layers = std::min(c.dense_layers, c.layers);
    if (c.experts > 0)
        c.experts_active = std::clamp(c.experts_active, 1, c.experts);
    if (c.experts == 0 || c.experts % c.expert_groups != 0 ||
        c.experts_active > c.experts / c.expert_groups * c.expert_groups_kept)
        c.expert_groups = c.expert_groups_kept = 1;
    if (c.shared_width == 0)
        c.experts_shared = 0;
    // Further layers begin the pattern anew.
    const auto layers = static_cast<std::size_t>(c.layers);
    const auto repeat = [layers](auto& kinds) {
        const auto pattern = kinds;
        kinds.resize(pattern.empty() ? 0 : layers);
        for (std::size_t layer = 0; layer < kinds.size(); ++layer)
            kinds[layer] = pattern[layer % pattern.size()];
    };
    repeat(c.windows);
    repeat(c.linear_layers);
    repeat(shape.parts.mixers);
    return shape;
}

void ShapeCalculator::recompute() {
    computed_ = true;
    reader_.readShape(shape());
}

} // namespace switchyard
