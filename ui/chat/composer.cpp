#include "ui/chat/composer.h"

#include "app/services/engine_sentence.h"
#include "ui/chat/long_text.h"
#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QApplication>
#include <QDragEnterEvent>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLocale>
#include <QMimeData>
#include <QPainter>
#include <QPointer>
#include <QScrollBar>
#include <QStringDecoder>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int most_lines = 8;
constexpr qint64 largest_file = 1 << 20; // bytes

/// The text of a file, or a sentence that says why there is none.
struct ReadFile {
    QString text, problem;
};

ReadFile readTextFile(const QString& path) {
    const QString name = QFileInfo(path).fileName();
    QFile file(path);
    if (QFileInfo(path).isDir())
        return {{}, Composer::tr("%1 is a folder: choose the text files in it.").arg(name)};
    if (QFileInfo(path).exists() && !QFileInfo(path).isFile()) // opening a pipe would wait for its writer
        return {{}, Composer::tr("%1 is no file but a device or a pipe: choose a text file.").arg(name)};
    if (!file.open(QIODevice::ReadOnly))
        return {{}, Composer::tr("%1 cannot be read: %2.").arg(name, file.errorString())};
    if (file.size() > largest_file)
        return {{},
                Composer::tr("%1 is %2, more than the 1 MiB a message can hold: paste the part that matters.")
                    .arg(name, QLocale().formattedDataSize(file.size()))};
    const QByteArray bytes = file.read(largest_file + 1);
    QStringDecoder decode(QStringDecoder::Utf8, QStringDecoder::Flag::Stateless);
    const QString text = decode(bytes);
    if (decode.hasError() || bytes.contains('\0') || bytes.size() > largest_file)
        return {{}, Composer::tr("%1 is not a text file (UTF-8).").arg(name)};
    return {text, {}};
}

} // namespace

