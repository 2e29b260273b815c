#include "ui/chat/composer.h"

#include "app/services/document_reader.h"

#include "ui/chat/field_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QHBoxLayout>
#include <QLocale>
#include <QPainter>
#include <QPointer>
#include <QScrollBar>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int most_lines = 8;

} // namespace

Composer::Composer(QWidget* parent) : QWidget(parent), document_program_(documentProgram()) {
    setObjectName(u"composer"_s);
    setAcceptDrops(true);
    edit_ = new ComposerEdit(this);
    edit_->setObjectName(u"composerEdit"_s);
    edit_->setAccessibleName(tr("Message"));
    edit_->setPlaceholderText(tr("Type a message"));
    edit_->setFrameShape(QFrame::NoFrame);
    edit_->setAcceptDrops(true);
    edit_->setTabChangesFocus(true);
    edit_->viewport()->setAutoFillBackground(false);
    edit_->setProperty("bare", true);
    edit_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    edit_->installEventFilter(this);
    setFocusProxy(edit_);

    attach_ = new CalmButton(u"new"_s, tr("Add text, PDF or office files"), this);
    attach_->setObjectName(u"attachButton"_s);
    send_ = new CalmButton(u"send"_s, tr("Send"), this);
    send_->setObjectName(u"sendButton"_s);
    send_->setIconSize(QSize(18, 18));
    send_->setLook(CalmButton::Look::Accent);
    send_->setFixedSize(34, 34);
    counter_ = new PlainLabel(this);
    counter_->setObjectName(u"tokenCounter"_s);
    counter_->setForegroundRole(QPalette::PlaceholderText);
    notice_ = new PlainLabel(this);
    notice_->setObjectName(u"composerNotice"_s);
    notice_->setWordWrap(true);
    notice_->hide();
    context_line_ = new QWidget(this);
    context_ = new PlainLabel(context_line_);
    context_->setObjectName(u"composerContext"_s);
    context_->setWordWrap(true);
    context_->setProperty("warning", true);
    context_choice_ = new QPushButton(context_line_);
    context_choice_->setObjectName(u"composerContextChoice"_s);
    auto* context_row = new QHBoxLayout(context_line_);
    context_row->setContentsMargins(0, 0, 6, 0);
    context_row->addWidget(context_, 1);
    context_row->addWidget(context_choice_);
    context_line_->hide();
    connect(context_choice_, &QPushButton::clicked, this, &Composer::contextChoiceTriggered);
    file_row_ = new QWidget;
    new QVBoxLayout(file_row_);
    file_row_->layout()->setContentsMargins(0, 0, 0, 0);
    file_row_->layout()->setSpacing(2);
    file_area_ = new QScrollArea(this);
    file_area_->setFrameShape(QFrame::NoFrame);
    file_area_->setWidgetResizable(true);
    file_area_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    file_area_->setWidget(file_row_);
    file_area_->viewport()->setAutoFillBackground(false);
    file_row_->setAutoFillBackground(false);
    file_area_->hide();
    // What was added last is in sight.
    connect(file_area_->verticalScrollBar(), &QScrollBar::rangeChanged, this,
            [bar = file_area_->verticalScrollBar(), before = 0](int, int last) mutable {
                if (last > std::exchange(before, last))
                    bar->setValue(last);
            });

    auto* bottom = new QHBoxLayout;
    bottom->addWidget(attach_);
    bottom->addStretch();
    bottom->addWidget(counter_);
    bottom->addSpacing(6);
    bottom->addWidget(send_);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(14, 10, 8, 6);
    layout->setSpacing(4);
    layout->addWidget(notice_);
    layout->addWidget(context_line_);
    layout->addWidget(file_area_);
    layout->addWidget(edit_);
    layout->addLayout(bottom);

    count_timer_.setSingleShot(true);
    count_timer_.setInterval(200);
    connect(&count_timer_, &QTimer::timeout, this, &Composer::count);
    draft_timer_.setSingleShot(true);
    draft_timer_.setInterval(400);
    connect(&draft_timer_, &QTimer::timeout, this, [this] { Q_EMIT draftChanged(text()); });
    connect(edit_, &QPlainTextEdit::textChanged, this, [this] {
        fit();
        updateButton();
        count_timer_.start();
        if (!loading_draft_)
            draft_timer_.start();
        notice_->hide();
    });
    connect(edit_->document()->documentLayout(), &QAbstractTextDocumentLayout::documentSizeChanged, this,
            &Composer::fit);
    connect(edit_, &ComposerEdit::sendRequested, this, &Composer::send);
    connect(edit_, &ComposerEdit::escapePressed, this, &Composer::escapePressed);
    connect(edit_, &ComposerEdit::nothingToUndo, this, &Composer::nothingToUndo);
    connect(edit_, &ComposerEdit::filesDropped, this, qOverload<const QStringList&>(&Composer::addFiles));
    connect(edit_, &ComposerEdit::zoomRequested, this, &Composer::zoomRequested);
    connect(edit_, &ComposerEdit::longTextPasted, this, &Composer::attach);
    edit_->setTakeBack([this] { return takeBackPasted(); });
    connect(attach_, &QToolButton::clicked, this, &Composer::chooseFiles);
    connect(send_, &QToolButton::clicked, this, [this] {
        if (generating_)
            Q_EMIT stopRequested();
        else
            send();
    });
    fit();
    updateButton();
}

