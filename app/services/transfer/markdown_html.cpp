#include "app/services/transfer/markdown_html.h"

#include <md4c.h>

#include <QByteArrayView>
#include <QRegularExpression>

#include <algorithm>
#include <string>
#include <string_view>

namespace switchyard {

namespace {

void addEscaped(QByteArray& html, std::string_view text) {
    for (const char c : text) {
        switch (c) {
        case '&':
            html += "&amp;";
            break;
        case '<':
            html += "&lt;";
            break;
        case '>':
            html += "&gt;";
            break;
        case '"':
            html += "&quot;";
            break;
        case '\'':
            html += "&#39;";
            break;
        default:
            // Control characters have no place in a page.
            if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t')
                html += c;
        }
    }
}

std::string_view viewOf(const MD_ATTRIBUTE& attribute) { return {attribute.text, attribute.size}; }

/// An address with its entities: "&amp;" is "&" in it. Of the others only numbers matter here, by which a
/// scheme could be hidden; what has one is no link.
std::string addressOf(const MD_ATTRIBUTE& attribute) {
    std::string address;
    const std::string_view all = viewOf(attribute);
    for (unsigned i = 0; attribute.substr_offsets[i] < attribute.size; ++i) {
        const MD_OFFSET from = attribute.substr_offsets[i], to = attribute.substr_offsets[i + 1];
        const std::string_view piece = all.substr(from, to - from);
        if (attribute.substr_types[i] == MD_TEXT_ENTITY && piece == "&amp;")
            address += '&';
        else if (attribute.substr_types[i] != MD_TEXT_ENTITY)
            address += piece;
        else
            return {};
    }
    return address;
}

bool isAllowed(const std::string& address) {
    const QByteArray beginning = QByteArray(address.data(), static_cast<qsizetype>(address.size())).toLower();
    return beginning.startsWith("http://") || beginning.startsWith("https://") ||
           beginning.startsWith("mailto:");
}

class Page {
  public:
    QByteArray html;

    void enterBlock(MD_BLOCKTYPE type, void* detail) {
        switch (type) {
        case MD_BLOCK_DOC:
        case MD_BLOCK_HTML: // none: raw HTML is off
            break;
        case MD_BLOCK_HR:
            html += "<hr>\n";
            break;
        case MD_BLOCK_OL:
            html += "<ol start=\"" + QByteArray::number(static_cast<MD_BLOCK_OL_DETAIL*>(detail)->start) +
                    "\">\n";
            break;
        case MD_BLOCK_LI:
            enterItem(*static_cast<MD_BLOCK_LI_DETAIL*>(detail));
            break;
        case MD_BLOCK_CODE:
            enterCode(*static_cast<MD_BLOCK_CODE_DETAIL*>(detail));
            break;
        case MD_BLOCK_H:
        case MD_BLOCK_P:
            html += "<" + blockTag(type, detail) + " dir=\"auto\">";
            break;
        case MD_BLOCK_TABLE:
            html += "<div class=\"table\"><table>\n";
            break;
        case MD_BLOCK_TH:
        case MD_BLOCK_TD:
            enterCell(blockTag(type, detail), *static_cast<MD_BLOCK_TD_DETAIL*>(detail));
            break;
        default:
            html += "<" + blockTag(type, detail) + ">\n";
        }
    }

    void leaveBlock(MD_BLOCKTYPE type, void* detail) {
        if (type == MD_BLOCK_CODE)
            html += "</code></pre>\n";
        else if (type == MD_BLOCK_TABLE)
            html += "</table></div>\n";
        else if (const QByteArray tag = blockTag(type, detail); !tag.isEmpty())
            html += "</" + tag + ">\n";
    }

    void enterSpan(MD_SPANTYPE type, void* detail) {
        switch (type) {
        case MD_SPAN_A:
            enterLink(static_cast<MD_SPAN_A_DETAIL*>(detail)->href);
            break;
        case MD_SPAN_IMG: // its words stand for it
            enterLink(static_cast<MD_SPAN_IMG_DETAIL*>(detail)->src);
            break;
        case MD_SPAN_LATEXMATH:
            html += "<code class=\"math\">$";
            break;
        case MD_SPAN_LATEXMATH_DISPLAY:
            html += "<code class=\"math\">$$";
            break;
        default:
            html += "<" + spanTag(type) + ">";
        }
    }

    void leaveSpan(MD_SPANTYPE type) {
        switch (type) {
        case MD_SPAN_A:
        case MD_SPAN_IMG:
            html += links_.endsWith('a') ? "</a>" : "";
            links_.chop(1);
            break;
        case MD_SPAN_LATEXMATH:
            html += "$</code>";
            break;
        case MD_SPAN_LATEXMATH_DISPLAY:
            html += "$$</code>";
            break;
        default:
            html += "</" + spanTag(type) + ">";
        }
    }

    void text(MD_TEXTTYPE type, std::string_view text) {
        if (type == MD_TEXT_BR)
            html += "<br>\n";
        else if (type == MD_TEXT_SOFTBR)
            html += "\n";
        else if (type == MD_TEXT_NULLCHAR)
            html += "\xEF\xBF\xBD";
        else if (type == MD_TEXT_ENTITY) // "&" and letters, digits, "#" and ";" only
            html += QByteArrayView(text.data(), static_cast<qsizetype>(text.size()));
        else
            addEscaped(html, text);
    }

