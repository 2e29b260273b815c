// The composer's other half: files, and long texts that become one.
#include "ui/chat/composer.h"

#include "app/services/document_reader.h"
#include "app/services/engine_sentence.h"
#include "app/services/text_encoding.h"
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
#include <QPointer>
#include <QVBoxLayout>

#include <algorithm>
#include <utility>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr qint64 largest_file = 4 << 20; // bytes
constexpr int most_file_rows = 4;        ///< in sight at once

/// The text of a file, or a sentence that says why there is none.
struct ReadFile {
    QString text, problem;
    QString encoding = {}; ///< "": UTF-8, or not for the user to know
};

QString tooLarge(const QString& name, qint64 bytes) {
    return Composer::tr("%1 is %2, more than the %3 a message can hold: paste the part that matters.")
        .arg(name, QLocale().formattedDataSize(bytes), QLocale().formattedDataSize(largest_file));
}

ReadFile readText(const QString& name, const QByteArray& bytes) {
    const DecodedText decoded = decodeText(bytes);
    switch (decoded.kind) {
    case TextKind::Text:
        break;
    case TextKind::Unknown:
        return {
            {},
            Composer::tr("%1 is written in an encoding that is not known here: save it as UTF-8.").arg(name)};
    case TextKind::Binary:
        return {{},
                Composer::tr("%1 is not a text file: choose text, a PDF or a file of an office program.")
                    .arg(name)};
    }
    if (const qsizetype size = decoded.text.toUtf8().size(); size > largest_file)
        return {{}, tooLarge(name, size)};
    return {decoded.text, {}, decoded.encoding};
}

ReadFile readAny(const QString& path, const QString& document_program, const std::stop_token& stop) {
    const QString name = QFileInfo(path).fileName();
    QFile file(path);
    if (QFileInfo(path).isDir())
        return {{}, Composer::tr("%1 is a folder: choose the text files in it.").arg(name)};
    if (QFileInfo(path).exists() && !QFileInfo(path).isFile()) // opening a pipe would wait for its writer
        return {{}, Composer::tr("%1 is no file but a device or a pipe: choose a text file.").arg(name)};
    if (!file.open(QIODevice::ReadOnly))
        return {{}, Composer::tr("%1 cannot be read: %2.").arg(name, file.errorString())};
    if (isDocument(path)) {
        const ReadDocument read = readDocument(document_program, path, {.text = largest_file}, stop);
        return {read.text, read.problem};
    }
    if (isOldDocument(path))
        return {{},
                Composer::tr("%1 is of a kind that is not read: save it as DOCX, ODT, PPTX, XLSX or PDF.")
                    .arg(name)};
    if (file.size() > largest_file)
        return {{}, tooLarge(name, file.size())};
    const QByteArray bytes = file.read(largest_file + 1); // it may grow meanwhile
    return bytes.size() > largest_file ? ReadFile{{}, tooLarge(name, bytes.size())} : readText(name, bytes);
}

ReadFile readFile(const QString& path, const QString& document_program, const std::stop_token& stop) {
    ReadFile read = readAny(path, document_program, stop);
    if (read.problem.isEmpty() && QStringView(read.text).trimmed().isEmpty())
        read.problem = Composer::tr("There is no text in %1.").arg(QFileInfo(path).fileName());
    return read;
}

} // namespace

void Composer::say(const QString& sentence) {
    notice_->setText(fewLines(sentence));
    notice_->setVisible(!sentence.isEmpty());
}

void Composer::chooseFiles() {
    auto* dialog = new QFileDialog(this, tr("Add files"));
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
            reader_ = std::make_unique<Background>();
        reader_->run(
            this,
            [paths, program = document_program_](const std::stop_token& stop) {
                return readFiles(paths, program, stop);
            },
            [this, chat](const ReadFiles& read) { takeRead(chat, read); });
    } catch (const std::exception& error) { // no thread, or no memory
        say(tr("The files cannot be read now: %1.").arg(engineSentence(QString::fromUtf8(error.what()))));
        return;
    }
    if (reading_.empty())
        say({}); // what was wrong with others has been read
    reading_.push_back(chat);
    updateButton();
}

/// On the reader's thread.
Composer::ReadFiles Composer::readFiles(const QStringList& paths, const QString& document_program,
                                        const std::stop_token& stop) {
    ReadFiles all;
    for (const QString& path : paths) {
        if (stop.stop_requested())
            break;
        try {
            const ReadFile read = readFile(path, document_program, stop);
            if (stop.stop_requested())
                break;
            if (!read.problem.isEmpty()) {
                all.problems.append(read.problem);
                continue;
            }
            all.files.append({PartKind::File, read.text, QFileInfo(path).fileName(), 0});
            all.encodings.append(read.encoding);
        } catch (const std::bad_alloc&) {
            all.problems.append(tr("There is not enough memory to read %1.").arg(QFileInfo(path).fileName()));
        }
    }
    return all;
}

/// By the id: a chat that was left and opened again has another key.
bool Composer::isReading() const {
    return std::ranges::any_of(reading_, [this](const Chat& chat) { return *chat == *chat_; });
}