QString Composer::text() const { return fieldText(*edit_->document()); }

void Composer::setText(const QString& text) {
    draft_timer_.stop(); // what was typed before belongs elsewhere
    if (text == this->text())
        return;
    loading_draft_ = true;
    const bool fits = fitsField(text);
    if (!fits) {
        files_.prepend(pastedPart(text));
        showFiles();
    }
    edit_->setPlainText(fits ? text : QString());
    edit_->moveCursor(QTextCursor::End);
    loading_draft_ = false;
}

void Composer::replaceText(const QString& text) {
    if (!fitsField(text)) {
        replaceText({});
        attach(text);
        return;
    }
    QTextCursor all(edit_->document());
    all.select(QTextCursor::Document);
    all.insertText(text);
    edit_->moveCursor(QTextCursor::End);
}

void Composer::flushDraft() {
    if (!draft_timer_.isActive())
        return;
    draft_timer_.stop();
    Q_EMIT draftChanged(text());
}

void Composer::clear() {
    setText({});
    files_.clear();
    read_as_.clear();
    send_when_read_ = false;
    draft_timer_.stop();
    showFiles();
    notice_->hide();
    recount(); // files that went alone leave the text as it was
}

void Composer::showChat(ConversationId chat, const QString& text, const QList<MessagePart>& files) {
    chat_ = std::make_shared<ConversationId>(chat);
    clear();
    files_ = files;
    setText(text);
    showFiles();
}

void Composer::prepend(const Draft& earlier) {
    if (fitsField(QString(earlier.text + text()))) {
        QTextCursor start(edit_->document());
        start.insertText(earlier.text);
    } else {
        files_.prepend(pastedPart(earlier.text));
    }
    files_ = earlier.files + files_;
    filesChanged();
}

void Composer::send() {
    if (edit_->composing() || (text().trimmed().isEmpty() && files_.isEmpty() && !isReading()))
        return;
    if (generating_)
        return say(tr("An answer is being written: stop it with Esc, or send this after it."));
    if (!ready_)
        return say(not_ready_);
    send_when_read_ = isReading();
    if (send_when_read_)
        return;
    const QString text = this->text();
    const QList<MessagePart> files = files_; // the field may be cleared while they are being sent
    Q_EMIT sendRequested(text, files);
}

void Composer::setEnterSends(bool on) {
    edit_->setEnterSends(on);
    updateButton();
}

void Composer::setReady(bool ready, const QString& hint) {
    ready_ = ready;
    not_ready_ = hint;
    updateButton();
}

void Composer::setStopTip(const QString& tip) {
    stop_tip_ = tip;
    updateButton();
}

void Composer::setGenerating(bool generating) {
    if (generating_ && !generating)
        notice_->hide(); // that an answer runs
    generating_ = generating;
    updateButton();
}

void Composer::updateButton() {
    const QString keys = edit_->enterSends() ? tr("Enter") : tr("Ctrl+Enter");
    send_->setIconName(generating_ ? u"stop"_s : u"send"_s);
    send_->setToolTip(plainTip(generating_ ? stop_tip_ : ready_ ? tr("Send (%1)").arg(keys) : not_ready_));
    send_->setAccessibleName(generating_ ? tr("Stop") : tr("Send"));
    const bool something = !text().trimmed().isEmpty() || !files_.isEmpty() || isReading();
    send_->setEnabled(generating_ || something);
    update();
    if (const bool can = something && ready_ && !generating_; std::exchange(can_send_, can) != can)
        Q_EMIT canSendChanged();
}

// ---- Size ----

/// Also where the room is as it was: files, or what is said, may have come since.
void Composer::setRoom(int pixels) {
    room_ = pixels;
    fit();
    fitFiles();
}

