#include "app/services/transfer/markdown_bounds.h"

#include "app/services/chat_turns.h"
#include "app/services/code_fence.h"

#include <md4c.h>

#include <QRegularExpression>

#include <string>
#include <vector>

namespace switchyard {

namespace {

/// Where in a text raw HTML begins, and whether what follows the text is a part of it.
struct Look {
    std::string_view source;
    std::vector<std::size_t> html; ///< places of "<"
    int depth = 0;
    MD_BLOCKTYPE last = MD_BLOCK_DOC; ///< the last outermost block
};

Look lookedAt(const std::string& text) {
    MD_PARSER parser{};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS;
    parser.enter_block = [](MD_BLOCKTYPE type, void*, void* data) {
        auto& look = *static_cast<Look*>(data);
        if (++look.depth == 2) // in the document
            look.last = type;
        return 0;
    };
    parser.leave_block = [](MD_BLOCKTYPE, void*, void* data) {
        --static_cast<Look*>(data)->depth;
        return 0;
    };
    parser.enter_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.leave_span = [](MD_SPANTYPE, void*, void*) { return 0; };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* piece, MD_SIZE size, void* data) {
        auto& look = *static_cast<Look*>(data);
        const char* begin = look.source.data();
        if (type != MD_TEXT_HTML || piece < begin || piece + size > begin + look.source.size())
            return 0;
        for (MD_SIZE i = 0; i < size; ++i) {
            if (piece[i] == '<')
                look.html.push_back(static_cast<std::size_t>(piece + i - begin));
        }
        return 0;
    };
    Look look;
    look.source = text;
    md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, &look);
    return look;
}

/// What was hidden by a tag may be one itself, once that is none any more.
QString withoutHtml(const QString& text) {
    constexpr int kMostRounds = 6;
    std::string plain = text.toStdString();
    for (int round = 0; round < kMostRounds; ++round) {
        const Look look = lookedAt(plain);
        if (look.html.empty())
            return QString::fromStdString(plain);
        std::string next;
        std::size_t at = 0;
        for (const std::size_t place : look.html) {
            next.append(plain, at, place - at).append("\\");
            at = place;
        }
        plain = next.append(plain, at);
    }
    return QString::fromStdString(plain).replace(u'<', QStringLiteral("&lt;"));
}

bool ends(const QString& text) {
    const Look look = lookedAt((text + QStringLiteral("\n\n## next")).toStdString());
    return look.last == MD_BLOCK_H;
}

QString closed(const QString& text) {
    if (ends(text))
        return text;
    FencedLines fence;
    for (const QString& line : text.split(u'\n'))
        fence.take(line);
    const QString whole = text + u'\n' + fence.open();
    return ends(whole) ? whole : fencedCode(text);
}

} // namespace

QString withoutBlankEnds(const QString& text) {
    static const QRegularExpression before(QStringLiteral("\\A(?:[ \\t\\r]*\\n)+"));
    const QString rest = QString(text).remove(before);
    qsizetype end = rest.size();
    while (end > 0 && rest[end - 1].isSpace())
        --end;
    return rest.left(end);
}

QString fencedCode(const QString& text, const QString& language) {
    const QString fence = fenceFor(text);
    return fence + language + u'\n' + text + (text.endsWith(u'\n') ? QString() : QStringLiteral("\n")) +
           fence;
}

QString boundedMarkdown(const QString& text) { return closed(withoutHtml(withoutBlankEnds(text))); }

QString boundedWords(const QString& text) {
    // Headings, quotations, and lines of one sign, which are rules or make a heading of the line before.
    static const QRegularExpression begins(QStringLiteral(
        "^ {0,3}(?=#{1,6}(?:\\s|$)|>|=+\\s*$|(?:-[ \\t]*)+$|(?:\\*[ \\t]*){3,}$|(?:_[ \\t]*){3,}$)"));
    QStringList lines = withoutBlankEnds(text).split(u'\n');
    FencedLines fence;
    for (QString& line : lines) {
        if (fence.take(line))
            continue;
        if (const auto found = begins.match(line); found.hasMatch())
            line.insert(found.capturedEnd(), u'\\');
    }
    return closed(withoutHtml(lines.join(u'\n')));
}

} // namespace switchyard
