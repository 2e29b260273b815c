#include "ui/chat/code_highlighter.h"

#include "ui/chat/code_languages.h"

#include <algorithm>

namespace switchyard {
namespace {

bool isWordStart(QChar c) { return c.isLetter() || c == u'_'; }
bool isWordPart(QChar c) { return c.isLetterOrNumber() || c == u'_'; }

/// Walks over the code once; every rule either takes characters or leaves them to the next one.
class Lexer {
  public:
    Lexer(QStringView code, const CodeLanguage& language) : code_(code), language_(language) {}

    QList<CodeSpan> run() {
        while (at_ < code_.size()) {
            if (!(comment() || string() || number() || word()))
                ++at_;
        }
        return std::move(spans_);
    }

  private:
    bool startsWith(QStringView mark) const { return !mark.isEmpty() && code_.mid(at_).startsWith(mark); }

    void take(qsizetype end, CodeKind kind) {
        spans_.push_back({at_, end - at_, kind});
        at_ = end;
    }

    qsizetype lineEnd() const {
        const qsizetype end = code_.indexOf(u'\n', at_);
        return end < 0 ? code_.size() : end;
    }

    bool comment() {
        for (const QStringView mark : language_.line_comments) {
            if (startsWith(mark) && (mark != u"#" || at_ == 0 || !isWordPart(code_[at_ - 1]))) {
                take(lineEnd(), CodeKind::Comment);
                return true;
            }
        }
        if (!startsWith(language_.comment_open))
            return false;
        const qsizetype end = code_.indexOf(language_.comment_close, at_ + language_.comment_open.size());
        take(end < 0 ? code_.size() : end + language_.comment_close.size(), CodeKind::Comment);
        return true;
    }

    bool string() {
        for (const QStringView quote : {QStringView(u"\"\"\""), QStringView(u"'''")}) {
            if (language_.triple_quotes && startsWith(quote)) {
                const qsizetype end = code_.indexOf(quote, at_ + 3);
                take(end < 0 ? code_.size() : end + 3, CodeKind::String);
                return true;
            }
        }
        const QChar quote = code_[at_];
        if (!language_.quotes.contains(quote))
            return false;
        // An apostrophe inside a word is no string (Rust's lifetimes, digits grouped as in 1'000).
        if (quote == u'\'' && at_ > 0 && isWordPart(code_[at_ - 1]))
            return false;
        const bool lines = quote == u'`';
        qsizetype i = at_ + 1;
        for (; i < code_.size() && code_[i] != quote; ++i) {
            if (code_[i] == u'\\' && language_.backslash_escapes)
                ++i;
            else if (code_[i] == u'\n' && !lines)
                break;
        }
        take(std::min(i + (i < code_.size() && code_[i] == quote ? 1 : 0), code_.size()), CodeKind::String);
        return true;
    }

    bool number() {
        if (!code_[at_].isDigit() || (at_ > 0 && isWordPart(code_[at_ - 1])))
            return false;
        qsizetype i = at_ + 1;
        while (i < code_.size() &&
               (isWordPart(code_[i]) || (code_[i] == u'.' && i + 1 < code_.size() && code_[i + 1].isDigit())))
            ++i;
        take(i, CodeKind::Number);
        return true;
    }

    bool word() {
        const bool prefixed = language_.word_prefixes.contains(code_[at_]) && at_ + 1 < code_.size() &&
                              isWordStart(code_[at_ + 1]);
        if (!prefixed && !isWordStart(code_[at_]))
            return false;
        qsizetype end = at_ + 1;
        while (end < code_.size() &&
               (isWordPart(code_[end]) || (language_.dashes_in_words && code_[end] == u'-')))
            ++end;
        const QString text = code_.mid(at_, end - at_).toString();
        const QString key = language_.case_sensitive ? text : text.toLower();
        if (language_.keywords.contains(key) || prefixed)
            take(end, CodeKind::Keyword);
        else if (language_.types.contains(key))
            take(end, CodeKind::Type);
        else if (isKey(end))
            take(end, CodeKind::Type);
        else if (end < code_.size() && code_[end] == u'(')
            take(end, CodeKind::Function);
        else
            at_ = end;
        return true;
    }

    /// "name:" or "name =" at the head of a line of a configuration file.
    bool isKey(qsizetype end) const {
        if (language_.key_mark.isNull())
            return false;
        qsizetype head = at_;
        while (head > 0 && (code_[head - 1] == u' ' || code_[head - 1] == u'-'))
            --head;
        while (end < code_.size() && code_[end] == u' ')
            ++end;
        return (head == 0 || code_[head - 1] == u'\n') && end < code_.size() &&
               code_[end] == language_.key_mark;
    }

    QStringView code_;
    const CodeLanguage& language_;
    qsizetype at_ = 0;
    QList<CodeSpan> spans_;
};

/// A diff or a mark-up file is told apart by lines or by tags, not by words.
QList<CodeSpan> highlightDiff(QStringView code) {
    QList<CodeSpan> spans;
    for (qsizetype begin = 0; begin < code.size();) {
        qsizetype end = code.indexOf(u'\n', begin);
        end = end < 0 ? code.size() : end;
        const QChar first = code[begin];
        if (end > begin && (first == u'+' || first == u'-' || first == u'@'))
            spans.push_back({begin, end - begin,
                             first == u'+'   ? CodeKind::String
                             : first == u'-' ? CodeKind::Number
                                             : CodeKind::Function});
        begin = end + 1;
    }
    return spans;
}

QList<CodeSpan> highlightMarkup(QStringView code) {
    QList<CodeSpan> spans;
    qsizetype at = 0;
    while ((at = code.indexOf(u'<', at)) >= 0) {
        if (code.mid(at).startsWith(u"<!--")) {
            const qsizetype close = code.indexOf(u"-->", at);
            const qsizetype end = close < 0 ? code.size() : close + 3;
            spans.push_back({at, end - at, CodeKind::Comment});
            at = end;
            continue;
        }
        qsizetype i = at + 1;
        while (i < code.size() &&
               (isWordPart(code[i]) || code[i] == u'/' || code[i] == u'-' || code[i] == u'!'))
            ++i;
        spans.push_back({at, i - at, CodeKind::Keyword});
        for (; i < code.size() && code[i] != u'>'; ++i) {
            if (code[i] != u'"' && code[i] != u'\'')
                continue;
            const qsizetype close = code.indexOf(code[i], i + 1);
            const qsizetype end = close < 0 ? code.size() : close + 1;
            spans.push_back({i, end - i, CodeKind::String});
            i = end - 1;
        }
        if (i < code.size())
            spans.push_back({i, 1, CodeKind::Keyword});
        at = i;
    }
    return spans;
}

} // namespace

QList<CodeSpan> highlightCode(const QString& code, const QString& language) {
    const CodeLanguage* known = findLanguage(language);
    if (!known)
        return {};
    if (known->shape == CodeShape::Diff)
        return highlightDiff(code);
    if (known->shape == CodeShape::Markup)
        return highlightMarkup(code);
    return Lexer(code, *known).run();
}

QString languageName(const QString& language) {
    const CodeLanguage* known = findLanguage(language);
    return known ? known->name : language;
}

} // namespace switchyard