Composer::Composer(QWidget* parent) : QWidget(parent) {
    setObjectName(u"composer"_s);
    setAcceptDrops(true);
    edit_ = new ComposerEdit(this);
    edit_->setObjectName(u"composerEdit"_s);
    edit_->setAccessibleName(tr("Message"));
    edit_->setPlaceholderText(tr("Type a message"));
    edit_->setFrameShape(QFrame::NoFrame);
    wrapLongWords(*edit_);
    edit_->setAcceptDrops(true);
    edit_->setTabChangesFocus(true);
    edit_->viewport()->setAutoFillBackground(false);
    edit_->setStyleSheet(u"QPlainTextEdit { background: transparent; border: none; padding: 0; }"_s);
    edit_->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    edit_->installEventFilter(this);
    setFocusProxy(edit_);

    attach_ = new CalmButton(u"new"_s, tr("Add text files"), this);
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
    file_row_ = new QWidget(this);
    new QVBoxLayout(file_row_);
    file_row_->layout()->setContentsMargins(0, 0, 0, 0);
    file_row_->layout()->setSpacing(2);
    file_row_->hide();

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
    layout->addWidget(file_row_);
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
    connect(edit_, &ComposerEdit::filesDropped, this, qOverload<const QStringList&>(&Composer::addFiles));
    connect(edit_, &ComposerEdit::zoomRequested, this, &Composer::zoomRequested);
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

QString Composer::text() const { return edit_->toPlainText(); }

void Composer::setText(const QString& text) {
    draft_timer_.stop(); // what was typed before belongs elsewhere
    if (text == this->text())
        return;
    loading_draft_ = true;
    edit_->setPlainText(text);
    edit_->moveCursor(QTextCursor::End);
    loading_draft_ = false;
}

void Composer::replaceText(const QString& text) {
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
    send_when_read_ = false;
    draft_timer_.stop();
    showFiles();
    notice_->hide();
    recount(); // files that went alone leave the text as it was
}

void Composer::showChat(ConversationId chat, const QString& text, const QList<MessagePart>& files) {
    chat_ = std::make_shared<ConversationId>(chat);
    reading_ = 0;
    clear();
    setText(text);
    files_ = files;
    showFiles();
}

void Composer::prepend(const Draft& earlier) {
    QTextCursor start(edit_->document());
    start.insertText(earlier.text);
    files_ = earlier.files + files_;
    filesChanged();
}

void Composer::send() {
    if (edit_->composing() || (text().trimmed().isEmpty() && files_.isEmpty() && reading_ == 0))
        return;
    if (generating_)
        return say(tr("An answer is being written: stop it with Esc, or send this after it."));
    if (!ready_)
        return say(not_ready_);
    send_when_read_ = reading_ > 0;
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

void Composer::setGenerating(bool generating) {
    if (generating_ && !generating)
        notice_->hide(); // that an answer runs
    generating_ = generating;
    updateButton();
}

void Composer::updateButton() {
    const QString keys = edit_->enterSends() ? tr("Enter") : tr("Ctrl+Enter");
    send_->setIconName(generating_ ? u"stop"_s : u"send"_s);
    send_->setToolTip(plainTip(generating_ ? tr("Stop; what is there is kept (Esc)")
                               : ready_    ? tr("Send (%1)").arg(keys)
                                           : not_ready_));
    send_->setAccessibleName(generating_ ? tr("Stop") : tr("Send"));
    send_->setEnabled(generating_ || !text().trimmed().isEmpty() || !files_.isEmpty() || reading_ > 0);
    update();
}

// ---- Size ----

/// The document's height counts lines here.
void Composer::fit() {
    const int lines =
        std::clamp(static_cast<int>(std::ceil(edit_->document()->size().height())), 1, most_lines);
    const int margin = static_cast<int>(2 * edit_->document()->documentMargin());
    const int wanted = lines * edit_->fontMetrics().lineSpacing() + margin + 2;
    if (edit_->height() != wanted || edit_->minimumHeight() != wanted)
        edit_->setFixedHeight(wanted);
    edit_->setVerticalScrollBarPolicy(
        edit_->document()->size().height() > most_lines ? Qt::ScrollBarAsNeeded : Qt::ScrollBarAlwaysOff);
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
    total_ = total;
    updateCounter();
}

void Composer::recount() { count_timer_.start(); }

void Composer::count() {
    QString all = text();
    for (const MessagePart& file : std::as_const(files_))
        all += u'\n' + file.text;
    const int serial = ++count_serial_; // what is still being counted is over
    if (!count_tokens_ || all.isEmpty()) {
        draft_tokens_ = 0;
        updateCounter();
        return;
    }
    count_tokens_(all, [self = QPointer<Composer>(this), serial](int tokens) {
        if (!self || serial != self->count_serial_)
            return;
        self->draft_tokens_ = std::max(tokens, 0);
        self->updateCounter();
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
    counter_->setAccessibleName(tr("%1 of %2 tokens of context used").arg(sum).arg(total_));
    counter_->setForegroundRole(sum > total_ ? QPalette::BrightText : QPalette::PlaceholderText);
}

// ---- Files ----

void Composer::say(const QString& sentence) {
    notice_->setText(fewLines(sentence));
    notice_->setVisible(!sentence.isEmpty());
}

void Composer::chooseFiles() {
    auto* dialog = new QFileDialog(this, tr("Add text files"));
    dialog->setObjectName(u"dialog.addFiles"_s);
    dialog->setFileMode(QFileDialog::ExistingFiles);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    // Another chat may be shown when the choice is made.
    connect(dialog, &QFileDialog::filesSelected, this,
            [this, chat = chat_](const QStringList& paths) { addFiles(paths, chat); });
    dialog->open();
}

void Composer::addFiles(const QStringList& paths, const Chat& chat) {
    if (paths.isEmpty())
        return;
    try {
        if (!reader_)
            reader_ = std::make_unique<TaskQueue>();
        reader_->post([self = QPointer<Composer>(this), paths, chat] { readFiles(self, paths, chat); });
    } catch (const std::exception& error) { // no thread, or no memory
        say(tr("The files cannot be read now: %1.").arg(engineSentence(QString::fromUtf8(error.what()))));
        return;
    }
    if (chat == chat_) {
        ++reading_;
        updateButton();
    }
}

/// On the reader's thread.
void Composer::readFiles(const QPointer<Composer>& composer, const QStringList& paths, const Chat& chat) {
    QList<MessagePart> files;
    QStringList problems;
    for (const QString& path : paths) {
        try {
            const ReadFile read = readTextFile(path);
            if (read.problem.isEmpty())
                files.append({PartKind::File, read.text, QFileInfo(path).fileName(), 0});
            else
                problems.append(read.problem);
        } catch (const std::bad_alloc&) {
            problems.append(tr("There is not enough memory to read %1.").arg(QFileInfo(path).fileName()));
        }
    }
    QMetaObject::invokeMethod(
        qApp,
        [composer, chat, files, problems] {
            if (composer)
                composer->takeRead(chat, files, problems);
        },
        Qt::QueuedConnection);
}

void Composer::takeRead(const Chat& chat, const QList<MessagePart>& files, const QStringList& problems) {
    // A chat that was left and opened again has another key and the same id.
    const bool here = *chat == *chat_;
    if (chat == chat_)
        --reading_;
    if (here) {
        files_ += files;
        filesChanged();
    } else {
        for (const MessagePart& file : files)
            Q_EMIT fileRead(*chat, file);
    }
    if (!problems.isEmpty()) {
        if (here)
            send_when_read_ = false; // the user decides whether it goes without them
        say(problems.join(u'\n'));
    } else if (reading_ == 0 && std::exchange(send_when_read_, false)) {
        send();
    }
}

void Composer::filesChanged() {
    showFiles();
    count_timer_.start();
    draft_timer_.start();
}

void Composer::showFiles() {
    const auto old = file_row_->findChildren<QWidget*>(Qt::FindDirectChildrenOnly);
    for (QWidget* child : old)
        child->deleteLater();
    for (qsizetype i = 0; i < files_.size(); ++i) {
        auto* line = new QWidget(file_row_);
        auto* row = new QHBoxLayout(line);
        row->setContentsMargins(0, 0, 0, 0);
        auto* name = new PlainLabel(
            u"%1  (%2)"_s.arg(oneLine(files_[i].name), QLocale().formattedDataSize(files_[i].text.size())),
            line);
        auto* remove = new CalmButton(u"close"_s, tr("Remove %1").arg(oneLine(files_[i].name)), line);
        remove->setObjectName(u"removeFileButton-%1"_s.arg(i));
        connect(remove, &QToolButton::clicked, this, [this, i] {
            files_.removeAt(i);
            filesChanged();
        });
        row->addWidget(name);
        row->addWidget(remove);
        row->addStretch();
        file_row_->layout()->addWidget(line);
    }
    file_row_->setVisible(!files_.isEmpty());
    updateButton();
}

void Composer::dragEnterEvent(QDragEnterEvent* event) {
    if (!localFiles(event->mimeData()).isEmpty())
        event->acceptProposedAction();
}

void Composer::dropEvent(QDropEvent* event) {
    addFiles(localFiles(event->mimeData()));
    event->acceptProposedAction();
}

} // namespace switchyard
