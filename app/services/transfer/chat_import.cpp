#include "app/services/transfer/chat_import.h"

#include "app/services/conversation_store.h"
#include "app/services/transfer/foreign_chats.h"
#include "app/services/transfer/json_chats.h"
#include "app/services/transfer/json_elements.h"
#include "app/services/transfer/json_read.h"
#include "app/services/transfer/message_words.h"
#include "app/services/transfer/own_chats.h"
#include "app/services/transfer/transfer_error.h"

#include <QCoreApplication>
#include <QCryptographicHash>
#include <QFileInfo>
#include <QHash>
#include <QScopeGuard>

#include <algorithm>
#include <utility>

namespace switchyard {

namespace {

using json::Json;

QString say(const char* text) { return QCoreApplication::translate("ChatTransfer", text); }

qint64 sizeOf(const WholeChat& chat) {
    qint64 size = 0;
    for (const Message& message : chat.messages) {
        for (const MessagePart& part : message.parts)
            size += 2 * part.text.size();
    }
    for (const auto& chunks : chat.tokens) {
        for (const TokenChunk& chunk : chunks)
            size += chunk.bytes.size();
    }
    return size;
}

/// A line of what is said of the import; where there would be very many, the last one says so.
void addLine(ImportResult& result, const QString& line) {
    constexpr qsizetype kMostLines = 20;
    const qsizetype lines = result.error.isEmpty() ? 0 : result.error.count(u'\n') + 1;
    if (lines >= kMostLines)
        return;
    if (lines > 0)
        result.error += u'\n';
    result.error += lines + 1 < kMostLines
                        ? line
                        : say(QT_TRANSLATE_NOOP("ChatTransfer", "There is more that could not be read."));
}

/// Of a chat that cannot be taken over.
void addLeftOut(ImportResult& result, const Json& element, const QString& why) {
    constexpr qsizetype kLongest = 80;
    for (const Json* at : {&element, &json::member(element, "chat")}) {
        for (const char* key : {"title", "name"}) {
            const QString title = onOneLine(json::text(*at, key)).left(kLongest);
            if (!title.isEmpty())
                return addLine(result,
                               say(QT_TRANSLATE_NOOP("ChatTransfer", "The chat “%1” was left out: %2."))
                                   .arg(title, why));
        }
    }
    addLine(result,
            say(QT_TRANSLATE_NOOP("ChatTransfer", "A chat without a title was left out: %1.")).arg(why));
}

/// Chats of one file that say the same and have no id to tell them apart. Each is known by how many came
/// before it, so that the same file again brings none of them twice.
class EqualChats {
  public:
    void tellApart(WholeChat& chat) {
        if (chat.has_id)
            return;
        if (const int before = count_[chat.source]++; before > 0)
            chat.source = QCryptographicHash::hash(chat.source + QByteArray::number(before),
                                                   QCryptographicHash::Sha256);
    }

  private:
    QHash<QByteArray, int> count_; ///< so far, by what they say
};

/// Collects chats and stores them some at a time.
class Collector : public ElementSink {
  public:
    Collector(const ImportHooks& hooks, EqualChats& equal, ImportResult& result)
        : hooks_(hooks), equal_(equal), result_(result) {}

    void takeElement(Json element) override {
        const auto kind =
            std::ranges::find_if(kForeignKinds, [&](const ForeignKind& k) { return k.isOne(element); });
        if (kind == kForeignKinds.end()) {
            ++result_.unknown;
            return;
        }
        WholeChat chat;
        try {
            chat = kind->read(element);
        } catch (const TransferError& error) {
            refused_ = true;
            addLeftOut(result_, element, error.sentence());
            return;
        }
        chat.own_dials = false;
        if (chat.messages.isEmpty()) {
            ++result_.empty;
            return;
        }
        chat.folder = folderOf(
            say(QT_TRANSLATE_NOOP("ChatTransfer", "Imported from %1")).arg(QLatin1String(kind->program)));
        add(std::move(chat));
    }