  private:
    /// Empty: it has none, or not that alone.
    static QByteArray blockTag(MD_BLOCKTYPE type, void* detail) {
        switch (type) {
        case MD_BLOCK_QUOTE:
            return "blockquote";
        case MD_BLOCK_UL:
            return "ul";
        case MD_BLOCK_OL:
            return "ol";
        case MD_BLOCK_LI:
            return "li";
        case MD_BLOCK_H: // the title of the chat is h1, a message h2
            return "h" + QByteArray::number(std::min(static_cast<MD_BLOCK_H_DETAIL*>(detail)->level + 2, 6u));
        case MD_BLOCK_P:
            return "p";
        case MD_BLOCK_THEAD:
            return "thead";
        case MD_BLOCK_TBODY:
            return "tbody";
        case MD_BLOCK_TR:
            return "tr";
        case MD_BLOCK_TH:
            return "th";
        case MD_BLOCK_TD:
            return "td";
        default:
            return {};
        }
    }

    static QByteArray spanTag(MD_SPANTYPE type) {
        switch (type) {
        case MD_SPAN_EM:
            return "em";
        case MD_SPAN_STRONG:
            return "strong";
        case MD_SPAN_CODE:
            return "code";
        case MD_SPAN_DEL:
            return "del";
        case MD_SPAN_U:
            return "u";
        default:
            return "span";
        }
    }

    void enterItem(const MD_BLOCK_LI_DETAIL& item) {
        html += "<li dir=\"auto\">";
        if (item.is_task)
            html += item.task_mark == ' ' ? "\u2610 " : "\u2611 ";
    }

    void enterCode(const MD_BLOCK_CODE_DETAIL& code) {
        html += "<pre dir=\"ltr\"";
        if (code.lang.size > 0) {
            html += " data-language=\"";
            addEscaped(html, viewOf(code.lang));
            html += "\"";
        }
        html += "><code>";
    }

    void enterCell(const QByteArray& tag, const MD_BLOCK_TD_DETAIL& cell) {
        html += "<" + tag + " dir=\"auto\"";
        if (cell.align != MD_ALIGN_DEFAULT)
            html += cell.align == MD_ALIGN_RIGHT    ? " class=\"right\""
                    : cell.align == MD_ALIGN_CENTER ? " class=\"center\""
                                                    : " class=\"left\"";
        html += ">";
    }

    void enterLink(const MD_ATTRIBUTE& where) {
        const std::string address = addressOf(where);
        // A link within a link, as of a picture, is no HTML.
        const bool link = isAllowed(address) && !links_.contains('a');
        links_ += link ? 'a' : ' ';
        if (!link)
            return;
        html += "<a rel=\"noreferrer noopener\" href=\"";
        addEscaped(html, address);
        html += "\">";
    }

    QByteArray links_; ///< one an open link: 'a' where there is an element of it
};

} // namespace

QByteArray escapedHtml(const QString& text) {
    QByteArray html;
    addEscaped(html, text.toStdString());
    return html;
}

/// Footnotes are text: what stands behind "[^1]:" would be taken for an address, and not be shown. The sign
/// between is one that no page shows.
static std::string withFootnotes(QString markdown) {
    static const QRegularExpression note(QStringLiteral("^([ >]*\\[\\^[^\\]\\s]{1,64}\\]):"),
                                         QRegularExpression::MultilineOption);
    return markdown.replace(note, QStringLiteral("\\1\x01:")).toStdString();
}

QByteArray htmlOfMarkdown(const QString& markdown) {
    MD_PARSER parser{};
    parser.flags = MD_FLAG_TABLES | MD_FLAG_STRIKETHROUGH | MD_FLAG_TASKLISTS |
                   MD_FLAG_PERMISSIVEURLAUTOLINKS | MD_FLAG_NOHTML | MD_FLAG_LATEXMATHSPANS;
    parser.enter_block = [](MD_BLOCKTYPE type, void* detail, void* page) {
        static_cast<Page*>(page)->enterBlock(type, detail);
        return 0;
    };
    parser.leave_block = [](MD_BLOCKTYPE type, void* detail, void* page) {
        static_cast<Page*>(page)->leaveBlock(type, detail);
        return 0;
    };
    parser.enter_span = [](MD_SPANTYPE type, void* detail, void* page) {
        static_cast<Page*>(page)->enterSpan(type, detail);
        return 0;
    };
    parser.leave_span = [](MD_SPANTYPE type, void*, void* page) {
        static_cast<Page*>(page)->leaveSpan(type);
        return 0;
    };
    parser.text = [](MD_TEXTTYPE type, const MD_CHAR* text, MD_SIZE size, void* page) {
        static_cast<Page*>(page)->text(type, {text, size});
        return 0;
    };
    const std::string text = withFootnotes(markdown);
    Page page;
    if (md_parse(text.data(), static_cast<MD_SIZE>(text.size()), &parser, &page) == 0)
        return page.html;
    return "<pre>" + escapedHtml(markdown) + "</pre>\n"; // nothing is lost where memory was short
}

} // namespace switchyard