/// Of all but the lines that are written and the rows of files.
int Composer::chromeHeight() const {
    const QMargins margins = layout()->contentsMargins();
    const int inside = width() - margins.left() - margins.right();
    int height = margins.top() + margins.bottom();
    for (int i = 0; i < layout()->count(); ++i) {
        const QLayoutItem* item = layout()->itemAt(i);
        if (item->isEmpty())
            continue;
        height += i > 0 ? layout()->spacing() : 0;
        if (item->widget() != edit_ && item->widget() != file_area_)
            height += item->hasHeightForWidth() ? item->heightForWidth(inside) : item->sizeHint().height();
    }
    return height;
}

/// The document's height counts lines here.
void Composer::fit() {
    const int margin = static_cast<int>(2 * edit_->document()->documentMargin());
    const int files = file_area_->isHidden() ? 0 : fileRowHeight();
    const int room = (room_ - chromeHeight() - files - margin - 2) / edit_->fontMetrics().lineSpacing();
    const int lines = std::clamp(static_cast<int>(std::ceil(edit_->document()->size().height())), 1,
                                 std::clamp(room, 1, most_lines));
    const int wanted = lines * edit_->fontMetrics().lineSpacing() + margin + 2;
    if (edit_->height() != wanted || edit_->minimumHeight() != wanted)
        edit_->setFixedHeight(wanted);
    edit_->setVerticalScrollBarPolicy(edit_->document()->size().height() > lines ? Qt::ScrollBarAsNeeded
                                                                                 : Qt::ScrollBarAlwaysOff);
}

void Composer::setFontPoints(qreal points) {
    QFont font = edit_->font();
    font.setPointSizeF(points);
    edit_->setFont(font);
    fit();
}

void Composer::resizeEvent(QResizeEvent* event) {
    QWidget::resizeEvent(event);
    fit();
}

void Composer::changeEvent(QEvent* event) {
    QWidget::changeEvent(event);
    if (event->type() == QEvent::FontChange)
        fit();
    if (event->type() == QEvent::PaletteChange)
        update();
}

bool Composer::eventFilter(QObject* object, QEvent* event) {
    if (object == edit_ && (event->type() == QEvent::FocusIn || event->type() == QEvent::FocusOut))
        update();
    return QWidget::eventFilter(object, event);
}

void Composer::paintEvent(QPaintEvent*) {
    const ThemeColours& colours = coloursOf(QApplication::palette());
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const bool focused = edit_->hasFocus();
    painter.setPen(QPen(focused ? colours.accent : colours.border, focused ? 1.6 : 1.0));
    painter.setBrush(colours.base);
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 14, 14);
}

// ---- Tokens ----

void Composer::setTokenCounter(TokenCounter counter) {
    count_tokens_ = std::move(counter);
    recount();
}

void Composer::setContext(int used, int total) {
    used_ = used;
    if (std::exchange(total_, total) != total)
        countFiles(); // one may be too long now
    updateCounter();
}

void Composer::setContextNotice(const QString& sentence, const QString& choice) {
    context_->setText(sentence);
    context_choice_->setText(choice);
    context_choice_->setVisible(!choice.isEmpty());
    context_line_->setVisible(!sentence.isEmpty());
}

void Composer::recount() {
    count_timer_.start();
    countFiles();
}

void Composer::count() {
    QString all = text();
    for (const MessagePart& file : std::as_const(files_))
        all += u'\n' + file.text;
    const int serial = ++count_serial_; // what is still being counted is over
    if (!count_tokens_ || all.isEmpty()) {
        draft_tokens_ = 0;
        updateCounter();
        Q_EMIT draftCounted();
        return;
    }
    count_tokens_(all, [self = QPointer<Composer>(this), serial](int tokens) {
        if (!self || serial != self->count_serial_)
            return;
        self->draft_tokens_ = std::max(tokens, 0);
        self->updateCounter();
        Q_EMIT self->draftCounted();
    });
}

void Composer::updateCounter() {
    const QLocale locale;
    const int sum = used_ + draft_tokens_;
    counter_->setVisible(total_ > 0);
    counter_->setText(sum > total_
                          ? tr("%1 / %2 tokens: too long").arg(locale.toString(sum), locale.toString(total_))
                          : tr("%1 / %2").arg(locale.toString(sum), locale.toString(total_)));
    counter_->setToolTip(tr("Tokens of this chat and of what you are writing, of all the model can hold"));
    counter_->setAccessibleName(
        tr("%1 of %2 tokens of context used").arg(locale.toString(sum), locale.toString(total_)));
    counter_->setForegroundRole(sum > total_ ? QPalette::BrightText : QPalette::PlaceholderText);
}

} // namespace switchyard