    void takeHead(const std::string& key, const Json& value) override {
        if (key == "version" && json::number(value) > kChatsVersion)
            throw TransferError(say(QT_TRANSLATE_NOOP(
                "ChatTransfer", "a newer version of this program wrote it: install that to read it")));
        if (key != "folders" || !value.is_array())
            return;
        constexpr std::size_t kMost = 10'000;
        constexpr qsizetype kLongest = 100;
        for (std::size_t i = 0; i < std::min(value.size(), kMost); ++i)
            batch_.folders.append(
                {ConversationStore::newId(), onOneLine(json::text(value[i])).left(kLongest).trimmed()});
    }

    void takeMessage(const Json& message) override { own_.addMessage(message); }

    void takeChat(const Json& chat) override {
        WholeChat whole = own_.finish(chat);
        result_.left_out += own_.leftOut() - std::exchange(left_out_, own_.leftOut());
        add(std::move(whole));
    }

    void flush() {
        if (batch_.chats.empty())
            return;
        ChatBatch next;
        next.folders = batch_.folders;
        const auto count = static_cast<int>(batch_.chats.size());
        const QList<ConversationId> added =
            hooks_.store(std::make_shared<const ChatBatch>(std::exchange(batch_, std::move(next))));
        result_.added += static_cast<int>(added.size());
        result_.known += count - static_cast<int>(added.size());
        if (!added.isEmpty())
            result_.last = added.last();
        messages_ = bytes_ = 0;
    }

    /// Whether there was a chat that could not be taken over, which was said.
    bool refused() const { return refused_; }

  private:
    std::size_t folderOf(const QString& name) {
        const auto found = std::ranges::find(batch_.folders, name, &ChatFolder::name);
        const auto place = static_cast<std::size_t>(found - batch_.folders.begin());
        if (found == batch_.folders.end())
            batch_.folders.append({ConversationStore::newId(), name});
        return place;
    }

    void add(WholeChat chat) {
        constexpr std::size_t kMostChats = 64;
        constexpr qsizetype kMostMessages = 1000;
        constexpr qint64 kMostBytes = 16 << 20;
        equal_.tellApart(chat);
        messages_ += chat.messages.size();
        bytes_ += sizeOf(chat);
        batch_.chats.push_back(std::move(chat));
        if (batch_.chats.size() >= kMostChats || messages_ >= kMostMessages || bytes_ >= kMostBytes)
            flush();
    }

    const ImportHooks& hooks_;
    EqualChats& equal_;
    ImportResult& result_;
    OwnChat own_;
    int left_out_ = 0;
    bool refused_ = false;
    ChatBatch batch_;
    qsizetype messages_ = 0;
    qint64 bytes_ = 0;
};

/// Those of an archive that may hold chats: as ChatGPT names them, or where there are none of that name, all
/// of JSON.
std::vector<ChatArchive::Entry> entriesToRead(const ChatArchive& archive) {
    std::vector<ChatArchive::Entry> named, all;
    for (const ChatArchive::Entry& entry : archive.entries()) {
        const QString name = entry.name.section(u'/', -1).toLower();
        if (!name.endsWith(QLatin1String(".json")))
            continue;
        all.push_back(entry);
        if (name.startsWith(QLatin1String("conversations")))
            named.push_back(entry);
    }
    return named.empty() ? all : named;
}

/// Knows how much was read of another.
class CountedBytes : public ByteSource {
  public:
    explicit CountedBytes(ByteSource& source) : source_(source) {}
    qint64 read(char* to, qint64 most) override {
        const qint64 got = source_.read(to, most);
        count_ += got;
        return got;
    }
    qint64 count() const { return count_; }