void Composer::takeRead(const Chat& chat, const ReadFiles& read) {
    const bool here = *chat == *chat_;
    if (const auto found = std::ranges::find(reading_, chat); found != reading_.end())
        reading_.erase(found);
    if (here) {
        for (qsizetype i = 0; i < read.files.size(); ++i)
            read_as_[read.files[i].name] = read.encodings[i];
        files_ += read.files;
        filesChanged();
    } else {
        for (const MessagePart& file : read.files)
            Q_EMIT fileRead(*chat, file);
    }
    if (!read.problems.isEmpty()) {
        if (here)
            send_when_read_ = false; // the user decides whether it goes without them
        say(read.problems.join(u'\n'));
        return;
    }
    if (!isReading() && std::exchange(send_when_read_, false))
        send();
}

MessagePart Composer::pastedPart(const QString& text) const {
    QString name = tr("Pasted text");
    const auto taken = [&] {
        return std::ranges::any_of(files_, [&](const MessagePart& file) { return file.name == name; });
    };
    for (int number = 2; taken(); ++number)
        name = tr("Pasted text %1").arg(number);
    return {PartKind::File, text, name, 0};
}

/// What is too long for the field is a file.
void Composer::attach(const QString& text) {
    const qsizetype bytes = text.toUtf8().size();
    if (bytes > largest_file) {
        say(tr("What was pasted is %1, more than the %2 a message can hold: paste the part that matters.")
                .arg(QLocale().formattedDataSize(bytes), QLocale().formattedDataSize(largest_file)));
        return;
    }
    files_.append(pastedPart(text));
    pasted_ = files_.last().name;
    pasted_revision_ = edit_->document()->revision();
    filesChanged();
}

bool Composer::takeBackPasted() {
    if (pasted_revision_ != edit_->document()->revision() || files_.isEmpty() ||
        files_.last().name != pasted_)
        return false;
    pasted_revision_ = -1;
    files_.removeLast();
    filesChanged();
    return true;
}

void Composer::filesChanged() {
    showFiles();
    count_timer_.start();
    draft_timer_.start();
}

/// Each by itself, on the model's thread.
void Composer::countFiles() {
    const int serial = ++file_serial_;
    for (qsizetype i = 0; count_tokens_ && i < files_.size(); ++i) {
        count_tokens_(files_[i].text, [self = QPointer<Composer>(this), serial, i](int tokens) {
            if (self && serial == self->file_serial_)
                self->showFileTokens(i, tokens);
        });
    }
}

/// -1: not known.
void Composer::showFileTokens(qsizetype file, int tokens) {
    const QString name = oneLine(files_[file].name);
    const QString encoding = read_as_.value(files_[file].name);
    QString size = QLocale().formattedDataSize(files_[file].text.toUtf8().size());
    if (!encoding.isEmpty())
        size = tr("%1, read as %2", "a size, an encoding").arg(size, encoding);
    QLabel* label = file_labels_[file];
    const bool too_long = total_ > 0 && tokens > total_;
    if (tokens < 0)
        label->setText(u"%1  (%2)"_s.arg(name, size));
    else if (too_long)
        label->setText(tr("%1 has %2 tokens, more than the %3 that the model can hold: paste the part that "
                          "matters, or choose a model with a larger context.")
                           .arg(name, QLocale().toString(tokens), QLocale().toString(total_)));
    else
        label->setText(u"%1  (%2 · %3)"_s.arg(name, size, tr("%n tokens", nullptr, tokens)));
    setLook(label, "error", too_long);
    label->setWordWrap(too_long);
    static_cast<QHBoxLayout*>(label->parentWidget()->layout())->setStretchFactor(label, too_long ? 1 : 0);
    fitFiles();
}

void Composer::showFiles() {
    file_labels_.clear();
    const auto old = file_row_->findChildren<QWidget*>(Qt::FindDirectChildrenOnly);
    for (QWidget* child : old) {
        file_row_->layout()->removeWidget(child);
        child->hide();
        child->deleteLater();
    }
    for (qsizetype i = 0; i < files_.size(); ++i) {
        auto* line = new QWidget(file_row_);
        auto* row = new QHBoxLayout(line);
        row->setContentsMargins(0, 0, 0, 0);
        auto* name = new PlainLabel(line);
        name->setObjectName(u"fileLabel-%1"_s.arg(i));
        if (!read_as_.value(files_[i].name).isEmpty())
            name->setToolTip(tr("Where its letters look wrong, save the file as UTF-8 and add it again."));
        file_labels_.append(name);
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
        showFileTokens(i, -1);
    }
    fitFiles();
    file_area_->setVisible(!files_.isEmpty());
    updateButton();
    countFiles();
}

int Composer::fileRowHeight() const { return attach_->sizeHint().height() + file_row_->layout()->spacing(); }

/// A file that is too long says so in a second line.
void Composer::fitFiles() {
    const auto wrapped = std::ranges::count_if(file_labels_, &QLabel::wordWrap);
    const int room = (room_ - chromeHeight() - edit_->minimumHeight()) / fileRowHeight();
    const int rows =
        std::clamp(static_cast<int>(files_.size() + wrapped), 1, std::clamp(room, 1, most_file_rows));
    file_area_->setFixedHeight(rows * fileRowHeight());
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
