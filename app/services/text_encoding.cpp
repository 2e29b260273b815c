#include "app/services/text_encoding.h"

#include <QStringDecoder>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

namespace switchyard {
namespace {

struct Mark {
    const char* bytes;
    qsizetype length;
    QStringConverter::Encoding encoding;
    const char* name;
};

/// The longer first: a UTF-32 mark begins like one of UTF-16.
constexpr std::array<Mark, 5> kMarks{{{"\xFF\xFE\0\0", 4, QStringConverter::Utf32LE, "UTF-32"},
                                      {"\0\0\xFE\xFF", 4, QStringConverter::Utf32BE, "UTF-32"},
                                      {"\xEF\xBB\xBF", 3, QStringConverter::Utf8, ""},
                                      {"\xFF\xFE", 2, QStringConverter::Utf16LE, "UTF-16"},
                                      {"\xFE\xFF", 2, QStringConverter::Utf16BE, "UTF-16"}}};

bool isHigh(char byte) { return static_cast<unsigned char>(byte) >= 0x80; }

/// No text has them; what ends a page, a DOS file or begins a colour has its place in some.
bool isControl(char32_t c) {
    constexpr std::u32string_view kTolerated = U"\t\n\v\f\r\x1a\x1b";
    return (c < 0x20 && kTolerated.find(c) == std::u32string_view::npos) || c == 0x7f;
}

std::optional<QString> decoded(QStringConverter::Encoding encoding, const QByteArray& bytes) {
    QStringDecoder decode(encoding, QStringConverter::Flag::Stateless);
    QString text = decode(bytes);
    // What breaks off in the middle of a sign is no error to the others.
    const bool broken = encoding == QStringConverter::Utf8
                            ? decode.hasError()
                            : text.contains(QChar::ReplacementCharacter) || !text.isValidUtf16();
    if (broken || text.contains(QChar::Null))
        return std::nullopt;
    return text;
}

/// By a converter that Qt borrows: it puts a sign where there is none, and keeps that to itself.
std::optional<QString> decodedBy(const char* converter, const QByteArray& bytes) {
    QStringDecoder decode(converter);
    if (!decode.isValid())
        return std::nullopt;
    QString text = decode(bytes);
    if (text.contains(QChar::ReplacementCharacter))
        return std::nullopt;
    return text;
}

/// UTF-16 without a mark: of western letters and of spaces one byte is 0, always on the same side.
std::optional<QString> unmarkedUtf16(const QByteArray& bytes) {
    if (bytes.size() % 2 != 0)
        return std::nullopt;
    std::array<qsizetype, 2> zeros{};
    for (qsizetype i = 0; i < bytes.size(); ++i)
        zeros[static_cast<std::size_t>(i % 2)] += bytes[i] == '\0';
    const auto [big, little] = zeros;
    if (std::min(big, little) > 0 || std::max(big, little) * 8 < bytes.size())
        return std::nullopt;
    auto text = decoded(little > 0 ? QStringConverter::Utf16LE : QStringConverter::Utf16BE, bytes);
    if (text && std::ranges::any_of(*text, [](QChar c) { return isControl(c.unicode()); }))
        return std::nullopt;
    return text;
}

/// Whether most characters of two bytes are among the usual half of Chinese signs. Letters with accents come
/// one by one, or make rare signs.
bool looksChinese(const QByteArray& bytes) {
    qsizetype usual = 0, rare = 0;
    for (qsizetype i = 0; i < bytes.size(); ++i) {
        const auto lead = static_cast<unsigned char>(bytes[i]);
        if (lead < 0x80)
            continue;
        const auto trail = static_cast<unsigned char>(++i < bytes.size() ? bytes[i] : 0);
        if (lead < 0xA1 || lead > 0xA3 || trail <= 0xA0) // punctuation proves nothing
            ++(trail > 0xA0 && lead >= 0xB0 && lead <= 0xD7 ? usual : rare);
    }
    return usual > 0 && usual >= 2 * rare;
}

/// Whether letters without an accent are in the majority, as in the languages of western Europe.
bool looksWestern(const QByteArray& bytes) {
    const auto isLetter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
    return std::ranges::count_if(bytes, isHigh) <= std::ranges::count_if(bytes, isLetter);
}

/// Bytes 0x80 to 0x9F, which Latin-1 has no signs for.
bool hasWindowsSigns(const QByteArray& bytes) {
    return std::ranges::any_of(bytes,
                               [](char c) { return isHigh(c) && static_cast<unsigned char>(c) < 0xA0; });
}

bool isBinary(const QByteArray& bytes) {
    return std::ranges::any_of(bytes, [](char c) { return isControl(static_cast<unsigned char>(c)); });
}

} // namespace

DecodedText decodeText(const QByteArray& bytes) {
    for (const Mark& mark : kMarks) {
        if (!bytes.startsWith(QByteArrayView(mark.bytes, mark.length)))
            continue;
        if (const auto text = decoded(mark.encoding, bytes.sliced(mark.length)))
            return {TextKind::Text, *text, QString::fromLatin1(mark.name)};
    }
    if (const auto text = decoded(QStringConverter::Utf8, bytes))
        return {TextKind::Text, *text, {}};
    if (const auto text = unmarkedUtf16(bytes))
        return {TextKind::Text, *text, QStringLiteral("UTF-16")};
    if (isBinary(bytes))
        return {TextKind::Binary, {}, {}};
    if (looksChinese(bytes)) {
        if (const auto text = decodedBy("GB18030", bytes))
            return {TextKind::Text, *text, QStringLiteral("GB18030")};
    }
    if (looksWestern(bytes)) {
        if (!hasWindowsSigns(bytes))
            return {TextKind::Text, QString::fromLatin1(bytes), QStringLiteral("Latin-1")};
        auto text = decodedBy("windows-1252", bytes);
        // What Windows-1252 has no sign for comes out as a control character.
        if (text && std::ranges::none_of(*text, [](QChar c) { return c >= QChar(0x80) && c < QChar(0xA0); }))
            return {TextKind::Text, *text, QStringLiteral("Windows-1252")};
    }
    return {TextKind::Unknown, {}, {}};
}

} // namespace switchyard