  private:
    ByteSource& source_;
    qint64 count_ = 0;
};

/// Whether there were chats in it, be they taken over or not. Throws TransferError where it is not read to
/// its end.
bool readChats(ByteSource& source, qint64 size, const ImportHooks& hooks, const JsonLimits& limits,
               EqualChats& equal, ImportResult& result) {
    const ImportResult before = result;
    JsonBytes bytes(source, limits, [&](qint64 read) {
        hooks.progress(size > 0 ? std::min(1.0, static_cast<double>(read) / static_cast<double>(size)) : 0);
    });
    Collector collector(hooks, equal, result);
    try {
        readElements(bytes, limits, collector);
    } catch (const TransferError&) {
        collector.flush(); // what is whole
        throw;
    }
    collector.flush();
    return result.added != before.added || result.known != before.known || result.empty != before.empty ||
           collector.refused();
}

TransferError noChats() {
    return TransferError(
        say(QT_TRANSLATE_NOOP("ChatTransfer", "it holds no chats as Switchyard, ChatGPT, Open WebUI and LM "
                                              "Studio export them")));
}

/// Says why a file, or a part of an archive, was not read, or not to its end.
class Complaint {
  public:
    Complaint(ImportResult& result, const QString& name)
        : result_(result), name_(name), before_(result.added + result.known) {}
    void operator()(const QString& why) const {
        const bool some = result_.added + result_.known > before_;
        addLine(result_, (some ? say(QT_TRANSLATE_NOOP("ChatTransfer", "%1 was not read to its end: %2."))
                               : say(QT_TRANSLATE_NOOP("ChatTransfer", "%1 cannot be imported: %2.")))
                             .arg(name_, why));
    }

  private:
    ImportResult& result_;
    const QString name_;
    const int before_;
};

/// One that is damaged does not cost those behind it.
void importArchive(const QString& path, const ImportHooks& hooks, const JsonLimits& limits,
                   ImportResult& result) {
    const ChatArchive archive(path);
    const std::vector<ChatArchive::Entry> entries = entriesToRead(archive);
    if (entries.empty())
        throw TransferError(say(QT_TRANSLATE_NOOP("ChatTransfer", "there is no JSON file in it")));
    quint64 size = 0;
    for (const ChatArchive::Entry& entry : entries)
        size += std::min(entry.size, static_cast<quint64>(limits.file));
    qint64 left = limits.file; // of all together
    EqualChats equal;
    double before = 0;
    bool some = false;
    for (const ChatArchive::Entry& entry : entries) {
        constexpr qsizetype kLongestName = 100;
        const double part = static_cast<double>(entry.size) / static_cast<double>(std::max<quint64>(size, 1));
        ImportHooks inside = hooks;
        inside.progress = [&](double share) { hooks.progress(std::min(1.0, before + share * part)); };
        JsonLimits rest = limits;
        rest.file = left;
        const Complaint fail(result,
                             QFileInfo(path).fileName() + u'/' + onOneLine(entry.name).right(kLongestName));
        qint64 read = 0;
        try {
            const auto source = archive.open(entry);
            CountedBytes counted(*source);
            const auto count = qScopeGuard([&] { read = counted.count(); });
            const auto claimed = static_cast<qint64>(std::min(entry.size, quint64{1} << 62));
            some |= readChats(counted, claimed, inside, rest, equal, result);
        } catch (const TransferError& error) {
            if (read > left)
                throw TransferError(say(QT_TRANSLATE_NOOP("ChatTransfer", "it is larger than %1 GiB"))
                                        .arg(limits.file >> 30));
            fail(error.sentence());
            some = true; // which was said
        }
        left -= read;
        before += part;
    }
    if (!some)
        throw noChats();
}

} // namespace

void importChats(ByteSource& source, qint64 size, const ImportHooks& hooks, const JsonLimits& limits,
                 ImportResult& result) {
    EqualChats equal;
    if (!readChats(source, size, hooks, limits, equal, result))
        throw noChats();
}

void importChatFile(const QString& path, const ImportHooks& hooks, const JsonLimits& limits,
                    ImportResult& result) {
    const Complaint fail(result, QFileInfo(path).fileName());
    try {
        if (ChatArchive::isOne(path)) {
            importArchive(path, hooks, limits, result);
        } else {
            FileBytes file(path);
            importChats(file, file.size(), hooks, limits, result);
        }
    } catch (const TransferError& error) {
        fail(error.sentence());
    } catch (const std::bad_alloc&) {
        fail(say(QT_TRANSLATE_NOOP("ChatTransfer", "there is not enough memory")));
    }
}

} // namespace switchyard
