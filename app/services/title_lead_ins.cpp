#include "app/services/title_lead_ins.h"

#include <QRegularExpression>

#include <array>

using namespace Qt::StringLiterals;

namespace switchyard {

namespace {

QRegularExpression leading(const QString& pattern) {
    return QRegularExpression(u"^(?:"_s + pattern + u")"_s,
                              QRegularExpression::CaseInsensitiveOption |
                                  QRegularExpression::UseUnicodePropertiesOption);
}

const QRegularExpression& greetings() {
    static const QRegularExpression all = leading(
        uR"((?:hi|hello|hey|good (?:morning|evening|day|afternoon))(?: there| everyone)?\s*(?:[,.!:]+\s*|$))"
        uR"(|(?:你好|您好|嗨|哈[喽啰]|早上好|晚上好)(?:啊|呀)?\s*(?:[,.!:，。！：~]+\s*|$))"_s);
    return all;
}

/// Each may come before each.
const auto& leadIns() {
    // What a text may be like, and what it may be, where that says nothing of what it is about.
    static const QString like =
        uR"((?:(?:very |really )?(?:long|longer|short|brief|detailed|comprehensive|thorough|in-depth|complete|full|good|)"
        uR"(great|nice|simple|small|concise|quick|clear|interesting|well[- ]written|\d+[- ](?:word|page|line)s?)[,\s]+(?:and )?)*)"_s;
    static const QString kind =
        uR"((?:(?:essay|text|article|blog post|post|piece|report|paper|paragraph|story|answer|response|reply|overview|)"
        uR"(explanation|introduction|description|summary|guide|tutorial)s?\s+(?:about|on|of|for|to|explaining|describing)\s+)?)"_s;
    static const std::array all{
        leading(uR"((?:please|pls|plz|kindly|okay|ok|so|well|now|also|just)\b[,:]?\s+)"_s),
        leading(uR"((?:can|could|would|will) you(?: (?:please|kindly|maybe|quickly))*,?\s+)"_s),
        leading(
            uR"(what (?:can|could) you tell me about\s+|what do you know about\s+|(?:do|did) you know\s+)"_s),
        leading(
            uR"((?:i (?:want|need|wish|have|would like)|i['’]?d like) (?:you )?to\s+(?:(?:know|learn|understand|hear)\s+(?:more )?(?:about\s+)?)?)"_s),
        leading(uR"((?:help|teach) me(?: to| with)?\s+(?:(?:understand|learn)\s+(?:about\s+)?)?)"_s),
        leading(uR"((?:tell|show|give) (?:me|us)\s+(?:more )?(?:about\s+)?)"_s),
        leading(
            uR"((?:briefly|shortly|in detail|in short|in a few words|in simple (?:terms|words)|step by step),?\s+)"_s),
        leading(
            uR"((?:explain|describe|discuss)\s+(?:(?:to|for) (?:me|us)\s+)?(?:(?:briefly|shortly|in detail|in simple (?:terms|words)|in your own words),?\s+)?)"
            uR"((?!(?:this|that|these|those|it|the following|the above|my|our)\b))"_s),
        leading(
            uR"((?:write|compose|draft|create|generate|make|produce|give)\s+(?:(?:for )?(?:me|us)\s+)?(?:an?|some|the)\s+)"_s +
            like + kind + uR"((?!(?:this|that|these|those|it|the following|the above)\b))"_s),
        leading(
            uR"((?:an?|some)\s+(?:(?:very )?(?:long|short|brief|detailed|comprehensive)[,\s]+(?:and )?)+)"_s +
            kind),
        leading(uR"(请问一下|請問一下|请问|請問|请你|请您|請你|麻烦你|麻烦您|麻烦|請|请)"_s),
        leading(
            uR"((?:你|您)?(?:能不能|能否|可不可以|可否|可以|能)(?:请)?(?:你|您)?(?=[帮幫给給写寫讲講说說告解介详詳用]))"_s),
        leading(uR"((?:帮|幫|帮忙|给|給|替|为|為)(?:我|我们|忙)(?:一下)?)"_s),
        leading(uR"(我(?:想要|想|要|需要)(?:请你|让你|你)?(?:知道|了解一下|了解|写|問|问)?(?:一下)?)"_s),
        leading(uR"((?:告诉|告訴)我)"_s),
        leading(uR"((?:详细|簡單|简单|简要|仔细|具体|簡要)(?:地|的)?(?=[写寫讲講说說解介描谈談]))"_s),
        leading(
            uR"((?:写|寫|生成|创作|创建|起草|撰写|编写)(?:(?:一|两|三|\d+)?(?:篇|段|份|封|首|则|个|個|点|些))?(?![一两三\d])(?:很|比较|简|较)?(?:长|長|短|详细|完整|简短)?(?:的)?(?:文章|作文|短文|论文)?(?=[^，,。\s]))"_s),
        leading(
            uR"((?:解释|解釋|介绍|介紹|说明|說明|讲解|讲|講|谈谈|说说|聊聊|描述)(?:一下|一讲|一说)?(?!(?:这|那|以下|下面|上面|它)))"_s),
        leading(uR"((?:关于|關於|有关|什么是|什麼是)(?=\S))"_s),
        leading(uR"([\s，,。:：!！]+)"_s),
    };
    return all;
}

/// "X 的长文章": behind a lead-in the kind of text says no more than it does before.
QString withoutKind(QString line) {
    static const QRegularExpression kind(
        u"(?:的|之)?(?:很)?(?:长|長|短|详细)?(?:的)?(?:文章|作文|短文|论文|論文|文字|介绍|报告)[。.！!]?$"_s);
    QString without = line;
    without.remove(kind);
    return without.size() >= 2 ? without : line;
}

/// "Can you explain entropy?": what is left asks nothing.
QString withoutQuestionMark(QString line) {
    static const QRegularExpression asks(
        uR"(\b(?:what|why|how|when|where|who|whom|whose|which|is|are|was|were|do|does|did|can|could|should|would|will)\b)"
        uR"(|什么|什麼|怎|为何|為何|如何|谁|誰|哪|几|幾|多少|是否|是不是)"_s,
        QRegularExpression::CaseInsensitiveOption);
    static const QRegularExpression mark(u"(?:吗|嗎|呢|吧)?\\s*[?？]+$"_s);
    return asks.match(line).hasMatch() ? line : line.remove(mark);
}

} // namespace

QString withoutLeadIns(const QString& line) {
    QString left = line;
    for (QRegularExpressionMatch found; (found = greetings().match(left)).hasMatch();)
        left = left.mid(found.capturedEnd());
    if (left.isEmpty())
        return {};
    const QString asked = left;
    constexpr int kMost = 12; // of one question
    for (int i = 0; i < kMost; ++i) {
        bool any = false;
        for (const QRegularExpression& lead_in : leadIns()) {
            const QRegularExpressionMatch found = lead_in.match(left);
            if (!found.hasMatch() || found.capturedLength() == 0)
                continue;
            const QString rest = left.mid(found.capturedEnd());
            if (rest.trimmed().size() < 2)
                continue;
            left = rest.trimmed();
            any = true;
        }
        if (!any)
            break;
    }
    return left == asked ? asked : withoutKind(withoutQuestionMark(left));
}

} // namespace switchyard
