#include "app/services/hub/web_rules.h"

#include <QCoreApplication>
#include <QStorageInfo>

#include <algorithm>

namespace switchyard {
namespace {

QString say(const char* text) { return QCoreApplication::translate("WebRules", text); }

constexpr qsizetype kLongestName =
    200; ///< bytes of UTF-8: disks allow 255, and ".switchyard-part.json" is put behind

bool endsWith(const QString& name, std::initializer_list<const char*> endings) {
    return std::ranges::any_of(endings, [&](const char* ending) {
        return name.endsWith(QLatin1String(ending), Qt::CaseInsensitive);
    });
}

} // namespace

qint64 WebRules::diskFree(const QString& folder) { return QStorageInfo(folder).bytesAvailable(); }

QString WebRules::refusal(const QUrl& url) const {
    const bool test =
        local_http && url.scheme() == QLatin1String("http") && url.host() == QLatin1String("127.0.0.1");
    if (!url.isValid() || url.host().isEmpty() || (url.scheme() != QLatin1String("https") && !test))
        return say(QT_TRANSLATE_NOOP("WebRules", "%1 is no https address: nothing is fetched from it."))
            .arg(url.toDisplayString(QUrl::RemoveQuery).left(200));
    if (!url.userInfo().isEmpty())
        return say(QT_TRANSLATE_NOOP("WebRules", "The address has a user name in it: nothing is fetched."));
    return {};
}

int WebRules::pause(int tries, int asked_for) const {
    constexpr int kLongest = 10 * 60'000;
    return std::max(first_pause << std::clamp(tries - 1, 0, 6), std::min(asked_for, kLongest));
}

bool isWeights(const QString& name) { return endsWith(name, {".gguf", ".safetensors"}); }

bool beginsLike(const QString& name, const QByteArray& head) {
    if (endsWith(name, {".gguf"}))
        return head.startsWith("GGUF");
    if (endsWith(name, {".safetensors"})) // the length of the JSON that follows
        return head.size() >= kHead && head[8] == '{';
    const QByteArray text = head.trimmed();
    return !endsWith(name, {".json"}) || text.isEmpty() || text[0] == '{' || text[0] == '[';
}

bool WebRules::mayHaveToken(const QUrl& url) const {
    return refusal(url).isEmpty() && url.host() == token_host;
}

QString plainFileName(const QString& name) {
    const qsizetype slash = std::max(name.lastIndexOf(QLatin1Char('/')), name.lastIndexOf(QLatin1Char('\\')));
    const QString last = name.sliced(slash + 1);
    const bool plain = std::ranges::all_of(last, [](QChar c) {
        return c.isPrint() && c.category() != QChar::Other_Format && !QStringView(u"<>:\"|?*").contains(c);
    });
    if (!plain || last.isEmpty() || last.startsWith(QLatin1Char('.')) || last.endsWith(QLatin1Char(' ')) ||
        last.toUtf8().size() > kLongestName)
        return {};
    return last;
}

QString fileKindRefusal(const QString& name) {
    if (plainFileName(name).isEmpty())
        return say(
            QT_TRANSLATE_NOOP("WebRules", "The server's name for the file is none that can be stored."));
    if (endsWith(name, {".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt", ".npz", ".joblib"}))
        return say(QT_TRANSLATE_NOOP("WebRules",
                                     "%1 may hold a pickle, which can run code as it is read. It is not "
                                     "fetched: look for a GGUF or safetensors file of the model."))
            .arg(plainFileName(name));
    if (!endsWith(name, {".gguf", ".safetensors", ".json", ".jinja", ".model", ".txt", ".md", ".whl"}))
        return say(QT_TRANSLATE_NOOP("WebRules",
                                     "%1 is no model file: GGUF and safetensors files can be fetched."))
            .arg(plainFileName(name));
    return {};
}

QByteArray sha256Of(const QByteArray& text) {
    QByteArray hex = text.trimmed().toLower();
    if (hex.startsWith('"') && hex.endsWith('"'))
        hex = hex.mid(1, hex.size() - 2);
    const bool right = hex.size() == 64 && std::ranges::all_of(hex, [](char c) {
                           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
                       });
    return right ? hex : QByteArray();
}

} // namespace switchyard
