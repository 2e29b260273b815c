#include "ui/chat/selected_text.h"

#include <QElapsedTimer>

#include <limits>

using namespace Qt::StringLiterals;

namespace switchyard {
namespace {

constexpr int kTurnMs = 6;             ///< of work in one turn of the event loop
constexpr int kParagraphsAtATime = 64; ///< that a step reads

} // namespace

SelectedMessage::SelectedMessage(const MessageContent& message, const std::set<int>& unfolded,
                                 const LayoutRange& selection, std::shared_ptr<MessageLayout> laid_out)
    : layout(std::move(laid_out)), open(unfolded), range(selection) {
    if (layout)
        return;
    content.id = message.id;
    content.author = message.author;
    content.state = message.state;
    for (std::size_t i = 0; i < message.parts.size(); ++i) {
        const ContentPart& part = message.parts[i];
        if (!part.folds() || open.contains(static_cast<int>(i))) {
            content.parts.push_back(part);
        } else { // its place
            content.parts.emplace_back();
            content.parts.back().kind = part.kind;
        }
    }
}

SelectedText::SelectedText(std::vector<SelectedMessage> messages, const ChatStyle& style)
    : messages_(std::move(messages)), style_(style) {
    timer_.setInterval(0);
    connect(&timer_, &QTimer::timeout, this, &SelectedText::work);
    timer_.start();
}

SelectedText::~SelectedText() = default;

bool SelectedText::hasFormat(const QString& type) const { return type == "text/plain"_L1; }

QStringList SelectedText::formats() const { return {u"text/plain"_s}; }

QVariant SelectedText::retrieveData(const QString& type, QMetaType) const {
    if (!hasFormat(type))
        return {};
    return const_cast<SelectedText*>(this)->whole(); // made on demand: nobody sees the difference
}

QString SelectedText::whole() {
    while (step()) {
    }
    timer_.stop();
    return text_;
}

void SelectedText::work() {
    QElapsedTimer clock;
    clock.start();
    while (step()) {
        if (clock.elapsed() >= kTurnMs)
            return;
    }
    timer_.stop();
}

/// A little of the work; false where there is none left.
bool SelectedText::step() {
    if (at_ >= messages_.size())
        return false;
    SelectedMessage& message = messages_[at_];
    if (!message.layout) {
        message.layout = std::make_shared<MessageLayout>(message.content, style_);
    } else if (!message.layout->complete()) {
        message.layout->sync(message.content, false);
    } else if (stretches_.empty()) {
        stretches_ = message.layout->stretches(message.range, message.open);
        if (stretches_.empty())
            stretches_.emplace_back(); // nothing of this one
    } else if (!readFurther()) {
        message.layout.reset();
        message.content = {};
        stretches_.clear();
        stretch_ = 0;
        ++at_;
    }
    return true;
}

/// False at the end of the message.
bool SelectedText::readFurther() {
    if (stretch_ >= stretches_.size() || !stretches_[stretch_].document)
        return false;
    const TextStretch& stretch = stretches_[stretch_];
    bool done = !stretch.instead.isEmpty();
    if (done) {
        piece_ = stretch.instead;
    } else {
        if (!reader_)
            reader_.emplace(stretch);
        done = reader_->read(piece_, kParagraphsAtATime);
    }
    if (!done)
        return true;
    if (!piece_.isEmpty())
        text_ += (text_.isEmpty() ? QString() : u"\n\n"_s) + piece_;
    piece_.clear();
    reader_.reset();
    ++stretch_;
    return true;
}

} // namespace switchyard
