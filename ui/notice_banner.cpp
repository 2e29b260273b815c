#include "ui/notice_banner.h"

#include "ui/plain_text.h"
#include "ui/theme.h"

#include <QAccessible>
#include <QHBoxLayout>
#include <QToolButton>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {
constexpr qsizetype kMostNotices = 4; ///< with more the window would show nothing else; the oldest go
} // namespace

NoticeBanner::NoticeBanner(QWidget* parent) : QWidget(parent) {
    setObjectName(u"banner"_s);
    setProperty("banner", true);
    setAttribute(Qt::WA_StyledBackground);
    auto* icon = new PlainLabel(this);
    icon->setPixmap(themedIcon(u"warning"_s).pixmap(18, 18));
    text_ = new PlainLabel(this);
    text_->setObjectName(u"banner.text"_s);
    text_->setWordWrap(true);
    text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto* close = new QToolButton(this);
    close->setObjectName(u"banner.close"_s);
    close->setIcon(themedIcon(u"close"_s));
    close->setAccessibleName(tr("Dismiss the message"));
    connect(close, &QToolButton::clicked, this, &NoticeBanner::dismiss);
    auto* row = new QHBoxLayout(this);
    row->setContentsMargins(14, 6, 8, 6);
    row->addWidget(icon);
    row->addWidget(text_, 1);
    row->addWidget(close);
    hide();
}

void NoticeBanner::add(const QString& sentence) {
    if (sentence.isEmpty() || sentences_.contains(sentence))
        return;
    sentences_.append(sentence);
    if (sentences_.size() > kMostNotices)
        sentences_.removeFirst();
    text_->setText(fewLines(sentences_.join(u'\n')));
    show();
    QAccessibleEvent event(text_, QAccessible::Alert);
    QAccessible::updateAccessibility(&event);
}

void NoticeBanner::dismiss() {
    sentences_.clear();
    hide();
}

} // namespace switchyard
