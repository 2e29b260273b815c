#include "app/services/model_title.h"

#include "app/services/chat_title.h"

#include <QRegularExpression>
#include <QSet>

#include <algorithm>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

constexpr int kMostColumns = 60, kMostWords = 10;
constexpr qsizetype kQuestion = 800, kAnswer = 600; ///< characters that a title is made of

const QString kAsk =
    u"Give the conversation below a title of two to six words, in the language of the question. Reply "
    "with the title alone: no quotation marks, no explanation."_s;
const QString kAskInChinese =
    u"请给下面的对话起一个标题，不超过十二个字。只回答标题本身，不要引号，不要解释。"_s;

QString beginning(const QString& text, qsizetype most) {
    const QString simple = text.simplified();
    return simple.size() <= most ? simple : simple.left(most) + QChar(0x2026);
}

/// What stands around it, however often.
QString bare(QString title) {
    static const QRegularExpression label(
        uR"(^(?:(?:the |chat |conversation |suggested )?title(?: is)?|标题|標題|题目)\s*[:：\-–—]\s*)"_s,
        QRegularExpression::CaseInsensitiveOption);
    static const QRegularExpression marks(
        uR"(^(?:[#>*_`"'“”‘’«»「」『』《》\[\]()（）\s]|[-•]\s)+|[#*_`"'“”‘’«»「」『』《》\[\]\s]+$)"_s);
    for (int i = 0; i < 4; ++i) {
        const QString before = title;
        title.remove(marks).remove(label);
        while (title.size() > 1 && u".。,，;；:："_s.contains(title.back()))
            title.chop(1);
        if (title == before)
            break;
    }
    return title.simplified();
}

/// What tells words apart, so that "Romans" and "Roman" are near: their beginnings, and pairs of Chinese
/// characters.
QSet<QString> stemsOf(const QString& text) {
    static const QRegularExpression word(uR"([\p{L}\p{N}]+)"_s,
                                         QRegularExpression::UseUnicodePropertiesOption);
    constexpr qsizetype kStem = 5, kLeast = 3;
    QSet<QString> stems;
    for (auto it = word.globalMatch(text.toLower()); it.hasNext();) {
        const QString found = it.next().captured();
        if (isChinese(found)) {
            for (qsizetype i = 0; i + 2 <= found.size(); ++i)
                stems.insert(found.mid(i, 2));
        } else if (found.size() >= kLeast) {
            stems.insert(found.left(kStem));
        }
    }
    return stems;
}

/// A model that answers instead of naming, or names itself.
bool talks(const QString& title) {
    static const QRegularExpression talk(
        uR"(^(?:sure|certainly|of course|okay|ok|yes|no|here(?:'s| is| are)|i(?:'m| am| can| will| think| don't| have)|)"
        uR"(as an|this (?:is|conversation|chat|text|title|question)|the (?:conversation|question|title|answer|user|text)|)"
        uR"(sorry|question|answer|user|assistant|untitled|new chat|chat|conversation|title|好的|当然|以下|这是|对不起|抱歉|我|用户|问题|答案)\b)"_s,
        QRegularExpression::CaseInsensitiveOption | QRegularExpression::UseUnicodePropertiesOption);
    return talk.match(title).hasMatch();
}

/// More than a name: it goes on behind a sentence's end, or quotes somebody.
bool tells(const QString& title) {
    static const QRegularExpression sentence(uR"([.!?…]\s+\S|[。！？；].|["“”「」])"_s);
    return sentence.match(title).hasMatch();
}

/// The question, or the answer's beginning, over again.
bool repeats(const QString& title, const TitleMaterial& of) {
    static const QRegularExpression own(uR"(\bI(?:['’](?:m|ve|ll|d)| am)\b)"_s);
    constexpr qsizetype kShort = 6; // a name that both may begin with
    const bool begins = of.answer.simplified().startsWith(title, Qt::CaseInsensitive);
    return own.match(title).hasMatch() || bare(of.question.simplified()) == title ||
           (begins && (isChinese(title) ? title.size() > kShort : title.count(u' ') > 1));
}

bool isQuiteLong(const QString& title) {
    return columnsOf(title) > kMostColumns || title.count(u' ') >= kMostWords;
}

} // namespace

GenerationRequest titleRequest(const ModelKey& model, const Tuning& defaults, const TitleMaterial& of) {
    GenerationRequest request;
    request.model = model;
    request.priority = RunPriority::Lab;
    request.aside = true;
    const bool chinese = isChinese(of.question);
    const QString form = chinese ? u"%1\n\n问：%2\n\n答：%3"_s : u"%1\n\nQuestion: %2\n\nAnswer: %3"_s;
    request.turns.push_back(
        {Author::User, form.arg(chinese ? kAskInChinese : kAsk, beginning(of.question, kQuestion),
                                beginning(of.answer, kAnswer))});
    request.tuning = defaults;
    request.tuning.sequence.temperature = 0; // the same chat, the same title
    request.tuning.sequence.seed = 1;
    request.tuning.sequence.max_tokens = kMostTitleTokens;
    return request;
}

bool isTitleComplete(const QString& written) {
    qsizetype begin = 0;
    while (begin < written.size() && written[begin].isSpace())
        ++begin;
    return isQuiteLong(written.mid(begin)) || written.indexOf(u'\n', begin) >= 0;
}

QString titleIn(const QString& written, const TitleMaterial& of) {
    QStringList lines;
    for (const QString& line : written.split(u'\n')) {
        if (!line.trimmed().isEmpty())
            lines.append(line.trimmed());
    }
    if (lines.size() != 1)
        return {};
    const QString title = bare(lines.first());
    if (title.size() < 2 || isQuiteLong(title) || talks(title) || tells(title) || repeats(title, of) ||
        title.contains(u'<') || isChinese(title) != isChinese(of.question))
        return {};
    // Words of the chat, and not those that it was asked with.
    const QSet<QString> words = stemsOf(title), chat = stemsOf(of.question + u' ' + of.answer);
    const QSet<QString> asked = stemsOf(kAsk + kAskInChinese) - stemsOf(of.question);
    if (words.isEmpty() || !words.intersects(chat) || 2 * (words & asked).size() > words.size())
        return {};
    return title;
}

} // namespace switchyard
